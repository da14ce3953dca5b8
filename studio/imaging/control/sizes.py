"""How a control image comes to the size of the picture that it steers."""

from typing import Final

import numpy as np
from PIL import Image

from studio.imaging.pictures.fitting import ResizeMode, middle

LEAST_RESOLUTION: Final = 64
MOST_RESOLUTION: Final = 2048
"""Pixels of the shorter side at which a picture is annotated."""
FAINT: Final = 64
"""A line of one pixel that shrinks to a third is still brighter than this, and stays a line."""
MIDDLE: Final = 127


def perfect_resolution(source: tuple[int, int], target: tuple[int, int], mode: ResizeMode) -> int:
    """The resolution at which one pixel of the annotation becomes one of the control image, within bounds.

    As sd-webui-controlnet has it: the shorter side of a source (width, height), enlarged as resizing it to the target
    would, which is by the smaller factor where it has to fit in whole and by the larger one otherwise.
    """
    factors = (target[0] / source[0], target[1] / source[1])
    factor = min(factors) if mode == "pad" else max(factors)
    return min(max(round(factor * min(source)), LEAST_RESOLUTION), MOST_RESOLUTION)


def placed(image: Image.Image, size: tuple[int, int], mode: ResizeMode) -> Image.Image:
    """The picture at exactly `size`: stretched, cut at its longer side, or with a margin in its border's colour."""
    if image.size == size:
        return image
    if mode == "stretch":
        return _resized(image, size)
    if mode == "crop":
        return _resized(image, size, middle(image.size, size))
    factors = (size[0] / image.width, size[1] / image.height)
    within = (max(1, round(image.width * min(factors))), max(1, round(image.height * min(factors))))
    canvas = Image.new("RGB", size, _border(image))
    canvas.paste(_resized(image, within), ((size[0] - within[0]) // 2, (size[1] - within[1]) // 2))
    return canvas


def _resized(
    image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    part = box or (0, 0, image.width, image.height)
    shrinks = size[0] * size[1] < (part[2] - part[0]) * (part[3] - part[1])
    kernel = Image.Resampling.BOX if shrinks else Image.Resampling.LANCZOS
    resized = image.resize(size, kernel, box=part)
    if not _two_toned(image):
        return resized
    # ControlNets for edges have never seen grey ones.
    return resized.point([255 if value > (FAINT if shrinks else MIDDLE) else 0 for value in range(256)] * 3)


def _two_toned(image: Image.Image) -> bool:
    counts = np.array(image.histogram()).reshape(3, 256)
    return not counts[:, 1:-1].any()


def _border(image: Image.Image) -> tuple[int, int, int]:
    """The middle colour of the outermost pixels."""
    pixels = np.asarray(image)
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = (int(value) for value in np.median(rim, axis=0))
    return red, green, blue
