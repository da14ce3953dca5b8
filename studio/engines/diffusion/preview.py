"""Seeing a picture while it is made: latents to colours by a linear map fitted to the model's own VAE."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch

SIDE: Final = 128
PATCH: Final = 16
"""Pixels of one flat patch, at least as wide as what one latent sees most of."""


class LatentPreview:
    """Turns latents (1, channels, h, w) into a picture of w × h pixels, for a thousandth of what the VAE takes.

    The map is the least-squares solution for a picture of random flat patches, whose latents the VAE itself gives.
    """

    def __init__(self, vae: Any) -> None:
        self._matrix = _fitted(vae)
        self._scaling = float(getattr(vae.config, "scaling_factor", 1.0))
        self._shift = float(getattr(vae.config, "shift_factor", None) or 0.0)

    def picture(self, latents: "torch.Tensor") -> Image.Image | None:
        """The picture so far; None where this VAE's latents are no image of h × w."""
        if self._matrix is None or latents.ndim != 4 or latents.shape[1] + 1 != len(self._matrix):
            return None
        values = latents[0].detach().float().cpu().numpy() / self._scaling + self._shift
        flat = np.moveaxis(values, 0, -1)
        colours = flat @ self._matrix[:-1] + self._matrix[-1]
        pixels = np.rint(np.nan_to_num(colours).clip(0, 1) * 255).astype(np.uint8)
        return Image.fromarray(pixels)


def _fitted(vae: Any) -> "np.ndarray[Any, np.dtype[np.float64]] | None":
    """Weights (channels + 1, 3) from latents and a constant to RGB in 0 to 1; None where the VAE has none."""
    with suppress(Exception):  # a preview is a comfort; no VAE is refused for want of one
        return _fit(vae)
    return None


def _fit(vae: Any) -> "np.ndarray[Any, np.dtype[np.float64]] | None":
    import torch

    dtype, device = vae.dtype, vae.device
    cells = SIDE // PATCH
    patches = torch.rand((1, 3, cells, cells), generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.interpolate(patches, size=(SIDE, SIDE), mode="nearest")
    # Some VAEs overflow in half precision and say so in their config.
    upcast = dtype == torch.float16 and bool(getattr(vae.config, "force_upcast", False))
    try:
        if upcast:
            vae.to(dtype=torch.float32)
        with torch.no_grad():
            latents = vae.encode((picture * 2 - 1).to(device=device, dtype=vae.dtype)).latent_dist.mode()
    finally:
        if upcast:
            vae.to(dtype=dtype)
    colours = torch.nn.functional.adaptive_avg_pool2d(picture, tuple(latents.shape[-2:]))
    inputs = latents[0].float().cpu().numpy().reshape(latents.shape[1], -1).T.astype(np.float64)
    targets = colours[0].numpy().reshape(3, -1).T.astype(np.float64)
    matrix: np.ndarray[Any, np.dtype[np.float64]] = np.linalg.lstsq(
        np.column_stack([inputs, np.ones(len(inputs))]), targets, rcond=None
    )[0]
    return matrix if bool(np.isfinite(matrix).all()) else None
