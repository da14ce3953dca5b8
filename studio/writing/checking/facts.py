"""The facts of a brief's notes: taken apart, dealt out to the sections they belong to, and looked for in the text."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from studio.writing.cleaning import sentence_ends
from studio.writing.requests import Outline

BULLET: Final = re.compile(r"^\s*(?:[-*•·–]|\d{1,2}[.)、])\s+")
NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
LATIN: Final = re.compile(r"[^\W\d_㐀-鿿]+(?:['’][^\W\d_㐀-鿿]+)?")
HAN: Final = re.compile(r"[㐀-鿿]+")
STEM: Final = 5
"""Letters of a word that its forms share."""
COMMON: Final = frozenset(
    """
    about after also because before being between could every first from have into itself like made make
    more most much only other over same should some such than that their them then there these they this
    those through under until very were what when where which while will with would your
    """.split()  # noqa: SIM905
)
"""Words that say nothing of a topic."""
KEPT: Final = 0.5
"""The part of a fact's words that a text has to hold."""
LONGEST: Final = 400
"""Characters of a fact."""


def facts_of(notes: str) -> tuple[str, ...]:
    """The facts in notes, in their order: a line is one, and a long line is its sentences."""
    facts: list[str] = []
    for raw in notes.splitlines():
        line = BULLET.sub("", raw).strip()
        begun = 0
        for end in [*sentence_ends(line), len(line)]:
            sentence = line[begun:end].strip()
            begun = end
            if any(map(str.isalnum, sentence)) and sentence[:LONGEST] not in facts:
                facts.append(sentence[:LONGEST])
    return tuple(facts)


def words_of(line: str) -> tuple[str, ...]:
    """Comma-separated words, of either language."""
    return tuple(word for part in re.split(r"[,，、;；\n]", line) if (word := part.strip()))


def dealt(outline: Outline, items: Sequence[str]) -> list[tuple[str, ...]]:
    """Each item in the section that speaks of it most, by index of section.

    An item that no section speaks of goes where fewest are, the first of them.
    """
    topics = [_terms(" ".join((section.heading, *section.key_points))) for section in outline.sections]
    common = frozenset.intersection(*topics) if len(topics) > 1 else frozenset[str]()
    hands: list[list[str]] = [[] for _ in topics]
    for item in items:
        terms = _terms(item) - common
        shared = [sum(len(term) for term in terms & topic) for topic in topics]
        best = max(range(len(hands)), key=lambda index: (shared[index], -len(hands[index]), -index))
        hands[best].append(item)
    return [tuple(hand) for hand in hands]


def missing(facts: Iterable[str], text: str) -> tuple[str, ...]:
    """The facts that a text does not hold: a number of theirs is not in it, or half of their words are not."""
    return tuple(fact for fact in facts if not _holds(text, fact))


def lacking(outline: Outline, texts: Mapping[int, str]) -> dict[int, tuple[str, ...]]:
    """The facts of an outline's brief that are not in the texts they belong in, by index of section."""
    hands = dealt(outline, facts_of(outline.brief.notes)) if outline.brief else []
    return {
        index: found for index, hand in enumerate(hands) if index in texts and (found := missing(hand, texts[index]))
    }


def _holds(text: str, fact: str) -> bool:
    numbers = set(_numbers(text))
    if any(number not in numbers for number in _numbers(fact)):
        return False
    terms = _terms(fact)
    return not terms or len(terms & _terms(text)) >= KEPT * len(terms)


def _numbers(text: str) -> list[str]:
    return [re.sub(r"(?<=\d),(?=\d{3})", "", number) for number in NUMBER.findall(text)]


def _terms(text: str) -> frozenset[str]:
    """What a text speaks of: the beginnings of its longer words, and its pairs of Chinese characters."""
    latin = {word[:STEM] for found in LATIN.findall(text) if len(word := found.casefold()) > 3 and word not in COMMON}
    return frozenset(latin | {run[at : at + 2] for run in HAN.findall(text) for at in range(len(run) - 1)})
