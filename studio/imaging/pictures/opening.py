"""Opening whatever a user calls a picture, as upright 8-bit sRGB."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from studio.errors import OutOfMemory, StudioError, UnreadablePicture
from studio.imaging.infotext.carriers import carried

FORMATS: Final = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "PPM")
"""Formats that Pillow decodes by itself; EPS, for one, would start another program."""
PLAIN_FORMATS: Final = frozenset({"PNG", "JPEG", "WEBP"})
"""Formats that every browser shows."""
MOST_FILE_SIDE: Final = 65_535
"""Pixels of the longer side; a row of tiles is held in memory whole."""
TINY: Final = 16


@dataclass(frozen=True)
class OpenedPicture:
    """A picture ready to work on."""

    image: Image.Image
    """Upright, mode RGB or RGBA, sRGB."""
    notice: str | None = None
    """A message key for what was changed or left out."""
    original: bool = False
    """Whether the file itself shows just this in any browser."""
    infotext: str | None = None
    """The generation settings it carries, if any."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """Shape (height, width, 3); under full transparency, the colours beside it."""
        image = _bled(self.image) if self.image.mode == "RGBA" else self.image
        return np.asarray(image)

    @property
    def alpha(self) -> Image.Image | None:
        """The opacity, mode L; None where everything is opaque."""
        return self.image.getchannel("A") if self.image.mode == "RGBA" else None


def open_picture(file: Path, max_pixels: int) -> OpenedPicture:
    """Decode `file`.

    Raises:
        UnreadablePicture: it is missing, empty, no picture, damaged, or has more than `max_pixels` pixels.
        OutOfMemory: it cannot be held in memory.
    """
    with opened(file, max_pixels) as image:
        return _decoded(image)


@contextmanager
def opened(file: Path, max_pixels: int) -> Iterator[Image.Image]:
    """The picture in `file`, not decoded yet; its size is checked from its header.

    Raises:
        UnreadablePicture: it is missing, empty, no picture, or has more than `max_pixels` pixels; or decoding it within
            the block finds it damaged.
        OutOfMemory: what is done within the block does not fit in memory.
    """
    try:
        if not file.stat().st_size:
            raise UnreadablePicture("picture.empty", file=file.name)
        with Image.open(file, formats=_formats()) as image:
            _check_size(image, file.name, max_pixels)
            yield image
    except StudioError:
        raise
    except MemoryError as error:
        raise OutOfMemory("picture.memory", file=file.name) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise UnreadablePicture("picture.missing", file=file.name) from error
    except UnidentifiedImageError as error:
        raise UnreadablePicture("picture.unknown", file=file.name) from error
    except Image.DecompressionBombError as error:
        raise UnreadablePicture("picture.bomb", file=file.name) from error
    except Exception as error:  # decoders answer damaged bytes with whatever their parser stumbles over
        raise UnreadablePicture("picture.damaged", file=file.name) from error


def _formats() -> list[str]:
    """Those of `FORMATS` that this build of Pillow reads."""
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _check_size(image: Image.Image, name: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        megapixels, most = (f"{count / 1e6:,.1f}" for count in (width * height, max_pixels))
        raise UnreadablePicture(
            "picture.too_large", file=name, width=width, height=height, megapixels=megapixels, most=most
        )
    if max(width, height) > MOST_FILE_SIDE:
        raise UnreadablePicture("picture.too_long", file=name, width=width, height=height, most=MOST_FILE_SIDE)


def _decoded(image: Image.Image) -> OpenedPicture:
    kind, mode, profile = image.format, image.mode, image.info.get("icc_profile")
    # The second frame of an MPO is a depth map or a thumbnail, not a moment later.
    animated = kind != "MPO" and bool(getattr(image, "is_animated", False))
    deep = _is_deep(image)
    infotext = carried(image)
    image.load()
    upright, turned = _upright(image)
    plain, recoloured = _plain(_eight_bit(upright), profile)
    notices = {
        "imaging.notice.first_frame": animated,
        "imaging.notice.cmyk": mode == "CMYK",
        "imaging.notice.eight_bit": deep,
        "imaging.notice.tiny": min(plain.size) < TINY,
    }
    return OpenedPicture(
        image=plain,
        notice=next((key for key, applies in notices.items() if applies), None),
        original=kind in PLAIN_FORMATS and mode != "CMYK" and not (turned or animated or deep or recoloured),
        infotext=infotext,
    )


def _is_deep(image: Image.Image) -> bool:
    """Whether the file holds more than 8 bits per channel; Pillow opens 16-bit colour as RGB and only the decoder's
    arguments tell."""
    return image.mode[0] in "IF" or any("16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def _upright(image: Image.Image) -> tuple[Image.Image, bool]:
    """The picture as the camera was held, and whether it had to be turned."""
    # A damaged EXIF block is no reason to refuse the picture that goes with it.
    with suppress(Exception):
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return ImageOps.exif_transpose(image), True
    return image, False


def _eight_bit(image: Image.Image) -> Image.Image:
    """Integer and floating-point greys as mode L; what goes beyond 16 bits is stretched to its own brightest value."""
    if image.mode[0] not in "IF":
        return image
    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0, neginf=0).clip(min=0)
    brightest = float(values.max())
    if image.mode == "F":
        white = 1.0 if brightest <= 1 else max(brightest, 255.0)
    else:
        white = 65_535.0 if image.mode != "I" or brightest <= 65_535 else brightest
    return Image.fromarray(np.rint(values * (255 / white)).astype(np.uint8))


def _plain(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """The picture as sRGB, mode RGB or RGBA, and whether a colour profile changed it."""
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    converted = _by_profile(image, profile)
    plain = converted or image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        plain.putalpha(alpha)
    return plain, converted is not None


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """Colours by the embedded profile; None where there is none, it is sRGB, or it is damaged or for another mode."""
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif not profile:
        return None
    else:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            if "sRGB" in ImageCms.getProfileDescription(source):
                return None
        except (OSError, ImageCms.PyCMSError):
            return None
    if image.mode not in ("RGB", "L", "CMYK", "LAB"):
        image = image.convert("RGB")
    try:
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (OSError, ValueError, ImageCms.PyCMSError):
        return None


def _bled(image: Image.Image) -> Image.Image:
    """The colours of an RGBA picture, continued from where it is opaque to where it is fully transparent.

    What lies under full transparency is arbitrary, often black, and would be drawn into the edges.
    """
    weighted = image.convert("RGBa")
    colours = np.array(image.convert("RGB"))
    empty = np.asarray(image.getchannel("A")) == 0
    step = 2
    while empty.any() and step < 2 * max(image.size):
        small = weighted.resize((max(1, image.width // step), max(1, image.height // step)), Image.Resampling.BOX)
        around = np.asarray(small.convert("RGBA").resize(image.size, Image.Resampling.NEAREST))
        found = empty & (around[..., 3] > 0)
        colours[found] = around[found][:, :3]
        empty &= ~found
        step *= 2
    return Image.fromarray(colours)
