"""What a loader hands to the registry: a model in memory that can be moved and dropped."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from studio.registry.spec import ModelSpec

Sharing = Literal["exclusive", "shared"]
"""`shared` engines batch several requests; `exclusive` ones serve one at a time."""

DeviceName = str
"""`cpu`, or `cuda:0`, `cuda:1`, …: torch's own names."""


class Loaded(Protocol):
    """A model in memory."""

    @property
    def nbytes(self) -> int:
        """Bytes its weights take where it is now, measured."""
        ...

    @property
    def sharing(self) -> Sharing: ...

    @property
    def movable(self) -> bool:
        """Whether `move` can take it off the device and back without reading its file again."""
        ...

    def move(self, device: DeviceName) -> None:
        """Move its weights to another device. Called only while nobody uses it."""
        ...

    def close(self) -> None:
        """Give all its memory back. Called once, while nobody uses it."""
        ...


class Loader(Protocol):
    """How one kind of engine brings a model into memory."""

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName) -> Loaded:
        """Load `spec` from `weights` (a file or folder; None for remote endpoints) onto `device`.

        Raises:
            WeightsUnavailable: the file is truncated or not what the catalogue says.
            OutOfMemory: it does not fit.
            EngineFailed: the library refused it.
        """
        ...


Progress = Callable[[int, int | None], None]
"""Called with bytes done and bytes in all, when known."""
