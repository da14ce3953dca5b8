"""The one registry of models: lends them, loads them once, and keeps them within the budget."""

import os
import weakref
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from studio.errors import InvalidRequest, OutOfMemory, StudioError, UnknownModel, WeightsUnavailable
from studio.messages import data_size
from studio.registry.books import Books
from studio.registry.catalogue.catalogue import Catalogue
from studio.registry.catalogue.choice import Choice
from studio.registry.catalogue.spec import ModelId, ModelSpec, Source, Task
from studio.registry.dispatch import Dispatcher
from studio.registry.errands import Executor, in_thread, under_way
from studio.registry.lease import Lease
from studio.registry.loan import Loan
from studio.registry.models.binding import Binding
from studio.registry.models.entry import Entry
from studio.registry.models.loaded import DeviceName, Shape
from studio.registry.moving import Mover
from studio.registry.reporting.journal import Journal
from studio.registry.reporting.status import DeviceStatus, Status
from studio.registry.waiter import LoadProgress, Waiter
from studio.registry.weights.store import WeightsStore

RETRY_SECONDS: Final = 600.0
"""For how long a model that could not be fetched is not the default."""
KINDRED: Final[Mapping[Task, tuple[Task, ...]]] = MappingProxyType({"text": ("code",), "code": ("text",)})
"""Tasks whose models can do another task as well."""


