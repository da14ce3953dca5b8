"""What a designer asks to see of a ControlNet."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from studio.imaging.control.units import Resolution
from studio.imaging.pictures.fitting import ResizeMode, Side
from studio.validation import Request


class ControlImageRequest(Request):
    """See what a ControlNet would read of a picture."""

    image: Path
    annotator: str = "canny"
    parameters: Mapping[str, float] = Field(default_factory=dict)
    width: Side | None = None
    """Without a width and height, the size that a picture of 512 × 512 pixels with its proportions has."""
    height: Side | None = None
    resize_mode: ResizeMode = "crop"
    pixel_perfect: bool = True
    resolution: Resolution = 512
