"""What is asked of an upscaler, and what comes back."""

from dataclasses import dataclass
from pathlib import Path

from studio.validation import Request


class EnlargeRequest(Request):
    """Enlarge the picture in a file."""

    file: Path
    model: str | None = None


@dataclass(frozen=True)
class EnlargingProgress:
    """A picture being enlarged, tile by tile."""

    tile: int
    total: int
    seconds_left: float | None


@dataclass(frozen=True)
class Enlarged:
    """The enlarged picture on disk, and the upright, plain RGB(A) picture it was made from."""

    file: Path
    source: Path
    width: int
    height: int
    notice: str | None = None
    """A message key for something the user should know, such as colours converted from CMYK."""
