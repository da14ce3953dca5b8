"""An outline that came back from outside: edited by hand, from a file or from a client."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from studio.errors import InvalidRequest
from studio.validation import Document
from studio.writing.requests import Brief, Outline

FIELDS: Final = ("title", "language", "sections", "alternative_titles", "summary", "cover", "brief")
SECTION_FIELDS: Final = ("heading", "key_points", "target_words", "locked")
MOST_SECTIONS: Final = 12
MOST_CHARACTERS: Final = 500_000


def parse_outline(value: object) -> Outline:
    """Read an outline from JSON text, plain data or an `Outline`.

    Raises:
        InvalidRequest: what is wrong with it and in which section, in plain words.
    """
    if isinstance(value, Outline):
        return value
    if isinstance(value, (str, bytes)):
        value = _decoded(value)
    if not isinstance(value, Mapping):
        raise InvalidRequest("outline.no_outline")
    _known(value, FIELDS)
    sections = value.get("sections")
    if not isinstance(sections, (list, tuple)):
        raise InvalidRequest("outline.no_list")
    if not sections:
        raise InvalidRequest("outline.empty")
    if len(sections) > MOST_SECTIONS:
        raise InvalidRequest("outline.too_many", count=len(sections), most=MOST_SECTIONS)
    plain = {
        **value,
        "title": _line(value.get("title")),
        "sections": [_section(section, number) for number, section in enumerate(sections, 1)],
    }
    if isinstance(plain.get("brief"), Mapping):
        try:
            plain["brief"] = Brief.model_validate(dict(plain["brief"]))
        except ValidationError as error:
            raise InvalidRequest.from_validation(error) from error
    try:
        return Outline.model_validate(plain)
    except ValidationError as error:
        raise _explained(error) from error


def _decoded(text: str | bytes) -> Any:
    if len(text) > MOST_CHARACTERS:
        raise InvalidRequest("outline.too_large", length=len(text), most=MOST_CHARACTERS)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InvalidRequest("outline.not_json", line=error.lineno, column=error.colno) from error
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("outline.no_outline") from error


def _section(value: object, number: int) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidRequest("outline.section", number=number)
    _known(value, SECTION_FIELDS, number)
    section: dict[str, Any] = {**value, "heading": _line(value.get("heading"))}
    points = value.get("key_points", ())
    if isinstance(points, str):
        points = points.splitlines()
    if points is None:
        points = ()
    if isinstance(points, (list, tuple)):
        lines = [_line(point) for point in points]
        section["key_points"] = [line for line in lines if line != ""]
    return section


def _known(value: Mapping[Any, Any], fields: tuple[str, ...], number: int | None = None) -> None:
    for name in value:
        if name not in fields:
            code = "outline.field" if number is None else "outline.section_field"
            raise InvalidRequest(code, name=str(name)[:40], known=", ".join(fields), number=number)


def _line(value: object) -> object:
    """Text on one line, without what no text may hold; anything else is left for the schema to judge."""
    if not isinstance(value, str):
        return value
    try:
        return " ".join(TypeAdapter(Document).validate_python(value).split())
    except ValidationError as error:
        finding = {**error.errors()[0], "loc": ("outline",)}
        raise InvalidRequest.from_details([finding]) from error


def _explained(error: ValidationError) -> InvalidRequest:
    finding = error.errors()[0]
    where = finding["loc"]
    if where[0] != "sections":
        return InvalidRequest(f"outline.{where[0]}")
    number = int(where[1]) + 1 if len(where) > 1 else 1
    part = str(where[2]) if len(where) > 2 else "section"
    return InvalidRequest(f"outline.{part}", number=number)
