"""Which residents to evict so that a model fits: pure, so that it can be tested and simulated."""

from collections.abc import Iterable
from dataclasses import dataclass

from studio.registry.spec import ModelId


@dataclass(frozen=True)
class Resident:
    """What planning needs to know about one model on a device."""

    id: ModelId
    nbytes: int
    last_used: float
    """On the registry's clock; larger is more recent."""
    in_use: bool


def plan(residents: Iterable[Resident], need: int, budget: int) -> tuple[ModelId, ...] | None:
    """The least recently used idle residents whose leaving makes room for `need` bytes within `budget`.

    Returns an empty tuple when it fits already, and None when it does not fit even with everything idle gone.
    Models in use are never among the victims.
    """
    residents = tuple(residents)
    free = budget - sum(resident.nbytes for resident in residents)
    victims: list[ModelId] = []
    for resident in sorted((r for r in residents if not r.in_use), key=lambda r: r.last_used):
        if free >= need:
            break
        free += resident.nbytes
        victims.append(resident.id)
    return tuple(victims) if free >= need else None
