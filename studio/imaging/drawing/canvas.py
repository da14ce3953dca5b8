"""What a picture begins from: a source brought to the size it is drawn at, and the part of it that is repainted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from studio.errors import InvalidRequest
from studio.imaging.drawing.requests import PictureRequest
from studio.imaging.pictures.fitting import ResizeMode, Size, fitted, shaped_like
from studio.imaging.pictures.opening import open_picture

MASKED: Final = 128
"""From this brightness on, or this opacity of a drawn layer, a mask means: repaint."""
Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Canvas:
    """A source and its mask, ready for a model, and how the drawn picture is put back into it."""

    size: Size
    """What is drawn."""
    image: Image.Image
    """RGB at that size: what the model begins from."""
    mask: Image.Image | None = None
    """L at that size, 0 or 255: where it repaints."""
    under: Image.Image | None = None
    """RGB: what stays where nothing is repainted."""
    soft: Image.Image | None = None
    """L, as large as `under`: how much of the drawn picture shows."""
    box: Box | None = None
    """Where in `under` the drawn picture belongs; all of it when None."""
    notice: str | None = None
    """A message key for something the user should know."""

    @property
    def before(self) -> Image.Image:
        """What was there, as large as the finished picture."""
        return self.under if self.under is not None else self.image

    def finished(self, drawn: Image.Image) -> Image.Image:
        """The drawn picture in its place, with everything outside of the mask as it was, to the pixel."""
        if self.under is None or self.soft is None:
            return drawn
        if self.box is None:
            return Image.composite(drawn, self.under, self.soft)
        left, top, right, bottom = self.box
        laid = self.under.copy()
        laid.paste(drawn.resize((right - left, bottom - top), Image.Resampling.LANCZOS), (left, top))
        return Image.composite(laid, self.under, self.soft)


def canvas(request: PictureRequest, own: Size, max_pixels: int) -> Canvas | None:
    """What `request` begins from, where `own` is the model's own size; None where it begins from noise alone.

    Without a size of its own a request keeps the proportions of its source.

    Raises:
        InvalidRequest: the mask covers nothing, is of another size than the picture, or comes without one.
        UnreadablePicture: a file is no picture, damaged, or has more than `max_pixels` pixels.
        OutOfMemory: a file cannot be held in memory.
    """
    if request.image is None:
        if request.mask is not None:
            raise InvalidRequest("draw.mask_alone")
        return None
    source = flat(request.image, max_pixels)
    if request.mask is None:
        size = _size(request, own, source.size)
        return Canvas(size, fitted(source, size, request.resize_mode))
    mask = _mask(request.mask, source.size, max_pixels)
    whole = mask.getextrema() == (255, 255)
    notice = "imaging.notice.mask_full" if whole else None
    if request.inpaint_area == "masked" and not whole:
        return _region(request, source, mask, own)
    size = _size(request, own, source.size)
    under = fitted(source, size, request.resize_mode)
    soft = _blurred(_fitted_mask(mask, size, request.resize_mode), request.mask_blur)
    return Canvas(size, _begun(under, soft, request), _hard(soft), under, soft, notice=notice)


def _region(request: PictureRequest, source: Image.Image, mask: Image.Image, own: Size) -> Canvas:
    """Only the masked part and some of what is around it, drawn at full size and put back."""
    size = request.width or own[0], request.height or own[1]
    soft = _blurred(mask, request.mask_blur)
    box = _around(soft, request.inpaint_padding, size)
    part, hidden = (image.crop(box).resize(size, Image.Resampling.LANCZOS) for image in (source, soft))
    return Canvas(size, _begun(part, hidden, request), _hard(hidden), source, soft, box)


def _around(soft: Image.Image, padding: int, size: Size) -> Box:
    """The masked part with `padding` pixels around it, widened to the proportions of `size` as far as there is room."""
    left, top, right, bottom = soft.getbbox() or (0, 0, *soft.size)
    box = [max(0, left - padding), max(0, top - padding)]
    box += [min(soft.width, right + padding), min(soft.height, bottom + padding)]
    wanted = size[0] / size[1]
    width, height = box[2] - box[0], box[3] - box[1]
    axis, target = (0, round(height * wanted)) if width / height < wanted else (1, round(width / wanted))
    room = soft.size[axis]
    target = min(room, max(1, target))
    begin = min(max(0, (box[axis] + box[axis + 2] - target) // 2), room - target)
    box[axis], box[axis + 2] = begin, begin + target
    return box[0], box[1], box[2], box[3]


def _begun(under: Image.Image, soft: Image.Image, request: PictureRequest) -> Image.Image:
    """What the model begins from: the picture, or noise where it is repainted."""
    if request.inpaint_fill == "original":
        return under
    # Always the same: what comes of it is decided by the seed's own noise, for one picture as for many.
    noise = np.random.default_rng(0).integers(0, 256, (under.height, under.width, 3), np.uint8)
    return Image.composite(Image.fromarray(noise), under, _hard(soft))


def _hard(soft: Image.Image) -> Image.Image:
    """Everything that shows at all is drawn, so that nothing of the source shines through a soft edge half-way."""
    return soft.point(lambda value: 255 if value else 0)


def _blurred(mask: Image.Image, radius: int) -> Image.Image:
    return mask.filter(ImageFilter.GaussianBlur(radius)) if radius else mask


def _fitted_mask(mask: Image.Image, size: Size, mode: ResizeMode) -> Image.Image:
    return fitted(mask, size, mode).point(lambda value: 255 if value >= MASKED else 0)


def _size(request: PictureRequest, own: Size, source: Size) -> Size:
    if request.width is None and request.height is None:
        return shaped_like(source, own[0] * own[1])
    return request.width or own[0], request.height or own[1]


def flat(file: Path, max_pixels: int) -> Image.Image:
    """The picture in a file, on white where it is transparent."""
    image = open_picture(file, max_pixels).image
    if image.mode == "RGBA":
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image


def _mask(file: Path, size: Size, max_pixels: int) -> Image.Image:
    """A mask of 0 and 255: what is bright in a picture, or drawn on a transparent one."""
    image = open_picture(file, max_pixels).image
    if image.size != size:
        theirs, ours = (f"{width} × {height}" for width, height in (image.size, size))
        raise InvalidRequest("draw.mask_size", mask=theirs, picture=ours)
    drawn = image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)
    grey = image.getchannel("A") if drawn else image.convert("L")
    mask = grey.point(lambda value: 255 if value >= MASKED else 0)
    if not mask.getbbox():
        raise InvalidRequest("draw.mask_empty")
    return mask
