"""What a designer asks for, and what comes back."""

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from PIL import Image
from pydantic import AfterValidator, Field

from studio.engines.diffusion import OFFERED, OFFERED_SCHEDULES
from studio.imaging.control.units import ControlUnitRequest
from studio.imaging.infotext.carriers import Format
from studio.imaging.pictures.fitting import ResizeMode, Side
from studio.validation import OptionalPrompt, Prompt, Request, one_of

SEEDS: Final = 2**32
"""How many seeds there are; after the last comes the first."""


def fixed_seed(asked: int) -> int:
    """A seed as it was asked for; a new one for -1."""
    return asked if asked >= 0 else secrets.randbelow(SEEDS)


Steps = Annotated[int, Field(ge=1, le=150)]
GuidanceScale = Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)]
ClipSkip = Annotated[int, Field(ge=1, le=12)]
StyleNames = Annotated[tuple[str, ...], Field(max_length=10)]
Sampler = Annotated[str, AfterValidator(one_of(OFFERED))]
ScheduleType = Annotated[str, AfterValidator(one_of(OFFERED_SCHEDULES))]
MOST_PICTURES: Final = 100
"""Of one request."""
Count = Annotated[int, Field(ge=1, le=MOST_PICTURES)]
MOST_TOGETHER: Final = 16
BatchSize = Annotated[int, Field(ge=1, le=MOST_TOGETHER)]
Seed = Annotated[int, Field(ge=-1, lt=SEEDS)]
Strength = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
MaskBlur = Annotated[int, Field(ge=0, le=64)]
Padding = Annotated[int, Field(ge=0, le=1024)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
HiresScale = Annotated[float, Field(gt=1, le=4, allow_inf_nan=False)]
HiresSteps = Annotated[int, Field(ge=0, le=150)]
MOST_CONTROLS: Final = 10
LATENT: Final = "latent"
InpaintArea = Literal["picture", "masked"]
InpaintFill = Literal["original", "noise"]


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
    count: Count = 1
    """How many pictures; each has the next seed, and is what that seed alone would give."""
    batch_size: BatchSize = 1
    """How many of them are drawn at the same time: faster, for more memory; pixels change by rounding."""
    variation_seed: Seed = -1
    variation_strength: Share = 0.0
    """How far to go from the noise of `seed` to that of `variation_seed`; words alone only."""
    sampler: Sampler | None = None
    schedule_type: ScheduleType | None = None
    fast: bool = False
    """Wear the model's few-step adapter: a picture in some six steps, with a little less detail."""
    styles: StyleNames = ()
    """Ids or names, applied one after the other."""
    clip_skip: ClipSkip | None = None
    """Which layer of the text encoder is read, counted from its end."""
    model: str | None = None
    format: Format = "png"
    """What kind of file the picture is kept as; only PNG keeps every pixel as it was drawn."""
    hires_scale: HiresScale | None = None
    """Draw a second time, this many times larger on each side, from what came out first; words alone only."""
    hires_upscaler: str = LATENT
    """What enlarges in between: `latent`, or the id of an upscaler."""
    hires_steps: HiresSteps = 0
    """Of the second pass; 0 takes as many as the first."""
    hires_strength: Strength = 0.7
    """How far the second pass goes from the first."""
    controls: Annotated[tuple[ControlUnitRequest, ...], Field(max_length=MOST_CONTROLS)] = ()
    """What steers it, each with a ControlNet of its own."""
    image: Path | None = None
    """The picture to begin from. Without a width and height, its proportions are kept."""
    strength: Strength = 0.75
    """How far to go from `image`: 1 keeps nothing of it."""
    resize_mode: ResizeMode = "crop"
    """How `image` and `mask` are brought to other proportions."""
    mask: Path | None = None
    """Where `image` is repainted: white, or painted on a transparent layer; as large as `image`."""
    mask_blur: MaskBlur = 4
    """Pixels over which the repainted part goes over into the rest."""
    inpaint_area: InpaintArea = "picture"
    """`masked` draws only the masked part, at full size, and puts it back into the whole picture."""
    inpaint_padding: Padding = 32
    """Pixels around the masked part that are seen while it is drawn."""
    inpaint_fill: InpaintFill = "original"
    """What the masked part begins as."""


def default(field: str) -> Any:
    """What a field of a `PictureRequest` has when nobody fills it in."""
    return PictureRequest.model_fields[field].default


@dataclass(frozen=True)
class DrawingProgress:
    """A picture on its way."""

    step: int
    total: int
    seconds_left: float | None
    """Until the last of the pictures is done."""
    preview: Image.Image | None = None
    picture: int = 1
    """Which of the pictures it is."""
    pictures: int = 1


@dataclass(frozen=True)
class Drawn:
    """The pictures that are finished so far, written to disk with their infotexts inside."""

    files: tuple[Path, ...]
    seeds: tuple[int, ...]
    infotexts: tuple[str, ...]
    pictures: int = 1
    """How many there will be in the end."""
    notice: str | None = None
    """A message key for something the user should know, such as a prompt that was cut off."""
    before: Image.Image | None = None
    """What they began from, as large as they are."""
    refused: int = 0
    """How many more were drawn and did not pass the content check; they are in nothing else here."""

    @property
    def notices(self) -> tuple[str, ...]:
        """All message keys for the user; `refused` fills their field of that name."""
        withheld = "errors.nsfw.withheld" if self.refused else None
        return tuple(key for key in (self.notice, withheld) if key)

    @property
    def seed(self) -> int:
        """Of the first."""
        return self.seeds[0]

    @property
    def infotext(self) -> str:
        """Of the first."""
        return self.infotexts[0]

    def and_one(self, file: Path, seed: int, infotext: str, notice: str | None) -> "Drawn":
        """The same with one more."""
        return replace(
            self,
            files=(*self.files, file),
            seeds=(*self.seeds, seed),
            infotexts=(*self.infotexts, infotext),
            notice=notice or self.notice,
        )

    def joined(self, more: "Drawn") -> "Drawn":
        """The same with what a part of the request drew."""
        return replace(
            self,
            files=(*self.files, *more.files),
            seeds=(*self.seeds, *more.seeds),
            infotexts=(*self.infotexts, *more.infotexts),
            pictures=self.pictures - more.refused,
            notice=more.notice or self.notice,
            before=more.before or self.before,
            refused=self.refused + more.refused,
        )

    def without_one(self) -> "Drawn":
        """The same where one of those to come was refused."""
        return replace(self, pictures=self.pictures - 1, refused=self.refused + 1)
