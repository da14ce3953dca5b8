"""The article on the page: what it holds, what comes back, and what a proposal changes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.ui.tabs.write.article import difference, drawn, formatted, nothing, proposed, written_of
from studio.ui.tabs.write.sheet import kept_ids, section_ids, sheet
from studio.writing.requests import Outline, PassageText, Section

OUTLINE = Outline(
    title="Bees", sections=(Section(heading="Why", target_words=100), Section(heading="How", target_words=50))
)


def test_nothing_is_shown_before_something_is_written() -> None:
    assert drawn(None, nothing()) is None
    assert drawn(sheet(OUTLINE), nothing()) is None
    assert drawn(sheet(OUTLINE), {**nothing(), "texts": {"of another outline": "x"}}) is None


def test_what_is_shown_comes_back_as_it_was() -> None:
    cards = sheet(OUTLINE)
    first, second = section_ids(cards)
    written = {
        "texts": {first: "Because  they\n\ndo. ", second: "Lo"},
        "unfinished": second,
        "missing": {first: ["3 km"]},
        "unsure": {first: [[9, 13, 0.02]]},
    }
    page = drawn(cards, written)
    assert page is not None
    assert [section["state"] for section in page["sections"]] == ["done", "unfinished"]
    assert [section["words"] for section in page["sections"]] == [3, 1]
    assert written_of(page) == written
    assert written_of(written) == written


@pytest.mark.parametrize("value", [None, "x", [], {}, {"sections": "no list"}, {"sections": [1, {"text": 3, "id": 1}]}])
def test_of_nonsense_nothing_is_written(value: object) -> None:
    assert written_of(value) == nothing()


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "![a](javascript:alert(1))",
        '![a"><script>](https://elsewhere.example/track.png)',
        "[a]: data:text/html,x\n\n[a]",
    ],
)
def test_no_text_becomes_markup_of_its_own_or_asks_anyone_else(text: str) -> None:
    html = formatted(text)
    for sign in ("<script", "<img", "elsewhere.example", 'href="javascript', 'href="data'):
        assert sign not in html


def test_markdown_is_formatted_and_the_studios_own_pictures_are_shown() -> None:
    html = formatted(
        "A **bold** [link](https://example.org)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![A hive](/library/file/abc)"
    )
    for part in (
        "<strong>bold</strong>",
        'rel="noopener noreferrer nofollow"',
        "<table>",
        'alt="A hive"',
        'src="/library/file/abc"',
    ):
        assert part in html


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_difference_holds_both_texts(old: str, new: str) -> None:
    parts = difference(old, new)
    assert "".join(text for sign, text in parts if sign != "+") == old
    assert "".join(text for sign, text in parts if sign != "-") == new


def test_a_difference_is_told_by_words_and_by_chinese_characters() -> None:
    assert difference("A red hive.", "A blue hive.") == [("=", "A "), ("-", "red"), ("+", "blue"), ("=", " hive.")]
    assert ("-", "红") in difference("一个红箱子", "一个蓝箱子")


def test_a_proposal_says_what_differs_once_it_is_done() -> None:
    order = {"id": "a", "before": "Yes. ", "passage": "A red hive.", "after": ""}
    assert proposed(order, PassageText("A blue", False, 2, 0.1))["difference"] == []
    told = proposed(order, PassageText("A blue hive.", True, 3, 0.1))
    assert (told["old"], told["text"], told["before"]) == ("A red hive.", "A blue hive.", "Yes. ")
    assert ("+", "blue") in told["difference"]


def test_what_was_locked_is_the_same_section_after_planning_again() -> None:
    before = sheet(OUTLINE)
    asked = {
        **before,
        "sections": [{**before["sections"][0], "locked": True}, {**before["sections"][1], "locked": False}],
    }
    fresh = sheet(OUTLINE.model_copy(update={"sections": (OUTLINE.sections[0], Section(heading="Fresh"))}))
    cards = kept_ids(fresh, asked, before)
    assert cards["sections"][0] == before["sections"][0]
    assert cards["sections"][1]["heading"] == "Fresh"
    assert cards["sections"][1]["id"] not in section_ids(before)


def test_the_scripts_of_the_desk_say_nothing_that_has_no_label() -> None:
    script = (Path(__file__).parents[4] / "assets" / "js" / "article.js").read_text(encoding="utf-8")
    assert "innerHTML = one.html" in script  # of `formatted`, and of nothing else
    assert script.count("innerHTML") == 2
