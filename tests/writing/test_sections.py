"""A section from small models: shown the form, asked again for a fact, gone on with where it ends too early."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studio.writing.recipes import PROSE
from studio.writing.requests import ArticleRequest, Brief, Outline, Section, SectionRequest, SectionText
from tests.writing.test_writer import Desk

FACT = "A veil costs 30 euros"
BRIEF = Brief(
    topic="Bees",
    audience="city people",
    tone="dry",
    keywords="hive, smoke",
    avoid="buzz",
    notes=FACT,
    voice="Well now.",
)
OUTLINE = Outline(
    title="Bees on the Roof",
    sections=(Section(heading="What you need", key_points=("A veil",), target_words=20), Section(heading="Honey")),
    brief=BRIEF,
)
WITHOUT = "You need a hive and a veil for your face, and a smoker that does not go out on you while you work there."
WITH = "You need a hive, a smoker, and a veil, which costs 30 euros; all of it lasts for many years if you keep it dry."


def written(desk: Desk, **fields: Any) -> SectionText:
    *_, last = desk.writer.write_section(SectionRequest.of(**{"outline": OUTLINE, "index": 0, **fields}))
    assert isinstance(last, SectionText)
    return last


def test_the_brief_reaches_the_section(tmp_path: Path) -> None:
    desk = Desk(tmp_path, WITH, defaults={"recipe": "draft"})
    assert written(desk).text == WITH
    asked = desk.engine.requests[0].messages[-1].content
    for words in (FACT, "city people", "dry", "hive", "buzz", "Well now."):
        assert words in asked


def test_a_fact_is_asked_for_only_where_it_belongs(tmp_path: Path) -> None:
    desk = Desk(tmp_path, WITH, defaults={"recipe": "form"})
    written(desk, index=1)
    assert FACT not in desk.asked(0)


def test_a_missing_fact_is_asked_for_once_more_and_the_better_text_is_taken(tmp_path: Path) -> None:
    desk = Desk(tmp_path, WITHOUT, WITH, defaults={"recipe": "draft"})
    section = written(desk)
    assert (section.text, section.missing) == (WITH, ())
    first, second = desk.engine.requests
    assert second.temperature > first.temperature
    desk = Desk(tmp_path, WITHOUT, "Bees. " * 3, "No.", defaults={"recipe": "draft"})
    section = written(desk)
    assert (section.text, section.missing) == (WITHOUT, (FACT,))


def test_the_first_text_stands_while_another_is_tried(tmp_path: Path) -> None:
    desk = Desk(tmp_path, WITHOUT, WITH, defaults={"recipe": "draft"}, delay=0.02)
    steps = [
        step
        for step in desk.writer.write_section(SectionRequest.of(outline=OUTLINE, index=0))
        if isinstance(step, SectionText)
    ]
    first = next(place for place, step in enumerate(steps) if step.text == WITHOUT)
    assert {step.text for step in steps[first:]} == {WITHOUT, WITH}
    assert "write.notice.again" in {step.notice for step in steps[first:]}
    assert steps[-1].notice is None


def test_a_fact_that_was_left_out_gets_a_sentence_of_its_own(tmp_path: Path) -> None:
    short = "You need a hive, and a smoker that does not go out while you work over there."
    desk = Desk(tmp_path, short, "A veil costs 30 euros. And more, and", defaults={"recipe": "form"})
    section = written(desk)
    assert section.text == f"{short} A veil costs 30 euros."
    assert section.missing == ()
    assert FACT in desk.asked()


def test_a_larger_model_is_not_asked_again_for_a_fact_and_it_is_told_all_the_same(tmp_path: Path) -> None:
    desk = Desk(tmp_path, WITHOUT)
    assert written(desk).missing == (FACT,)
    assert len(desk.engine.requests) == 1


@pytest.mark.parametrize("kind", ["article", "tutorial"])
def test_prose_is_held_to_a_grammar_and_steps_are_not(tmp_path: Path, kind: str) -> None:
    desk = Desk(tmp_path, WITH, defaults={"recipe": "draft"})
    desk.loader.grammar = True
    outline = OUTLINE.model_copy(update={"brief": BRIEF.model_copy(update={"kind": kind})})
    written(desk, outline=outline)
    assert desk.engine.requests[0].grammar == (PROSE if kind == "article" else None)


def test_what_ends_too_early_is_gone_on_with(tmp_path: Path) -> None:
    more = "A veil costs 30 euros and keeps your face whole. Take a smoker as well, and matches that stay dry."
    desk = Desk(tmp_path, "You need a hive.", more, defaults={"recipe": "draft"})
    assert written(desk).text == f"You need a hive.\n\n{more}"
    assert desk.engine.requests[1].messages[-1].role == "assistant"


def test_what_only_says_the_same_again_is_not_taken(tmp_path: Path) -> None:
    said = "You need a hive and a veil, and some time."
    desk = Desk(tmp_path, said, said, said, said, defaults={"recipe": "draft"})
    assert written(desk).text == said


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(begun=st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and text == text.strip()))
def test_what_is_gone_on_with_stays_as_it_was(tmp_path: Path, begun: str) -> None:
    clean = begun.isprintable()
    desk = Desk(tmp_path, " a veil, which costs 30 euros. And more.")
    if not clean:
        return
    section = written(desk, begun=begun)
    assert section.text.startswith(begun)


def test_a_stopped_article_goes_on_in_mid_sentence_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    three = OUTLINE.model_copy(update={"sections": (*OUTLINE.sections, Section(heading="Winter", target_words=10))})
    desk = Desk(tmp_path, "flowers far away.", "They sleep in a ball, close together, until March.")
    request = ArticleRequest.of(outline=three, written={0: "Kept  as it\nis"}, begun={1: "Honey comes from "})
    *_, article = desk.writer.write_article(request)
    assert article.done
    assert article.markdown == (
        "# Bees on the Roof\n\n## What you need\n\nKept  as it\nis\n\n## Honey\n\nHoney comes from flowers far away."
        "\n\n## Winter\n\nThey sleep in a ball, close together, until March.\n"
    )
    assert len(desk.engine.requests) == 2


def test_the_sentence_that_a_long_section_was_stopped_in_is_finished(tmp_path: Path) -> None:
    begun = "You need a hive. " * 12 + "And a veil, because"
    desk = Desk(tmp_path, " bees sting. Then there is more. And more.", defaults={"recipe": "draft"})
    assert written(desk, begun=begun).text == f"{begun} bees sting."


def test_an_article_that_is_written_needs_no_model(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    *_, article = desk.writer.write_article(ArticleRequest.of(outline=OUTLINE, written={0: "One.", 1: "Two."}))
    assert (article.done, article.written) == (True, 2)
    assert desk.loader.engines == []
