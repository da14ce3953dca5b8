"""Reload seconds of `studio.registry.memory.eviction.plan` against other policies and the offline optimum.

Run `python -m benchmarks.eviction`: it replays traces, measures no time and prints the same on every machine. A
request's models are brought in together; every policy sees the same occupants, of which the request's own are in use.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence

from benchmarks.common import verdict
from benchmarks.eviction_traces import GIB, MODELS, TRACES, Request, trace
from benchmarks.offline import optimum
from studio.registry import ModelId
from studio.registry.memory.eviction import Occupant, plan
from studio.registry.models.usage import Usage

BUDGETS = (8, 12, 24)
SEEDS = range(5)
TARGET_TOTAL = 1.15
TARGET_TRACE = 1.05

Policy = Callable[[Sequence[Occupant], int, int, float], Iterable[ModelId] | None]
Cell = tuple[str, int, int]
"""Trace, budget in GiB, seed."""


def in_order(key: Callable[[Occupant], float]) -> Policy:
    """One idle model after the other, the least `key` first, until there is room."""

    def victims(occupants: Sequence[Occupant], need: int, budget: int, now: float) -> list[ModelId]:
        free, gone = budget - sum(occupant.nbytes for occupant in occupants), []
        for occupant in sorted((r for r in occupants if not r.in_use), key=key):
            if free >= need:
                break
            free += occupant.nbytes
            gone.append(occupant.id)
        return gone

    return victims


def least_bytes(occupants: Sequence[Occupant], need: int, budget: int, now: float) -> list[ModelId]:
    """Of all combinations of idle models that make room, the one that frees the least."""
    free = budget - sum(occupant.nbytes for occupant in occupants)
    idle = [occupant for occupant in occupants if not occupant.in_use]
    combinations = itertools.chain.from_iterable(itertools.combinations(idle, n) for n in range(len(idle) + 1))
    sizes = ((sum(occupant.nbytes for occupant in chosen), chosen) for chosen in combinations)
    _, best = min(((size, chosen) for size, chosen in sizes if free + size >= need), key=lambda pair: pair[0])
    return [occupant.id for occupant in best]


OURS = "studio"
POLICIES: dict[str, Policy] = {
    OURS: plan,
    "LRU": in_order(lambda occupant: occupant.last_used),
    "smallest": in_order(lambda occupant: occupant.nbytes),
    "largest": in_order(lambda occupant: -occupant.nbytes),
    "combinations": least_bytes,
}


def replay(requests: Sequence[Request], budget: int, policy: Policy) -> float:
    """Seconds spent reloading, the first loads included."""
    usages: dict[str, Usage] = {}
    held: set[str] = set()
    before: tuple[str, ...] = ()
    seconds = 0.0
    for request in requests:
        occupants = [_resident(name, usages[name], name in request.models) for name in sorted(held)]
        missing = [name for name in request.models if name not in held]
        need = sum(MODELS[name].nbytes for name in missing)
        victims = policy(occupants, need, budget, request.at) if missing else ()
        assert victims is not None
        held.difference_update(victims)
        held.update(missing)
        assert sum(MODELS[name].nbytes for name in held) <= budget
        seconds += sum(MODELS[name].reload_seconds for name in missing)
        for name in request.models:
            usages.setdefault(name, Usage()).use(request.at, back=name not in before)
        before = request.models
    return seconds


def _resident(name: str, usage: Usage, in_use: bool) -> Occupant:
    model = MODELS[name]
    return Occupant(
        id=ModelId(name),
        nbytes=model.nbytes,
        last_used=usage.last_used,
        in_use=in_use,
        reload_seconds=model.reload_seconds,
        returns=usage.returns,
        period=usage.period,
    )


class Results:
    """Reload seconds of every policy and of the optimum in every cell."""

    def __init__(self) -> None:
        self.least: dict[Cell, float] = {}
        self.seconds: dict[tuple[str, Cell], float] = {}
        for cell in itertools.product(TRACES, BUDGETS, SEEDS):
            name, gib, seed = cell
            requests = trace(name, seed, gib * GIB)
            self.least[cell] = optimum(requests, gib * GIB, MODELS)
            for label, policy in POLICIES.items():
                self.seconds[label, cell] = replay(requests, gib * GIB, policy)

    def print_row(self, label: str, cells: Sequence[Cell]) -> None:
        """Seconds a day, mean of the seeds, each with its ratio to the optimum."""
        least = sum(self.least[cell] for cell in cells)
        row = f"{label:<18}{least / len(SEEDS):>8.0f}"
        for policy in POLICIES:
            spent = sum(self.seconds[policy, cell] for cell in cells)
            row += f"{spent / len(SEEDS):>10.0f} {spent / least:>5.2f}"
        print(row)

    def ratio(self, cells: Sequence[Cell]) -> float:
        """Ours to the optimum."""
        return sum(self.seconds[OURS, cell] for cell in cells) / sum(self.least[cell] for cell in cells)

    def ratio_to_peers(self, cells: Sequence[Cell]) -> float:
        """Ours to the best of the other policies over these cells."""
        spent = {policy: sum(self.seconds[policy, cell] for cell in cells) for policy in POLICIES}
        return spent.pop(OURS) / min(spent.values())


def main() -> None:
    """Replay and print."""
    results = Results()
    cells = list(results.least)
    print(f"{'trace, GiB':<18}{'optimum':>8}" + "".join(f"{policy:>16}" for policy in POLICIES))
    for name, gib in itertools.product(TRACES, BUDGETS):
        results.print_row(f"{name}, {gib}", [cell for cell in cells if cell[:2] == (name, gib)])
    for name in TRACES:
        results.print_row(name, [cell for cell in cells if cell[0] == name])
    results.print_row("all", cells)
    days = [[cell for cell in cells if cell[2] == seed] for seed in SEEDS]
    held = [verdict("all, to the optimum", [results.ratio(day) for day in days], at_most=TARGET_TOTAL)]
    for name in TRACES:
        ratios = [results.ratio_to_peers([cell for cell in day if cell[0] == name]) for day in days]
        held.append(verdict(f"{name}, to the best other policy", ratios, at_most=TARGET_TRACE))
    print(f"{sum(held)} of {len(held)} hold")


if __name__ == "__main__":
    main()
