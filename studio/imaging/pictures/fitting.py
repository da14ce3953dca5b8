"""Bringing a picture to another size, in the three ways that AUTOMATIC1111's web UI knows."""

from math import sqrt
from typing import Annotated, Final, Literal

from PIL import Image
from pydantic import Field

ResizeMode = Literal["stretch", "crop", "pad"]
"""Just Resize, Crop and Resize, Resize and Fill, as A1111 calls them."""
STEP: Final = 8
"""Sides are multiples of it: what one latent of Stable Diffusion covers."""
USUAL_SIDE: Final = 512
"""Of a picture where neither its request nor its model says more."""
LEAST_SIDE: Final = 64
MOST_SIDE: Final = 4096
"""What can be drawn."""

Side = Annotated[int, Field(ge=LEAST_SIDE, le=MOST_SIDE, multiple_of=STEP)]
Size = tuple[int, int]
"""Width and height in pixels."""


def fitted(image: Image.Image, size: Size, mode: ResizeMode) -> Image.Image:
    """The picture at `size`: stretched, cut at the longer sides, or whole with its border carried on."""
    if image.size == size:
        return image
    if mode == "stretch":
        return image.resize(size, Image.Resampling.LANCZOS)
    if mode == "crop":
        return image.resize(size, Image.Resampling.LANCZOS, box=middle(image.size, size))
    return _padded(image, size)


def shaped_like(source: Size, area: int) -> Size:
    """A size of about `area` pixels with the proportions of `source`; more where a side would be too short to draw."""
    scale = max(sqrt(area / (source[0] * source[1])), LEAST_SIDE / min(source))
    width, height = (min(MOST_SIDE, max(LEAST_SIDE, round(side * scale / STEP) * STEP)) for side in source)
    return width, height


def middle(source: Size, target: Size) -> tuple[float, float, float, float]:
    """The largest box in the middle of `source` with the proportions of `target`, at least one pixel wide and high."""
    # The side that stays whole is taken as it is: worked out by way of a scale, it comes out longer by a rounding for
    # one pair of sizes in twenty, and Pillow refuses the box.
    width, height = map(float, source)
    if source[0] * target[1] > source[1] * target[0]:
        width = max(1.0, source[1] * target[0] / target[1])
    else:
        height = max(1.0, source[0] * target[1] / target[0])
    left, top = (source[0] - width) / 2, (source[1] - height) / 2
    return left, top, left + width, top + height


def _padded(image: Image.Image, size: Size) -> Image.Image:
    scale = min(size[0] / image.width, size[1] / image.height)
    width, height = (max(1, min(most, round(side * scale))) for most, side in zip(size, image.size, strict=True))
    whole = image.resize((width, height), Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    # The border pixels are drawn out to the sides: a hard edge there would become part of the picture.
    across = whole.transform((size[0], height), Image.Transform.EXTENT, (-left, 0, size[0] - left, height))
    filled = Image.new(image.mode, size)
    for x, column, room in ((0, 0, left), (left + width, width - 1, size[0] - left - width)):
        if room:
            across.paste(whole.crop((column, 0, column + 1, height)).resize((room, height)), (x, 0))
    filled.paste(across, (0, top))
    for y, row, room in ((0, 0, top), (top + height, height - 1, size[1] - top - height)):
        if room:
            filled.paste(across.crop((0, row, size[0], row + 1)).resize((size[0], room)), (0, y))
    return filled
