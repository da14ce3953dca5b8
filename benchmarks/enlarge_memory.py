"""Megabytes that enlarging 2048² to 8192² takes at its height, beyond the studio at rest with the model loaded.

uv run python -m benchmarks.enlarge_memory [MODEL]

MODEL is an upscaler of the catalogue, by default the quickest: memory depends on the tile, and tiles are as large.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from PIL import Image

from benchmarks.common import verdict
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest
from studio.settings import Settings
from studio.studio import Studio

SIDES: Final = (256, 2048)
MOST: Final = 1500
MEGABYTE: Final = 1_000_000
EVERY: Final = 0.02


class Height:
    """The most memory this process held while the block ran, in megabytes."""

    def __enter__(self) -> "Height":
        self.most = self._held()
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._ended.wait(EVERY):
            self.most = max(self.most, self._held())

    @staticmethod
    def _held() -> float:
        return float(psutil.Process().memory_info().rss) / MEGABYTE


def picture(folder: Path, side: int) -> Path:
    """A picture with something in every tile."""
    rng = np.random.default_rng(side)
    rough = Image.fromarray(rng.integers(0, 256, (side // 8, side // 8, 3), np.uint8))
    rough.resize((side, side), Image.Resampling.BICUBIC).save(file := folder / f"{side}.png")
    return file


def main() -> None:
    """Measure and print."""
    model = sys.argv[1] if len(sys.argv) > 1 else "realesr-animevideo-x4"
    above = []
    with tempfile.TemporaryDirectory() as name, Studio(Settings.read(outputs=Path(name))) as studio:
        for side in SIDES:
            file = picture(Path(name), side)
            if side == SIDES[0]:
                list(studio.enlarger.enlarge(EnlargeRequest.of(file=file, model=model)))
            began = time.perf_counter()
            with Height() as height:
                rest = height.most
                *_, done = studio.enlarger.enlarge(EnlargeRequest.of(file=file, model=model))
            assert isinstance(done, Enlarged)
            above.append(height.most - rest)
            seconds = time.perf_counter() - began
            print(f"{side}² to {done.width}²: {above[-1]:.0f} MB above {rest:.0f} MB, {seconds:.0f} s")
    verdict("megabytes above rest, 2048² to 8192²", above[-1:], at_most=MOST)


if __name__ == "__main__":
    main()
