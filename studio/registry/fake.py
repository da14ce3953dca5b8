"""Pretend models and pretend memory, for tests and simulations of the registry."""

import threading
from collections.abc import Mapping
from pathlib import Path

from studio.errors import OutOfMemory
from studio.registry.loaded import DeviceName, Rung, Sharing
from studio.registry.spec import ModelSpec


class FakeMemory:
    """A device of pretend bytes; it runs out when more than `capacity` of them are taken."""

    def __init__(self, name: DeviceName, size: int, capacity: int | None = None) -> None:
        """`size` is the measured budget; `capacity` is what there really is, the same unless told otherwise."""
        self.name: DeviceName = name
        self.size = size
        self.capacity = size if capacity is None else capacity
        self.limit: int | None = None
        self.taken = 0
        """Bytes that models and requests really take now."""
        self.most = 0
        """The most that was ever taken."""
        self.reclaimed = 0
        """How often memory was reclaimed."""
        self._peak = 0
        self._lock = threading.Lock()

    def budget(self, held: int) -> int:
        return self.size if self.limit is None else self.limit

    def reclaim(self) -> None:
        self.reclaimed += 1

    def mark(self) -> int | None:
        with self._lock:
            self._peak = self.taken
            return self.taken

    def peak(self, mark: int) -> int:
        return self._peak - mark

    def take(self, size: int, model: str = "") -> None:
        """Take pretend bytes, as a loader or a running request does; negative gives them back.

        Raises:
            OutOfMemory: there are not that many.
        """
        with self._lock:
            if self.taken + size > self.capacity:
                raise out_of_memory(model)
            self.taken += size
            self.most = max(self.most, self.taken)
            self._peak = max(self._peak, self.taken)


class FakeModel:
    """A model of pretend bytes that remembers what was done with it."""

    def __init__(
        self,
        spec: ModelSpec,
        nbytes: int,
        device: DeviceName,
        sharing: Sharing,
        movable: bool,
        memories: Mapping[DeviceName, FakeMemory] | None = None,
        rung: Rung = "whole",
    ) -> None:
        self.spec = spec
        self.nbytes = nbytes
        self.device = device
        self.sharing = sharing
        self.movable = movable
        self.rung = rung
        self.closed = False
        self._memories = memories or {}
        self._take(device, nbytes)

    def move(self, device: DeviceName) -> None:
        self._take(device, self.nbytes)
        self._take(self.device, -self.nbytes)
        self.device = device

    def close(self) -> None:
        self._take(self.device, -self.nbytes)
        self.closed = True

    def _take(self, device: DeviceName, size: int) -> None:
        if device in self._memories:
            self._memories[device].take(size, self.spec.id)


class FakeLoader:
    """Makes `FakeModel`s; loads can be held at a gate, and made to fail."""

    def __init__(
        self,
        sizes: Mapping[str, int] | None = None,
        *,
        sharing: Sharing = "shared",
        movable: bool = False,
        failures: Mapping[str, list[Exception]] | None = None,
        memories: Mapping[DeviceName, FakeMemory] | None = None,
    ) -> None:
        """`sizes` are real bytes where they differ from the catalogue's estimate; `failures` are raised in turn.

        Models take their bytes from `memories`, where there are any, and so can run out of them.
        """
        self._sizes = sizes or {}
        self._sharing: Sharing = sharing
        self._movable = movable
        self._failures = failures or {}
        self._memories = memories or {}
        self.gate = threading.Event()
        """Loads wait until it is set; it is set to begin with."""
        self.gate.set()
        self.started = threading.Semaphore(0)
        """Released once for each load that begins."""
        self.loads: list[str] = []
        self.models: list[FakeModel] = []

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole") -> FakeModel:
        self.loads.append(spec.id)
        self.started.release()
        self.gate.wait()
        if self._failures.get(spec.id):
            raise self._failures[spec.id].pop(0)
        size = self._sizes.get(spec.id, spec.memory or 0)
        model = FakeModel(spec, size, device, self._sharing, self._movable, self._memories, rung)
        self.models.append(model)
        return model


def out_of_memory(model: str) -> OutOfMemory:
    """What a loader raises when a device is full."""
    return OutOfMemory("memory.model", model=model, need="?", budget="?", device="?")
