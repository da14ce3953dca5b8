"""Where the models of a request may go, with what they cost there as far as anyone knows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from studio.registry.catalogue.spec import ModelId
from studio.registry.memory.ledger import Ledger
from studio.registry.memory.measurements import Measurements
from studio.registry.memory.placement import Candidate, Option, choose
from studio.registry.memory.shortage import does_not_fit
from studio.registry.models.entry import Entry
from studio.registry.models.loaded import DeviceName, Footprint, Placement, Shape
from studio.registry.waiter import Waiter

PATIENCE: Final = 5
"""Requests that a model serves on a lower rung than need be before it is loaded anew on a better one."""


class Options:
    """Turns entries and measurements into the numbers that `placement.choose` decides on. Called under the lock."""

    def __init__(self, entries: Mapping[ModelId, Entry], ledger: Ledger, measurements: Measurements) -> None:
        self._entries = entries
        self._ledger = ledger
        self._measurements = measurements

    def choose(self, waiter: Waiter, entries: Sequence[Entry]) -> tuple[dict[ModelId, Option], list[Candidate]]:
        """Where each model of a request goes, and what else each could do.

        Raises:
            OutOfMemory: they fit nowhere, even with everything gone that may go.
        """
        names = set(waiter.models)
        devices = {option.device for entry in entries for option in entry.options} | {"cpu"}
        room = {device: self._room(device, names) for device in devices}
        free = {
            device: self._ledger.free(device) + sum(entry.holds.get(device, 0) for entry in entries)
            for device in devices
        }
        candidates = [self._candidate(entry, waiter, names) for entry in entries]
        chosen = choose(candidates, room, free)
        if chosen is not None:
            return chosen, candidates
        # What is told about is the model that is hardest to place, at its last resort.
        hardest = max(candidates, key=lambda c: min(o.take()[o.placement.device] for o in c.options))
        option, spec = hardest.options[-1], self._entries[hardest.model].spec
        device = option.placement.device
        holders = [e for e in self._entries.values() if e.pinned and e.holds.get(device) and e.spec.id not in names]
        raise does_not_fit(spec, option, self._ledger.budget(device), holders)

    def present(self, entry: Entry, shape: Shape | None) -> Option:
        """What a model that is in memory costs where it is."""
        placement = entry.placement
        if placement is None:
            raise ValueError(f"{entry.spec.id} is nowhere")
        beside = entry.holds.get("cpu", 0) if placement.device != "cpu" and not entry.parked else 0
        if entry.parked:
            return self._option(entry, placement, shape)
        footprint = Footprint(entry.holds.get(placement.device, 0), beside)
        return Option(placement, footprint, self._working(entry, placement, shape), there=True)

    def stoops(self, entry: Entry, shape: Shape | None) -> bool:
        """Whether a model is on a lower rung than this request needs it to be, all else idle gone."""
        if entry.placement not in entry.options:
            return False
        for placement in entry.options[: entry.options.index(entry.placement)]:
            same = placement.rung == entry.placement.rung and placement.device != "cpu" != entry.placement.device
            if same or not self._measurements.fits(entry.spec, placement, self._ledger.budget(placement.device)):
                continue
            need = self._option(entry, placement, shape).take()
            if all(size <= self._room(device, {entry.spec.id}) for device, size in need.items()):
                return True
        return False

    def _room(self, device: DeviceName, names: Collection[ModelId]) -> int:
        """What a device may hold beside the models that are pinned there."""
        fixed = [e for e in self._entries.values() if e.pinned and e.spec.id not in names]
        return self._ledger.budget(device) - sum(e.holds.get(device, 0) for e in fixed)

    def _candidate(self, entry: Entry, waiter: Waiter, names: set[ModelId]) -> Candidate:
        leads = entry.spec.id == waiter.models[0]
        shape = waiter.shape if leads else None
        beside = entry.spec.base if entry.spec.base in names and not leads else None
        placements = list(entry.options)
        if leads:
            placements = placements[waiter.avoid :] or placements[-1:]
        fits = [p for p in placements if self._measurements.fits(entry.spec, p, self._ledger.budget(p.device))]
        options = [self._option(entry, placement, shape) for placement in fits or placements[-1:]]
        if entry.loaded is not None and (entry.placement in placements or entry.users):
            # It stays where it is if that will do: a reload costs more than a better place gains at once.
            here = self.present(entry, shape)
            others = [option for option in options if option.placement != entry.placement]
            if entry.users or entry.permanent:
                options = [here]
            elif entry.stooped < PATIENCE:
                options = [here, *others]
            else:
                options = sorted([here, *others], key=lambda option: entry.options.index(option.placement))
        return Candidate(entry.spec.id, tuple(options), beside)

    def _option(self, entry: Entry, placement: Placement, shape: Shape | None) -> Option:
        footprint = self._measurements.footprint(entry.spec, placement)
        if footprint is None:
            footprint = entry.costs.footprint(placement) if entry.costs else Footprint(entry.spec.memory or 0)
        return Option(placement, footprint, self._working(entry, placement, shape))

    def _working(self, entry: Entry, placement: Placement, shape: Shape | None) -> int:
        if shape is None:
            return 0
        known = self._measurements.working(entry.spec, placement, shape)
        if known is not None:
            return known
        return entry.costs.working(placement, shape) if entry.costs else 0
