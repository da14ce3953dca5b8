"""What a loader hands to the registry: a model in memory that can be moved and dropped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from studio.registry.catalogue.spec import ModelSpec

Sharing = Literal["exclusive", "shared"]
"""`shared` engines batch several requests; `exclusive` ones serve one at a time."""

DeviceName = str
"""`cpu`, or `cuda:0`, `cuda:1`, …: torch's own names."""

Rung = Literal["whole", "model_offload", "group_offload"]
"""How much of a model stays on its device while it works: all of it, one component at a time, or one block at a time.
The rest waits in main memory."""


@dataclass(frozen=True)
class Placement:
    """Where a model runs, and how much of it stays there."""

    device: DeviceName
    rung: Rung = "whole"

    def __str__(self) -> str:
        return self.device if self.rung == "whole" else f"{self.device} ({self.rung})"


@dataclass(frozen=True)
class Footprint:
    """Bytes that a model's weights take."""

    device: int
    """On the device it runs on; the largest moment, where components take turns."""
    host: int = 0
    """In main memory beside it."""


@dataclass(frozen=True)
class Shape:
    """What decides how much memory a request needs beside the weights; 0 where it does not apply."""

    width: int = 0
    """Pixels."""
    height: int = 0
    batch: int = 1
    tokens: int = 0
    """Prompt and output together."""

    def __str__(self) -> str:
        pixels = f"{self.width}x{self.height}x{self.batch}" if self.width else ""
        return " ".join(part for part in (pixels, f"{self.tokens} tokens" if self.tokens else "") if part) or "any"


class Loaded(Protocol):
    """A model in memory."""

    @property
    def nbytes(self) -> int:
        """Bytes its weights take, measured."""
        ...

    @property
    def sharing(self) -> Sharing: ...

    @property
    def movable(self) -> bool:
        """Whether `move` can take it off the device and back without reading its file again."""
        ...

    def move(self, device: DeviceName) -> None:
        """Move its weights to another device. Called only while nobody uses it; the registry empties caches after it.

        Raises:
            OutOfMemory: it does not fit; it is then where it was, or in main memory.
        """
        ...

    def close(self) -> None:
        """Let go of all its memory. Called once, while nobody uses it; the registry collects garbage after it."""
        ...


@runtime_checkable
class Spread(Protocol):
    """A loaded model that can hold memory in two places, because it was loaded on a lower rung."""

    @property
    def footprint(self) -> Footprint: ...


@runtime_checkable
class Partial(Protocol):
    """A loaded model that can leave its device in part; `Loaded.move` to the device brings the rest back."""

    @property
    def parts(self) -> Mapping[str, int]:
        """Bytes of each part that is on the device now, by name."""
        ...

    def park(self, parts: tuple[str, ...]) -> None:
        """Move these parts to main memory. Called only while nobody uses the model."""
        ...


class Loader(Protocol):
    """How one kind of engine brings a model into memory."""

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole") -> Loaded:
        """Load `spec` from `weights` (a file or folder; None for remote endpoints) onto `device`.

        Raises:
            WeightsUnavailable: the file is truncated or not what the catalogue says.
            OutOfMemory: it does not fit.
            EngineFailed: the library refused it.
        """
        ...


class Costs(Protocol):
    """What one model will take, told from its files before it is loaded."""

    def footprint(self, placement: Placement) -> Footprint:
        """Bytes of its weights there."""
        ...

    def working(self, placement: Placement, shape: Shape) -> int:
        """Bytes that one request of this shape needs beside the weights, on the device."""
        ...
