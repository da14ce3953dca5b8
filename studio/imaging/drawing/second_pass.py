"""The second pass of a picture, at a higher resolution: details are drawn that the first had no room for."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from PIL import Image

from studio.engines.diffusion import DiffusionRequest, Picture
from studio.errors import InvalidRequest
from studio.imaging.drawing.requests import LATENT, PictureRequest
from studio.imaging.enlarging.in_memory import TASKS, InMemoryEnlarger
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.imaging.pictures.fitting import MOST_SIDE, STEP, Size
from studio.registry import LoadProgress, ModelSpec, Registry


@dataclass(frozen=True)
class SecondPass:
    """How a picture is drawn again, larger."""

    size: Size
    steps: int
    strength: float
    upscaler: ModelSpec | None
    """None enlarges the latents."""
    scale: float

    @property
    def taken(self) -> int:
        """Steps that are really taken: a share of all."""
        return max(1, int(self.steps * self.strength))

    @property
    def told(self) -> Mapping[str, object]:
        """What the infotext says of it, in A1111's words."""
        return {
            "Denoising strength": self.strength,
            "Hires upscale": self.scale,
            "Hires steps": self.steps,
            "Hires upscaler": self.upscaler.name if self.upscaler else "Latent",
        }

    def begun(
        self, first: Picture, wanted: DiffusionRequest, upscalers: InMemoryEnlarger
    ) -> Generator[LoadProgress | EnlargingProgress, None, DiffusionRequest]:
        """The request of the second pass, from the picture of the first."""
        again = replace(
            wanted,
            width=self.size[0],
            height=self.size[1],
            steps=self.steps,
            strength=self.strength,
            variation=0.0,
            keep_latents=False,
        )
        if self.upscaler is not None:
            larger = yield from upscalers.enlarged(first.image.convert("RGB"), self.upscaler.id)
            return replace(again, image=larger.resize(self.size, Image.Resampling.LANCZOS))
        # Models that do not work on latents of this kind hand on none.
        return replace(again, latents=first.latents) if first.latents is not None else replace(again, image=first.image)


def second_pass(request: PictureRequest, size: Size, steps: int, registry: Registry) -> SecondPass | None:
    """What `request` wants of a second pass over a picture of `size` drawn in `steps`; None where it wants none.

    Raises:
        InvalidRequest: the request begins from a picture, or the larger one would be too large to draw.
        UnknownModel: there is no such upscaler.
    """
    scale = request.hires_scale
    if scale is None:
        return None
    if request.image is not None:
        raise InvalidRequest("draw.hires_image")
    width, height = (round(side * scale / STEP) * STEP for side in size)
    if max(width, height) > MOST_SIDE:
        raise InvalidRequest("draw.hires_size", width=width, height=height, most=MOST_SIDE)
    latent = request.hires_upscaler.casefold() == LATENT
    upscaler = None if latent else registry.choose(request.hires_upscaler, *TASKS)
    return SecondPass((width, height), request.hires_steps or steps, request.hires_strength, upscaler, scale)
