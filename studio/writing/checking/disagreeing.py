"""Numbers that differ between the sections of an article, where they seem to be said of the same thing."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Final

from studio.writing.checking.claims.matters import Matter, matters
from studio.writing.checking.claims.prose import Prose
from studio.writing.checking.claims.quantities import Quantity
from studio.writing.checking.claims.statements import PERIODS, Statement, statements
from studio.writing.checking.claims.vocabulary import DIMENSIONS, Quality
from studio.writing.requests import Language

MOST: Final = 5
"""Results."""
PAIRS: Final = 200_000
"""Pairs of statements whose numbers are compared at most, as much as a page may wait for."""
COMPARED: Final = 20_000
"""Pairs of other numbers whose clauses are compared."""
FOUND: Final = 500
"""Pairs out of which the results are taken."""
APART: Final = 20
"""How many times a number may be another one and still be meant for the same."""
ROUGHLY: Final = 0.1
"""The part by which a number may differ that is only about so many."""
CLOSE: Final = 1 + 1e-6
"""For ends of ranges that are the same but for rounding."""
SHARED: Final = 2
"""Things that two clauses both name at least, unless they name nothing else."""
SURE: Final = 3
"""Things that outweigh one that either clause names alone."""
WHOLE: Final = 0.5
"""The part of what a clause names that the other names too."""
BEFORE: Final[dict[Language, re.Pattern[str]]] = {
    "en": re.compile(r"(?<!\S)(?:\S{1,40}\s+){0,8}\S{0,4}\Z"),
    "zh": re.compile(r"\S[^\n]{0,15}\Z"),
}
BEHIND: Final[dict[Language, re.Pattern[str]]] = {
    "en": re.compile(r"\S{0,40}(?:\s+\S{1,40}){0,8}"),
    "zh": re.compile(r"[^\n]{0,14}"),
}
"""The words before and behind a quantity that it is shown with."""


@dataclass(frozen=True)
class Disagreement:
    """Two sections that give different numbers for what seems to be the same thing."""

    first: tuple[int, str]
    """The section's index, and the words as they stand in its text."""
    second: tuple[int, str]


def disagreements(texts: Mapping[int, str], language: Language) -> tuple[Disagreement, ...]:
    """What sections, Markdown by index, say differently of the same thing: the surest, in the order of sections."""
    proses = {index: Prose(texts[index]) for index in sorted(texts)}
    found = [each for index, prose in proses.items() for each in statements(index, prose, language)]
    pairs = list(islice(_unlike(found), FOUND))
    if pairs:
        own = matters(proses)
        series = set(_series(pairs))
        pairs = [
            (first, second)
            for first, second in pairs
            if not _parallel(first, second, own) and (first.section, second.section) not in series
        ]
    best = sorted(islice(_distinct(pairs), MOST), key=_place)
    return tuple(
        Disagreement(*((each.section, _words(each, proses[each.section], language)) for each in pair)) for pair in best
    )


def _place(pair: tuple[Statement, Statement]) -> tuple[list[int], list[int]]:
    return [each.section for each in pair], [each.amount.start for each in pair]


def _unlike(found: Iterable[Statement]) -> Iterator[tuple[Statement, Statement]]:
    """Pairs about the same thing whose numbers differ, and no number of either section agrees with the other's."""
    kinds: dict[str, list[Statement]] = defaultdict(list)
    for each in found:
        kinds[each.amount.kind].append(each)
    pairs = (pair for alike in kinds.values() for pair in combinations(alike, 2) if pair[0].section != pair[1].section)
    looked = islice((pair for pair in islice(pairs, PAIRS) if _differ(*pair)), COMPARED)
    settled: dict[tuple[Statement, int], bool] = {}
    for first, second in looked:
        if not _likeness(first, second):
            continue
        for each, section in ((first, second.section), (second, first.section)):
            if (each, section) not in settled:
                settled[each, section] = _said(each, section, kinds[each.amount.kind])
        if not settled[first, second.section] and not settled[second, first.section]:
            yield first, second


def _said(statement: Statement, section: int, alike: Iterable[Statement]) -> bool:
    """Whether a section says the same number too, so that any other of its is of something else."""
    return any(
        each.section == section and _agree(statement, each) and _within(statement.topic, each.topic) for each in alike
    )


def _differ(first: Statement, second: Statement) -> bool:
    """Whether the numbers are others, but not so far apart that they can hardly be meant for the same."""
    ends = [abs(end) for each in (first, second) for end in (each.amount.low, each.amount.high) if math.isfinite(end)]
    return max(ends) <= APART * min(ends) and not _agree(first, second)


def _agree(first: Statement, second: Statement) -> bool:
    """Whether the numbers are the same, or one lies in the range of the other."""
    one, other = first.amount, second.amount
    ends = (one.low, other.low), (one.high, other.high)
    if all(_same(*pair, first, second) for pair in ends):
        return True
    if any(math.isinf(end) and end == same for end, same in ends):
        return False
    if math.isinf(one.high - one.low) or math.isinf(other.high - other.low):
        return one.low <= other.high * CLOSE and other.low <= one.high * CLOSE
    return _holds(one, other) or _holds(other, one)


