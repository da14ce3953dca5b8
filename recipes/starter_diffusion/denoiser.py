"""The third and fourth stage: the UNet that draws, on latents computed once, led by the text encoder before it.

First it learns what each thing looks like, from pictures that a single thing fills, in small batches: a thing's size
and place vary little there, so its caption says nearly all of the picture. Then everything in its own proportion.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from numpy.typing import NDArray

from recipes.starter_diffusion import autoencoder, scenes, text
from recipes.starter_diffusion.captions import caption
from recipes.starter_diffusion.loop import Loop, Losses, compiled, device, trained_state
from recipes.starter_diffusion.profiles import Profile
from recipes.starter_diffusion.sprites import Sprites

UNCONDITIONAL = 0.1
"""How often the caption is left out, so that guidance has something to lead away from."""
LATE = 0.5
"""Steps are drawn as this power of an even number: the noisy ones more often, where it is decided what is drawn."""
AVERAGE = 0.999
ENCODE = 128


def schedule() -> DDPMScheduler:
    """Velocity, and noise that truly ends in noise: a background of any colour can be asked for."""
    return DDPMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )


def build(profile: Profile) -> Any:
    """A `UNet2DConditionModel` of this profile's size; text is looked at from the second level down."""
    levels = len(profile.unet_channels)
    unet = UNet2DConditionModel(
        sample_size=profile.latent,
        in_channels=4,
        out_channels=4,
        layers_per_block=profile.unet_layers,
        block_out_channels=profile.unet_channels,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * (levels - 1)),
        up_block_types=(*("CrossAttnUpBlock2D",) * (levels - 1), "UpBlock2D"),
        cross_attention_dim=profile.text_width,
        attention_head_dim=8,
        norm_num_groups=32,
        # What the text says as a whole scales and shifts every layer, beside the attention to its words. Without that
        # path 49,000 samples taught backgrounds and layouts, and no thing.
        addition_embed_type="text",
        resnet_time_scale_shift="scale_shift",
    )
    for name, parameter in unet.named_parameters():
        if name.endswith(("conv2.weight", "conv2.bias", "proj_out.weight", "proj_out.bias")):
            torch.nn.init.zeros_(parameter)
    return unet


class Seen:
    """The scenes of training with their latents, computed the first time and kept in `folder`."""

    def __init__(self, profile: Profile, sprites: Sprites, folder: Path, seed: int) -> None:
        self._profile, self._seed = profile, seed
        kept = folder / "latents.npy"
        if not kept.is_file():
            vae = autoencoder.trained(profile, sprites, folder, seed)
            np.save(kept, np.concatenate(list(self._encoded(vae, sprites))))
        self.latents: NDArray[np.float16] = np.load(kept, mmap_mode="r")
        numbers = range(len(self.latents))
        self._big = np.array([number for number in numbers if self.scene(number).size == "big"])

    def scene(self, index: int) -> scenes.Scene:
        """The scene of that number: the first not held out that its own generator draws."""
        rng = np.random.default_rng((self._seed, 3, index))
        return scenes.sample_of(rng, self._profile.styles, held_out=False)

    def draw(self, rng: np.random.Generator, count: int, big: bool = False) -> NDArray[np.int64]:
        """Numbers of scenes, in order; only of those that a single thing fills, if `big`."""
        if big:
            return np.sort(self._big[rng.integers(len(self._big), size=count)])
        return np.sort(rng.integers(len(self.latents), size=count))

    def batch(self, indices: NDArray[np.int64]) -> torch.Tensor:
        """Their latents, float32 (n, 4, h, w)."""
        return torch.from_numpy(self.latents[indices].astype(np.float32)).to(device())

    @torch.no_grad()
    def _encoded(self, vae: Any, sprites: Sprites) -> Any:
        for first in range(0, self._profile.scenes, ENCODE):
            numbers = range(first, min(first + ENCODE, self._profile.scenes))
            drawn = [scenes.render(self.scene(number), sprites, self._profile.size)[0] for number in numbers]
            with torch.autocast(device().type, torch.bfloat16):
                latents = vae.encode(autoencoder.to_tensor(np.stack(drawn))).latent_dist.mode()
            yield (latents.float() * vae.config.scaling_factor).cpu().numpy().astype(np.float16)


