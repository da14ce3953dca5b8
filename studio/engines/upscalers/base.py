"""The protocol of every super-resolution model."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A picture as an array of shape (height, width, 3), RGB, 0 to 255."""


class Upscaler(Protocol):
    """A model that enlarges one tile. Implements `studio.registry.models.loaded.Loaded` as well."""

    @property
    def scale(self) -> int:
        """How many times wider and higher the output is."""
        ...

    @property
    def tile(self) -> int:
        """The side of the square tiles it works through best, pixels; larger ones take longer to stop."""
        ...

    def enlarge(self, tile: Pixels) -> Pixels:
        """Enlarge a tile of shape (h, w, 3) to (h * scale, w * scale, 3).

        Raises:
            OutOfMemory: the tile is too large for the device; halve it and try again.
        """
        ...
