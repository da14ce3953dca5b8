"""Enlarging a picture of any size in overlapping tiles, in bounded memory and without seams."""

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from studio.errors import OutOfMemory

Pixels = NDArray[np.uint8]
Enlarge = Callable[[Pixels], Pixels]

OVERLAP: Final = 16
"""Pixels that neighbouring tiles share."""
MARGIN: Final = 8
"""Pixels the picture's edge is continued by, because a network sees darkness behind the last pixel."""
LEAST_TILE: Final = 32
"""Halving stops here: what does not fit at this size will not fit at all."""


class Span(NamedTuple):
    """A stretch of one axis, from `start` up to but without `stop`."""

    start: int
    stop: int


def spans(length: int, tile: int, overlap: int) -> tuple[Span, ...]:
    """The fewest equal stretches of at most `tile` that cover `length`, neighbours sharing at least `overlap`.

    They are as short as that number allows, so the last tile is no sliver and no pixel is worked on without need.
    """
    overlap = min(overlap, tile // 4)
    if length <= tile:
        return (Span(0, length),)
    count = -(-(length - overlap) // (tile - overlap))
    size = -(-(length + (count - 1) * overlap) // count)
    starts = ((length - size) * index // (count - 1) for index in range(count))
    return tuple(Span(start, start + size) for start in starts)


def ramp(length: int) -> NDArray[np.float32]:
    """How much the later of two tiles counts across the `length` pixels they share, from 0 to 1.

    It rises over the middle half only: the outer quarters lie at the edge of a tile, which knows little there.
    """
    middle = (np.arange(length, dtype=np.float32) + 0.5) / max(length, 1)
    return np.clip(middle * 2 - 0.5, 0, 1)


def blend(earlier: Pixels, later: Pixels, axis: int) -> Pixels:
    """Cross-fade two arrays of one shape (height, width, 3) along `axis`."""
    shape = [1, 1, 1]
    shape[axis] = -1
    weight = ramp(earlier.shape[axis]).reshape(shape)
    mixed: Pixels = np.rint(earlier * (1 - weight) + later * weight).astype(np.uint8)
    return mixed


def _nothing() -> None:
    """There is no room to be made."""


class HalvingTiles:
    """Calls `enlarge`; what does not fit in memory is split into tiles half as large, then and from then on.

    Before the first split, `make_room` gets the chance to free memory that something else holds.
    """

    def __init__(self, enlarge: Enlarge, scale: int, tile: int, make_room: Callable[[], None] = _nothing) -> None:
        self._enlarge = enlarge
        self._scale = scale
        self._tile = tile
        self._make_room: Callable[[], None] | None = make_room

    def __call__(self, tile: Pixels) -> Pixels:
        """Enlarge `tile`.

        Raises:
            OutOfMemory: it does not fit even in the smallest tiles.
        """
        while True:
            if max(tile.shape[:2]) > self._tile:
                rows = enlarged_rows(tile, self._scale, self, tile=self._tile, margin=0)
                return np.concatenate(list(rows))
            try:
                return self._enlarge(tile)
            except OutOfMemory:
                largest = max(tile.shape[:2])
                if self._make_room is None and largest <= LEAST_TILE:
                    raise
            # Outside the handler, whose traceback would keep alive what the failed tile had allocated.
            if self._make_room is not None:
                self._make_room()
                self._make_room = None
            else:
                self._tile = max(LEAST_TILE, largest // 2)


def tile_count(height: int, width: int, *, tile: int, overlap: int = OVERLAP, margin: int = MARGIN) -> int:
    """How many tiles `enlarged_rows` works through."""
    return len(spans(height + 2 * margin, tile, overlap)) * len(spans(width + 2 * margin, tile, overlap))


def enlarged_rows(
    pixels: Pixels, scale: int, enlarge: Enlarge, *, tile: int, overlap: int = OVERLAP, margin: int = MARGIN
) -> Iterator[Pixels]:
    """Enlarge `pixels` of shape (height, width, 3) tile by tile, left to right and top to bottom.

    Yields once per tile: the rows (n, width * scale, 3) that this tile finished, often none. Together they are the
    enlarged picture. No more than one row of tiles is held.
    """
    padded = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="edge") if margin else pixels
    downs, acrosses = (spans(length, tile, overlap) for length in padded.shape[:2])
    inside = slice(margin * scale, (margin + pixels.shape[1]) * scale)
    first, last = margin * scale, (margin + pixels.shape[0]) * scale
    waiting = np.empty((0, padded.shape[1] * scale, 3), np.uint8)
    for down, after in zip_longest(downs, downs[1:]):
        strip = np.empty(((down.stop - down.start) * scale, padded.shape[1] * scale, 3), np.uint8)
        done = 0
        for index, across in enumerate(acrosses):
            piece = enlarge(padded[down.start : down.stop, across.start : across.stop])
            left, right = across.start * scale, across.stop * scale
            shared = done - left
            strip[:, left:done] = blend(strip[:, left:done], piece[:, :shared], axis=1)
            strip[:, done:right] = piece[:, shared:]
            done = right
            if index < len(acrosses) - 1:
                yield np.empty((0, pixels.shape[1] * scale, 3), np.uint8)
        strip[: len(waiting)] = blend(waiting, strip[: len(waiting)], axis=0)
        final = (after.start if after else down.stop) * scale - down.start * scale
        top = down.start * scale
        yield strip[max(first - top, 0) : max(min(final, last - top), 0), inside]
        waiting = strip[final:].copy()
