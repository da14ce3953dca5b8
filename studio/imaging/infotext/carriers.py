"""Picture files with an infotext inside: a text chunk in PNG, the EXIF user comment in JPEG and WebP."""

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import IO, Any, Final, Literal, cast

from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

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
UNICODE: Final = b"UNICODE\0"
ASCII: Final = b"ASCII\0\0\0"
UNDEFINED: Final = b"\0" * 8
CODE_BYTES: Final = 8
"""An EXIF user comment begins with the name of its encoding (EXIF 2.32, 4.6.5)."""
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
    comment = _comment(infotext, MOST_EXIF if kind == "jpeg" else None)
    image.convert("RGB").save(stream, format=kind.upper(), exif=_exif(comment), **QUALITY[kind])
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


def comment_text(comment: object) -> str:
    """What an EXIF user comment says; "" where there is none."""
    if isinstance(comment, str):
        return comment.strip("\0 ")
    if not isinstance(comment, bytes):
        return ""
    code, content = comment[:CODE_BYTES], comment[CODE_BYTES:]
    if code == UNICODE:
        return _utf16(content)
    return (content if code in (ASCII, UNDEFINED) else comment).decode("utf-8", "replace").strip("\0 ")


def _utf16(content: bytes) -> str:
    """Text in UTF-16; A1111 writes the high byte first, others follow the byte order of the EXIF block."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace").strip("\0 ")
    orders = (content.decode(order, "replace").strip("\0 ") for order in ("utf-16-be", "utf-16-le"))
    # Every infotext has Latin letters in its keys; in the wrong order they are rare characters of other scripts.
    return max(orders, key=lambda text: sum(character.isascii() for character in text))


def _comment(infotext: str, most: int | None) -> bytes | None:
    """The user comment, at most `most` bytes long; None where it cannot be that short."""
    comment = UNICODE + infotext.encode("utf-16-be")
    if most is not None and len(comment) > most and infotext.isascii():
        comment = ASCII + infotext.encode("ascii")
    return comment if most is None or len(comment) <= most else None


def _exif(comment: bytes | None) -> bytes:
    exif = Image.Exif()
    if comment is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif.tobytes()
