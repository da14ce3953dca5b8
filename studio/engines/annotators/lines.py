"""Soft edges and line art through the networks that ControlNets were trained with."""

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from studio.engines.annotators.resampling import fitted

if TYPE_CHECKING:
    import torch

MULTIPLE: Final = 64
"""Pixels; the sides of what a network sees are multiples of it."""


def draw_soft_edges(network: Any, image: Image.Image, resolution: int) -> Image.Image:
    """Edges in all their shades, white on black."""
    picture = fitted(image, resolution)
    return _as_rgb(network(_padded(picture, network)), picture.size)


def draw_lines(network: Any, image: Image.Image, resolution: int) -> Image.Image:
    """Line art as its ControlNets read it, white on black."""
    picture = fitted(image, resolution)
    return _as_rgb(1 - network(_padded(picture, network) / 255), picture.size)


def _padded(picture: Image.Image, network: Any) -> "torch.Tensor":
    """(1, 3, h, w) of 0 to 255; the margin repeats the last row and column, so that it draws no line of its own."""
    import torch
    from torch.nn import functional

    first = next(network.parameters())
    pixels = torch.from_numpy(np.array(picture)).to(first.device).permute(2, 0, 1)[None].to(first.dtype)
    margins = (0, -picture.width % MULTIPLE, 0, -picture.height % MULTIPLE)
    return functional.pad(pixels, margins, mode="replicate")


def _as_rgb(drawn: "torch.Tensor", size: tuple[int, int]) -> Image.Image:
    grey = drawn[0, 0, : size[1], : size[0]].float().clamp(0, 1).mul(255).round()
    return Image.fromarray(grey.byte().cpu().numpy()).convert("RGB")
