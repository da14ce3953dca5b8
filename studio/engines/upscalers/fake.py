"""An upscaler that repeats pixels, so that everything around upscalers can be tried without a model."""

from collections.abc import Callable

import numpy as np

from studio.engines.upscalers.base import Pixels
from studio.errors import OutOfMemory
from studio.registry import DeviceName, Sharing


class NearestUpscaler:
    """Nearest-neighbour enlargement; `most_pixels` is the largest tile its pretend memory holds."""

    sharing: Sharing = "exclusive"
    movable = True

    def __init__(
        self,
        scale: int = 4,
        *,
        tile: int = 128,
        nbytes: int = 1_000_000,
        most_pixels: int | None = None,
        on_tile: Callable[[Pixels], None] | None = None,
    ) -> None:
        self.scale = scale
        self.tile = tile
        self.nbytes = nbytes
        self.device: DeviceName = "cpu"
        self.closed = False
        self.tiles: list[tuple[int, int]] = []
        """(height, width) of every tile it enlarged, in order."""
        self._most_pixels = most_pixels
        self._on_tile = on_tile

    def enlarge(self, tile: Pixels) -> Pixels:
        height, width = tile.shape[:2]
        if self._on_tile:
            self._on_tile(tile)
        if self._most_pixels is not None and height * width > self._most_pixels:
            raise OutOfMemory("upscale.memory", width=width, height=height)
        self.tiles.append((height, width))
        return np.repeat(np.repeat(tile, self.scale, axis=0), self.scale, axis=1)

    def move(self, device: DeviceName) -> None:
        self.device = device

    def close(self) -> None:
        self.closed = True
