"""Enlarging with the upscalers of a registry: the lease they need, and a picture enlarged in memory."""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from time import monotonic
from typing import Final

import numpy as np
from PIL import Image

from studio.engines.upscalers import Upscaler
from studio.errors import OutOfMemory
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.imaging.enlarging.tiling import LEAST_TILE, HalvingTiles, Pixels, enlarged_rows, tile_count
from studio.registry import Lease, LoadProgress, Registry, Shape, Task

TASKS: Final[tuple[Task, ...]] = ("upscale",)
"""What the models that enlarge are for."""
TILES: Final = (512, 256, 128, 64, LEAST_TILE)
"""Sides of tiles to ask room for; what an engine's own tile is, it says when it is loaded."""


class InMemoryEnlarger:
    """Lends the upscalers of a registry to the crafts that enlarge."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def lease(
        self, model: str, size: tuple[int, int], leases: ExitStack
    ) -> Generator[LoadProgress, None, tuple[Lease, int]]:
        """A lease, held by `leases`, with room for tiles of some size, and that size: smaller where there is less room.

        Raises:
            OutOfMemory: not even a small tile fits.
        """
        width, height = size
        for most in TILES:
            lease = self._registry.lease(model, shape=Shape(min(width, most), min(height, most)))
            try:
                yield from lease.arrive()
                break
            except OutOfMemory:
                if most == TILES[-1]:
                    raise
        return leases.enter_context(lease), most

    def enlarged(
        self, image: Image.Image, model: str
    ) -> Generator[LoadProgress | EnlargingProgress, None, Image.Image]:
        """An RGB picture enlarged by the model's own factor. Closing the iterator stops within one tile.

        Raises:
            OutOfMemory: not even a small tile fits.
        """
        with ExitStack() as leases:
            lease, most = yield from self.lease(model, image.size, leases)
            engine = lease.model
            tile = min(engine.tile, most)
            rows = []
            for part, progress in enlarged_tiles(np.asarray(image), engine, tile, lease.make_room):
                rows.append(part)
                yield progress
        return Image.fromarray(np.concatenate(rows))


def enlarged_tiles(
    pixels: Pixels, engine: Upscaler, tile: int, make_room: Callable[[], None]
) -> Iterator[tuple[Pixels, EnlargingProgress]]:
    """The rows that each tile finishes, from the top, and how far the work is.

    Raises:
        OutOfMemory: not even a small tile fits.
    """
    enlarge = HalvingTiles(engine.enlarge, engine.scale, tile, make_room)
    total, begun = tile_count(*pixels.shape[:2], tile=tile), monotonic()
    for done, rows in enumerate(enlarged_rows(pixels, engine.scale, enlarge, tile=tile), start=1):
        left = (monotonic() - begun) / done * (total - done)
        yield rows, EnlargingProgress(tile=done, total=total, seconds_left=left)
