"""What a brief takes, and what it makes of it."""

from pathlib import Path
from typing import Any

import pytest

from studio.errors import InvalidRequest
from studio.writing.outlining.outline import parse_outline
from studio.writing.prompts import manner
from studio.writing.requests import MOST_NOTES, PIECE_KINDS, Brief, Outline, ReplanRequest, Section
from tests.writing.test_writer import OUTLINE, PLAN, Desk, brief


@pytest.mark.parametrize(
    ("topic", "language"),
    [
        ("Urban beekeeping", "en"),
        ("在阳台上种番茄", "zh"),
        ("iPhone 15 拍照技巧", "zh"),
        ("The word 茶 in English", "en"),
    ],
)
def test_the_language_may_be_that_of_the_topic(topic: str, language: str) -> None:
    assert Brief.of(topic=topic, language="auto").language == language


def test_a_language_that_nobody_writes_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        Brief.of(topic="Bees", language="fr")


def test_a_megabyte_of_notes_is_kept_to_the_budget_and_it_is_said(tmp_path: Path) -> None:
    asked = brief(notes="Bees fly 3 km.\n" * 70_000)
    assert len(asked.notes) <= MOST_NOTES
    assert asked.notes.endswith("km.")
    assert asked.shortened
    events = list(Desk(tmp_path, PLAN).writer.outline(asked))
    assert events[-2].notice == "write.notice.trimmed"
    assert not brief(notes="Bees fly 3 km.").shortened


def test_an_outline_carries_its_brief_there_and_back(tmp_path: Path) -> None:
    asked = brief(audience="city people", kind="opinion", voice="Well now.", notes="Bees fly 3 km.")
    *_, outline = Desk(
        tmp_path, {**PLAN, "summary": "Why and how.", "alternative_titles": ["Roof Honey"]}
    ).writer.outline(asked)
    assert outline.brief == asked
    assert (outline.summary, outline.alternative_titles) == ("Why and how.", ("Roof Honey",))
    assert parse_outline(outline.model_dump_json()) == outline


def test_a_brief_inside_an_outline_is_judged_too() -> None:
    with pytest.raises(InvalidRequest):
        parse_outline({**OUTLINE.model_dump(mode="json"), "brief": {"topic": ""}})


def test_locked_sections_stay_where_they_are(tmp_path: Path) -> None:
    first, _, third = OUTLINE.sections
    locked = Section(heading="My own heading", key_points=("mine",), target_words=77, locked=True)
    before = OUTLINE.model_copy(update={"sections": (first, locked, third)})
    said = {"title": "Another", "headings": ["My own heading", "Fresh one", "Fresh two", "Fresh three"]}
    desk = Desk(tmp_path, said, said)
    *_, outline = desk.writer.replan(ReplanRequest(outline=before, brief=brief()))
    assert isinstance(outline, Outline)
    assert outline.sections[1] == locked
    assert [section.heading for section in outline.sections] == ["Fresh one", "My own heading", "Fresh two"]
    assert outline.title == before.title
    assert [section.target_words for section in outline.sections] == [40, 77, 40]
    assert "My own heading" in desk.asked(0)


def test_an_outline_whose_sections_are_all_locked_needs_no_model(tmp_path: Path) -> None:
    before = OUTLINE.model_copy(
        update={"sections": tuple(section.model_copy(update={"locked": True}) for section in OUTLINE.sections)}
    )
    desk = Desk(tmp_path)
    *_, outline = desk.writer.replan(ReplanRequest(outline=before, brief=brief()))
    assert outline.sections == before.sections
    assert desk.loader.engines == []


@pytest.mark.parametrize("kind", PIECE_KINDS)
def test_every_kind_of_piece_is_told_in_both_languages(tmp_path: Path, kind: Any) -> None:
    told = {language: manner(kind, language)[0] for language in ("en", "zh")}
    assert (told == {"en": "", "zh": ""}) == (kind == "article")
    desk = Desk(tmp_path, PLAN)
    list(desk.writer.outline(brief(kind=kind)))
    assert told["en"] in desk.asked()
    assert manner(kind, "en")[1] == manner(kind, "zh")[1]


def test_headings_in_the_other_language_are_asked_for_again(tmp_path: Path) -> None:
    plan = {"title": "阳台番茄", "headings": ["选花盆", "养护 tomatoes", "收获"], "key_points": [["大小"]] * 3}
    better = {**plan, "headings": ["选花盆", "养护", "收获"]}
    *_, outline = Desk(tmp_path, plan, better).writer.outline(brief(topic="在阳台上种番茄", language="zh"))
    assert [section.heading for section in outline.sections] == ["选花盆", "收获", "养护"]
