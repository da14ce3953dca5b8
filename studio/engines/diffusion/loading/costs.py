"""What an image model or a ControlNet will take, told from the heads of its files. docs/memory.md has the sources."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.engines.diffusion.derivation import TILED_DECODE_PIXELS
from studio.engines.diffusion.loading.components import Component, read_components
from studio.engines.heads import read_safetensors
from studio.registry import Costs, Footprint, ModelSpec, Placement, Shape, estimate

GUIDED: Final = 2
"""Pictures that go through the network for each one drawn: with the prompt and without (Ho & Salimans 2022)."""
NETWORK_LIVE: Final = 26
"""Numbers alive at once in a UNet, for each point of the latents and each channel of its first block.

Counted over Stable Diffusion 1.5 layer by layer (26.0); XL, whose first block has no attention, needs 15.8.
"""
WORKSPACE: Final = 1.25
"""What convolution kernels take beside the tensors."""
RESIDUALS_LIVE: Final = 5.125
"""The same for what a ControlNet hands to the UNet, which is kept until the step is done."""
DECODE_LIVE: Final = 2200
"""Numbers for each pixel while a VAE of 128 channels decodes, kernels' workspace included: InvokeAI's measurement.

The tensors alone are 768; encoding takes half as much.
"""
DECODE_CHANNELS: Final = 128
TILED: Final = 1.25
"""What decoding in tiles takes beside the tile."""
CHANNELS: Final = 320
"""Channels of the first block where the files do not say: those of Stable Diffusion."""
TILE_SIDE: Final = 512
LATENT: Final = 8
"""Pixels along one latent where the files do not say: those of Stable Diffusion."""


@dataclass(frozen=True)
class DiffusionCosts:
    """The costs of one base model."""

    components: Mapping[str, Component]

    def footprint(self, placement: Placement) -> Footprint:
        """All components; on lower rungs the largest one, or the largest layer, and everything in main memory."""
        width = _width(placement)
        sizes = [component.nbytes(width) for component in self.components.values()]
        if placement.rung == "whole":
            return Footprint(sum(sizes))
        if placement.rung == "model_offload":
            return Footprint(max(sizes), sum(sizes))
        # A layer leaves before the next one comes.
        return Footprint(max(part.largest_layer(width) for part in self.components.values()), sum(sizes))

    def working(self, placement: Placement, shape: Shape) -> int:
        """The larger of denoising and decoding, which follow one another; nothing for a shape without pixels."""
        return max(self.denoising(placement, shape), self.decoding(placement, shape))

    def denoising(self, placement: Placement, shape: Shape) -> int:
        """Bytes of the UNet's activations in one step."""
        channels = self._channels("unet", "transformer") or CHANNELS
        latents = _latents(shape, self.components["vae"].per_latent if "vae" in self.components else None)
        return round(WORKSPACE * NETWORK_LIVE * channels * latents * _width(placement))

    def decoding(self, placement: Placement, shape: Shape) -> int:
        """Bytes that the VAE takes to make pixels, tile by tile for large pictures as `derivation` does it."""
        config = self.components["vae"].config if "vae" in self.components else {}
        area = shape.width * shape.height
        tiled = area > TILED_DECODE_PIXELS
        if tiled:
            area = min(area, int(config.get("sample_size") or TILE_SIDE) ** 2)
        wide = _width(placement) == 2 and self._widens
        share = (self._channels("vae") or DECODE_CHANNELS) / DECODE_CHANNELS
        width = 4 if wide else _width(placement)
        return round(DECODE_LIVE * share * area * shape.batch * width * (TILED if tiled else 1))

    @property
    def _widens(self) -> bool:
        """Whether the pipeline decodes in fp32 because its VAE overflows in fp16, as those of XL do unless they say."""
        xl = "text_encoder_2" in self.components
        return xl and "vae" in self.components and bool(self.components["vae"].config.get("force_upcast", True))

    def _channels(self, *names: str) -> int | None:
        return next((self.components[name].channels for name in names if name in self.components), None)


@dataclass(frozen=True)
class ControlCosts:
    """The costs of one ControlNet, beside those of the base it steers."""

    component: Component

    def footprint(self, placement: Placement) -> Footprint:
        nbytes = self.component.nbytes(_width(placement))
        return Footprint(nbytes) if placement.rung == "whole" else Footprint(nbytes, nbytes)

    def working(self, placement: Placement, shape: Shape) -> int:
        """What it hands to the UNet; its own activations are gone, and smaller, when the UNet's begin."""
        channels = self.component.channels or CHANNELS
        return round(RESIDUALS_LIVE * channels * _latents(shape, self.component.per_latent) * _width(placement))


def diffusion_costs(spec: ModelSpec, weights: Path | None) -> Costs:
    """The costs of a base model or ControlNet; the catalogue's number where its files cannot be read."""
    if weights is None or spec.task in ("adapter", "preview", "vae"):
        return estimate(spec, weights)
    try:
        if spec.task == "controlnet":
            return ControlCosts(_controlnet(weights))
        return DiffusionCosts(read_components(weights))
    except (OSError, ValueError):
        return estimate(spec, weights)


def _controlnet(weights: Path) -> Component:
    return Component(read_safetensors(weights)) if weights.is_file() else read_components(weights)[""]


def _latents(shape: Shape, pixels: int | None) -> float:
    return GUIDED * shape.batch * shape.width * shape.height / (pixels or LATENT) ** 2


def _width(placement: Placement) -> int:
    return 4 if placement.device == "cpu" else 2
