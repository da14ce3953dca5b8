"""The one registry of models: lends them, loads them once, and keeps them within the budget."""

import threading
import time
from collections.abc import Callable, Generator, Mapping

from studio.errors import Busy, Cancelled, StudioError, UnknownModel
from studio.registry.catalog import Catalogue
from studio.registry.entry import Binding, Entry, Status
from studio.registry.journal import Event, Journal
from studio.registry.lease import Lease, LoadProgress, Waiter
from studio.registry.loaded import Loaded
from studio.registry.residency import Residency, unlocked
from studio.registry.sources import WeightsStore
from studio.registry.spec import ModelId, ModelSpec, Task

CANCEL_CHECK_SECONDS = 0.5


class Registry:
    """Which models exist and where they are now.

    All decisions are taken under one condition; fetching, loading and moving happen outside it, one load at a time
    in the process, because building a model patches torch globally. Lock order: the condition is never held while a
    loader runs, and loaders never call the registry.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        store: WeightsStore,
        bindings: Mapping[str, Binding],
        residency: Residency,
        *,
        configured: Callable[[ModelSpec], bool] = lambda spec: False,
        keep_alive: float = 0,
        deadline: float = 600,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`configured` tells whether a remote model has its address; `keep_alive` and `deadline` are seconds."""
        self._catalogue = catalogue
        self._store = store
        self._bindings = bindings
        self._residency = residency
        self._configured = configured
        self._keep_alive = keep_alive
        self._deadline = deadline
        self._clock = clock
        self._changed = threading.Condition(threading.Lock())
        self._entries = {spec.id: Entry(spec) for spec in catalogue}
        self._queue: list[Waiter] = []

    @property
    def journal(self) -> Journal:
        """Every decision so far."""
        return self._residency.journal

    def choose(self, wanted: str | None, *tasks: Task) -> ModelSpec:
        """The model to use for `tasks`: the one asked for, else the best one present.

        A model that is present goes before one that would have to be fetched, one that follows instructions before
        one that only completes text, and a starter is taken only when nothing larger is present. Among equals the
        catalogue's order decides.

        Raises:
            UnknownModel: no such id, or it is made for another task.
        """
        if wanted:
            spec = self._catalogue.get(wanted)
            if spec.task not in tasks:
                raise UnknownModel("model.task", model=wanted, task=spec.task, wanted=" / ".join(tasks))
            return spec
        candidates = self._catalogue.for_task(*tasks)
        if not candidates:
            raise UnknownModel("model.none", wanted=" / ".join(tasks))
        present = [spec for spec in candidates if self.present(spec)]
        return min(present or candidates, key=lambda spec: (not spec.chat, spec.starter and bool(present)))

    def present(self, spec: ModelSpec) -> bool:
        """Whether it can run without fetching anything."""
        if spec.remote:
            return self._configured(spec)
        return self._entries[spec.id].loaded is not None or self._store.find(spec) is not None

    def lease(self, model: str, *, working_bytes: int = 0, deadline: float | None = None) -> Lease:
        """The right to use `model` inside a `with` block; see `Lease`.

        `working_bytes` is what the request needs beside the weights; `deadline` the seconds it is willing to wait.

        Raises:
            UnknownModel: no such id.
        """
        spec = self._catalogue.get(model)
        limit = self._deadline if deadline is None else deadline
        return Lease(self, Waiter(spec.id, working_bytes, self._clock() + limit))

    def load(self, model: str) -> Generator[LoadProgress, None, None]:
        """Bring a model to its device and leave it there."""
        with self.lease(model) as lease:
            yield from lease.arrive()

    def offload(self, model: str) -> bool:
        """Free a model's memory: now, or when its last user is done. Returns whether it is gone already."""
        spec = self._catalogue.get(model)
        with self._changed:
            entry = self._entries[spec.id]
            if entry.loaded is None:
                return True
            entry.leaving = True
            return self._leave_if_idle(entry)

    def statuses(self) -> tuple[Status, ...]:
        """All models in catalogue order."""
        with self._changed:
            return tuple(self._status(entry) for entry in self._entries.values())

    def sweep(self) -> None:
        """Offload what has been idle for longer than `keep_alive`. Call it now and then."""
        if not self._keep_alive:
            return
        with self._changed:
            for entry in self._entries.values():
                idle = self._clock() - entry.last_used
                if entry.loaded and not entry.users and not entry.busy and idle >= self._keep_alive:
                    entry.leaving = True
                    self._leave_if_idle(entry, "expired")

    def close(self) -> None:
        """Drop every idle model; called at the end of the process."""
        for spec in self._catalogue:
            self.offload(spec.id)

    def try_acquire(self, waiter: Waiter) -> Loaded | None:
        """Take the model if it is there and free this instant."""
        with self._changed:
            return self._take(waiter)

    def acquire(self, waiter: Waiter) -> Loaded:
        """Wait for the model, loading it if need be, and take it."""
        with self._changed:
            self._queue.append(waiter)
            self.journal.write(waiter.model, "asked", size=waiter.working_bytes)
            try:
                while True:
                    self._give_up_if_due(waiter)
                    loaded = self._take(waiter)
                    if loaded is not None:
                        return loaded
                    self._advance(waiter)
            finally:
                self._queue.remove(waiter)
                self._changed.notify_all()

    def release(self, model: ModelId) -> None:
        """End one use."""
        with self._changed:
            entry = self._entries[model]
            entry.users -= 1
            entry.last_used = self._clock()
            self._leave_if_idle(entry)
            self._changed.notify_all()

    def wake(self) -> None:
        """Let every waiter look again, because one of them was cancelled."""
        with self._changed:
            self._changed.notify_all()

    def progress(self, waiter: Waiter) -> LoadProgress:
        """How far a waiter's model is."""
        with self._changed:
            entry = self._entries[waiter.model]
            if entry.busy not in ("fetching", "loading"):
                place = self._queue.index(waiter) if waiter in self._queue else 0
                ahead = place + (entry.users if entry.loaded else 0)
                return LoadProgress(waiter.model, entry.spec.name, "waiting", ahead=ahead)
            elapsed = self._clock() - entry.since
            left = None
            if entry.busy == "loading" and entry.load_seconds:
                left = max(0.0, entry.load_seconds - elapsed)
            elif entry.busy == "fetching" and entry.total and entry.done:
                left = elapsed * (entry.total - entry.done) / entry.done
            return LoadProgress(waiter.model, entry.spec.name, entry.busy, entry.done, entry.total, 0, left)

    def _status(self, entry: Entry) -> Status:
        spec = entry.spec
        present = self.present(spec)
        if entry.loaded is None:
            state = "disk" if present and not spec.remote else "absent"
            size = (self._store.size(spec) if present and not spec.remote else None) or spec.memory
        else:
            state = "device" if entry.device == entry.home else "host"
            size = entry.measured_bytes
        return Status(
            spec.id,
            spec.task,
            spec.engine,
            state,  # type: ignore[arg-type]
            size,
            present,
            spec.licence,
            entry.users,
            entry.device,
            entry.busy,
        )

    def _give_up_if_due(self, waiter: Waiter) -> None:
        if waiter.cancelled.is_set():
            raise Cancelled
        if waiter.failure is not None:
            raise waiter.failure
        if self._clock() >= waiter.give_up_at:
            holders = ", ".join(e.spec.id for e in self._entries.values() if e.users or e.busy)
            self.journal.write(waiter.model, "refused", why="busy")
            raise Busy("registry.busy", model=waiter.model, holders=holders or waiter.model)

    def _advance(self, waiter: Waiter) -> None:
        """Do the next thing that brings a waiter's model nearer, or wait until something changes."""
        entry = self._entries[waiter.model]
        try:
            if not entry.located and not entry.busy:
                self._locate(waiter, entry)
            elif self._is_next_to_load(waiter):
                self._bring(waiter, entry)
                if waiter.blocked:
                    self._changed.wait(CANCEL_CHECK_SECONDS)
            else:
                self._changed.wait(CANCEL_CHECK_SECONDS)
        except Cancelled:
            raise
        except Exception as error:
            self._share_failure(waiter, error)
            raise

    def _take(self, waiter: Waiter) -> Loaded | None:
        entry = self._entries[waiter.model]
        if not entry.ready or entry.loaded is None:
            return None
        if entry.users and entry.loaded.sharing == "exclusive":
            return None
        for other in self._queue:
            if other is waiter:
                break
            if other.blocked or other.model == waiter.model:
                return None
        entry.users += 1
        entry.last_used = self._clock()
        return entry.loaded

    def _is_next_to_load(self, waiter: Waiter) -> bool:
        """Whether this waiter's model must be loaded and no earlier request's load comes first."""
        if any(entry.busy in ("loading", "moving") for entry in self._entries.values()):
            return False
        for other in self._queue:
            entry = self._entries[other.model]
            if not entry.ready and entry.busy != "fetching":
                return other is waiter
        return False

    def _locate(self, waiter: Waiter, entry: Entry) -> None:
        """Find or fetch the weights and decide on the device; slow, and no obstacle to other models' loads."""
        entry.busy, entry.since, entry.done, entry.total = "fetching", self._clock(), 0, None
        self._changed.notify_all()
        home, weights = "", None
        fetched = not entry.spec.remote and self._store.find(entry.spec) is None
        try:
            with unlocked(self._changed):
                home = self._residency.home(self._bindings[entry.spec.engine])
                if not entry.spec.remote:
                    weights = self._store.fetch(entry.spec, entry.report, waiter.cancelled.is_set)
        finally:
            entry.busy, entry.home, entry.weights = "", home, weights
            self._changed.notify_all()
        if fetched:
            self.journal.write(entry.spec.id, "fetched", size=entry.done, seconds=self._clock() - entry.since)

    def _bring(self, waiter: Waiter, entry: Entry) -> None:
        """Load a waiter's model if there is room, else mark the waiter as blocked."""
        came = self._residency.bring(
            entry,
            self._entries.values(),
            self._bindings[entry.spec.engine],
            working_bytes=waiter.working_bytes,
            condition=self._changed,
        )
        waiter.blocked = not came

    def _share_failure(self, waiter: Waiter, error: Exception) -> None:
        """Tell everyone who waits for the same load, so that each does not try it again in turn."""
        code = error.code if isinstance(error, StudioError) else type(error).__name__
        self.journal.write(waiter.model, "failed", why=code)
        for other in self._queue:
            if other.model == waiter.model:
                other.failure = error
        self._changed.notify_all()

    def _leave_if_idle(self, entry: Entry, event: Event = "offloaded") -> bool:
        if not entry.leaving or entry.users or entry.busy or entry.loaded is None:
            return entry.loaded is None
        entry.leaving = False
        self._residency.drop(entry, event, "", self._changed)
        return True
