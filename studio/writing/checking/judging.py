"""What is wrong with a section, by rules alone: why it is asked for again, and which of two is the better."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from studio.writing.checking.facts import HAN, LATIN, missing
from studio.writing.lengths import units
from studio.writing.requests import Language

Fault = Literal["empty", "language", "gibberish", "unended", "repeats", "alike", "short", "listed", "facts"]
WEIGHTS: Final[dict[Fault, int]] = {
    "empty": 100,
    "language": 60,
    "gibberish": 60,
    "repeats": 20,
    "alike": 20,
    "unended": 10,
    "listed": 10,
    "short": 8,
    "facts": 6,
}
"""How much each fault counts against a section; a missing fact counts each time."""
GRAM: Final[dict[Language, int]] = {"en": 4, "zh": 8}
"""Words, or Chinese characters, in a row that count as the same phrase."""
PHRASE_TIMES: Final = 4
ALIKE: Final = 0.05
"""The part of a section that may stand in another one too."""
OWN_SCRIPT: Final[dict[Language, float]] = {"en": 0.95, "zh": 0.7}
"""The part of the letters that have to be of the language's script; Chinese text holds foreign names."""
RUN: Final = re.compile(r"(?:\d+\.){3,}\d*|(\S{1,8}?)\1{5,}|[^\W\d_㐀-鿿]{30,}")
"""Numbers and dots without end, a few letters over and over, a word that is none."""
ENDED: Final = re.compile(r"[.!?。！？…][\"'”’」』）)*_`]*$|```$|^\s*(?:[-*+]|\d{1,2}[.)]|\|).*$", re.MULTILINE)
LISTED: Final = re.compile(
    r"^\s*(?:[-*•·+]\s|\d{1,2}(?:[.)）、]\s?\S|\uFE0F?\u20E3)|#{1,6}\s|\*\*[^*\n]+\*\*\s*[:：]?\s*$)", re.MULTILINE
)
REPORTED: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
SHORT: Final = 0.75


@dataclass(frozen=True)
class Verdict:
    """The faults that were found, and the facts that are not in the text."""

    faults: tuple[Fault, ...]
    missing: tuple[str, ...]

    @property
    def cost(self) -> int:
        """What the faults weigh together; 0 is a section without any."""
        return sum(WEIGHTS[fault] * (len(self.missing) if fault == "facts" else 1) for fault in self.faults)


def judged(
    text: str, language: Language, words: int, *, facts: Sequence[str] = (), others: Iterable[str] = (), prose: bool
) -> Verdict:
    """Judge a section of `words` against the `facts` that belong in it and the other sections.

    `prose` says that no list and no heading was wanted.
    """
    plain = REPORTED.sub("", text).strip()
    lacking = missing(facts, text)
    if not text.strip():
        return Verdict(("empty",), lacking)
    found: dict[Fault, bool] = {
        "language": language_share(plain, language) < OWN_SCRIPT[language],
        "gibberish": bool(RUN.search(plain)),
        "repeats": any(times > PHRASE_TIMES for times in Counter(phrases(plain, language)).values()),
        "alike": alike(plain, others, language) > ALIKE,
        "unended": not ENDED.search(text.rstrip().rpartition("\n")[2]),
        "listed": prose and bool(LISTED.search(plain)),
        "short": units(text, language) < SHORT * words,
        "facts": bool(lacking),
    }
    return Verdict(tuple(fault for fault, is_so in found.items() if is_so), lacking)


def language_share(text: str, language: Language) -> float:
    """The part of a text's letters that are of a language's script, from 0 to 1; 1 where there are no letters."""
    han = sum(len(run) for run in HAN.findall(text))
    latin = sum(len(run) for run in LATIN.findall(text))
    return (han if language == "zh" else latin) / (han + latin) if han + latin else 1.0


def alike(text: str, others: Iterable[str], language: Language) -> float:
    """The largest part of a text's phrases that one of the others has as well, from 0 to 1."""
    own = phrases(text, language)
    known = (set(phrases(other, language)) for other in others)
    return max((sum(phrase in theirs for phrase in own) / len(own) for theirs in known), default=0.0) if own else 0.0


def phrases(text: str, language: Language) -> list[tuple[str, ...]]:
    """All runs of `GRAM` words, or Chinese characters, in a row."""
    if language == "en":
        said = re.findall(r"\w+", text.casefold())
    else:
        said = [character for character in text if character.isalnum()]
    size = GRAM[language]
    return [tuple(said[start : start + size]) for start in range(len(said) - size + 1)]
