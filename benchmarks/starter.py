"""Seconds that the starter diffusion family takes: to load through the registry, to draw, and to draw and enlarge.

uv run python -m benchmarks.starter
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import registry_of, verdict
from studio.engines.installed import default_bindings
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import Drawn, PictureRequest
from studio.imaging.enlarging.enlarger import Enlarger
from studio.imaging.enlarging.requests import EnlargeRequest
from studio.registry import Catalogue, Registry
from studio.settings import Settings

ROUNDS = 5
MODEL, UPSCALER = "starter-sd", "realesrgan-x4plus"
PROMPT = "a red apple on a blue background"
LOAD, DRAW, BOTH = 2.0, 5.0, 10.0


def registry(cache: Path, settings: Settings) -> Registry:
    """A registry of the family and the upscaler that the Enlarge tab takes."""
    catalogue = Catalogue.read(settings.catalogue)
    return registry_of([catalogue.get(name) for name in (MODEL, UPSCALER)], default_bindings(settings), cache)


def load(registry: Registry) -> float:
    """Seconds from asking for the model to having it, when it is not in memory."""
    registry.drop(MODEL)
    began = time.perf_counter()
    with registry.lease(MODEL) as lease:
        for _ in lease.arrive():
            pass
        return time.perf_counter() - began


def last(events: Iterator[object]) -> object:
    """The last thing that a craft says."""
    *_, said = events
    return said


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings()
        lent = registry(Path(folder), settings)
        painter, enlarger = Illustrator(lent, Path(folder)), Enlarger(lent, Path(folder), settings.max_pixels)
        drawing, both = [], []
        for seed in range(ROUNDS + 1):
            began = time.perf_counter()
            drawn = last(painter.draw(PictureRequest.of(prompt=PROMPT, seed=seed)))
            assert isinstance(drawn, Drawn)
            drawing.append(time.perf_counter() - began)
            last(enlarger.enlarge(EnlargeRequest.of(file=drawn.files[0], model=UPSCALER)))
            both.append(time.perf_counter() - began)
        # The first of each loads libraries and weights.
        loading = [load(lent) for _ in range(ROUNDS)]
        lent.close()
    verdict("seconds to load through the registry", loading, at_most=LOAD)
    verdict("seconds of a picture of 20 steps", drawing[1:], at_most=DRAW)
    verdict("seconds of a picture, then four times larger", both[1:], at_most=BOTH)


if __name__ == "__main__":
    main()
