"""The noise a picture begins from, on the way from one seed's to another's."""

from typing import Any, Final

from studio.engines.diffusion.base import DiffusionRequest

PARALLEL: Final = 0.9995
"""Directions nearer to each other than this are blended straight: there is hardly an arc between them."""


def varied(pipe: Any, request: DiffusionRequest, generators: list[Any]) -> Any:
    """Noise of shape (pictures, channels, height, width) of latents, each between that of `seed` and `variation_seed`.

    `generators` are left as if the pipeline had drawn its own first noise, which later steps may depend on.
    """
    import torch
    from diffusers.utils.torch_utils import randn_tensor

    factor = pipe.vae_scale_factor
    shape = (1, pipe.unet.config.in_channels, request.height // factor, request.width // factor)
    noises = []
    for seeds, generator in zip(request.seeds, generators, strict=True):
        other = torch.Generator("cpu").manual_seed(seeds.variation)
        ends = [randn_tensor(shape, generator=each, dtype=pipe.dtype).float() for each in (generator, other)]
        noises.append(arc(ends[0], ends[1], request.variation).to(pipe.dtype))
    return torch.cat(noises)


def arc(one: Any, other: Any, share: float) -> Any:
    """Spherical linear interpolation (Shoemake 1985): a straight blend of noises would be too faint to draw from."""
    import torch

    cosine = torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0)
    if abs(float(cosine)) > PARALLEL:
        return torch.lerp(one, other, share)
    angle = torch.acos(cosine)
    return (torch.sin((1 - share) * angle) * one + torch.sin(share * angle) * other) / torch.sin(angle)
