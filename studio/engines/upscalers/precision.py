"""Which arithmetic a CPU does one network in fastest without a visible difference, measured once and remembered."""

import hashlib
import json
import platform
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Final, Literal
from uuid import uuid4

import numpy as np

from studio.engines.upscalers.base import Pixels

Precision = Literal["fp32", "fp32-channels-last", "bf16-channels-last"]
Run = Callable[[Pixels, Precision], Pixels]
"""A network, enlarging a tile in the given arithmetic."""
PLAIN: Final[Precision] = "fp32"
CANDIDATES: Final[tuple[Precision, ...]] = ("fp32", "bf16-channels-last", "fp32-channels-last")
LEAST_PSNR: Final = 50.0
"""Decibels against fp32 that a candidate must reach; at 50 the mean error is under one level in 255."""
SIDE: Final = 32
ROUNDS: Final = 3
CLEAR: Final = 1.6
"""A candidate this many times quicker than fp32 is taken at once: nobody waits for a photo finish."""


def sample(side: int = SIDE) -> Pixels:
    """A picture of shape (side, side, 3) with what photographs have: slopes, edges, and a little grain."""
    down, across = np.mgrid[0:side, 0:side] / side
    slopes = np.stack([down, across, 1 - (down + across) / 2], axis=-1)
    edges = ((across * 5).astype(int) + (down * 3).astype(int)) % 2
    grain = np.random.default_rng(0).normal(0, 0.02, slopes.shape)
    picture = 0.75 * slopes + 0.25 * edges[..., None] + grain
    pixels: Pixels = np.clip(picture * 255, 0, 255).astype(np.uint8)
    return pixels


def psnr(picture: Pixels, reference: Pixels) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures in decibels; infinite when they are equal."""
    error = float(np.mean((picture.astype(np.float64) - reference.astype(np.float64)) ** 2))
    return float("inf") if error == 0 else 10 * float(np.log10(255**2 / error))


def fastest(run: Run, clock: Callable[[], float] = perf_counter) -> Precision:
    """The quickest candidate that stays at `LEAST_PSNR` or above; fp32 when none is both close enough and quicker."""
    picture = sample()

    def timed(precision: Precision) -> float:
        begun = clock()
        run(picture, precision)
        return clock() - begun

    # The first run of each also warms up its kernels; only the second one is timed.
    reference = run(picture, PLAIN)
    seconds = {PLAIN: timed(PLAIN)}
    for precision in CANDIDATES[1:]:
        if psnr(run(picture, precision), reference) < LEAST_PSNR:
            continue
        seconds[precision] = timed(precision)
        if seconds[precision] * CLEAR < seconds[PLAIN]:
            return precision
    # In a close race they take turns, so that a moment when the machine is busy with something else does not decide.
    for _ in range(ROUNDS):
        seconds = {precision: min(best, timed(precision)) for precision, best in seconds.items()}
    return min(seconds, key=lambda precision: seconds[precision])


class PrecisionNotes:
    """What was measured, by network and processor, in one small file that may be deleted at any time."""

    def __init__(self, file: Path, clock: Callable[[], float] = perf_counter) -> None:
        self._file = file
        self._clock = clock

    def choose(self, network: str, run: Run) -> Precision:
        """The remembered choice for `network` on this machine, else a new measurement."""
        key = f"{network} {_machine()}"
        notes = self._read()
        for precision in CANDIDATES:
            if notes.get(key) == precision:
                return precision
        precision = fastest(run, self._clock)
        self._write({**self._read(), key: precision})
        return precision

    def _read(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            notes = json.loads(self._file.read_text(encoding="utf-8"))
            if isinstance(notes, dict):
                return notes
        return {}

    def _write(self, notes: dict[str, str]) -> None:
        partial = self._file.with_name(f".{self._file.name}.{uuid4().hex}")
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(notes, indent=2), encoding="utf-8")
            partial.replace(self._file)
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _machine() -> str:
    """A short digest of the processor, what it can do as torch sees it, the threads in use, and torch's version."""
    import torch

    facts = [platform.machine(), torch.backends.cpu.get_cpu_capability(), torch.__version__, torch.get_num_threads()]
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        facts += sorted({line for line in lines if line.startswith(("model name", "flags"))})
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
