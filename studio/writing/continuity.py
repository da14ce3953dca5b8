"""Where a section stands in an article that is partly written."""

import re
from dataclasses import dataclass
from typing import Final

from studio.writing.requests import Outline

HEADINGS: Final = re.compile(r"^ {0,3}#{1,6} .*\n*", re.MULTILINE)
SENTENCE_END: Final = re.compile(r"[.!?][\"'”’)]*\s+|[。！？][”’」』）]*|\n+")


@dataclass(frozen=True)
class Surroundings:
    """What the reader has read before a section, and what the section says now, if it is in the article."""

    before: str
    current: str = ""


def surroundings(outline: Outline, index: int, article: str) -> Surroundings:
    """Split an article, Markdown with the outline's headings, at one of its sections.

    An article without those headings, such as one pasted from elsewhere, is all taken as written before.
    """
    places = _places(outline, article)
    later = [start for number, start, _ in places if number > index]
    own = next(((start, end) for number, start, end in places if number == index), None)
    if own is None:
        return Surroundings(_untitled(outline, article[: min(later, default=len(article))]))
    rest = [start for _, start, _ in places if start > own[0]]
    return Surroundings(
        _untitled(outline, article[: own[0]]), article[own[1] : min(rest, default=len(article))].strip()
    )


def others(outline: Outline, index: int, article: str) -> tuple[str, ...]:
    """The texts of all sections of an article but one."""
    texts = (surroundings(outline, other, article).current for other in range(len(outline.sections)) if other != index)
    return tuple(text for text in texts if text)


def ending(text: str, most: int) -> str:
    """The last sentences of a text, within `most` characters, without headings: a model would write more of them."""
    text = HEADINGS.sub("", text).strip()
    if len(text) <= most:
        return text
    part = text[-most:]
    start = SENTENCE_END.search(part)
    return part[start.end() :] if start and start.end() < most // 2 else part


def _places(outline: Outline, article: str) -> list[tuple[int, int, int]]:
    """Index, start and end of every heading of the outline that the article has; each counts once."""
    places: list[tuple[int, int, int]] = []
    for number, section in enumerate(outline.sections):
        pattern = re.compile(rf"^## +{re.escape(section.heading)} *$", re.MULTILINE)
        taken = {start for _, start, _ in places}
        match = next((found for found in pattern.finditer(article) if found.start() not in taken), None)
        if match:
            places.append((number, match.start(), match.end()))
    return places


def _untitled(outline: Outline, text: str) -> str:
    return text.strip().removeprefix(f"# {outline.title}").strip()
