"""What a person or program may know of a model and of a memory at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from studio.registry.catalogue.spec import ModelId
from studio.registry.models.loaded import DeviceName, Rung

State = Literal["absent", "disk", "host", "device"]


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
    """Where it is; empty when it is not in memory."""
    busy: str
    rung: Rung | Literal[""] = ""
    pinned: bool = False
    holds: Mapping[DeviceName, int] = field(default_factory=dict)
    """Bytes in each memory."""


@dataclass(frozen=True)
class DeviceStatus:
    """One memory and what the registry has in it."""

    name: DeviceName
    budget: int
    """Bytes that models may hold."""
    held: int
    """Bytes that models hold."""
    reserved: int
    """Bytes promised to requests under way, beside the weights."""
