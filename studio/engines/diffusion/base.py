"""The protocol of every image model, and the data that crosses it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from PIL import Image

from studio.engines.diffusion.emphasis import Emphasis

Words = tuple[tuple[str, float], ...]
"""The texts of a prompt and the weight of each, in order."""
BREAK: Final = "BREAK"
"""A text that ends a chunk of the prompt and says nothing; its weight has no meaning."""


class Network(Protocol):
    """A network in memory that a base model works with: a ControlNet, or a VAE in place of its own."""

    @property
    def module(self) -> Any:
        """The network, as diffusers takes it."""
        ...


class Preview(Protocol):
    """What makes a picture of latents before they are finished."""

    def picture(self, latents: Any) -> Image.Image | None:
        """A picture of latents (1, channels, h, w), perhaps a small one; None where it cannot tell."""
        ...


@dataclass(frozen=True)
class ControlUnit:
    """One ControlNet's part in a picture."""

    model: Network
    """The loaded ControlNet; it stays in use until the picture is finished."""
    image: Image.Image
    """What steers: edges, depth, a pose. It is resized to the picture."""
    scale: float = 1.0
    """How strongly it steers; 0 not at all."""
    start: float = 0.0
    """The share of the steps after which it begins."""
    end: float = 1.0
    """The share of the steps after which it ends."""
    mode: int = 0
    """For union models only: which of its kinds of picture `image` is."""
    emphasis: Emphasis = "balanced"
    """Whose word counts more where prompt and picture differ."""


@dataclass(frozen=True)
class Adapter:
    """A LoRA that a request wears: a safetensors file and how much of it."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True)
class Inversion:
    """A textual inversion: the word that stands for it in prompts, and a file of vectors."""

    name: str
    path: Path


@dataclass(frozen=True)
class Seeds:
    """The seeds of one picture, each 0 to 2**32 - 1."""

    seed: int
    variation: int = 0


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
    variation_seed: int = 0
    variation: float = 0.0
    """How far the first noise lies from that of `seed` towards that of `variation_seed`, 0 to 1; words alone only."""
    beside: tuple[Seeds, ...] = ()
    """Those of further pictures, drawn at the same time, that differ in nothing else."""
    scheduler: str | None = None
    """The sampler as users know it, one of `schedulers.CHOICES`; the model's own when None."""
    schedule: str | None = None
    """How noise levels are spaced: `Karras`, `Exponential`; the sampler's own way when None."""
    image: Image.Image | None = None
    """The picture to begin from; it is resized to `width` × `height`."""
    strength: float = 0.75
    """How far to go from `image`, above 0 to 1; that share of the steps is taken."""
    latents: Any = None
    """What a `Picture` kept, to begin from in place of `image`; it is enlarged to the size asked for."""
    keep_latents: bool = False
    """Whether the finished picture carries its latents."""
    mask: Image.Image | None = None
    """Where `image` is repainted: white is, black stays as it was to the pixel."""
    controls: tuple[ControlUnit, ...] = ()
    adapters: tuple[Adapter, ...] = ()
    words: Words = ()
    """What of `prompt` is drawn, with weights; without any, the prompt as it stands."""
    negative_words: Words = ()
    """The same of `negative_prompt`."""
    clip_skip: int | None = None
    """Which layer of a CLIP text encoder is read, counted from its end, 1 being the last; the model's own when None.

    Models of the XL kind were trained on layer 2, and 1 means the same to them."""
    inversions: tuple[Inversion, ...] = ()
    """Words of both prompts that stand for learned vectors."""
    vae: Network | None = None
    """A VAE in place of the model's own, where that is not moved from layer to layer."""
    preview: Preview | None = None
    """What makes the previews; the model's own quick map when None."""

    @property
    def seeds(self) -> tuple[Seeds, ...]:
        """Of every picture."""
        return (Seeds(self.seed, self.variation_seed), *self.beside)

    def alone(self, number: int) -> "DiffusionRequest":
        """The request of one of the pictures."""
        own = self.seeds[number]
        return replace(self, seed=own.seed, variation_seed=own.variation, beside=())

    @property
    def said(self) -> Words:
        """The prompt as words."""
        return self.words or ((self.prompt, 1.0),)

    @property
    def unsaid(self) -> Words:
        """The negative prompt as words."""
        return self.negative_words or ((self.negative_prompt, 1.0),)


def plain(words: Words) -> str:
    """The text of words, for models that know no weights."""
    return "".join(" " if text == BREAK else text for text, _ in words)


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
    latents: Any = None
    """What it was decoded from, where the request asked for that."""


class DiffusionEngine(Protocol):
    """An image model that is ready to draw. Implements `studio.registry.models.loaded.Loaded` as well."""

    def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
        """Draw, step by step; the last items are the pictures, one for each seed. Closing stops within one step.

        Raises:
            InvalidRequest: there is no such sampler, or the parts of the request do not go together.
            WeightsUnavailable: an adapter's file is missing or damaged.
            EngineFailed: the library broke off.
            OutOfMemory: the picture is too large for the device.
        """
        ...
