"""The prose of a section's Markdown: its sentences, and where each character of it stands in the Markdown."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from studio.writing.cleaning import sentence_ends

MOST: Final = 30_000
"""Characters read of a section."""
LONGEST: Final = 600
"""Characters of a sentence; what goes on for longer is no prose."""
HIDDEN: Final = re.compile(
    "|".join(
        (
            r"(?P<block>^ {0,3}(?P<fence>```+|~~~+).*?(?:^ {0,3}(?P=fence)|\Z)|^ {0,3}(?:#{1,6}[ \t]|\|)[^\n]*"
            r"|^ {0,3}\*\*[^*\n]{1,80}\*\*[:：]?[ \t]*$)",
            r"^[ \t]{0,8}(?:>|[-*+]|\d{1,2}[.)、])[ \t]+|^ {0,3}\d{1,2}[ \t]+(?=[A-Z])|\d\uFE0F?\u20E3[ \t]*",
            r"!\[[^\]\n]{0,300}\]\([^)\n]{0,600}\)|\]\([^)\n]{0,600}\)|\[",
            r"`[^`\n]{1,200}`|<[^<>\n]{1,300}>|https?://[^\s)]{1,300}|[*_]{1,3}|~~",
            r"“[^”\n\d]{0,150}\d[^”\n]{0,150}”|「[^」\n\d]{0,150}\d[^」\n]{0,150}」",
            r"(?<![\d\w])\"[^\"\n\d]{0,150}\d[^\"\n]{0,150}\"",
        )
    ),
    re.MULTILINE | re.DOTALL,
)
"""Code, headings, tables, pictures, addresses, numbers that somebody is quoted with, and the marks of Markdown."""
SUBHEADING: Final = re.compile(
    r"^ {0,3}(?:#{1,6}[ \t]+([^\n]{1,200})|\*\*([^*\n]{1,80})\*\*[:：]?[ \t]*$)", re.MULTILINE
)
ABBREVIATED: Final = re.compile(r"\b(?:approx|ca|no|e\.g|i\.e|min|max|vs|fig|st|dr|mr|mrs)\.\s?$", re.IGNORECASE)
MARKS: Final = 8
"""Characters that the marks within a few words take at most; more are an address."""


class Prose:
    """What is read of a section."""

    def __init__(self, markdown: str) -> None:
        self._markdown = markdown = markdown[:MOST]
        self._starts, self._places = [0], [0]
        pieces: list[str] = []
        length = at = 0
        for match in HIDDEN.finditer(markdown):
            piece = markdown[at : match.start()] + ("\n" if match["block"] else "")
            pieces.append(piece)
            length, at = length + len(piece), match.end()
            self._starts.append(length)
            self._places.append(at)
        self.text = "".join((*pieces, markdown[at:]))
        self._headings = [(found.start(), found[1] or found[2]) for found in SUBHEADING.finditer(markdown)]

    def sentences(self) -> Iterator[tuple[int, int]]:
        """Where each sentence begins and ends."""
        begun = 0
        for line in self.text.split("\n"):
            at = 0
            for end in [*sentence_ends(line), len(line)]:
                if end == len(line) or not ABBREVIATED.search(line, max(0, end - 8), end):
                    if line[at:end].strip():
                        yield begun + at, begun + end
                    at = end
            begun += len(line) + 1

    def heading(self, place: int) -> str:
        """The heading within the section under which a character stands."""
        found = bisect_right(self._headings, (self._place(place), ""))
        return self._headings[found - 1][1] if found else ""

    def shown(self, *spans: tuple[int, int]) -> str:
        """The first of some spans that no address stands in, else the last, as it stands in the Markdown."""
        for start, end in spans:
            words = self._markdown[self._place(start) : self._place(end - 1) + 1]
            if len(words) <= end - start + MARKS:
                return words
        return words

    def _place(self, place: int) -> int:
        piece = bisect_right(self._starts, place) - 1
        return self._places[piece] + place - self._starts[piece]
