"""What a section was in the versions before: each text that it had, and what differs from now."""

from collections.abc import Mapping
from typing import Any, Final

from studio.library.library import Library
from studio.library.values import Version
from studio.ui.tabs.write.article import difference

MOST_TEXTS: Final = 12


def earlier(library: Library, owner: str, work: str, heading: str, index: int, now: str) -> list[dict[str, Any]]:
    """The texts of a section that differ from what it is `now` and from each other, the latest first.

    A section is the one of the same heading, wherever it stood; one that was renamed is looked for in its place.

    Raises:
        InvalidRequest: this owner has no such work.
    """
    found: dict[str, dict[str, Any]] = {}
    for version in library.works.versions(owner, work):
        text = _text(version, heading, index)
        if text and text != now and text not in found:
            told = {"version": version.number, "created": version.created, "text": text}
            found[text] = told | {"difference": difference(now, text)}
        if len(found) == MOST_TEXTS:
            break
    return list(found.values())


def _text(version: Version, heading: str, index: int) -> str:
    plan, texts = version.made.get("outline"), version.made.get("sections")
    if not isinstance(plan, Mapping) or not isinstance(texts, Mapping):
        return ""
    headings = [section.get("heading") for section in plan.get("sections") or ()]
    place = headings.index(heading) if heading in headings else index
    return str(texts.get(str(place)) or "")
