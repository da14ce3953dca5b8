"""How often a result on its way is worth showing."""

import time
from typing import Final

SHOWN_SECONDS: Final = 0.05
"""At most twenty times a second: more than that and a browser falls behind a model."""


class Pace:
    """Seconds since a start, and whether the next partial result is due; at most twenty a second are."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._shown = float("-inf")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start

    def due(self) -> bool:
        """Whether to show something now; asking counts as showing when it is."""
        now = time.monotonic()
        if now - self._shown < SHOWN_SECONDS:
            return False
        self._shown = now
        return True
