"""Where the models of one request go: the best rung on the best device at which all of them fit together. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from studio.registry.catalogue.spec import ModelId
from studio.registry.models.loaded import DeviceName, Footprint, Placement

Bytes = Mapping[DeviceName, int]


@dataclass(frozen=True)
class Option:
    """One way to place one model."""

    placement: Placement
    footprint: Footprint
    working: int = 0
    """Bytes that the request needs on the device beside the weights."""
    there: bool = False
    """The model is placed like this already."""

    def take(self) -> dict[DeviceName, int]:
        """All bytes it takes, by memory."""
        bill = {self.placement.device: self.footprint.device + self.working}
        if self.footprint.host:
            bill["cpu"] = bill.get("cpu", 0) + self.footprint.host
        return bill


@dataclass(frozen=True)
class Candidate:
    """One model of a request and its options, best rung first."""

    model: ModelId
    options: tuple[Option, ...]
    beside: ModelId | None = None
    """A model of the same request that it must be on one device with, as a ControlNet with its base."""


def choose(candidates: Sequence[Candidate], room: Bytes, free: Bytes) -> dict[ModelId, Option] | None:
    """An option for each candidate such that all fit into `room`, or None when no choice fits.

    A better rung always goes first. On one rung, a model stays where it is; else it goes where it fits into what is
    `free`, and there to the emptiest device, so that nothing is evicted while another device has space.
    """
    order = sorted(candidates, key=lambda candidate: candidate.beside is not None)
    return next(_choices(order, room, free, {}), None)


def bill(options: Sequence[Option]) -> dict[DeviceName, int]:
    """All bytes that these options take, by memory."""
    total: dict[DeviceName, int] = {}
    for option in options:
        for device, size in option.take().items():
            total[device] = total.get(device, 0) + size
    return total


def _choices(
    candidates: Sequence[Candidate], room: Bytes, free: Bytes, chosen: dict[ModelId, Option]
) -> Iterator[dict[ModelId, Option]]:
    if not candidates:
        yield chosen
        return
    first, *rest = candidates
    partner = chosen.get(first.beside) if first.beside else None
    for option in _preferred(first.options, free):
        if partner is not None and option.placement.device != partner.placement.device:
            continue
        costs = option.take()
        if all(size <= room.get(device, 0) for device, size in costs.items()):
            yield from _choices(rest, _less(room, costs), _less(free, costs), {**chosen, first.model: option})


def _preferred(options: Sequence[Option], free: Bytes) -> list[Option]:
    """By rung as given, then by what disturbs least."""
    ranks = {rung: rank for rank, rung in enumerate(dict.fromkeys(_rung(option) for option in options))}

    def disturbance(option: Option) -> tuple[int, bool, bool, int]:
        left = min((free.get(device, 0) - size for device, size in option.take().items()), default=0)
        return ranks[_rung(option)], not option.there, left < 0, -left

    return sorted(options, key=disturbance)


def _rung(option: Option) -> tuple[str, bool]:
    return option.placement.rung, option.placement.device == "cpu"


def _less(bytes_: Bytes, costs: Bytes) -> dict[DeviceName, int]:
    return {device: size - costs.get(device, 0) for device, size in bytes_.items()}