class Conditions:
    """Captions to the states of the frozen text encoder."""

    def __init__(self, profile: Profile, folder: Path, seed: int) -> None:
        self._styles = len(profile.styles)
        self._tokenizer, self._encoder = text.trained(profile, folder, seed)

    def of(self, shown: list[scenes.Scene], rng: np.random.Generator, none: float = UNCONDITIONAL) -> torch.Tensor:
        """One caption of each scene, in one of the languages, now and then none: float32 (n, 77, width)."""
        texts = [caption(scene, rng, text.LANGUAGES[rng.integers(2)], self._styles) for scene in shown]
        return self.states(["" if rng.random() < none else written for written in texts])

    @torch.no_grad()
    def states(self, texts: list[str]) -> torch.Tensor:
        """The states of any texts, as the pipeline reads them."""
        read = self._tokenizer(
            texts, padding="max_length", max_length=text.LENGTH, truncation=True, return_tensors="pt"
        )
        with torch.autocast(device().type, torch.bfloat16):
            states = self._encoder(read["input_ids"].to(device())).last_hidden_state
        return torch.as_tensor(states).float()


def noised(noise: Any, latents: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Latents at steps drawn at random, the steps (n,), and the velocity to be predicted there."""
    # Spread over a batch: the loss jumps less than with steps drawn one by one.
    count, last = len(latents), noise.config.num_train_timesteps - 1
    share = (torch.arange(count, device=latents.device) + torch.rand(count, device=latents.device)) / count
    steps = (share**LATE * noise.config.num_train_timesteps).long().clamp(max=last)
    random = torch.randn_like(latents)
    return noise.add_noise(latents, random, steps), steps, noise.get_velocity(latents, random, steps)


def learn_things(profile: Profile, sprites: Sprites, folder: Path, seed: int) -> None:
    """Learns what each thing looks like."""
    _learn(profile, sprites, folder, seed, "things", build(profile))


def train(profile: Profile, sprites: Sprites, folder: Path, seed: int) -> None:
    """Learns to draw whole scenes, from what it knows of things."""
    unet = build(profile)
    unet.load_state_dict(trained_state(folder, "things"))
    _learn(profile, sprites, folder, seed, "denoiser", unet)


def _learn(profile: Profile, sprites: Sprites, folder: Path, seed: int, name: str, unet: Any) -> None:
    stage = getattr(profile, name)
    seen = Seen(profile, sprites, folder, seed)
    conditions = Conditions(profile, folder, seed)
    unet = unet.to(device(), memory_format=torch.channels_last)
    loop = Loop(folder, name, stage, unet, seed, average=AVERAGE)
    noise = schedule()
    predict = compiled(lambda noisy, steps, states: unet(noisy, steps, states, return_dict=False)[0])

    def losses(rng: np.random.Generator) -> Losses:
        indices = seen.draw(rng, stage.batch, big=name == "things")
        states = conditions.of([seen.scene(int(index)) for index in indices], rng)
        noisy, steps, velocity = noised(noise, seen.batch(indices))
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device().type, torch.bfloat16):
            predicted = predict(noisy, steps, states)
        error = (predicted.float() - velocity).square().mean(dim=(1, 2, 3))
        return {"loss": error.mean(), "noisy": error[len(error) // 2 :].mean().detach()}

    loop.run(losses)


def trained(profile: Profile, folder: Path) -> Any:
    """The learnt UNet."""
    unet = build(profile)
    unet.load_state_dict(trained_state(folder, "denoiser"))
    return unet.to(device()).eval()
