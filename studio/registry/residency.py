"""What moves between memories: locating, loading down the ladder of placements, and leaving."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from studio.errors import OutOfMemory
from studio.registry.catalogue.spec import ModelId, ModelSpec
from studio.registry.memory.eviction import Resident, plan
from studio.registry.memory.ledger import Ledger
from studio.registry.memory.measurements import Measurements
from studio.registry.memory.placement import Option
from studio.registry.memory.shortage import does_not_fit
from studio.registry.models.entry import Entry
from studio.registry.models.loaded import Costs, DeviceName, Footprint, Loaded, Partial, Placement, Spread
from studio.registry.reporting.journal import Event, Journal
from studio.registry.weights.store import WeightsStore

LARGE: Final = 32 * 2**20
"""Bytes whose leaving is worth a garbage collection and a trim of main memory, which take a tenth of a second."""

_log = logging.getLogger("studio.registry")


class _TooLarge(OutOfMemory):
    """What was loaded breaks the budget by its measured size; loading it again would not help."""

    def __init__(self, footprint: Footprint) -> None:
        super().__init__("memory.model")
        self.footprint = footprint


@dataclass(frozen=True)
class Found:
    """What is known of a model once its weights are here."""

    weights: Path | None
    costs: Costs
    options: tuple[Placement, ...]


class Residency:
    """The mechanics of the registry.

    Its methods run on whichever thread does the work and take the registry's lock only to read and write the books;
    no loader and no move ever runs under it. Whoever calls them has marked the entry as busy before, so an entry that
    is not busy is never in between.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: WeightsStore,
        *,
        journal: Journal | None = None,
        measurements: Measurements | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.ledger = ledger
        self.store = store
        self.journal = journal or Journal()
        self.measurements = measurements or Measurements()
        self.clock = clock
        self.lock = threading.Lock()
        """The registry's one lock. Lock order: this one, then the journal's or the measurements' own."""
        self.entries: dict[ModelId, Entry] = {}

    def locate(self, entry: Entry, cancelled: Callable[[], bool]) -> Found:
        """Find or fetch the weights, and tell from them what the model costs and where it may be placed.

        Raises:
            WeightsUnavailable, StorageFailed, Cancelled, EngineFailed.
        """
        spec, binding = entry.spec, entry.binding
        accelerated = spec.device != "cpu" and binding.accelerated()
        if accelerated:
            self.ledger.discover()
        weights = None
        if not spec.remote:
            fetched, begun = self.store.find(spec) is None, self.clock()
            weights = self.store.fetch(spec, entry.report, cancelled)
            if fetched:
                self.journal.write(spec.id, "fetched", size=entry.done, seconds=self.clock() - begun)
        devices = self.ledger.accelerators if accelerated else ()
        options = [Placement(device, rung) for rung in binding.rungs for device in devices]
        if spec.device is not None:
            # Pinned to a device that this machine lacks, it runs where it can: the catalogue travels.
            options = [option for option in options if option.device == spec.device] or options
        if not options or spec.device != options[0].device:
            options.append(Placement("cpu"))
        return Found(weights, binding.costs(spec, weights), tuple(options))

    def load(
        self, entry: Entry, option: Option, rest: Sequence[Option], beside: Iterable[Entry], lost: Callable[[], bool]
    ) -> None:
        """Bring one model to its place, else to the first of the `rest` where it fits.

        `beside` are the models that the same request waits for, which must not be evicted for it; `lost` tells
        whether it has taken so long that others no longer wait for it to end, so that it must not evict for a retry.

        Raises:
            OutOfMemory: it fits nowhere; and whatever the loader raises.
        """
        keep = {entry.spec.id, *(other.spec.id for other in beside)}
        ladder = [option, *rest]
        for number, step in enumerate(ladder):
            if number and not self._make_way(entry, step, keep):
                continue
            try:
                self._load_or_retry(entry, step, keep, lost)
            except OutOfMemory as error:
                self.measurements.failed(entry.spec, step.placement, self._budget(step.placement.device))
                if step is ladder[-1] or lost():
                    known = replace(step, footprint=error.footprint) if isinstance(error, _TooLarge) else step
                    raise self.explained(entry, known) from error
                following = str(ladder[number + 1].placement)
                self.journal.write(entry.spec.id, "ran_out", why=following, device=str(step.placement))
            else:
                if number:
                    self.journal.write(entry.spec.id, "recovered", device=str(step.placement))
                return
        raise self.explained(entry, ladder[-1])

    def leave(self, entry: Entry, event: Event, why: str = "", *, park: bool = True, enough: int = 0) -> None:
        """Take an idle model off its device: to main memory where it can wait there, else out of memory.

        `enough` bytes suffice, where a model can leave in part; 0 means all of it. Never raises: a model that cannot
        be moved is dropped.
        """
        loaded, placement = entry.loaded, entry.placement
        if loaded is None or placement is None:
            return
        begun = self.clock()
        before = dict(entry.holds)
        holds: dict[DeviceName, int] = {}
        if park and entry.movable and self._room_to_wait(entry):
            try:
                holds = self._park(entry, loaded, placement.device, enough)
            except Exception:
                _log.exception("%s could not be moved and is dropped", entry.spec.id)
                holds = {}
        if not holds:
            try:
                loaded.close()
            except Exception:
                _log.exception("%s did not close cleanly", entry.spec.id)
        left = {name: size - holds.get(name, 0) for name, size in before.items() if size > holds.get(name, 0)}
        self._reclaim(left)
        with self.lock:
            self.ledger.settle(entry, holds)
            if holds:
                entry.parked, entry.move_seconds = True, self.clock() - begun
            else:
                entry.loaded, entry.parked, entry.weights, entry.placement = None, False, None, None
        device = next(iter(left), placement.device)
        seconds = self.clock() - begun
        self.journal.write(
            entry.spec.id, event, why=why, size=left.get(device, 0), seconds=seconds, device=device, holds=holds
        )

    def victims(
        self, device: DeviceName, need: int, keep: Iterable[ModelId], promised: int
    ) -> tuple[ModelId, ...] | None:
        """Who has to leave `device` so that `need` bytes fit beside what is `promised`; None when that is not enough.

        Called under the lock.
        """
        kept = set(keep)
        residents = [
            resident(entry, device)
            for entry in self.entries.values()
            if entry.holds.get(device) and entry.spec.id not in kept
        ]
        return plan(residents, need + promised, self.ledger.budget(device), self.clock())

    def clear(self, device: DeviceName, keep: Iterable[ModelId], why: str, *, park: bool = True) -> int:
        """Evict everything idle from a device and empty its caches; returns the bytes that models gave back."""
        kept = set(keep)
        with self.lock:
            before = self.ledger.held(device)
            idle = [
                entry
                for entry in self.entries.values()
                if entry.idle and not entry.pinned and entry.holds.get(device) and entry.spec.id not in kept
            ]
            for entry in idle:
                entry.busy, entry.since = "moving", self.clock()
        self.evict(idle, device, why, park=park)
        self.ledger.device(device).reclaim()
        with self.lock:
            return before - self.ledger.held(device)

    def evict(
        self, entries: Iterable[Entry], device: DeviceName, why: str, *, park: bool = True, spare: int = 0
    ) -> None:
        """Make entries that are marked as moving leave `device`; what waits in main memory already is dropped.

        `spare` is how many bytes more than needed would become free; one that can leave in part keeps that much.
        """
        for entry in entries:
            enough = 0
            if isinstance(entry.loaded, Partial) and 0 < spare < entry.holds.get(device, 0):
                enough, spare = entry.holds[device] - spare, 0
            try:
                self.leave(entry, "evicted", why, park=park and device != "cpu", enough=enough)
            finally:
                with self.lock:
                    entry.busy = ""

    def explained(self, entry: Entry, option: Option) -> OutOfMemory:
        """Why a model does not fit, with the numbers."""
        device = option.placement.device
        with self.lock:
            budget = self.ledger.budget(device)
            others = [e for e in self.entries.values() if e is not entry and e.holds.get(device) and not e.idle]
            pinned = [e for e in self.entries.values() if e is not entry and e.holds.get(device) and e.pinned]
        return does_not_fit(entry.spec, option, budget, {*others, *pinned})

    def _load_or_retry(self, entry: Entry, option: Option, keep: set[ModelId], lost: Callable[[], bool]) -> None:
        device = option.placement.device
        try:
            self._place(entry, option, lost)
        except _TooLarge:
            raise
        except OutOfMemory:
            if lost():
                raise
            # The estimate was wrong or the memory is in pieces: clear everything idle and try once more.
            self.journal.write(entry.spec.id, "ran_out", device=str(option.placement))
            self.clear(device, keep, entry.spec.id)
            self._place(entry, option, lost)
            self.journal.write(entry.spec.id, "recovered", device=str(option.placement))

    def _place(self, entry: Entry, option: Option, lost: Callable[[], bool]) -> None:
        placement, begun = option.placement, self.clock()
        parked = entry.parked and entry.placement == placement
        if entry.loaded is not None and not parked:
            self.leave(entry, "evicted", park=False)
        if entry.weights is not None and not entry.weights.exists():
            entry.weights = self.store.fetch(entry.spec, entry.report, lost)
        loaded = self._moved(entry, placement.device)
        if loaded is None:
            parked, weights = False, entry.weights or self._weights(entry.spec)
            loaded = entry.binding.loader(entry.spec, weights, placement.device, placement.rung)
        footprint = loaded.footprint if isinstance(loaded, Spread) else Footprint(loaded.nbytes)
        seconds = self.clock() - begun
        holds = Option(placement, footprint).take()
        with self.lock:
            self.ledger.claim(entry, {})
            self.ledger.settle(entry, holds)
            entry.loaded, entry.placement, entry.parked = loaded, placement, False
            entry.stooped, entry.warm = 0, False
            if parked:
                entry.move_seconds = seconds
            else:
                entry.load_seconds = seconds
            entry.touched = self.clock()
            over = [name for name in holds if self.ledger.free(name) < 0]
        if not parked:
            self.measurements.loaded(entry.spec, placement, footprint, seconds)
        self.journal.write(
            entry.spec.id, "loaded", size=footprint.device, seconds=seconds, device=str(placement), holds=holds
        )
        for name in over:
            self._correct(entry, name, footprint)

    def _moved(self, entry: Entry, device: DeviceName) -> Loaded | None:
        """A model that waited in main memory, on its device; None where there is none, or it has to be read anew.

        Raises:
            OutOfMemory: it does not fit, and still waits.
        """
        if entry.loaded is None:
            return None
        try:
            entry.loaded.move(device)
        except OutOfMemory:
            raise
        except Exception:
            _log.exception("%s could not be moved back and is read anew", entry.spec.id)
            self.leave(entry, "evicted", park=False)
        return entry.loaded

    def _correct(self, entry: Entry, device: DeviceName, footprint: Footprint) -> None:
        """Keep the budget after a model turned out larger than it was thought to be.

        Raises:
            OutOfMemory: even with everything idle gone it is too large; it has been dropped then.
        """
        with self.lock:
            names = self.victims(device, 0, (), self.ledger.promised(device)) or self.idle(device)
            leavers = [self.entries[name] for name in names if name != entry.spec.id]
            for other in leavers:
                other.busy, other.since = "moving", self.clock()
        self.evict(leavers, device, entry.spec.id)
        with self.lock:
            fits = self.ledger.free(device) >= 0
        if not fits:
            self.leave(entry, "evicted", entry.spec.id, park=False)
            raise _TooLarge(footprint)

    def _make_way(self, entry: Entry, option: Option, keep: set[ModelId]) -> bool:
        """Evict what is idle for a lower rung; False when that does not make enough room."""
        with self.lock:
            self.ledger.claim(entry, {})
            leaving: dict[DeviceName, list[Entry]] = {}
            for device, need in option.take().items():
                names = self.victims(device, need, keep, self.ledger.promised(device))
                if names is None:
                    return False
                leaving[device] = [self.entries[name] for name in names]
            for other in [e for entries in leaving.values() for e in entries]:
                other.busy, other.since = "moving", self.clock()
            self.ledger.claim(entry, option.take())
        for device, others in leaving.items():
            self.evict(others, device, entry.spec.id)
        return True

    def _room_to_wait(self, entry: Entry) -> bool:
        """Whether an idle model can wait in main memory, after others that wait there have left if need be."""
        size = sum(size for name, size in entry.holds.items() if name != "cpu")
        with self.lock:
            waiting = [e for e in self.entries.values() if e.parked and e.idle and not e.pinned and e is not entry]
            residents = [resident(other, "cpu") for other in waiting]
            fixed = self.ledger.held("cpu") - sum(other.nbytes for other in residents)
            names = plan(residents, size, self.ledger.budget("cpu") - self.ledger.promised("cpu") - fixed, self.clock())
            leavers = [self.entries[name] for name in names or ()]
            for other in leavers:
                other.busy, other.since = "moving", self.clock()
        for other in leavers:
            self.leave(other, "spilled", entry.spec.id, park=False)
            with self.lock:
                other.busy = ""
        return names is not None

    def _park(self, entry: Entry, loaded: Loaded, device: DeviceName, enough: int) -> dict[DeviceName, int]:
        if isinstance(loaded, Partial) and 0 < enough < entry.holds.get(device, 0):
            parts = dict(loaded.parts)
            names = _sufficient(parts, enough)
            if len(names) < len(parts):
                loaded.park(names)
                gone = sum(parts[name] for name in names)
                held = entry.holds
                return {device: held[device] - gone, "cpu": held.get("cpu", 0) + gone}
        loaded.move("cpu")
        return {"cpu": loaded.nbytes}

    def _reclaim(self, left: Mapping[DeviceName, int]) -> None:
        for device, size in left.items():
            if device != "cpu" or size >= LARGE:
                try:
                    self.ledger.device(device).reclaim()
                except Exception:
                    # The model has left all the same, and the books have to say so.
                    _log.exception("caches of %s could not be emptied", device)

    def _weights(self, spec: ModelSpec) -> Path | None:
        return None if spec.remote else self.store.find(spec)

    def idle(self, device: DeviceName) -> tuple[ModelId, ...]:
        """Everything that could leave a device at once. Called under the lock."""
        return tuple(e.spec.id for e in self.entries.values() if e.idle and not e.pinned and e.holds.get(device))

    def _budget(self, device: DeviceName) -> int:
        with self.lock:
            return self.ledger.budget(device)


def resident(entry: Entry, device: DeviceName) -> Resident:
    """A model as the eviction policy sees it."""
    return Resident(
        entry.spec.id,
        entry.holds.get(device, 0),
        entry.usage.last_used,
        in_use=not entry.idle or entry.pinned,
        reload_seconds=entry.reload_seconds,
        returns=entry.usage.returns,
        period=entry.usage.period,
    )


def _sufficient(parts: Mapping[str, int], enough: int) -> tuple[str, ...]:
    """The fewest bytes of whole parts that reach `enough`: a search over all sets, of which there are few."""
    names = sorted(parts)
    sets = [[name for bit, name in enumerate(names) if mask >> bit & 1] for mask in range(1, 1 << min(len(names), 10))]
    reaching = [chosen for chosen in sets if sum(parts[name] for name in chosen) >= enough]
    return tuple(min(reaching, key=lambda chosen: sum(parts[name] for name in chosen), default=names))
