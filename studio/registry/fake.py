"""Pretend models, for tests and simulations of the registry."""

import threading
from collections.abc import Mapping
from pathlib import Path

from studio.errors import OutOfMemory
from studio.registry.loaded import DeviceName, Sharing
from studio.registry.spec import ModelSpec


class FakeModel:
    """A model of pretend bytes that remembers what was done with it."""

    def __init__(self, spec: ModelSpec, nbytes: int, device: DeviceName, sharing: Sharing, movable: bool) -> None:
        self.spec = spec
        self.nbytes = nbytes
        self.device = device
        self.sharing = sharing
        self.movable = movable
        self.closed = False

    def move(self, device: DeviceName) -> None:
        self.device = device

    def close(self) -> None:
        self.closed = True


class FakeLoader:
    """Makes `FakeModel`s; loads can be held at a gate, and made to fail."""

    def __init__(
        self,
        sizes: Mapping[str, int] | None = None,
        *,
        sharing: Sharing = "shared",
        movable: bool = False,
        failures: Mapping[str, list[Exception]] | None = None,
    ) -> None:
        """`sizes` are real bytes where they differ from the catalogue's estimate; `failures` are raised in turn."""
        self._sizes = sizes or {}
        self._sharing: Sharing = sharing
        self._movable = movable
        self._failures = failures or {}
        self.gate = threading.Event()
        """Loads wait until it is set; it is set to begin with."""
        self.gate.set()
        self.started = threading.Semaphore(0)
        """Released once for each load that begins."""
        self.loads: list[str] = []
        self.models: list[FakeModel] = []

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName) -> FakeModel:
        self.loads.append(spec.id)
        self.started.release()
        self.gate.wait()
        if self._failures.get(spec.id):
            raise self._failures[spec.id].pop(0)
        model = FakeModel(spec, self._sizes.get(spec.id, spec.memory or 0), device, self._sharing, self._movable)
        self.models.append(model)
        return model


def out_of_memory(model: str) -> OutOfMemory:
    """What a loader raises when a device is full."""
    return OutOfMemory("memory.model", model=model, need="?", budget="?")
