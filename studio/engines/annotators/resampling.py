"""Bringing pictures to the size at which they are annotated."""

import math
from typing import Final

from PIL import Image

MOST_PIXELS: Final = 2048 * 4096
"""Of a picture while it is annotated."""


def working_size(size: tuple[int, int], resolution: int) -> tuple[int, int]:
    """(width, height) with the shorter side at `resolution`, smaller for one so long that it would fill memory."""
    width, height = size
    scale, most = resolution / min(size), math.sqrt(MOST_PIXELS / (width * height))
    if scale > most:
        return max(1, int(width * most)), max(1, int(height * most))
    return round(width * scale), round(height * scale)


def fitted(image: Image.Image, resolution: int) -> Image.Image:
    """The picture at its working size."""
    return resized(image, working_size(image.size, resolution))


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture at another size: averaged where it shrinks, smooth where it grows."""
    if image.size == size:
        return image
    shrinks = size[0] * size[1] < image.width * image.height
    return image.resize(size, Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC)


def untouched(image: Image.Image, resolution: int) -> Image.Image:
    """A control image that is one already."""
    return image


def tile(image: Image.Image, resolution: int, *, down_sampling: float) -> Image.Image:
    """The picture with its details averaged away, at its working size; 1 keeps them."""
    picture = fitted(image, resolution)
    if down_sampling <= 1:
        return picture
    small = (max(1, round(picture.width / down_sampling)), max(1, round(picture.height / down_sampling)))
    return resized(resized(picture, small), picture.size)
