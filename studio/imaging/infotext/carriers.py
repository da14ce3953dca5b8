"""Picture files with an infotext inside: a text chunk in PNG, the EXIF user comment in JPEG and WebP."""

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import IO, Any, Final, Literal, cast

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from studio.imaging.infotext.exif import comment_text, exif_block, user_comment
from studio.imaging.infotext.text import KEY

Format = Literal["png", "jpeg", "webp"]
SUFFIXES: Final[Mapping[Format, str]] = MappingProxyType({"png": ".png", "jpeg": ".jpg", "webp": ".webp"})
QUALITY: Final[Mapping[Format, Mapping[str, Any]]] = MappingProxyType(
    {
        "png": {},
        # Colour at full resolution: drawn pictures have hard coloured edges that halving it makes grey.
        "jpeg": {"quality": 95, "subsampling": 0, "optimize": True},
        "webp": {"quality": 92, "method": 4},
    }
)
MOST_EXIF: Final = 65_000
"""Bytes of text in a JPEG, whose segments hold 65,533 with everything around it."""


def save(image: Image.Image, file: object, kind: Format, infotext: str) -> bool:
    """Write `image` with its infotext to an open file; False where only the picture found room."""
    stream = cast(IO[bytes], file)
    if kind == "png":
        chunks = PngInfo()
        chunks.add_text(KEY, infotext)
        image.save(stream, format="PNG", pnginfo=chunks)
        return True
    comment = user_comment(infotext, MOST_EXIF if kind == "jpeg" else None)
    image.convert("RGB").save(stream, format=kind.upper(), exif=exif_block(comment), **QUALITY[kind])
    return comment is not None


def carried(image: Image.Image, *, end: bool = False) -> str | None:
    """The infotext in an opened picture, as it stands there; None where there is none.

    A PNG may hold it behind the pixels, where `end` looks, too: that decodes the picture.
    """
    chunk = image.info.get(KEY)
    if chunk is None and end and image.format == "PNG":
        image.load()
        chunk = image.info.get(KEY)
    if isinstance(chunk, str) and chunk.strip():
        return chunk
    # A damaged EXIF block is no reason to refuse the picture around it.
    with suppress(Exception):
        comment = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment)
        return comment_text(comment) or None
    return None
