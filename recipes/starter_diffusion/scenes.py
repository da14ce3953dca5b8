"""Scenes: one to three things on a background of a named colour, and the pictures of them."""

import hashlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from recipes.starter_diffusion.sprites import Sprites
from recipes.starter_diffusion.things import COLOURS, things

Layout = Literal["one", "row", "column"]
Place = Literal["centre", "left", "right", "top", "bottom"]
Size = Literal["small", "middle", "big"]

WIDTHS: dict[Size, tuple[float, float]] = {"small": (0.34, 0.46), "middle": (0.58, 0.74), "big": (0.82, 0.96)}
"""Width of a single thing, in widths of the picture."""
HELD_OUT = 20
"""One in so many combinations of thing and background, and of two things, is kept for evaluation."""


@dataclass(frozen=True)
class Scene:
    """What a picture shows. `things` are numbers in `things()`, from left to right or from top to bottom."""

    things: tuple[int, ...]
    layout: Layout
    background: int
    gradient: bool
    style: str
    size: Size = "middle"
    place: Place = "centre"
    seed: int = 0
    """Of the small differences that no caption tells."""

    @property
    def held_out(self) -> bool:
        """Whether training must not see it: decided by its combinations, the same on every machine."""
        pairs = [f"{thing}/{self.background}" for thing in set(self.things)]
        if len(set(self.things)) > 1:
            pairs.append("+".join(map(str, sorted(set(self.things)))))
        return any(_kept(pair) for pair in pairs)


def _kept(pair: str) -> bool:
    return int(hashlib.sha256(pair.encode()).hexdigest(), 16) % HELD_OUT == 0


def sample(rng: np.random.Generator, styles: tuple[str, ...]) -> Scene:
    """A scene drawn at random: most show one thing, some two or three, alike or not."""
    many = len(things())
    first = int(rng.integers(many))
    kind = rng.random()
    shown: tuple[int, ...] = (first,)
    if kind > 0.9:
        shown = (first, first, first) if rng.random() < 0.5 else (first, *_others(rng, first, 2))
    elif kind > 0.62:
        shown = (first, first) if rng.random() < 0.3 else (first, *_others(rng, first, 1))
    layout: Layout = "one" if len(shown) == 1 else "column" if rng.random() < 0.35 else "row"
    size: Size = "middle"
    place: Place = "centre"
    if layout == "one":
        size = ("middle", "big", "small")[rng.choice(3, p=(0.5, 0.35, 0.15))]
        if size != "big" and rng.random() < 0.3:
            place = ("left", "right", "top", "bottom")[rng.integers(4)]
    return Scene(
        shown,
        layout,
        background=int(rng.integers(len(COLOURS))),
        gradient=rng.random() < 0.35,
        style=styles[rng.integers(len(styles))],
        size=size,
        place=place,
        seed=int(rng.integers(2**31)),
    )


def sample_of(rng: np.random.Generator, styles: tuple[str, ...], held_out: bool) -> Scene:
    """The first scene drawn that is held out, or that is not."""
    while (scene := sample(rng, styles)).held_out != held_out:
        pass
    return scene


def _others(rng: np.random.Generator, first: int, count: int) -> tuple[int, ...]:
    others = rng.choice(len(things()) - 1, size=count, replace=False)
    return tuple(int(other) + (other >= first) for other in others)


def boxes(scene: Scene, side: int) -> list[tuple[int, int, int]]:
    """Left, top and width in pixels of each thing of a scene, on a picture of `side` × `side`."""
    rng = np.random.default_rng(scene.seed)
    if scene.layout == "one":
        width = rng.uniform(*WIDTHS[scene.size])
        free = 1 - width
        x, y = free * rng.uniform(0.35, 0.65), free * rng.uniform(0.35, 0.65)
        near = free * rng.uniform(0.02, 0.12)
        x = {"left": near, "right": free - near}.get(scene.place, x)
        y = {"top": near, "bottom": free - near}.get(scene.place, y)
        return [_pixels(x, y, width, side)]
    count = len(scene.things)
    width = rng.uniform(0.86, 0.96) / count if count > 2 else rng.uniform(0.42, 0.48)
    gap = (1 - width * count) / (count + 1)
    spots = [gap + index * (width + gap) for index in range(count)]
    across = (1 - width) * rng.uniform(0.35, 0.65)
    if scene.layout == "row":
        return [_pixels(spot, across, width, side) for spot in spots]
    return [_pixels(across, spot, width, side) for spot in spots]


def _pixels(x: float, y: float, width: float, side: int) -> tuple[int, int, int]:
    return round(x * side), round(y * side), max(1, round(width * side))


def background(scene: Scene, side: int) -> NDArray[np.uint8]:
    """Plain, or from one shade of its colour down to another: uint8 (side, side, 3)."""
    rng = np.random.default_rng(scene.seed + 1)
    shades = np.asarray(COLOURS[scene.background].shades, dtype=np.float64)
    top, bottom = (shades[0], shades[2]) if scene.gradient else (shades[1], shades[1])
    if scene.gradient and rng.random() < 0.3:
        top, bottom = bottom, top
    ramp = np.linspace(0, 1, side)[:, None]
    column = top * (1 - ramp) + bottom * ramp + rng.uniform(-6, 6)
    return np.broadcast_to(column.clip(0, 255).round().astype(np.uint8)[:, None], (side, side, 3)).copy()


def render(scene: Scene, sprites: Sprites, side: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The picture, uint8 (side, side, 3), and where its things are, uint8 (side, side) of 0 to 255."""
    canvas = Image.fromarray(background(scene, side))
    mask = Image.new("L", canvas.size)
    for thing, (left, top, width) in zip(scene.things, boxes(scene, side), strict=True):
        sprite = sprites.picture(thing, scene.style).convert("RGBa")
        sprite = sprite.resize((width, width), Image.Resampling.LANCZOS, reducing_gap=2.0).convert("RGBA")
        canvas.paste(sprite, (left, top), sprite)
        mask.paste(sprite.getchannel("A"), (left, top), sprite.getchannel("A"))
    return np.asarray(canvas), np.asarray(mask)
