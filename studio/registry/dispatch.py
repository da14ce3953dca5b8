"""Who gets which models when: one queue, first come first served, and everything that can be done is done at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from studio.errors import Busy, OutOfMemory, StudioError
from studio.registry.books import Books
from studio.registry.catalogue.spec import ModelId
from studio.registry.errands import Errands, Executor, Job, in_thread, load_of, under_way
from studio.registry.memory.options import PATIENCE, Options
from studio.registry.memory.peaks import PeakWatch
from studio.registry.memory.placement import Option, bill
from studio.registry.memory.shortage import ran_out
from studio.registry.models.entry import Departure, Entry
from studio.registry.models.loaded import DeviceName, Loaded
from studio.registry.moving import Eviction, Mover
from studio.registry.reporting.refusals import code_of, too_late, unexpected
from studio.registry.waiter import LoadProgress, Waiter

PARKING: Final = ("offloaded", "expired", "evicted")
"""Departures after which a model may wait in main memory."""


@dataclass
class Ahead:
    """What one look at the queue has found out so far, for the requests further behind."""

    wanted: set[ModelId] = field(default_factory=set)
    """Models that an earlier request waits for."""
    contended: set[DeviceName] = field(default_factory=set)
    """Devices on which an earlier request waits for others to finish; to grant more there would starve it."""


class Dispatcher:
    """The queue. Every change of state ends in one look at all of it, so no wake-up can be lost."""

    def __init__(self, books: Books, mover: Mover, *, patience: float = 600, executor: Executor = in_thread) -> None:
        """`patience` is the seconds after which a load that does not end no longer holds others up."""
        self._mover = mover
        self._ledger = books.ledger
        self._lock = books.lock
        self._entries = books.entries
        self._journal = books.journal
        self._measurements = books.measurements
        self._clock = books.clock
        self._patience = patience
        self._options = Options(books.entries, books.ledger, books.measurements)
        self._errands = Errands(books, mover, executor, self._finished, self.look)
        self._peaks = PeakWatch(books.ledger, books.measurements)
        self._queue: list[Waiter] = []
        self._granted: set[Waiter] = set()
        self._prefetching: set[ModelId] = set()
        self._leaving: set[Entry] = set()
        self._shrunk: set[DeviceName] = set()
        self._last: tuple[ModelId, ...] = ()

    def enqueue(self, waiter: Waiter) -> None:
        """Take a place in the queue; an idle model in memory is granted at once."""
        with self._lock:
            if self._queue or not self._grant_as_is(waiter):
                waiter.asked = True
                self._journal.write(waiter.models[0], "asked")
                self._queue.append(waiter)
                self._dispatch()
        if waiter.granted:
            self._peaks.begin(waiter, self._entries[waiter.models[0]])

    def wait(self, waiter: Waiter, seconds: float) -> bool:
        """Wait for the outcome; True when the models are granted.

        Raises:
            Busy: the deadline passed; and whatever went wrong with the load.
        """
        waiter.decided.wait(seconds)
        with self._lock:
            if not waiter.decided.is_set():
                self._give_up_stuck()
            if not waiter.decided.is_set() and self._clock() >= waiter.give_up_at:
                self._fail(waiter, too_late(waiter, self._entries, self._clock()))
                self._dispatch()
        if waiter.failure is not None:
            raise waiter.failure
        if waiter.granted:
            self._peaks.begin(waiter, self._entries[waiter.models[0]])
        return waiter.granted

    def leave(self, waiter: Waiter) -> None:
        """End a use, or the wait for it."""
        if waiter.watched is not None:
            self._peaks.end(waiter, self._entries[waiter.models[0]])
        with self._lock:
            if waiter.asked and waiter in self._queue:
                self._queue.remove(waiter)
            self._release(waiter)
            departures = self._departures()
            if self._queue:
                self._dispatch()
        self.depart(departures)

    def loaded(self, model: ModelId) -> Loaded:
        """A granted model."""
        loaded = self._entries[model].loaded
        if loaded is None:
            raise RuntimeError(f"{model} was never granted")
        return loaded

    def progress(self, waiter: Waiter) -> LoadProgress:
        """How far the first model that is missing is."""
        with self._lock:
            entries = [self._entries[name] for name in waiter.models]
            entry = next((entry for entry in entries if not entry.ready), entries[0])
            if entry.busy not in ("fetching", "loading"):
                place = self._queue.index(waiter) if waiter in self._queue else 0
                ahead = place + (entry.users if entry.loaded else 0)
                return LoadProgress(entry.spec.id, entry.spec.name, "waiting", ahead=ahead)
            return under_way(entry, self._clock())

    def prefetch(self, model: ModelId) -> None:
        """Fetch a model's weights now, although no request waits for them."""
        entry = self._entries[model]
        with self._lock:
            self._prefetching.add(model)
            if not entry.busy and not entry.located:
                self._errands.fetch(entry, lambda: self._wanted(model))

    def stop_prefetch(self) -> None:
        """Fetch nothing any more that no request waits for; what has arrived is kept."""
        with self._lock:
            self._prefetching.clear()

    def make_room(self, waiter: Waiter) -> None:
        """Evict what is idle on the device of a granted request, and empty its caches."""
        entry = self._entries[waiter.models[0]]
        with self._lock:
            placement = entry.placement
            # Beside a load no torch model may be moved, but any may be dropped.
            park = not self._errands.moving
        if placement is not None:
            self._journal.write(entry.spec.id, "ran_out", device=str(placement))
            self._mover.clear(placement.device, waiter.models, entry.spec.id, park=park)
        with self._lock:
            self._dispatch()

    def step_down(self, waiter: Waiter, error: OutOfMemory) -> None:
        """Queue a granted request again, first in line, for the next placement of its model.

        Raises:
            OutOfMemory: it is at the last one, or others use the model where it is.
        """
        entry = self._entries[waiter.models[0]]
        with self._lock:
            placement = entry.placement
            index = entry.options.index(placement) if placement in entry.options else len(entry.options)
            if placement is None or entry.permanent or entry.users > 1 or index + 1 >= len(entry.options):
                raise ran_out(entry, self._entries.values(), self._ledger) from error
            following = str(entry.options[index + 1])
            self._journal.write(entry.spec.id, "ran_out", why=following, device=str(placement))
            if waiter.shape is not None:
                # By the numbers, the next request of this shape goes to the lower placement at once.
                free = self._ledger.budget(placement.device) - entry.holds.get(placement.device, 0)
                self._measurements.worked(entry.spec, placement, waiter.shape, max(free, 0) + 1)
            self._release(waiter)
            waiter.avoid, waiter.watched = index + 1, None
            waiter.decided.clear()
            waiter.asked = True
            self._queue.insert(0, waiter)
            self._dispatch()

    def ask_to_leave(self, entries: Iterable[Entry], event: Departure) -> None:
        """Offload, drop or expire models: those that are idle now, the others when they are free."""
        with self._lock:
            for entry in entries:
                entry.leaving = event
                self._leaving.add(entry)
            departures = self._departures()
        self.depart(departures)

    def enforce(self, devices: Iterable[DeviceName]) -> None:
        """Evict what is idle from devices that hold more than they may; the rest follows when it is free."""
        with self._lock:
            self._shrunk.update(devices)
        self.look()

    def look(self) -> None:
        """Let go who is free to leave, and look at the queue; after every change that may have made either possible."""
        with self._lock:
            departures = self._departures()
            self._dispatch()
        self.depart(departures)

    def depart(self, departures: Sequence[tuple[Entry, Departure]]) -> None:
        """Carry out departures that were marked under the lock."""
        for entry, event in departures:
            self._mover.leave(entry, event, park=event in PARKING and not entry.waiting)
            with self._lock:
                entry.busy = ""
        if departures:
            with self._lock:
                self._dispatch()

    def start_over(self) -> None:
        """Forget every request and job, as in a forked child, where their threads are gone. Called under the lock."""
        for waiter in tuple(self._granted):
            self._release(waiter)
        self._queue.clear()
        self._errands.forget()
        for entry in self._entries.values():
            entry.busy = ""
        for books in (self._journal, self._measurements, self._peaks):
            books.start_over()

    def _dispatch(self) -> None:
        ahead = Ahead()
        for waiter in tuple(self._queue):
            try:
                served = self._advance(waiter, ahead)
            except StudioError as error:
                self._fail(waiter, error)
                continue
            if not served:
                ahead.wanted.update(waiter.models)

    def _advance(self, waiter: Waiter, ahead: Ahead) -> bool:
        """Grant a request, or do the next thing that brings it nearer; whether it is granted."""
        entries = [self._entries[name] for name in waiter.models]
        if not self._at_rest(entries) or ahead.wanted.intersection(waiter.models):
            return False
        if self._grant_as_is(waiter, ahead):
            return True
        if any(_occupied(entry) for entry in entries):
            return False
        return self._bring(waiter, entries, ahead)

    def _at_rest(self, entries: Sequence[Entry]) -> bool:
        """Whether all models are here and nothing is being done with them; those that are not here are sent for.

        Raises:
            Busy: one has been loading for so long that it may never end.
        """
        for entry in entries:
            if not entry.located and not entry.busy:
                self._errands.fetch(entry, lambda name=entry.spec.id: self._wanted(name))  # type: ignore[misc]
            if entry.busy and (job := self._errands.given_up(entry)):
                seconds = round(self._clock() - job.since)
                raise Busy("registry.stuck", model=entry.spec.id, seconds=seconds)
        return not any(entry.busy for entry in entries)

    def _bring(self, waiter: Waiter, entries: Sequence[Entry], ahead: Ahead) -> bool:
        """Start to load and to make room, or find that others have to finish first; whether nothing had to be done.

        Raises:
            OutOfMemory: the models fit nowhere.
        """
        chosen, candidates = self._options.choose(waiter, entries)
        needs = bill(list(chosen.values()))
        if ahead.contended & needs.keys():
            return False
        evictions: list[Eviction] = []
        for device, need in needs.items():
            victims = self._mover.victims(device, need, waiter.models, self._ledger.promised(device))
            if victims is None:
                ahead.contended.add(device)
                return False
            if victims:
                evictions.append(self._eviction(device, need, victims, entries))
        loads = [load_of(self._entries[c.model], chosen[c.model], c) for c in candidates if not chosen[c.model].there]
        if not loads and not evictions:
            return self._grant(waiter, chosen[waiter.models[0]])
        self._errands.load(loads, evictions)
        return False

    def _eviction(
        self, device: DeviceName, need: int, victims: Iterable[ModelId], members: Sequence[Entry]
    ) -> Eviction:
        leavers = tuple(self._entries[name] for name in victims)
        short = need - sum(entry.holds.get(device, 0) for entry in members) - self._ledger.free(device)
        return Eviction(device, leavers, max(0, sum(entry.holds[device] for entry in leavers) - short))

    def _grant_as_is(self, waiter: Waiter, ahead: Ahead | None = None) -> bool:
        """Grant a request whose models are all in place, if nothing has to move for it."""
        for name in waiter.models:
            entry = self._entries[name]
            if not entry.ready or _occupied(entry):
                return False
            if ahead is not None and not ahead.contended.isdisjoint(entry.holds):
                return False
        primary = self._entries[waiter.models[0]]
        if waiter.avoid and primary.placement in primary.options[: waiter.avoid]:
            return False
        if primary.stooped >= PATIENCE and not primary.users:
            return False
        option = self._options.present(primary, waiter.shape)
        if option.working and option.working > self._ledger.free(option.placement.device):
            return False
        if len(waiter.models) > 1 and not self._together(waiter):
            return False
        return self._grant(waiter, option)

    def _together(self, waiter: Waiter) -> bool:
        """Whether each model is on one device with its base, where both are asked for."""
        entries = {name: self._entries[name] for name in waiter.models}
        pairs = [(entry, entries[entry.spec.base]) for entry in entries.values() if entry.spec.base in entries]
        return all(a.placement and b.placement and a.placement.device == b.placement.device for a, b in pairs)

    def _grant(self, waiter: Waiter, option: Option) -> bool:
        now, device = self._clock(), option.placement.device
        for name in waiter.models:
            entry = self._entries[name]
            entry.users += 1
            entry.touched = now
            entry.usage.use(now, back=name not in self._last)
        self._last = waiter.models
        lead = self._entries[waiter.models[0]]
        if lead.placement != lead.options[0]:
            lead.stooped = lead.stooped + 1 if self._options.stoops(lead, waiter.shape) else 0
        if option.working:
            waiter.reserved = (device, option.working)
            self._ledger.reserve(device, option.working)
        for other in self._granted:
            other.undisturbed = False
        waiter.undisturbed = not self._granted
        self._granted.add(waiter)
        if waiter.asked:
            self._queue.remove(waiter)
            self._journal.write(waiter.models[0], "served", seconds=now - waiter.since, device=str(option.placement))
        waiter.granted = True
        waiter.decided.set()
        return True

    def _release(self, waiter: Waiter) -> None:
        if not waiter.granted:
            return
        waiter.granted = False
        self._granted.discard(waiter)
        if waiter.reserved:
            device, size = waiter.reserved
            self._ledger.reserve(device, -size)
            waiter.reserved = None
        for name in waiter.models:
            entry = self._entries[name]
            entry.users -= 1
            entry.warm = True
            entry.touched = self._clock()
            entry.usage.use(entry.touched, back=False)

    def _departures(self) -> list[tuple[Entry, Departure]]:
        """Who leaves now: those asked to who are free, and who must because a budget shrank. Marks them."""
        departures: list[tuple[Entry, Departure]] = []
        for entry in tuple(self._leaving):
            if entry.loaded is None or (entry.leaving == "offloaded" and entry.waiting):
                self._leaving.discard(entry)
            elif entry.idle and not (entry.leaving != "dropped" and entry.movable and self._errands.moving):
                self._leaving.discard(entry)
                departures.append((entry, entry.leaving or "offloaded"))
        for device in tuple(self._shrunk):
            names = self._mover.victims(device, 0, (), self._ledger.promised(device))
            if names is not None:
                self._shrunk.discard(device)
            idle = names if names is not None else self._mover.idle(device)
            departures += [(self._entries[name], "spilled" if device == "cpu" else "evicted") for name in idle]
        for entry, _ in departures:
            entry.begin("moving", self._clock())
            entry.leaving = ""
        return departures

    def _finished(self, job: Job, error: Exception | None) -> None:
        if job.kind == "fetch":
            self._prefetching.discard(job.entry.spec.id)
            job.entry.refusal, job.entry.refused = error, self._clock()
        if error is not None:
            model = job.entry.spec.id
            self._journal.write(model, "failed", why=code_of(error))
            if not isinstance(error, StudioError):
                error = unexpected(job.entry.spec, error)
            for waiter in tuple(self._queue):
                if model in waiter.models:
                    self._fail(waiter, error)

    def _give_up_stuck(self) -> None:
        stuck = self._errands.give_up(self._patience)
        for job in stuck:
            self._journal.write(job.entry.spec.id, "stuck", seconds=self._clock() - job.since)
        if stuck:
            self._dispatch()

    def _fail(self, waiter: Waiter, error: Exception) -> None:
        waiter.failure = error
        if waiter in self._queue:
            self._queue.remove(waiter)
        waited = self._clock() - waiter.since
        self._journal.write(waiter.models[0], "refused", why=code_of(error), seconds=waited)
        waiter.decided.set()

    def _wanted(self, model: ModelId) -> bool:
        return model in self._prefetching or any(model in waiter.models for waiter in tuple(self._queue))


def _occupied(entry: Entry) -> bool:
    return bool(entry.users) and entry.loaded is not None and entry.loaded.sharing == "exclusive"
