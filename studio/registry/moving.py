"""What moves between memories: locating, loading down the ladder of placements, and leaving."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from studio.errors import OutOfMemory
from studio.registry.books import Books
from studio.registry.catalogue.spec import ModelId, ModelSpec
from studio.registry.memory.eviction import Occupant, fewest_parts, plan
from studio.registry.memory.placement import Option
from studio.registry.memory.shortage import does_not_fit
from studio.registry.models.entry import Entry
from studio.registry.models.loaded import Costs, DeviceName, Footprint, Loaded, Partial, Placement, Spread
from studio.registry.reporting.journal import Event
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


@dataclass(frozen=True)
class Eviction:
    """Who leaves which memory."""

    device: DeviceName
    entries: tuple[Entry, ...]
    spare: int = 0
    """How many bytes more than needed would become free; a model that can leave in part keeps that much."""


class Mover:
    """The mechanics of the registry.

    Its methods run on whichever thread does the work and take the registry's lock only to read and write the books;
    no loader and no move ever runs under it. Whoever calls them has marked the entry as busy before, so an entry that
    is not busy is never in between.
    """

    def __init__(self, books: Books, store: WeightsStore) -> None:
        self._ledger = books.ledger
        self._journal = books.journal
        self._measurements = books.measurements
        self._clock = books.clock
        self._lock = books.lock
        self._entries = books.entries
        self._store = store

    def locate(self, entry: Entry, cancelled: Callable[[], bool]) -> Found:
        """Find or fetch the weights, and tell from them what the model costs and where it may be placed.

        Raises:
            WeightsUnavailable, StorageFailed, Cancelled, EngineFailed.
        """
        spec, binding = entry.spec, entry.binding
        accelerated = spec.device != "cpu" and binding.accelerated()
        if accelerated:
            self._ledger.discover()
        weights = None
        if not spec.remote:
            fetched, begun = self._store.find(spec.sources) is None, self._clock()
            weights = self._fetched(entry, cancelled)
            if fetched:
                self._journal.write(spec.id, "fetched", size=entry.done, seconds=self._clock() - begun)
        devices = self._ledger.accelerators if accelerated else ()
        options = [Placement(device, rung) for rung in binding.rungs for device in devices]
        if spec.device is not None:
            # Pinned to a device that this machine lacks, it runs where it can: the catalogue travels.
            options = [option for option in options if option.device == spec.device] or options
        if not options or spec.device != options[0].device:
            options.append(Placement("cpu"))
        return Found(weights, binding.costs(spec, weights), tuple(options))

    def load(
        self,
        entry: Entry,
        option: Option,
        rest: Sequence[Option],
        beside: Iterable[Entry],
        given_up: Callable[[], bool],
    ) -> None:
        """Bring one model to its place, else to the first of the `rest` where it fits.

        `beside` are the models that the same request waits for, which must not be evicted for it; `given_up` tells
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
                self._load_or_retry(entry, step, keep, given_up)
            except OutOfMemory as error:
                self._measurements.failed(entry.spec, step.placement, self._budget(step.placement.device))
                if step is ladder[-1] or given_up():
                    known = replace(step, footprint=error.footprint) if isinstance(error, _TooLarge) else step
                    raise self.explained(entry, known) from error
                following = str(ladder[number + 1].placement)
                self._journal.write(entry.spec.id, "ran_out", why=following, device=str(step.placement))
            else:
                if number:
                    self._journal.write(entry.spec.id, "recovered", device=str(step.placement))
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
        begun = self._clock()
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
        with self._lock:
            self._ledger.book(entry, holds)
            if holds:
                entry.parked, entry.move_seconds = True, self._clock() - begun
            else:
                entry.loaded, entry.parked, entry.weights, entry.placement = None, False, None, None
        device = next(iter(left), placement.device)
        seconds = self._clock() - begun
        self._journal.write(
            entry.spec.id, event, why=why, size=left.get(device, 0), seconds=seconds, device=device, holds=holds
        )

    def victims(
        self, device: DeviceName, need: int, keep: Iterable[ModelId], promised: int
    ) -> tuple[ModelId, ...] | None:
        """Who has to leave `device` so that `need` bytes fit beside what is `promised`; None when that is not enough.

        Called under the lock.
        """
        kept = set(keep)
        occupants = [
            occupant(entry, device)
            for entry in self._entries.values()
            if entry.holds.get(device) and entry.spec.id not in kept
        ]
        return plan(occupants, need + promised, self._ledger.budget(device), self._clock())

    def clear(self, device: DeviceName, keep: Iterable[ModelId], why: str, *, park: bool = True) -> int:
        """Evict everything idle from a device and empty its caches; returns the bytes that models gave back."""
        kept = set(keep)
        with self._lock:
            before = self._ledger.held(device)
        self._dismiss(lambda: {device: [name for name in self.idle(device) if name not in kept]}, why, park=park)
        self._ledger.device(device).reclaim()
        with self._lock:
            return before - self._ledger.held(device)

    def evict(self, eviction: Eviction, why: str, *, park: bool = True, event: Event = "evicted") -> None:
        """Make entries that are marked as moving leave; what waits in main memory already is dropped."""
        device, spare = eviction.device, eviction.spare
        for entry in eviction.entries:
            enough = 0
            if isinstance(entry.loaded, Partial) and 0 < spare < entry.holds.get(device, 0):
                enough, spare = entry.holds[device] - spare, 0
            try:
                self.leave(entry, event, why, park=park and device != "cpu", enough=enough)
            finally:
                with self._lock:
                    entry.busy = ""

    def explained(self, entry: Entry, option: Option) -> OutOfMemory:
        """Why a model does not fit, with the numbers."""
        device = option.placement.device
        with self._lock:
            budget = self._ledger.budget(device)
            others = [e for e in self._entries.values() if e is not entry and e.holds.get(device) and not e.idle]
            pinned = [e for e in self._entries.values() if e is not entry and e.holds.get(device) and e.pinned]
        return does_not_fit(entry.spec, option, budget, {*others, *pinned})

    def _load_or_retry(self, entry: Entry, option: Option, keep: set[ModelId], given_up: Callable[[], bool]) -> None:
        device = option.placement.device
        try:
            self._place(entry, option, given_up)
        except _TooLarge:
            raise
        except OutOfMemory:
            if given_up():
                raise
            # The estimate was wrong or the memory is in pieces: clear everything idle and try once more.
            self._journal.write(entry.spec.id, "ran_out", device=str(option.placement))
            self.clear(device, keep, entry.spec.id)
            self._place(entry, option, given_up)
            self._journal.write(entry.spec.id, "recovered", device=str(option.placement))

    def _place(self, entry: Entry, option: Option, given_up: Callable[[], bool]) -> None:
        placement, begun = option.placement, self._clock()
        parked = entry.parked and entry.placement == placement
        if entry.loaded is not None and not parked:
            self.leave(entry, "evicted", park=False)
        if entry.weights is not None and not entry.weights.exists():
            entry.weights = self._fetched(entry, given_up)
        loaded = self._moved(entry, placement.device)
        if loaded is None:
            parked, weights = False, entry.weights or self._weights(entry.spec)
            loaded = entry.binding.loader(entry.spec, weights, placement.device, placement.rung)
        footprint = loaded.footprint if isinstance(loaded, Spread) else Footprint(loaded.nbytes)
        seconds = self._clock() - begun
        holds = Option(placement, footprint).take()
        with self._lock:
            self._ledger.claim(entry, {})
            self._ledger.book(entry, holds)
            entry.loaded, entry.placement, entry.parked = loaded, placement, False
            entry.stooped, entry.warm = 0, False
            if parked:
                entry.move_seconds = seconds
            else:
                entry.load_seconds = seconds
            entry.touched = self._clock()
            over = [name for name in holds if self._ledger.free(name) < 0]
        if not parked:
            self._measurements.loaded(entry.spec, placement, footprint, seconds)
        self._journal.write(
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

        def others() -> Mapping[DeviceName, Iterable[ModelId]]:
            names = self.victims(device, 0, (), self._ledger.promised(device)) or self.idle(device)
            return {device: [name for name in names if name != entry.spec.id]}

        self._dismiss(others, entry.spec.id)
        with self._lock:
            fits = self._ledger.free(device) >= 0
        if not fits:
            self.leave(entry, "evicted", entry.spec.id, park=False)
            raise _TooLarge(footprint)

    def _make_way(self, entry: Entry, option: Option, keep: set[ModelId]) -> bool:
        """Evict what is idle for a lower rung; False when that does not make enough room."""

        def victims() -> Mapping[DeviceName, Iterable[ModelId]] | None:
            self._ledger.claim(entry, {})
            leaving: dict[DeviceName, Iterable[ModelId]] = {}
            for device, need in option.take().items():
                names = self.victims(device, need, keep, self._ledger.promised(device))
                if names is None:
                    return None
                leaving[device] = names
            self._ledger.claim(entry, option.take())
            return leaving

        return self._dismiss(victims, entry.spec.id)

    def _room_to_wait(self, entry: Entry) -> bool:
        """Whether an idle model can wait in main memory, after others that wait there have left if need be."""
        size = sum(size for name, size in entry.holds.items() if name != "cpu")

        def spilled() -> Mapping[DeviceName, Iterable[ModelId]] | None:
            waiting = [e for e in self._entries.values() if e.parked and e.idle and not e.pinned and e is not entry]
            occupants = [occupant(other, "cpu") for other in waiting]
            fixed = self._ledger.held("cpu") - sum(other.nbytes for other in occupants)
            budget = self._ledger.budget("cpu") - self._ledger.promised("cpu") - fixed
            names = plan(occupants, size, budget, self._clock())
            return None if names is None else {"cpu": names}

        return self._dismiss(spilled, entry.spec.id, event="spilled")

    def _dismiss(
        self,
        choose: Callable[[], Mapping[DeviceName, Iterable[ModelId]] | None],
        why: str,
        *,
        park: bool = True,
        event: Event = "evicted",
    ) -> bool:
        """Choose under the lock who leaves which memory, and let them go outside it; False where nobody is chosen."""
        with self._lock:
            names = choose()
            if names is None:
                return False
            evictions = [
                Eviction(device, tuple(self._entries[n] for n in leavers)) for device, leavers in names.items()
            ]
            for entry in [entry for eviction in evictions for entry in eviction.entries]:
                entry.begin("moving", self._clock())
        for eviction in evictions:
            self.evict(eviction, why, park=park, event=event)
        return True

    def _park(self, entry: Entry, loaded: Loaded, device: DeviceName, enough: int) -> dict[DeviceName, int]:
        if isinstance(loaded, Partial) and 0 < enough < entry.holds.get(device, 0):
            parts = dict(loaded.parts)
            names = fewest_parts(parts, enough)
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
                    self._ledger.device(device).reclaim()
                except Exception:
                    # The model has left all the same, and the books have to say so.
                    _log.exception("caches of %s could not be emptied", device)

    def _fetched(self, entry: Entry, cancelled: Callable[[], bool]) -> Path:
        spec = entry.spec
        return self._store.fetch(spec.name, spec.sources, entry.report, cancelled, starter=spec.starter)

    def _weights(self, spec: ModelSpec) -> Path | None:
        return None if spec.remote else self._store.find(spec.sources)

    def idle(self, device: DeviceName) -> tuple[ModelId, ...]:
        """Everything that could leave a device at once. Called under the lock."""
        return tuple(e.spec.id for e in self._entries.values() if e.idle and not e.pinned and e.holds.get(device))

    def _budget(self, device: DeviceName) -> int:
        with self._lock:
            return self._ledger.budget(device)


def occupant(entry: Entry, device: DeviceName) -> Occupant:
    """A model as the eviction policy sees it."""
    return Occupant(
        entry.spec.id,
        entry.holds.get(device, 0),
        entry.usage.last_used,
        in_use=not entry.idle or entry.pinned,
        reload_seconds=entry.reload_seconds,
        returns=entry.usage.returns,
        period=entry.usage.period,
    )
