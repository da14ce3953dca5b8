"""How near everything in a picture is."""

from typing import Any, Final

import numpy as np
from PIL import Image

from studio.engines.annotators.resampling import fitted, resized

METRIC: Final = frozenset({"zoedepth", "glpn", "depth_pro"})
"""Kinds of networks whose numbers are distances; those of the others are large where something is near."""


def draw_depth(network: Any, image: Image.Image, resolution: int, *, processor: Any) -> Image.Image:
    """Near is white and far is black, whatever the scale of the network."""
    picture = fitted(image, resolution)
    first = next(network.parameters())
    pixels = processor(images=picture, return_tensors="pt")["pixel_values"].to(first.device, first.dtype)
    depth = np.nan_to_num(network(pixel_values=pixels).predicted_depth[0].float().cpu().numpy())
    if _distances(network.config):
        depth = 1 / depth.clip(min=1e-3)
    span = float(np.ptp(depth))
    # A page without any depth has no nearest part: it is all far away.
    nearness = (depth - depth.min()) / span if span > 0 else np.zeros_like(depth)
    grey = Image.fromarray(np.rint(nearness * 255).astype(np.uint8))
    return resized(grey, picture.size).convert("RGB")


def _distances(config: Any) -> bool:
    return config.model_type in METRIC or getattr(config, "depth_estimation_type", "relative") == "metric"
