"""Pretend models and pretend memory, for tests and simulations of the registry."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from studio.errors import OutOfMemory
from studio.registry.catalogue.spec import ModelSpec
from studio.registry.models.loaded import DeviceName, Footprint, Rung, Sharing


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


OFFLOADED_SHARE: Final = {"whole": 1.0, "model_offload": 0.5, "group_offload": 0.1}
"""How much of a pretend model is on its device at once, on each rung."""


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
        parts: Mapping[str, int] | None = None,
    ) -> None:
        self.spec = spec
        self.nbytes = nbytes
        self.device = device
        self.sharing = sharing
        self.movable = movable
        self.rung = rung
        self.closed = False
        self._memories = memories or {}
        self._parts = dict(parts or {})
        self._parked: set[str] = set()
        self._taken: dict[DeviceName, int] = {}
        self._hold(fake_footprint(nbytes, rung))

    @property
    def footprint(self) -> Footprint:
        return fake_footprint(self.nbytes, self.rung)

    @property
    def parts(self) -> Mapping[str, int]:
        return {name: size for name, size in self._parts.items() if name not in self._parked}

    def park(self, parts: tuple[str, ...]) -> None:
        self._parked.update(parts)
        gone = sum(self._parts[name] for name in self._parked)
        self._hold(Footprint(self.nbytes - gone, gone))

    def move(self, device: DeviceName) -> None:
        before, self.device = self.device, device
        try:
            self._hold(Footprint(self.nbytes))
        except OutOfMemory:
            self.device = before
            raise
        self._parked.clear()

    def close(self) -> None:
        self._hold(Footprint(0))
        self.closed = True

    def _hold(self, footprint: Footprint) -> None:
        """Take what is missing first, then give back what is too much, as a copy between devices does."""
        wanted = {self.device: footprint.device}
        if footprint.host:
            wanted["cpu"] = wanted.get("cpu", 0) + footprint.host
        changes = {name: wanted.get(name, 0) - self._taken.get(name, 0) for name in {*wanted, *self._taken}}
        for name in sorted(changes, key=lambda name: -changes[name]):
            if name in self._memories:
                self._memories[name].take(changes[name], self.spec.id)
        self._taken = wanted


def fake_footprint(nbytes: int, rung: Rung) -> Footprint:
    """What a pretend model takes on a rung."""
    if rung == "whole":
        return Footprint(nbytes)
    return Footprint(int(nbytes * OFFLOADED_SHARE[rung]), nbytes)


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
        parts: Mapping[str, Mapping[str, int]] | None = None,
    ) -> None:
        """`sizes` are real bytes where they differ from the catalogue's estimate; `failures` are raised in turn.

        Models take their bytes from `memories`, where there are any, and so can run out of them; those with `parts`
        can leave in part.
        """
        self._sizes = sizes or {}
        self._sharing: Sharing = sharing
        self._movable = movable
        self._failures = failures or {}
        self._memories = memories or {}
        self._parts = parts or {}
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
        parts = self._parts.get(spec.id)
        model = FakeModel(spec, size, device, self._sharing, self._movable, self._memories, rung, parts)
        self.models.append(model)
        return model


def out_of_memory(model: str) -> OutOfMemory:
    """What a loader raises when a device is full."""
    return OutOfMemory("memory.model", model=model, need="?", budget="?", device="?")
