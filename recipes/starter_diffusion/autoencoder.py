"""The first stage: pictures to latents and back."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from recipes.starter_diffusion import scenes
from recipes.starter_diffusion.loop import Loop, Losses, device, trained_state
from recipes.starter_diffusion.profiles import Profile
from recipes.starter_diffusion.sprites import Sprites

DIVERGENCE = 1e-6
"""Weight of the Kullback-Leibler term: latents stay bounded and pictures sharp."""
FACTOR_SCENES = 512


def build(profile: Profile, scaling: float = 1.0) -> Any:
    """An `AutoencoderKL` of this profile's size, with random weights."""
    levels = len(profile.vae_channels)
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=profile.vae_channels,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=16,
        sample_size=profile.size,
        scaling_factor=scaling,
    )
    # Every branch beside a shortcut begins as nothing: the network begins as a short one, which learns at once.
    for name, parameter in vae.named_parameters():
        if name.endswith(("conv2.weight", "conv2.bias", "to_out.0.weight", "to_out.0.bias")):
            torch.nn.init.zeros_(parameter)
    return vae


def train(profile: Profile, sprites: Sprites, folder: Path, seed: int) -> None:
    """Learns to give every scene back, of both styles, so that a tuned model may leave its own style."""
    vae = build(profile).to(device(), memory_format=torch.channels_last)
    loop = Loop(folder, "autoencoder", profile.autoencoder, vae, seed)
    encode = torch.compile(lambda pictures: vae.encode(pictures).latent_dist.parameters)
    decode = torch.compile(lambda latents: vae.decode(latents, return_dict=False)[0])

    def losses(rng: np.random.Generator) -> Losses:
        pictures = to_tensor(batch(profile, sprites, rng, profile.autoencoder.batch))
        with torch.autocast(device().type, torch.bfloat16):
            mean, logvar = encode(pictures).float().chunk(2, dim=1)
            logvar = logvar.clamp(-30, 20)
            latents = mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
            restored = decode(latents)
        error = restored.float() - pictures
        square = error.square().mean()
        divergence = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(dim=(1, 2, 3)).mean()
        loss = error.abs().mean() + square + DIVERGENCE * divergence
        return {"loss": loss, "psnr": 10 * torch.log10(4 / square.detach()), "divergence": divergence.detach()}

    loop.run(losses)


def batch(profile: Profile, sprites: Sprites, rng: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Pictures of scenes that are not held out: uint8 (count, size, size, 3)."""
    drawn = (scenes.sample_of(rng, sprites.styles, held_out=False) for _ in range(count))
    return np.stack([scenes.render(scene, sprites, profile.size)[0] for scene in drawn])


def to_tensor(pictures: NDArray[np.uint8]) -> torch.Tensor:
    """Uint8 (n, h, w, 3) to float (n, 3, h, w) of -1 to 1."""
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2).to(device(), torch.float32) / 127.5 - 1
    return tensor.contiguous(memory_format=torch.channels_last)


def to_pictures(tensor: torch.Tensor) -> NDArray[np.uint8]:
    """The way back, rounded and cut to 0 to 255."""
    values = ((tensor.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return values.permute(0, 2, 3, 1).cpu().numpy()


def trained(profile: Profile, sprites: Sprites, folder: Path, seed: int) -> Any:
    """The learnt autoencoder, with the scaling factor that brings its latents to a variance of one."""
    vae = build(profile).eval()
    vae.load_state_dict(trained_state(folder, "autoencoder"))
    vae.to(device())
    pictures = batch(profile, sprites, np.random.default_rng((seed, 1)), FACTOR_SCENES)
    with torch.no_grad():
        latents = torch.cat([vae.encode(to_tensor(part)).latent_dist.mode() for part in np.array_split(pictures, 8)])
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    return vae
