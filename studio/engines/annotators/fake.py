"""An annotator that turns colours round, so that everything around annotators can be tried without a model."""

from collections.abc import Callable
from typing import Any

from PIL import Image, ImageOps

from studio.engines.annotators.resampling import fitted
from studio.errors import OutOfMemory
from studio.registry import DeviceName, Sharing


class InvertingAnnotator:
    """White becomes black; `failures` is how often its pretend memory runs out first."""

    sharing: Sharing = "exclusive"
    movable = True

    def __init__(
        self, *, nbytes: int = 1_000_000, failures: int = 0, on_picture: Callable[[Image.Image], None] | None = None
    ) -> None:
        self.nbytes = nbytes
        self.device: DeviceName = "cpu"
        self.closed = False
        self.asked: list[tuple[int, dict[str, Any]]] = []
        """Resolution and parameters of every picture, in order."""
        self._failures = failures
        self._on_picture = on_picture

    def annotate(self, image: Image.Image, resolution: int, **parameters: Any) -> Image.Image:
        self.asked.append((resolution, parameters))
        if self._on_picture:
            self._on_picture(image)
        if self._failures:
            self._failures -= 1
            raise OutOfMemory("control.memory", resolution=resolution)
        return ImageOps.invert(fitted(image, resolution))

    def move(self, device: DeviceName) -> None:
        self.device = device

    def close(self) -> None:
        self.closed = True
