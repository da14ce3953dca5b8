"""What a model's answer becomes, however it comes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.writing.outlining.plan import Draft, missing, outlined, read_draft, schema, shares, tidy
from studio.writing.requests import Brief

GOOD = {
    "title": "Bees on the Roof",
    "headings": ["Why bees like cities", "What you need", "The first summer"],
    "key_points": [["Lime trees", "No pesticides"], ["A hive", "A veil"], ["Swarms", "Honey"]],
}


def brief(**fields: object) -> Brief:
    return Brief.of(**{"topic": "Urban beekeeping", "sections": 3, "words": 400, **fields})


def test_a_good_answer_is_taken_as_it_is() -> None:
    outline = outlined(brief(), read_draft(json.dumps(GOOD)))
    assert outline.title == GOOD["title"]
    assert [section.heading for section in outline.sections] == GOOD["headings"]
    assert [list(section.key_points) for section in outline.sections] == GOOD["key_points"]
    assert sum(section.target_words for section in outline.sections) == 400


@pytest.mark.parametrize("wrap", ["```json\n{}\n```", "Here you are:\n{}\nHope that helps!"])
def test_json_is_found_among_other_words(wrap: str) -> None:
    assert read_draft(wrap.replace("{}", json.dumps(GOOD))).headings == tuple(GOOD["headings"])


def test_the_shape_of_an_outline_itself_is_read_too() -> None:
    said = {"title": "T", "sections": [{"heading": "One", "key_points": ["a b"]}, {"heading": "Two"}]}
    assert read_draft(json.dumps(said)) == Draft("T", ("One", "Two"), (("a b",), ()))


@given(st.integers(0, len(json.dumps(GOOD))))
def test_an_answer_cut_anywhere_keeps_its_complete_headings(length: int) -> None:
    said = json.dumps(GOOD)[:length]
    draft = read_draft(said)
    assert draft.headings == tuple(GOOD["headings"][: len(draft.headings)])
    assert all(json.dumps(heading) in said for heading in draft.headings)
    assert len(outlined(brief(), draft).sections) == 3


@given(st.text(max_size=300), st.integers(1, 12), st.sampled_from(["en", "zh"]))
def test_any_answer_gives_exactly_the_sections_asked_for(said: str, sections: int, language: str) -> None:
    outline = outlined(brief(sections=sections, language=language), read_draft(said))
    assert len(outline.sections) == sections
    assert len({section.heading for section in outline.sections}) == sections


def test_repeated_headings_come_from_the_second_try() -> None:
    first = Draft("Bees", ("Start here", "start here!", "Bees"), (("a hive",), (), ()))
    second = Draft("", ("Start here", "Feeding", "Winter"), ((), ("sugar water",), ()))
    assert missing(brief(), first) == 2
    outline = outlined(brief(), first, second)
    assert [section.heading for section in outline.sections] == ["Start here", "Feeding", "Winter"]
    assert outline.sections[1].key_points == ("sugar water",)


def test_a_key_point_is_said_once_and_never_repeats_a_heading() -> None:
    draft = Draft("T", ("One thing", "Two things"), (("Two things", "Alpha", "alpha."), ("Alpha", "Beta")))
    outline = outlined(brief(sections=2), draft)
    assert [section.key_points for section in outline.sections] == [("Alpha",), ("Beta",)]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("1. Why bees matter", "Why bees matter"),
        ("Section 2: The hive.", "The hive"),
        ("## **Getting started**", "Getting started"),
        ("第二节：蜂箱怎么选", "蜂箱怎么选"),
        ("一、为什么养蜂", "为什么养蜂"),
        ("10 years of bees", "10 years of bees"),
        ("2.5 kilos of honey", "2.5 kilos of honey"),
        ("Tone: warm", ""),
        ("Sections: 5", ""),
        ("Header 2", ""),
        ("]}, {} ]", ""),
        ("…", ""),
        ("Topics to know", "Topics to know"),
    ],
)
def test_headings_lose_numbers_marks_and_labels(said: str, wanted: str) -> None:
    assert tidy(said, 80) == wanted


def test_a_heading_that_ran_into_its_limit_ends_with_a_whole_word() -> None:
    assert (
        tidy("What everybody who keeps bees should know about wint", 52)
        == "What everybody who keeps bees should know about"
    )


def test_a_base_models_numbered_list_is_an_outline() -> None:
    said = (
        " Bees at home\n1. The hive\n   - wood\n   - wax\n2. The bees\n   * queen\n3. Honey\n\nTopic: cars\n1. Wheels\n"
    )
    draft = read_draft(said)
    assert draft.title == "Bees at home"
    assert draft.headings == ("The hive", "The bees", "Honey")
    assert draft.key_points == (("wood", "wax"), ("queen",), ())


@given(st.integers(50, 20_000), st.integers(1, 12))
def test_words_are_shared_out_evenly(words: int, sections: int) -> None:
    parts = shares(words, sections)
    assert len(parts) == sections
    assert max(parts) - min(parts) <= 1
    assert sum(parts) == max(words, 10 * sections)


def test_the_schema_asks_for_exactly_so_many_headings() -> None:
    sections = schema(7, "zh")["properties"]["sections"]
    assert sections["minItems"] == sections["maxItems"] == 7
    assert list(sections["items"]["properties"]) == ["heading", "key_points"]
