"""What the registry knows about one model at this moment."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studio.registry.loaded import DeviceName, Loaded, Loader
from studio.registry.spec import ModelId, ModelSpec

State = Literal["absent", "disk", "host", "device"]


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Binding:
    """How the models of one engine are loaded."""

    loader: Loader
    accelerated: Callable[[], bool] = _always
    """Whether this engine can use the accelerator; asked when a model is loaded. False keeps it on the CPU."""


@dataclass(eq=False)
class Entry:
    """The mutable record of one model; read and written only under the registry's lock."""

    spec: ModelSpec
    loaded: Loaded | None = None
    weights: Path | None = None
    """Its file or folder on disk, once located."""
    device: DeviceName = ""
    """Where it is, when it is loaded."""
    home: DeviceName = ""
    """The device it runs on; `device` differs while it is offloaded to main memory."""
    users: int = 0
    last_used: float = 0.0
    busy: Literal["", "fetching", "loading", "moving"] = ""
    """What is being done with it outside the lock; nobody may take it meanwhile."""
    since: float = 0.0
    """When `busy` began."""
    done: int = 0
    total: int | None = None
    """Bytes fetched, while fetching."""
    measured_bytes: int | None = None
    load_seconds: float | None = None
    leaving: bool = False
    """Offload it as soon as nobody uses it."""

    def report(self, done: int, total: int | None) -> None:
        """Take note of fetched bytes; called from the fetching thread, and torn reads do no harm."""
        self.done, self.total = done, total

    @property
    def ready(self) -> bool:
        """Whether it can be used where it is."""
        return self.loaded is not None and not self.busy and self.device == self.home

    @property
    def located(self) -> bool:
        """Whether it can be loaded without looking for its weights."""
        return bool(self.home) and (self.spec.remote or self.loaded is not None or self.weights is not None)

    @property
    def need(self) -> int:
        """Bytes its weights take: measured at the last load, else the catalogue's estimate."""
        return self.measured_bytes or self.spec.memory or 0


@dataclass(frozen=True)
class Status:
    """What a person or program may know about a model."""

    id: ModelId
    task: str
    engine: str
    state: State
    bytes: int | None
    """Measured weights in memory, else their size on disk, else the estimate."""
    present: bool
    """Whether it can run without fetching anything."""
    licence: str
    in_use: int
    device: DeviceName
    busy: str
