"""How large the family is and how long it learns, for the machine that trains it."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Stage:
    """One part of the training: pictures (or captions) seen, how many at once, and the highest learning rate."""

    samples: int
    batch: int
    rate: float
    fall: float = 0.3
    """The share of the steps, the last ones, in which the rate falls to nothing."""


@dataclass(frozen=True)
class Profile:
    """A size of the family. Pictures are `size` × `size` px and latents a quarter or an eighth of that."""

    name: str
    size: int
    vae_channels: tuple[int, ...]
    unet_channels: tuple[int, ...]
    unet_layers: int
    text_width: int
    text_layers: int
    styles: tuple[str, ...]
    """Whose pictures the scenes are made of: `fluent`, `noto`. The autoencoder sees both."""
    scenes: int
    """Scenes whose latents are computed once and seen again in every pass."""
    autoencoder: Stage
    text: Stage
    things: Stage
    denoiser: Stage
    control: Stage
    lora: Stage

    @property
    def latent(self) -> int:
        """Latents along one side of a picture."""
        return self.size >> (len(self.vae_channels) - 1)


CPU = Profile(
    name="cpu",
    size=64,
    vae_channels=(32, 64, 96),
    unet_channels=(96, 192, 224),
    unet_layers=1,
    text_width=256,
    text_layers=4,
    styles=("fluent",),
    scenes=48_000,
    autoencoder=Stage(40_000, 16, 1e-3),
    text=Stage(110_000, 64, 1e-3),
    things=Stage(72_000, 8, 4e-4, fall=0.0),
    denoiser=Stage(80_000, 16, 4e-4),
    control=Stage(24_000, 8, 4e-4),
    lora=Stage(1_600, 16, 1e-3),
)

CUDA = Profile(
    name="cuda",
    size=128,
    vae_channels=(48, 96, 128, 128),
    unet_channels=(96, 192, 224),
    unet_layers=1,
    text_width=256,
    text_layers=4,
    styles=("fluent", "noto"),
    scenes=200_000,
    autoencoder=Stage(1_000_000, 128, 1e-3),
    text=Stage(400_000, 256, 1e-3),
    things=Stage(1_000_000, 128, 4e-4, fall=0.0),
    denoiser=Stage(7_000_000, 512, 6e-4),
    control=Stage(400_000, 256, 4e-4),
    lora=Stage(12_800, 64, 1e-3),
)


def profile(name: str | None = None) -> Profile:
    """The profile of that name, else the one this machine is for."""
    known = {"cpu": CPU, "cuda": CUDA}
    return known[name] if name else known["cuda" if torch.cuda.is_available() else "cpu"]
