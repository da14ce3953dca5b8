"""The last stage: what was learnt, as diffusers reads it, in half precision and in files that stay small."""

import shutil
from pathlib import Path

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline

from recipes.starter_diffusion import autoencoder, control, denoiser, lora, text
from recipes.starter_diffusion.profiles import Profile
from recipes.starter_diffusion.sprites import Sprites

SHARD = "9MB"
"""Below what a git host takes without large-file storage."""
ADAPTER = Path("loras") / "flat-style.safetensors"
"""Where a studio looks for LoRAs, inside the family."""


def export(profile: Profile, sprites: Sprites, work: Path, target: Path, seed: int) -> None:
    """Write the family to `target`: the pipeline, `control-canny`, `control-scribble` and `ADAPTER`."""
    tokenizer, encoder = text.trained(profile, work, seed)
    pipe = StableDiffusionPipeline(
        vae=autoencoder.trained(profile, sprites, work, seed),
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=denoiser.trained(profile, work),
        scheduler=DDIMScheduler.from_config(denoiser.schedule().config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to("cpu", torch.float16)
    for old in (
        "vae",
        "text_encoder",
        "tokenizer",
        "unet",
        "scheduler",
        *(f"control-{kind}" for kind in control.KINDS),
    ):
        shutil.rmtree(target / old, ignore_errors=True)
    pipe.save_pretrained(target, max_shard_size=SHARD)
    for kind in control.KINDS:
        if (work / f"control-{kind}.pt").is_file():
            net = control.trained(kind, profile, work).to("cpu", torch.float16)
            net.save_pretrained(target / f"control-{kind}", max_shard_size=SHARD)
    if (work / "lora.pt").is_file():
        layers = {key: value.to("cpu", torch.float16) for key, value in lora.weights(profile, work).items()}
        folder = target / ADAPTER.parent
        StableDiffusionPipeline.save_lora_weights(folder, unet_lora_layers=layers, weight_name=ADAPTER.name)
