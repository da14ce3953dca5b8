"""What each section of an article is about and the others are not, as where each is about another plant or day."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from studio.writing.checking.claims.prose import Prose
from studio.writing.checking.claims.statements import PRONOUN
from studio.writing.checking.claims.vocabulary import Quality, qualities, terms

NAMED: Final = 2
"""Sentences of a section that name its matter."""
OWN: Final = 0.75
"""The part of all sentences naming it that are in the section."""


@dataclass(frozen=True)
class Matter:
    """What a section is about: nothing of its own, or a thing that it begins with and keeps to."""

    terms: frozenset[str]
    qualities: frozenset[Quality]
    """For which sort of the thing its first sentence is: the old, the winter."""


def matters(proses: Mapping[int, Prose]) -> dict[int, Matter]:
    """The matter of each section, by index."""
    counts = {index: _counted(prose) for index, prose in proses.items()}
    total: Counter[str] = Counter()
    for each in counts.values():
        total.update(each)
    return {index: _matter(prose, counts[index], total) for index, prose in proses.items()}


def _matter(prose: Prose, counts: Counter[str], total: Counter[str]) -> Matter:
    start, end = next(prose.sentences(), (0, 0))
    beginning = prose.text[start:end]
    named = terms(beginning)[:1]
    kept = frozenset(term for term in named if counts[term] >= NAMED and counts[term] >= OWN * total[term])
    return Matter(kept, qualities(beginning)[0])


def _counted(prose: Prose) -> Counter[str]:
    """How many sentences name each thing; "it" and "they" name what the section begins with."""
    counts: Counter[str] = Counter()
    first = ""
    for start, end in prose.sentences():
        said = prose.text[start:end]
        named = dict.fromkeys(terms(said))
        first = first or next(iter(named), "")
        if PRONOUN.search(said):
            named.setdefault(first)
        counts.update(named.keys())
    return counts
