"""The protocol of every image model, and the data that crosses it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from PIL import Image


@dataclass(frozen=True)
class DiffusionRequest:
    """What to draw. Sizes are pixels; `seed` is in 0 to 2**32 - 1."""

    prompt: str
    negative_prompt: str = ""
    width: int = 512
    height: int = 512
    steps: int = 20
    guidance_scale: float = 7.0
    seed: int = 0


@dataclass(frozen=True)
class Step:
    """One denoising step is done; `preview` is a small picture of the latents, when one was made."""

    index: int
    total: int
    preview: Image.Image | None = None


@dataclass(frozen=True)
class Picture:
    """A finished picture and the seed that makes it again."""

    image: Image.Image
    seed: int
    sampler: str
    """The scheduler's name as users know it: `Euler a`, `DPM++ 2M`, `DDIM`, …"""
    schedule: str = ""
    """How its noise levels are spaced when that is not the sampler's own way: `Karras`, `Exponential`, …"""
    notice: str | None = None
    """A message key for something the user should know, such as a prompt that was cut off."""


class DiffusionEngine(Protocol):
    """An image model that is ready to draw. Implements `studio.registry.loaded.Loaded` as well."""

    def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
        """Draw, step by step; the last item is the picture. Closing the iterator stops within one step.

        Raises:
            EngineFailed: the library broke off.
            OutOfMemory: the picture is too large for the device.
        """
        ...
