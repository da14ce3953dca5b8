"""The mechanics of bringing a model to its device and of making room for it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from studio.errors import OutOfMemory
from studio.registry.budget import Resident, plan
from studio.registry.devices import Device
from studio.registry.entry import Binding, Entry
from studio.registry.journal import Event, Journal
from studio.registry.loaded import Loaded


@contextmanager
def unlocked(condition: threading.Condition) -> Iterator[None]:
    """Give the lock up for something slow, and take it again whatever happens."""
    condition.release()
    try:
        yield
    finally:
        condition.acquire()


class Residency:
    """The devices, and what moves between them.

    Its methods are called with the registry's condition held. They mark an entry as busy, give the lock up while the
    slow part runs, and take it again to record the outcome; so an entry that is not busy is never in between.
    """

    def __init__(
        self,
        host: Device,
        find_accelerator: Callable[[], Device | None] = lambda: None,
        *,
        journal: Journal | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`find_accelerator` is called once, when the first model that can use it is needed."""
        self.journal = journal or Journal()
        self._host = host
        self._find_accelerator = find_accelerator
        self._accelerator: Device | None = None
        self._searched = threading.Lock()
        self._found = False
        self._clock = clock

    def home(self, binding: Binding) -> str:
        """The device that an engine's models run on. May import torch; call it without the lock."""
        if not binding.accelerated():
            return self._host.name
        with self._searched:
            if not self._found:
                self._accelerator = self._find_accelerator()
                self._found = True
        return (self._accelerator or self._host).name

    def device(self, name: str) -> Device:
        """A device by its name."""
        if self._accelerator is not None and name == self._accelerator.name:
            return self._accelerator
        return self._host

    def bring(
        self,
        entry: Entry,
        entries: Iterable[Entry],
        binding: Binding,
        *,
        working_bytes: int,
        condition: threading.Condition,
    ) -> bool:
        """Bring one model to its home device. Returns False when others in use leave no room for it yet.

        Raises:
            OutOfMemory: it cannot fit, even alone; and whatever the loader raises.
        """
        device = self.device(entry.home)
        others = [other for other in entries if other is not entry and other.loaded and other.device == device.name]
        need, budget = entry.need + working_bytes, device.budget()
        victims = plan([_resident(other) for other in others], need, budget)
        if victims is None:
            if any(other.users or other.busy for other in others) and need <= budget:
                return False
            raise OutOfMemory("memory.model", model=entry.spec.id, need=_size(need), budget=_size(budget))
        for other in others:
            if other.spec.id in victims:
                self._evict(other, entry, entries, condition)
        self._load(entry, others, binding, device, condition)
        return True

    def drop(self, entry: Entry, event: Event, why: str, condition: threading.Condition) -> None:
        """Free all memory of a model that nobody uses."""
        loaded, device, size = entry.loaded, entry.device, entry.measured_bytes or 0
        if loaded is None:
            return
        entry.busy = "moving"
        try:
            with unlocked(condition):
                loaded.close()
                self.device(device).reclaim()
        finally:
            entry.loaded, entry.device, entry.busy, entry.weights = None, "", "", None
            self.journal.write(entry.spec.id, event, why=why, size=size, device=device)
            condition.notify_all()

    def _evict(self, victim: Entry, winner: Entry, entries: Iterable[Entry], condition: threading.Condition) -> None:
        if victim.loaded is None or victim.users or victim.busy:
            return
        size = victim.measured_bytes or 0
        held = sum(e.measured_bytes or 0 for e in entries if e.loaded and e.device == self._host.name)
        if victim.device == self._host.name or not victim.loaded.movable or held + size > self._host.budget():
            self.drop(victim, "evicted", winner.spec.id, condition)
            return
        victim.busy = "moving"
        started, loaded = self._clock(), victim.loaded
        try:
            with unlocked(condition):
                loaded.move(self._host.name)
                self.device(victim.device).reclaim()
            victim.device = self._host.name
        finally:
            victim.busy = ""
            condition.notify_all()
        seconds = self._clock() - started
        self.journal.write(
            victim.spec.id, "moved", why=winner.spec.id, size=size, seconds=seconds, device=self._host.name
        )

    def _load(
        self, entry: Entry, others: list[Entry], binding: Binding, device: Device, condition: threading.Condition
    ) -> None:
        entry.busy, entry.since = "loading", self._clock()
        condition.notify_all()
        try:
            try:
                loaded = self._place(entry, binding, device, condition)
            except OutOfMemory:
                # The estimate was wrong or the memory fragmented: clear everything idle and try once more.
                for other in others:
                    self._evict(other, entry, others, condition)
                with unlocked(condition):
                    device.reclaim()
                loaded = self._place(entry, binding, device, condition)
            entry.loaded, entry.device = loaded, device.name
            entry.measured_bytes = loaded.nbytes
            entry.load_seconds = self._clock() - entry.since
            entry.last_used = self._clock()
        finally:
            entry.busy = ""
            condition.notify_all()
        self.journal.write(
            entry.spec.id, "loaded", size=entry.measured_bytes, seconds=entry.load_seconds, device=device.name
        )

    def _place(self, entry: Entry, binding: Binding, device: Device, condition: threading.Condition) -> Loaded:
        offloaded, weights = entry.loaded, entry.weights
        with unlocked(condition):
            if offloaded is None:
                return binding.loader(entry.spec, weights, device.name)
            offloaded.move(device.name)
            return offloaded


def _resident(entry: Entry) -> Resident:
    return Resident(entry.spec.id, entry.measured_bytes or 0, entry.last_used, bool(entry.users or entry.busy))


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
