"""For how many seconds a request asks for a lent GPU.

What overruns its time may be aborted, so all of this is on the generous side; who asks for less is served sooner. The
rates are thought out for half an H200, from sizes alone; none is measured there.
"""

import math
from collections.abc import Iterable
from typing import Final

LEAST: Final = 15
MOST: Final = 120
"""ZeroGPU refuses what asks for too much; the limit is not published, and its documentation's example asks for this."""
START_SECONDS: Final = 8.0
"""A new child of the process and its CUDA context."""
MOVED_BYTES_PER_SECOND: Final = 2e9
"""All resident models are put on the card when a child starts."""
LEAST_STEP_SECONDS: Final = 0.05
"""Launching the kernels of one denoising step, however small the picture."""
STEP_SECONDS: Final = 0.03
"""One denoising step, with guidance, for each megapixel and gigabyte of weights."""
DECODE_SECONDS: Final = 2.0
"""Decoding and writing a megapixel."""
TOKEN_SECONDS: Final = 0.025
"""Launching the kernels of one token."""
READ_BYTES_PER_SECOND: Final = 5e11
"""A token reads all weights once."""
TILE_SECONDS: Final = 1.5
"""Enlarging a tile of 512 pixels a side four times, and compressing the 4 megapixels that it becomes."""


def starting(resident_bytes: int) -> float:
    """Seconds until a child can begin."""
    return START_SECONDS + resident_bytes / MOVED_BYTES_PER_SECOND


def drawing(steps: int, pixels: int, nbytes: int) -> float:
    """Seconds to draw a picture with a model of `nbytes`."""
    area = pixels / 1e6
    # Attention grows with the square of the area, everything else with the area.
    work = area * math.sqrt(max(1.0, area))
    return steps * max(LEAST_STEP_SECONDS, STEP_SECONDS * work * nbytes / 1e9) + DECODE_SECONDS * area


def writing(tokens: int, nbytes: int) -> float:
    """Seconds to write a text with a model of `nbytes`, one token after the other."""
    return tokens * (TOKEN_SECONDS + nbytes / READ_BYTES_PER_SECOND)


def enlarging(tiles: int) -> float:
    """Seconds to enlarge a picture."""
    return tiles * TILE_SECONDS


def bounded(parts: Iterable[float]) -> int:
    """Whole seconds to ask for, given those that the parts of a request take."""
    return max(LEAST, min(MOST, math.ceil(sum(parts))))


def portions(count: int, together: int, start: float, each: float) -> tuple[int, ...]:
    """How many of `count` pictures to draw each time a GPU is lent, so that no time overruns.

    Whole rounds of `together` pictures where one fits. `start` and `each` are seconds: until a child can begin, and for
    one picture; one that takes longer than is lent is tried all the same.
    """
    most = max(1, int((MOST - start) / each)) if each > 0 else count
    if most > together:
        most -= most % together
    whole, rest = divmod(count, most)
    return (most,) * whole + ((rest,) if rest else ())
