"""Control images without their progress."""

from collections.abc import Generator

from studio.imaging.control.cache import ControlImage
from studio.registry import LoadProgress


def result(making: Generator[LoadProgress, None, ControlImage]) -> ControlImage:
    """What a generator returns."""
    while True:
        try:
            assert isinstance(next(making), LoadProgress)
        except StopIteration as end:
            made: ControlImage = end.value
            return made
