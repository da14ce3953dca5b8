"""The slow jobs of the registry, each on a thread: fetching weights, and loading with the evictions it takes."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from studio.errors import Cancelled
from studio.registry.books import Books
from studio.registry.memory.placement import Candidate, Option
from studio.registry.models.entry import Entry
from studio.registry.moving import Eviction, Mover
from studio.registry.waiter import LoadProgress

Executor = Callable[[Callable[[], None], str], None]
"""Runs a job by and by, under a name; called with the lock held, so it must not run it on the spot."""


def in_thread(work: Callable[[], None], name: str) -> None:
    """Run a job on a thread of its own."""
    threading.Thread(target=work, name=name, daemon=True).start()


@dataclass(frozen=True)
class Load:
    """What to load where."""

    entry: Entry
    option: Option
    rest: tuple[Option, ...]
    """The options left if that fails."""


def load_of(entry: Entry, option: Option, candidate: Candidate) -> Load:
    """What is left to try after an option: those behind it, on its own device where it must keep to a base."""
    place = candidate.options.index(option)
    rest = tuple(o for o in candidate.options[place + 1 :] if not candidate.beside or o.placement == option.placement)
    return Load(entry, option, rest)


def under_way(entry: Entry, now: float) -> LoadProgress:
    """How far a model is that is being fetched or loaded; `now` is on the registry's clock."""
    elapsed, left = now - entry.since, None
    if entry.busy == "loading" and entry.load_seconds:
        left = max(0.0, entry.load_seconds - elapsed)
    elif entry.busy == "fetching" and entry.total and entry.done > (entry.resumed or 0):
        left = elapsed * (entry.total - entry.done) / (entry.done - (entry.resumed or 0))
    stage: Literal["fetching", "loading"] = "loading" if entry.busy == "loading" else "fetching"
    return LoadProgress(entry.spec.id, entry.spec.name, stage, entry.done, entry.total, 0, left)


@dataclass(eq=False)
class Job:
    """One errand that is under way."""

    kind: Literal["fetch", "load"]
    entry: Entry
    """The model it is about; of several to load, the one it is at."""
    since: float
    entries: tuple[Entry, ...]
    """All that it has marked as busy and brings or fetches."""
    alone: bool = False
    given_up: bool = False
    """It took so long that others no longer wait for it to end. If it ever does, its model is as good as any."""


class Errands:
    """The jobs under way. What is public is called under the registry's lock, and so is `finished` when a job has
    ended; `after` follows without it."""

    def __init__(
        self,
        books: Books,
        mover: Mover,
        executor: Executor,
        finished: Callable[[Job, Exception | None], None],
        after: Callable[[], None],
    ) -> None:
        self._books = books
        self._mover = mover
        self._executor = executor
        self._finished = finished
        self._after = after
        self._jobs: list[Job] = []

    def fetch(self, entry: Entry, wanted: Callable[[], bool]) -> None:
        """Find or fetch the weights of a model, for as long as they are wanted."""
        entry.begin("fetching", self._books.clock())
        entry.done, entry.total, entry.resumed = 0, None, None
        job = Job("fetch", entry, entry.since, (entry,))
        self._start(job, lambda: self._fetch(job, wanted))

    def load(self, loads: Sequence[Load], evictions: Sequence[Eviction]) -> bool:
        """Evict and load; False when a load is under way beside which this one must not run."""
        victims = [victim for eviction in evictions for victim in eviction.entries]
        alone = any(load.entry.binding.alone for load in loads) or any(victim.movable for victim in victims)
        if alone and self.moving:
            return False
        now = self._books.clock()
        for victim in victims:
            victim.begin("moving", now)
        for load in loads:
            load.entry.begin("loading", now)
            self._books.ledger.claim(load.entry, load.option.take())
            if load.entry.load_seconds is None:
                # Of an earlier run of the studio, so that the first wait of this one tells its length, too.
                known = self._books.measurements.load_seconds(load.entry.spec, load.option.placement)
                load.entry.load_seconds = known
        entries = tuple(load.entry for load in loads)
        job = Job("load", entries[0] if entries else victims[0], now, entries, alone)
        self._start(job, lambda: self._load(job, loads, evictions))
        return True

    @property
    def moving(self) -> bool:
        """Whether something is under way beside which no torch model may be moved."""
        return any(job.alone and not job.given_up for job in self._jobs)

    def give_up(self, patience: float) -> list[Job]:
        """Let others no longer wait for the loads that have not ended for `patience` seconds; returns those."""
        now = self._books.clock()
        stuck = [job for job in self._jobs if job.kind == "load" and not job.given_up and now - job.since >= patience]
        for job in stuck:
            job.given_up = True
        return stuck

    def given_up(self, entry: Entry) -> Job | None:
        """The load of a model that may never end."""
        return next((job for job in self._jobs if job.given_up and entry in job.entries), None)

    def forget(self) -> None:
        """Drop all jobs without waiting, where their threads are gone."""
        for job in tuple(self._jobs):
            self._close(job)

    def _start(self, job: Job, work: Callable[[], None]) -> None:
        self._jobs.append(job)
        self._executor(work, f"{job.kind} {job.entry.spec.id}")

    def _fetch(self, job: Job, wanted: Callable[[], bool]) -> None:
        entry, error = job.entry, None
        found = None
        try:
            found = self._mover.locate(entry, lambda: not wanted())
        except Exception as problem:
            error = problem
        with self._books.lock:
            if found is not None:
                entry.weights, entry.costs, entry.options = found.weights, found.costs, found.options
            self._close(job)
            self._finished(job, None if isinstance(error, Cancelled) else error)
        self._after()

    def _load(self, job: Job, loads: Sequence[Load], evictions: Sequence[Eviction]) -> None:
        error = None
        try:
            for eviction in evictions:
                self._mover.evict(eviction, job.entry.spec.id)
            for load in loads:
                job.entry = load.entry
                self._mover.load(load.entry, load.option, load.rest, job.entries, lambda: job.given_up)
        except Exception as problem:
            error = problem
        with self._books.lock:
            self._close(job)
            self._finished(job, error)
        self._after()

    def _close(self, job: Job) -> None:
        self._jobs.remove(job)
        for entry in job.entries:
            entry.busy = ""
            self._books.ledger.claim(entry, {})
            if job.kind == "load" and entry.loaded is None:
                # Files that could not be loaded, or were dropped, are looked for again.
                entry.weights = None
