"""Outlines that come back edited."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.messages import LOCALES
from studio.writing.outlining.outline import parse_outline
from studio.writing.requests import Outline, SectionRequest

GOOD: dict[str, Any] = {
    "title": "Bees",
    "language": "en",
    "sections": [{"heading": "Hive", "key_points": ["wood"], "target_words": 120}, {"heading": "Honey"}],
}


def with_section(**fields: Any) -> dict[str, Any]:
    return {**GOOD, "sections": [GOOD["sections"][0], {"heading": "Honey", **fields}]}


def test_text_data_and_outline_read_the_same() -> None:
    outline = parse_outline(GOOD)
    assert parse_outline(json.dumps(GOOD)) == outline
    assert parse_outline(outline) == outline
    assert parse_outline(outline.model_dump()) == outline
    assert parse_outline(outline.model_dump_json()) == outline


def test_what_hands_leave_behind_is_mended() -> None:
    outline = parse_outline(with_section(heading="  Honey\n and wax ", key_points="one\n\ntwo", target_words="90"))
    assert outline.sections[1].heading == "Honey and wax"
    assert outline.sections[1].key_points == ("one", "two")
    assert outline.sections[1].target_words == 90


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "outline.no_outline"),
        ([], "outline.no_outline"),
        ("", "outline.not_json"),
        ("{", "outline.not_json"),
        ("[" * 100_000, "outline.no_outline"),
        ("9" * 10_000, "outline.no_outline"),
        ('"' + "x" * 600_000 + '"', "outline.too_large"),
        ({"title": "T", "sections": "none"}, "outline.no_list"),
        ({"title": "T", "sections": []}, "outline.empty"),
        ({"title": "T", "sections": [{"heading": "H"}] * 13}, "outline.too_many"),
        ({"title": "T", "sections": ["Hive"]}, "outline.section"),
        ({**GOOD, "titel": "T"}, "outline.field"),
        ({**GOOD, "title": " "}, "outline.title"),
        ({**GOOD, "title": None}, "outline.title"),
        ({**GOOD, "language": "fr"}, "outline.language"),
        (with_section(heading=""), "outline.heading"),
        (with_section(heading=7), "outline.heading"),
        (with_section(heading="x" * 301), "outline.heading"),
        (with_section(heading="a\x00b"), "invalid.control_character"),
        (with_section(headline="x"), "outline.section_field"),
        (with_section(key_points=3), "outline.key_points"),
        (with_section(key_points=[1]), "outline.key_points"),
        (with_section(key_points=["x"] * 21), "outline.key_points"),
        (with_section(target_words=float("nan")), "outline.target_words"),
        (with_section(target_words=None), "outline.target_words"),
        (with_section(target_words="many"), "outline.target_words"),
        (with_section(target_words=0), "outline.target_words"),
    ],
)
def test_nonsense_is_named(value: object, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_outline(value)
    assert caught.value.code == code
    for locale in LOCALES:
        assert "{" not in caught.value.explain(locale)


def test_the_message_names_the_section() -> None:
    with pytest.raises(InvalidRequest, match="Section 2"):
        parse_outline(with_section(target_words=float("nan")))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*GOOD, "heading"]), inner),
    max_leaves=12,
)


@given(JSON)
def test_any_data_is_an_outline_or_a_plain_error(value: object) -> None:
    try:
        read: Outline | InvalidRequest = parse_outline(value)
    except InvalidRequest as error:
        read = error
    assert isinstance(read, Outline) or all(read.explain(locale) for locale in LOCALES)


def test_a_section_that_is_not_there_cannot_be_asked_for() -> None:
    outline = parse_outline(GOOD)
    with pytest.raises(InvalidRequest, match="no section 3; the outline has 2"):
        SectionRequest.of(outline=outline, index=2)
    for index in (-1, "two", 99):
        with pytest.raises(InvalidRequest):
            SectionRequest.of(outline=outline, index=index)
