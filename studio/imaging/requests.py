"""What a designer asks for, and what comes back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from PIL import Image
from pydantic import Field

from studio.imaging.carriers import Format
from studio.validation import OptionalPrompt, Prompt, Request

Side = Annotated[int, Field(ge=64, le=4096, multiple_of=8)]
Steps = Annotated[int, Field(ge=1, le=150)]
GuidanceScale = Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)]
ClipSkip = Annotated[int, Field(ge=1, le=12)]
StyleNames = Annotated[tuple[str, ...], Field(max_length=10)]
Seed = Annotated[int, Field(ge=-1, le=2**32 - 1)]


class PictureRequest(Request):
    """Draw a picture from a prompt. What is None takes the model's own default."""

    prompt: Prompt
    negative_prompt: OptionalPrompt = ""
    width: Side | None = None
    height: Side | None = None
    steps: Steps | None = None
    guidance_scale: GuidanceScale | None = None
    seed: Seed = -1
    """-1 takes a new one each time. It also decides what the prompts leave to chance."""
    styles: StyleNames = ()
    """Ids or names, applied one after the other."""
    clip_skip: ClipSkip | None = None
    """Which layer of the text encoder is read, counted from its end."""
    model: str | None = None
    format: Format = "png"
    """What kind of file the picture is kept as; only PNG keeps every pixel as it was drawn."""


class EnlargeRequest(Request):
    """Enlarge the picture in a file."""

    file: Path
    model: str | None = None


@dataclass(frozen=True)
class Drawing:
    """A picture on its way."""

    step: int
    total: int
    seconds_left: float | None
    preview: Image.Image | None = None


@dataclass(frozen=True)
class Drawn:
    """Finished pictures, written to disk with their infotext inside."""

    files: tuple[Path, ...]
    seed: int
    infotext: str
    notice: str | None = None
    """A message key for something the user should know, such as a prompt that was cut off."""


@dataclass(frozen=True)
class Enlarging:
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
