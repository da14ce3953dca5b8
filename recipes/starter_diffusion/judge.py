"""Measures of pictures: what is their background, what thing do they show, where are their edges."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from skimage.color import rgb2lab

from recipes.starter_diffusion.control import edges
from recipes.starter_diffusion.sprites import Sprites
from recipes.starter_diffusion.things import COLOURS, things

Pixels = NDArray[np.uint8]
"""uint8 (h, w, 3)."""

CUT = 24
"""Pixels along one side of a cut-out thing."""
APART = 14.0
"""CIELAB distance from the background at which a pixel belongs to a thing."""
CLOSE = 1
"""Pixels by which an edge may be off and still count."""


def psnr(first: Pixels, second: Pixels) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal pictures."""
    square = np.square(first.astype(np.float64) - second).mean()
    return float("inf") if square == 0 else float(10 * np.log10(255**2 / square))


def backdrop(picture: Pixels) -> NDArray[np.float64]:
    """The background of each row, RGB (h, 3): the median of the pixels near the left and right edges, smoothed."""
    margin = max(2, picture.shape[1] // 16)
    sides = np.concatenate([picture[:, :margin], picture[:, -margin:]], axis=1)
    rows = np.median(sides, axis=1)
    return np.asarray(ndimage.median_filter(rows, size=(picture.shape[0] // 4 + 1, 1), mode="nearest"))


def background(picture: Pixels) -> int:
    """The number in `COLOURS` whose shade is nearest to the picture's border, in CIELAB."""
    margin = max(2, len(picture) // 16)
    frame = np.ones(picture.shape[:2], bool)
    frame[margin:-margin, margin:-margin] = False
    lab = rgb2lab(np.median(picture[frame], axis=0)[None, None] / 255)[0, 0]
    shades = [rgb2lab(np.asarray(colour.shades, float)[None] / 255)[0] for colour in COLOURS]
    return int(np.argmin([np.linalg.norm(shade - lab, axis=1).min() for shade in shades]))


def cut_out(picture: Pixels) -> NDArray[np.float64]:
    """The thing alone, as features (CUT, CUT, 4): its colours in CIELAB on gray, and where it is."""
    lab = rgb2lab(picture / 255)
    apart = np.linalg.norm(lab - rgb2lab(backdrop(picture)[:, None] / 255), axis=-1) > APART
    solid = ndimage.binary_fill_holes(ndimage.binary_opening(apart))
    labels, count = ndimage.label(solid)
    if not count:
        return _features(lab, np.ones(apart.shape, bool))
    sizes = ndimage.sum_labels(solid, labels, range(1, count + 1))
    keep = np.isin(labels, 1 + np.flatnonzero(sizes >= 0.1 * sizes.max()))
    return _features(lab, keep)


def _features(lab: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside, alpha = lab[box], mask[box].astype(np.float64)
    neutral = np.array([60.0, 0.0, 0.0])
    colours = inside * alpha[..., None] + neutral * (1 - alpha[..., None])
    layers = np.concatenate([colours, 60 * alpha[..., None]], axis=-1)
    # Its proportions count: a tall thing is brought into a square as a tall thing.
    side = max(alpha.shape)
    square = np.zeros((side, side, 4))
    square[..., :3] = neutral
    top, left = (side - alpha.shape[0]) // 2, (side - alpha.shape[1]) // 2
    square[top : top + alpha.shape[0], left : left + alpha.shape[1]] = layers
    small = [
        np.asarray(Image.fromarray(square[..., layer].astype(np.float32)).resize((CUT, CUT), Image.Resampling.BOX))
        for layer in range(4)
    ]
    return np.asarray(ndimage.gaussian_filter(np.stack(small, axis=-1), (0.7, 0.7, 0)))


class Recogniser:
    """Finds the thing that a picture shows, by the nearest of all things in the space of `cut_out`."""

    def __init__(self, sprites: Sprites, style: str, side: int) -> None:
        self._known = np.stack([cut_out(_plain(sprites, index, style, side)) for index in range(len(things()))])

    def distance(self, picture: Pixels, thing: int) -> float:
        """How far a picture is from one thing."""
        return float(np.square(self._known[thing] - cut_out(picture)).sum())

    def ranked(self, picture: Pixels) -> NDArray[np.int64]:
        """All things, the nearest first."""
        distance = np.square(self._known - cut_out(picture)).sum(axis=(1, 2, 3))
        return np.argsort(distance)


def _plain(sprites: Sprites, thing: int, style: str, side: int) -> Pixels:
    # On a colour that no thing has, so that the whole thing is cut out.
    canvas = Image.new("RGB", (side, side), (255, 0, 255))
    width = round(side * 0.7)
    sprite = sprites.picture(thing, style).resize((width, width), Image.Resampling.LANCZOS)
    canvas.paste(sprite, ((side - width) // 2,) * 2, sprite)
    return np.asarray(canvas)


def edge_f1(picture: Pixels, wanted: NDArray[np.bool_]) -> float:
    """F1 of the Canny edges of a picture against bool (h, w), each allowed to be `CLOSE` pixels off."""
    found = edges(picture)
    if not found.any() or not wanted.any():
        return 0.0
    grown = np.ones((2 * CLOSE + 1,) * 2, bool)
    precision = (found & ndimage.binary_dilation(wanted, grown)).sum() / found.sum()
    recall = (wanted & ndimage.binary_dilation(found, grown)).sum() / wanted.sum()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0
