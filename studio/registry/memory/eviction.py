"""Which occupants to evict so that a model fits: pure, so that it can be tested and simulated.

The victims are the idle models whose absence is expected to cost the fewest seconds of reloading per second, that is
the least sum of reload seconds × rate of returns. `benchmarks/eviction.py` compares this with other policies and with
the offline optimum.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from studio.registry.catalogue.spec import ModelId
from studio.registry.models.usage import MEMORY

BENEFIT_OF_DOUBT = 1.0
"""Returns added to those counted, so that one lucky hour of two equal models does not decide between them."""
OVERDUE = 1.5
"""Mean intervals after which a regular model is no longer expected."""
SOONEST = 0.1
"""Mean intervals below which the wait for a regular model is not believed."""
RESOLUTION = 10**12
"""Losses are compared in whole picoseconds per second, so that no order of summing can change a plan."""
MOST_STEPS = 4096
"""Steps of the exact search. Eleven idle models cannot need more; it bounds the time for any number."""


@dataclass(frozen=True)
class Occupant:
    """What planning needs to know about one model on a device."""

    id: ModelId
    nbytes: int
    """On the device in question."""
    last_used: float
    """On the registry's clock, seconds; larger is more recent."""
    in_use: bool
    """Leased, pinned or being moved: never a victim."""
    reload_seconds: float = 1.0
    """What bringing it back costs."""
    returns: float = 1.0
    """`Usage.returns`, as of `last_used`."""
    period: float = 0.0
    """`Usage.period`: 0 where its returns are not predictable."""

    def rate(self, now: float) -> float:
        """Expected returns per second: a regular model's grows as its time comes, any other's fades with age."""
        age = max(now - self.last_used, 0.0)
        if self.period > 0 and age < OVERDUE * self.period:
            return 1 / max(self.period - age, SOONEST * self.period)
        return (max(self.returns, 0.0) + BENEFIT_OF_DOUBT) * math.exp(-age / MEMORY) / MEMORY

    def loss(self, now: float) -> int:
        """Picoseconds of reloading to expect for each second without it."""
        loss = max(0.0, self.reload_seconds) * self.rate(now)
        return round(RESOLUTION * min(max(0.0, loss), 1e6))


def plan(occupants: Iterable[Occupant], need: int, budget: int, now: float = 0.0) -> tuple[ModelId, ...] | None:
    """The idle occupants whose leaving makes room for `need` bytes within `budget` at the least expected loss.

    Of equal losses the set with fewer bytes leaves. No victim could stay: without any one of them the rest would not
    make enough room. Returns an empty tuple when it fits already, and None when it does not fit even with everything
    idle gone. Models in use are never among the victims.
    """
    occupants = tuple(occupants)
    missing = need + sum(occupant.nbytes for occupant in occupants) - budget
    if missing <= 0:
        return ()
    idle = [occupant for occupant in occupants if not occupant.in_use and occupant.nbytes > 0]
    if sum(occupant.nbytes for occupant in idle) < missing:
        return None
    # One integer compares loss first and bytes second.
    unit = 1 + sum(occupant.nbytes for occupant in idle)
    weighed = [(occupant.loss(now) * unit + occupant.nbytes, occupant) for occupant in idle]
    weighed.sort(key=lambda pair: (pair[0] / min(pair[1].nbytes, missing), pair[1].id))
    chosen = _cover([weight for weight, _ in weighed], [min(r.nbytes, missing) for _, r in weighed], missing)
    return tuple(weighed[index][1].id for index in chosen)


def _cover(weights: Sequence[int], sizes: Sequence[int], need: int) -> list[int]:
    """Indices of the lightest items whose sizes reach `need`, given in the order of weight per size.

    This is the minimum knapsack problem. Depth-first branch and bound, with the fractional relaxation as the bound,
    finds the optimum for the dozen models that devices hold; where the steps run out, the best set seen stands, which
    is never worse than the greedy one it starts from.
    """
    weight_before, size_before = [0], [0]
    for weight, size in zip(weights, sizes, strict=True):
        weight_before.append(weight_before[-1] + weight)
        size_before.append(size_before[-1] + size)
    best = _greedy(weights, sizes, need)
    lightest = sum(weights[index] for index in best)
    stack: list[tuple[int, int, int, tuple[int, ...]]] = [(0, need, 0, ())]
    for _ in range(MOST_STEPS):
        if not stack:
            break
        index, rest, weight, chosen = stack.pop()
        if rest <= 0:
            if weight < lightest:
                lightest, best = weight, list(chosen)
            continue
        last = bisect_left(size_before, size_before[index] + rest) - 1
        if last >= len(sizes):
            continue
        # All of `index` to `last`, of which the last only in part.
        part = (rest - size_before[last] + size_before[index]) * weights[last] // sizes[last]
        if weight + weight_before[last] - weight_before[index] + part >= lightest:
            continue
        stack.append((index + 1, rest, weight, chosen))
        stack.append((index + 1, rest - sizes[index], weight + weights[index], (*chosen, index)))
    return _minimal(best, weights, sizes, need)


def _greedy(weights: Sequence[int], sizes: Sequence[int], need: int) -> list[int]:
    """The lightest of the sets that end with an item which completes the best ones before it that did not.

    At most twice the optimum (Csirik, Frenk, Labbé, Zhang: Heuristics for the 0-1 min-knapsack problem, 1991).
    """
    held: list[int] = []
    rest, weight = need, 0
    best: list[int] = []
    lightest: int | None = None
    for index, size in enumerate(sizes):
        if size < rest:
            held.append(index)
            rest, weight = rest - size, weight + weights[index]
        elif lightest is None or weight + weights[index] < lightest:
            best, lightest = [*held, index], weight + weights[index]
    return best


def _minimal(chosen: Sequence[int], weights: Sequence[int], sizes: Sequence[int], need: int) -> list[int]:
    """Without the items that a set which reaches `need` can spare, the heaviest first."""
    spare = sum(sizes[index] for index in chosen) - need
    kept = list(chosen)
    for index in sorted(chosen, key=lambda index: (-weights[index], index)):
        if sizes[index] <= spare:
            spare -= sizes[index]
            kept.remove(index)
    return kept


def fewest_parts(parts: Mapping[str, int], enough: int) -> tuple[str, ...]:
    """The fewest bytes of whole parts that reach `enough`: a search over all sets, of which there are few."""
    names = sorted(parts)
    sets = [[name for bit, name in enumerate(names) if mask >> bit & 1] for mask in range(1, 1 << min(len(names), 10))]
    reaching = [chosen for chosen in sets if sum(parts[name] for name in chosen) >= enough]
    return tuple(min(reaching, key=lambda chosen: sum(parts[name] for name in chosen), default=names))
