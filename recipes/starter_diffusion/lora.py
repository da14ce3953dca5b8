"""A worked example of an adapter: the flat style of the other emoji set, learnt from ten pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model_state_dict

from recipes.starter_diffusion import autoencoder, denoiser, scenes
from recipes.starter_diffusion.loop import Loop, Losses, device, trained_state
from recipes.starter_diffusion.profiles import Profile
from recipes.starter_diffusion.sprites import Sprites
from recipes.starter_diffusion.things import things

RANK = 4
TARGETS = ["to_q", "to_k", "to_v", "to_out.0"]
PICTURES = ("cat", "tomato", "car", "house", "tree", "soccer ball", "cake", "fish", "book", "lion")
"""The ten things whose flat pictures are shown."""
STYLE = "noto"


def adapted(profile: Profile, folder: Path) -> Any:
    """The learnt UNet with an adapter that changes nothing yet."""
    unet = denoiser.trained(profile, folder).requires_grad_(False)
    unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, target_modules=TARGETS, init_lora_weights="gaussian"))
    return unet


def train(profile: Profile, sprites: Sprites, folder: Path, seed: int) -> None:
    """Learns the style on ten things, on backgrounds of every colour."""
    vae = autoencoder.trained(profile, sprites, folder, seed)
    conditions = denoiser.Conditions(profile, folder, seed)
    unet = adapted(profile, folder).to(memory_format=torch.channels_last)
    loop = Loop(folder, "lora", profile.lora, unet, seed)
    noise = denoiser.schedule()
    chosen = [index for index, thing in enumerate(things()) if thing.name in PICTURES]

    def losses(rng: np.random.Generator) -> Losses:
        shown = [_flat(rng, chosen) for _ in range(profile.lora.batch)]
        pictures = np.stack([scenes.render(scene, sprites, profile.size)[0] for scene in shown])
        with torch.no_grad(), torch.autocast(device().type, torch.bfloat16):
            latents = vae.encode(autoencoder.to_tensor(pictures)).latent_dist.mode().float()
        states = conditions.of(shown, rng)
        noisy, steps, velocity = denoiser.noised(noise, latents * vae.config.scaling_factor)
        with torch.autocast(device().type, torch.bfloat16):
            predicted = unet(noisy, steps, states, return_dict=False)[0]
        return {"loss": (predicted.float() - velocity).square().mean()}

    loop.run(losses)


def _flat(rng: np.random.Generator, chosen: list[int]) -> scenes.Scene:
    while True:
        scene = scenes.sample(rng, (STYLE,))
        if scene.layout == "one" and not scene.held_out:
            thing = chosen[rng.integers(len(chosen))]
            return scenes.Scene(**{**vars(scene), "things": (thing,)})


def weights(profile: Profile, folder: Path) -> dict[str, torch.Tensor]:
    """The learnt adapter's layers by their names in the UNet."""
    unet = adapted(profile, folder)
    unet.load_state_dict(trained_state(folder, "lora"))
    return dict(get_peft_model_state_dict(unet))