def _same(end: float, other: float, first: Statement, second: Statement) -> bool:
    """Whether two ends of ranges are the same number, or one is the other in round figures."""
    if math.isinf(end) or math.isinf(other):
        return end == other
    if math.isclose(end, other, rel_tol=ROUGHLY if first.rough or second.rough else CLOSE - 1):
        return True
    values = end / first.amount.worth, other / second.amount.worth
    return any(math.isclose(float(f"{value:.2g}"), round_one) for value, round_one in (values, values[::-1]))


def _holds(one: Quantity, other: Quantity) -> bool:
    return one.low <= other.low * CLOSE and other.high <= one.high * CLOSE


def _likeness(first: Statement, second: Statement) -> float:
    """How much of what two statements speak of they share, from 0 to 1; 0 where something sets them apart."""
    shared = _within(first.topic, second.topic)
    if not shared or not _comparable(first, second):
        return 0
    rest = first.topic - shared, second.topic - _within(second.topic, first.topic)
    leaning = _within(rest[0], second.near), _within(rest[1], first.near)
    alone = [len(left - near) for left, near in zip(rest, leaning, strict=True)]
    count = len(shared) + sum(map(len, leaning)) + (first.rate == second.rate and first.rate in PERIODS.values())
    if count < SHARED and (any(rest) or not all(_heads(first, second))):
        return 0
    if all(alone) and (count < SURE or max(alone) > 1):
        return 0
    whole = count / (count + max(alone))
    return whole if whole >= WHOLE else 0


def _heads(first: Statement, second: Statement) -> tuple[bool, bool]:
    """Whether what each sentence begins with is named in the other too."""
    return (
        bool(_within({first.head}, second.topic | second.near | {second.head})),
        bool(_within({second.head}, first.topic | first.near | {first.head})),
    )


def _comparable(first: Statement, second: Statement) -> bool:
    """Whether nothing says that two statements hold for different cases."""
    dimensions = first.topic & DIMENSIONS, second.topic & DIMENSIONS
    return (
        first.every == second.every
        and first.strict == second.strict
        and _fit(first, second)
        and not (all(dimensions) and dimensions[0] != dimensions[1])
        and not _opposed(first.loose, second.loose)
        and any(_heads(first, second))
    )


def _fit(first: Statement, second: Statement) -> bool:
    """Whether both are said of the same period or thing; hours may leave out of which."""
    if first.rate == second.rate:
        return True
    return first.amount.kind in ("minute", "percent") and "" in (first.rate, second.rate)


def _opposed(one: frozenset[Quality], other: frozenset[Quality]) -> bool:
    """Whether both name a quality of the same sort, and not the same one."""
    groups = {group for group, _ in one} & {group for group, _ in other}
    return any(not any(each in other for each in one if each[0] == group) for group in groups)


def _within(some: Set[str], others: Set[str]) -> frozenset[str]:
    """Those terms that others name too, a Chinese word also by its first or last part: 盆 as 花盆."""
    same = some & others
    return frozenset(same) | {
        term for term in some - same if term[:1] >= "㐀" and any(_part(term, other) for other in others)
    }


def _part(term: str, other: str) -> bool:
    short, long = sorted((term, other), key=len)
    return short[:1] >= "㐀" and (long.endswith(short) or (len(short) == 1 and long.startswith(short)))


def _parallel(first: Statement, second: Statement, own: Mapping[int, Matter]) -> bool:
    """Whether each stands in a part about a thing of its own, so that the same words are said of different things."""
    one, other = own[first.section], own[second.section]
    said = {group for group, _ in first.strict}
    if _opposed(*(frozenset(each for each in part.qualities if each[0] not in said) for part in (one, other))):
        return True
    named, others = first.heading or one.terms, second.heading or other.terms
    return bool(named and others) and not (
        _within(named, second.topic | second.near | others) or _within(others, first.topic | first.near | named)
    )


def _series(pairs: Iterable[tuple[Statement, Statement]]) -> Iterator[tuple[int, int]]:
    """Pairs of sections of which a third one says yet another number: they are about one thing each, day after day."""
    unlike: dict[Statement, set[Statement]] = defaultdict(set)
    for first, second in pairs:
        unlike[first].add(second)
    for first, others in unlike.items():
        for second in others:
            for third in others & unlike[second] if second in unlike else ():
                if third.section != first.section:
                    yield from combinations((first.section, second.section, third.section), 2)


def _distinct(pairs: Iterable[tuple[Statement, Statement]]) -> Iterator[tuple[Statement, Statement]]:
    """The likest pairs, each two sections once for what they measure of the same thing."""
    taken: dict[tuple[int, int, str], list[tuple[Statement, Statement]]] = defaultdict(list)
    for first, second in sorted(pairs, key=lambda pair: -_likeness(*pair)):
        said = taken[first.section, second.section, first.amount.kind]
        if not any(_likeness(first, one) or _likeness(second, other) for one, other in said):
            said.append((first, second))
            yield first, second


def _words(said: Statement, prose: Prose, language: Language) -> str:
    """The quantity and some words before and behind it, as far as its clause goes."""
    (start, end), amount = said.clause, said.amount
    before = BEFORE[language].search(prose.text, start, amount.start)
    behind = BEHIND[language].match(prose.text, amount.end, end)
    begun = before.start() if before else amount.start
    return prose.shown((begun, behind.end() if behind else amount.end), (amount.start, amount.end)).strip()