class Registry:
    """Which models exist and where they are now.

    All decisions are taken under one lock; fetching, loading and moving happen outside it, on threads of their own.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        bindings: Mapping[str, Binding],
        books: Books,
        store: WeightsStore,
        *,
        configured: Callable[[ModelSpec], bool] = lambda spec: False,
        residents: Collection[str] | None = None,
        fetchable: Callable[[ModelSpec], bool] = lambda spec: True,
        defaults: Mapping[Task, str] | None = None,
        keep_alive: float = 0,
        deadline: float = 600,
        executor: Executor = in_thread,
    ) -> None:
        """`configured` tells whether a remote model has its address; `defaults` names the models that do a task when
        nobody names one; `keep_alive` and `deadline` are seconds.

        `residents` are the only models that may run on an accelerator, where nothing moves once it is there; with
        None, models come and go as they are needed.
        """
        self._catalogue = catalogue
        self._books = books
        self._store = store
        self._configured = configured
        self._residents = residents
        self._fetchable = fetchable
        self._keep_alive = keep_alive
        self._deadline = deadline
        self._entries = books.entries
        for spec in catalogue:
            self._entries[spec.id] = Entry(spec, bindings[spec.engine])
        self._dispatcher = Dispatcher(books, Mover(books, store), patience=deadline, executor=executor)
        self._lock = books.lock
        fixed = {task: self.choose(model, task, *KINDRED.get(task, ())) for task, model in (defaults or {}).items()}
        self._choice = Choice(
            catalogue,
            present=self.present,
            obtainable=lambda spec: self.refusal(spec) is None and (self._fetchable(spec) or self.present(spec)),
            admitted=self._admitted,
            budget=self._host_budget,
            fixed=fixed,
        )

    @property
    def journal(self) -> Journal:
        """Every decision so far."""
        return self._books.journal

    @property
    def catalogue(self) -> Catalogue:
        """What it keeps."""
        return self._catalogue

    def choose(self, wanted: str | None, *tasks: Task) -> ModelSpec:
        """The model to use for `tasks`: the one asked for, else the best one; see `Choice`.

        Raises:
            UnknownModel: no such id, or it is made for another task.
        """
        if not wanted:
            return self._choice.best(*tasks)
        spec = self._catalogue.get(wanted)
        if spec.task not in tasks:
            raise UnknownModel("model.task", model=wanted, task=spec.task, wanted=" / ".join(tasks))
        return spec

    def ready(self, *tasks: Task, without: Sequence[ModelSpec] = ()) -> ModelSpec | None:
        """The best model for `tasks` that needs nothing fetched; None where there is none."""
        return self._choice.present(*tasks, without=without)

    def lend(self, wanted: str | None, *tasks: Task, shape: Shape | None = None) -> Loan:
        """A lease on the model asked for; on the best one for `tasks` where nobody asks for any, see `Loan`."""
        return Loan(self, wanted, tasks, shape)

    def present(self, spec: ModelSpec) -> bool:
        """Whether it can run without fetching anything."""
        if spec.remote:
            return self._configured(spec)
        return self._entries[spec.id].loaded is not None or self._store.find(spec.sources) is not None

    def weights(self, spec: ModelSpec) -> Path | None:
        """The file or folder of a model's weights; None where they are not here."""
        return self._store.find(spec.sources)

    def origin(self, spec: ModelSpec) -> Source | None:
        """Which of a model's sources its weights on this machine came from; None where they are not here."""
        return self._store.origin(spec.sources)

    def accelerated(self, spec: ModelSpec) -> bool:
        """Whether it runs on an accelerator where there is one."""
        return spec.device != "cpu" and self._entries[spec.id].binding.accelerated()

    def lease(self, *models: str, shape: Shape | None = None, deadline: float | None = None) -> Lease:
        """The right to use models inside a `with` block; see `Lease`.

        Several models are taken together: the first does the work, the others help it. `shape` tells what the request
        needs beside the weights; `deadline` is the seconds it is willing to wait.

        Raises:
            UnknownModel: no such id, or one that this studio does not keep ready.
            WeightsUnavailable: it is not here, and nobody may have it fetched.
        """
        specs = [self._catalogue.get(model) for model in models]
        for spec in specs:
            if not self._admitted(spec):
                raise UnknownModel("model.not_resident", model=spec.id)
            if not self._fetchable(spec) and not self.present(spec):
                raise WeightsUnavailable("fetch.refused", name=spec.name, model=spec.id)
        now = self._books.clock()
        limit = self._deadline if deadline is None else deadline
        return Lease(self._dispatcher, Waiter(tuple(spec.id for spec in specs), now, now + limit, shape))

    def prefetch(self, model: str) -> None:
        """Begin to fetch a model's weights, if they are not here, before anybody needs them."""
        self._dispatcher.prefetch(self._catalogue.get(model).id)

    def stop_prefetch(self) -> None:
        """Go on only with what requests wait for; what has arrived is kept."""
        self._dispatcher.stop_prefetch()

    def fetching(self) -> tuple[LoadProgress, ...]:
        """What is being fetched now."""
        now = self._books.clock()
        with self._lock:
            return tuple(under_way(entry, now) for entry in self._entries.values() if entry.busy == "fetching")

    def refusal(self, spec: ModelSpec) -> StudioError | None:
        """Why a model's weights could not be fetched a while ago; None where it is worth trying."""
        entry = self._entries[spec.id]
        fresh = self._books.clock() - entry.refused < RETRY_SECONDS
        return entry.refusal if isinstance(entry.refusal, StudioError) and fresh else None

    def load(self, model: str) -> Generator[LoadProgress, None, None]:
        """Bring a model to its device and leave it there."""
        with self.lease(model) as lease:
            yield from lease.arrive()

    def offload(self, model: str) -> bool:
        """Take a model off its device: to main memory where it can wait there, else out of memory.

        Returns whether it is gone already; while it is in use, it goes when its last user is done.

        Raises:
            InvalidRequest: it is one of the residents; so do `drop` and `pin`, when it would let one go.
        """
        entry = self._free(model)
        self._dispatcher.ask_to_leave([entry], "offloaded")
        return entry.loaded is None or entry.parked

    def drop(self, model: str) -> bool:
        """Free all memory of a model, as `offload` does for its device."""
        entry = self._free(model)
        self._dispatcher.ask_to_leave([entry], "dropped")
        return entry.loaded is None

    def pin(self, model: str, pinned: bool = True) -> None:
        """Keep a model in memory once it is there: nothing evicts it and it is never idle for too long."""
        entry = self._entry(model) if pinned else self._free(model)
        with self._lock:
            if entry.pinned == pinned:
                return
            entry.pinned = pinned
        self.journal.write(entry.spec.id, "pinned" if pinned else "unpinned")
        # Someone may have waited for just this room.
        self._dispatcher.look()

    def set_budget(self, device: DeviceName, limit: int | None) -> None:
        """Change what models may hold on a device, in bytes; None measures it again.

        What is idle leaves at once if that is too little now, what is in use when it is free.

        Raises:
            InvalidRequest: no such device, or a limit of nothing.
        """
        ledger = self._books.ledger
        if not ledger.knows(device):
            names = ", ".join(status.name for status in self.devices())
            raise InvalidRequest("device.unknown", device=device, devices=names)
        if limit is not None and limit <= 0:
            raise InvalidRequest("budget.negative", budget=limit)
        with self._lock:
            ledger.limit(device, limit)
            budget = ledger.budget(device)
        self.journal.write(ModelId(""), "budget", size=budget, device=device)
        self._dispatcher.enforce([device])

    def statuses(self) -> tuple[Status, ...]:
        """All models in catalogue order."""
        present = {spec.id: self.present(spec) for spec in self._catalogue}
        with self._lock:
            return tuple(self._status(entry, present[name]) for name, entry in self._entries.items())

    def devices(self) -> tuple[DeviceStatus, ...]:
        """All memories, main memory first; an accelerator is known once a model needed one."""
        with self._lock:
            return self._books.ledger.statuses()

    def sweep(self) -> None:
        """Offload what has been idle for too long, and what a memory that became short has no room for any more.

        Call it now and then. A model that waited in main memory for as long again leaves it, too.
        """
        now = self._books.clock()
        with self._lock:
            expired = [entry for entry in self._entries.values() if self._expired(entry, now)]
            short = [status.name for status in self._books.ledger.statuses() if status.held]
        self._dispatcher.ask_to_leave(expired, "expired")
        self._dispatcher.enforce(short)

    def load_residents(self) -> None:
        """Bring the residents to their device and pin them there; at start-up, before anything is served.

        Raises:
            OutOfMemory: they do not fit together; and whatever loading them raises.
        """
        for model in self._residents or ():
            for _ in self.load(model):
                pass
            entry = self._entry(model)
            best, place = entry.options[0], entry.placement
            if place is None or place.rung != best.rung or (place.device == "cpu") != (best.device == "cpu"):
                raise self._crowded(entry)
            self.pin(model)
            entry.permanent = True

    def close(self) -> None:
        """Drop every idle model and fetch nothing more; called at the end of the process."""
        self._dispatcher.stop_prefetch()
        self._dispatcher.ask_to_leave(self._entries.values(), "dropped")

    def survive_forks(self) -> None:
        """Make a child of this process able to lease what is in memory: only the forking thread lives on in it.

        The lock is held across the fork, so that the child's copy of the books is whole; it then starts without the
        requests and jobs of threads that it does not have. What the child changes, the parent never sees.
        """
        lock, dispatcher = self._lock, weakref.ref(self._dispatcher)

        def in_child() -> None:
            forked = dispatcher()
            if forked is not None:
                forked.start_over()
            lock.release()

        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=in_child)

    def _crowded(self, entry: Entry) -> OutOfMemory:
        """The error for a resident that did not get its best place, because those before it took the room."""
        devices = self._books.ledger.accelerators
        with self._lock:
            held = sum(e.holds.get(device, 0) for e in self._entries.values() if e.pinned for device in devices)
            budget = sum(self._books.ledger.budget(device) for device in devices)
        need = held + sum(entry.holds.values())
        names = ", ".join(devices)
        return OutOfMemory("resident.budget", need=data_size(need), budget=data_size(budget), device=names)

    def _free(self, model: str) -> Entry:
        """The entry of a model that may be moved away.

        Raises:
            InvalidRequest: it was put where it is at the start, to stay.
        """
        entry = self._entry(model)
        if entry.permanent:
            raise InvalidRequest("model.resident", model=entry.spec.id)
        return entry

    def _entry(self, model: str) -> Entry:
        return self._entries[self._catalogue.get(model).id]

    def _host_budget(self) -> int:
        with self._lock:
            return self._books.ledger.budget("cpu")

    def _admitted(self, spec: ModelSpec) -> bool:
        return self._residents is None or spec.id in self._residents or not self.accelerated(spec)

    def _expired(self, entry: Entry, now: float) -> bool:
        limit = self._keep_alive if entry.spec.keep_alive is None else entry.spec.keep_alive
        if not limit or not entry.idle or entry.pinned:
            return False
        return now - entry.touched >= limit * (2 if entry.waiting else 1)

    def _status(self, entry: Entry, present: bool) -> Status:
        spec, placement = entry.spec, entry.placement
        if entry.loaded is None:
            state = "disk" if present and not spec.remote else "absent"
            size = (self._store.size(spec.sources) if present and not spec.remote else None) or spec.memory
        else:
            state = "host" if entry.parked else "device"
            size = sum(entry.holds.values())
        return Status(
            spec.id,
            spec.task,
            spec.engine,
            state,  # type: ignore[arg-type]
            size,
            present,
            spec.licence,
            entry.users,
            "cpu" if entry.parked else placement.device if placement and entry.loaded else "",
            entry.busy,
            placement.rung if placement and entry.loaded else "",
            entry.pinned,
            dict(entry.holds),
        )
