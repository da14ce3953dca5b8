"""What an upscaler will take, told from the heads of its files. docs/memory.md has the sources."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.engines.heads import read_safetensors
from studio.engines.upscalers.ncnn import read_layers
from studio.engines.upscalers.realesrgan import CPU_TILE, CUDA_TILE
from studio.registry import Costs, Footprint, ModelSpec, Placement, Shape, estimate

FEATURES: Final = 64
"""Feature maps of the Real-ESRGAN family, two of which are alive at once: a layer's input and its output."""
LIVE_MAPS: Final = 2 * FEATURES
WORKSPACE: Final = 1.5
"""What convolution kernels and the tile's own copies take beside them."""
SCALE: Final = 4
COMPACT: Final = re.compile(r"(params\w*\.)?body\.0\.(weight|bias)")
"""A tensor that only the compact networks have, which work at the size of the input up to their last layer."""


@dataclass(frozen=True)
class UpscalerCosts:
    """Weights, and the feature maps of one tile."""

    numbers: int
    """Numbers in all its weights."""
    scale: int
    """How many times wider its largest feature maps are than the tile; 1 for compact networks."""

    def footprint(self, placement: Placement) -> Footprint:
        nbytes = self.numbers * _width(placement)
        return Footprint(nbytes) if placement.rung == "whole" else Footprint(nbytes, nbytes)

    def working(self, placement: Placement, shape: Shape) -> int:
        """The maps of one tile, or of the picture where that is smaller; nothing for a shape without pixels."""
        side = CPU_TILE if placement.device == "cpu" else CUDA_TILE
        area = min(shape.width, side) * min(shape.height, side) * self.scale**2
        return round(WORKSPACE * LIVE_MAPS * area * _width(placement))


def upscaler_costs(spec: ModelSpec, weights: Path | None) -> Costs:
    """The costs of a super-resolution network; the catalogue's number where its files cannot be read."""
    if weights is None:
        return estimate(spec, weights)
    scale = int(spec.defaults.get("scale", SCALE))
    try:
        if weights.suffix == ".bin" and weights.with_suffix(".param").exists():
            return _from_ncnn(weights, scale)
        if weights.suffix == ".safetensors":
            tensors = read_safetensors(weights)
            compact = any(COMPACT.fullmatch(name) for name in tensors)
            return UpscalerCosts(sum(tensor.nbytes(1) for tensor in tensors.values()), 1 if compact else scale)
        # torch's own files have no head that tells; upscalers are saved in four bytes a number.
        return UpscalerCosts(weights.stat().st_size // 4, scale)
    except (OSError, ValueError):
        return estimate(spec, weights)


def _from_ncnn(weights: Path, scale: int) -> UpscalerCosts:
    layers = list(read_layers(weights.with_suffix(".param").read_text(encoding="utf-8")))
    compact = any(layer.kind == "PReLU" for layer in layers)
    # A convolution has a bias for each output; a PReLU has its slopes alone.
    return UpscalerCosts(sum(layer.weights + layer.out for layer in layers), 1 if compact else scale)


def _width(placement: Placement) -> int:
    return 4 if placement.device == "cpu" else 2
