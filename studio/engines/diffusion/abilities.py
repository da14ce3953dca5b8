"""What each family of image models can do, told before any weights are loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from studio.engines.heads import read_json
from studio.registry import ModelSpec


@dataclass(frozen=True)
class Abilities:
    """What a model knows to do beside drawing from words."""

    pictures: bool = True
    """Begin from a picture, as near to it as asked."""
    inpaint: bool = True
    """Repaint a part of one."""
    unet: bool = True
    """Has the UNet of Stable Diffusion: prompt weights, clip skip, samplers, variations and ControlNets."""
    guided: bool = True
    """Hears a guidance scale and a negative prompt; distilled models do not."""


FAMILIES: Final[Mapping[str, Abilities]] = MappingProxyType(
    {
        "StableDiffusionPipeline": Abilities(),
        "StableDiffusionXLPipeline": Abilities(),
        "StableDiffusion3Pipeline": Abilities(unet=False),
        "FluxPipeline": Abilities(unet=False),
        # It edits pictures as its prompt says, and knows no strength.
        "Flux2KleinPipeline": Abilities(pictures=False, inpaint=False, unet=False),
        "ZImagePipeline": Abilities(unet=False),
    }
)
"""By the pipelines of diffusers that the studio knows; of others only that they draw from words."""
UNKNOWN: Final = Abilities(pictures=False, inpaint=False, unet=False)
STABLE_DIFFUSION: Final = "StableDiffusionPipeline"


def abilities_of(spec: ModelSpec, weights: Path | None) -> Abilities:
    """The abilities of an image model: by its own index where that is here, else by its entry's `pipeline`."""
    told = str(spec.defaults.get("pipeline") or STABLE_DIFFUSION)
    if weights is not None and weights.is_dir():
        told = str(read_json(weights / "model_index.json").get("_class_name") or told)
    known = FAMILIES.get(told, UNKNOWN)
    guided = float(spec.defaults.get("guidance_scale", 1)) > 0
    return Abilities(known.pictures, known.inpaint, known.unet, guided)
