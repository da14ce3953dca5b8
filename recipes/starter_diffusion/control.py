"""The fourth stage: ControlNets that hold the drawing to edges or to a scribble."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from diffusers import ControlNetModel
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import canny

from recipes.starter_diffusion import denoiser, scenes
from recipes.starter_diffusion.loop import Loop, Losses, compiled, device, trained_state
from recipes.starter_diffusion.profiles import Profile
from recipes.starter_diffusion.sprites import Sprites

Kind = Literal["canny", "scribble"]
KINDS: tuple[Kind, ...] = ("canny", "scribble")
UNPROMPTED = 0.3
"""How often the caption is left out, so that the lines alone must tell what is there."""
LOW, HIGH = 0.08, 0.2
"""Thresholds of the edge detector, for gradients of pictures of 0 to 1."""


def edges(picture: NDArray[np.uint8], sigma: float = 0.8) -> NDArray[np.bool_]:
    """The Canny edges of a picture, uint8 (h, w, 3): bool (h, w), an edge where any channel has one."""
    channels = np.moveaxis(picture.astype(np.float64) / 255, -1, 0)
    found = [canny(channel, sigma, LOW, HIGH, mode="nearest") for channel in channels]
    return np.asarray(np.logical_or.reduce(found), bool)


def lines(
    kind: Kind, picture: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """White lines on black, uint8 (h, w): sharp edges, or what a hand would draw of them."""
    if kind == "canny":
        return edges(picture, rng.uniform(0.5, 1.1)).astype(np.uint8) * 255
    return scribble(picture, mask, rng)


def scribble(picture: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Thick lines around the things and along their strongest edges, never quite where they belong."""
    solid = mask > 127
    outline = solid & ~ndimage.binary_erosion(solid)
    drawn = outline | edges(picture, 1.6) if rng.random() < 0.7 else outline
    side = len(drawn)
    # A hand trembles: neighbours move together, by at most a fiftieth of the picture.
    shaken = [ndimage.gaussian_filter(rng.standard_normal(drawn.shape), side / 10) for _ in range(2)]
    shift = [wave / (np.abs(wave).max() + 1e-9) * side / 50 for wave in shaken]
    rows, columns = np.mgrid[:side, :side]
    moved = ndimage.map_coordinates(drawn.astype(np.float32), [rows + shift[0], columns + shift[1]], order=1)
    thick = ndimage.binary_dilation(moved > 0.35, iterations=max(1, side // 64))
    return np.asarray(thick, np.uint8) * 255


def to_condition(drawn: list[NDArray[np.uint8]]) -> torch.Tensor:
    """Lines to what a ControlNet reads: float32 (n, 3, h, w) of 0 to 1."""
    stack = torch.from_numpy(np.stack(drawn)).to(device(), torch.float32) / 255
    return stack[:, None].expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def build(profile: Profile, unet: Any) -> Any:
    """A `ControlNetModel` that begins as a copy of the UNet's first half."""
    widths = (16, 32, 96, 256)[: len(profile.vae_channels)]
    return ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=widths)


def train(kind: Kind, profile: Profile, sprites: Sprites, folder: Path, seed: int) -> None:
    """Learns to lead the frozen UNet; the scribbles begin where the edges ended."""
    seen = denoiser.Seen(profile, sprites, folder, seed)
    conditions = denoiser.Conditions(profile, folder, seed)
    unet = denoiser.trained(profile, folder).requires_grad_(False).to(memory_format=torch.channels_last)
    net = build(profile, unet)
    if kind == "scribble":
        net.load_state_dict(trained_state(folder, "control-canny"))
    net = net.to(device(), memory_format=torch.channels_last)
    loop = Loop(folder, f"control-{kind}", profile.control, net, seed, average=0.99)
    noise = denoiser.schedule()

    @compiled
    def predict(noisy: Any, steps: Any, states: Any, condition: Any) -> Any:
        down, mid = net(noisy, steps, states, condition, return_dict=False)
        return unet(
            noisy,
            steps,
            states,
            down_block_additional_residuals=down,
            mid_block_additional_residual=mid,
            return_dict=False,
        )[0]

    def losses(rng: np.random.Generator) -> Losses:
        indices = seen.draw(rng, profile.control.batch)
        shown = [seen.scene(int(index)) for index in indices]
        drawn = [lines(kind, *scenes.render(scene, sprites, profile.size), rng) for scene in shown]
        states = conditions.of(shown, rng, UNPROMPTED)
        noisy, steps, velocity = denoiser.noised(noise, seen.batch(indices))
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        with torch.autocast(device().type, torch.bfloat16):
            predicted = predict(noisy, steps, states, to_condition(drawn))
        error = (predicted.float() - velocity).square().mean(dim=(1, 2, 3))
        return {"loss": error.mean(), "noisy": error[len(error) // 2 :].mean().detach()}

    loop.run(losses)


def trained(kind: Kind, profile: Profile, folder: Path) -> Any:
    """The learnt ControlNet."""
    net = build(profile, denoiser.build(profile))
    net.load_state_dict(trained_state(folder, f"control-{kind}"))
    return net.to(device()).eval()
