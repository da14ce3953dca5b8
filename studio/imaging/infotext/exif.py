"""The EXIF user comment, written and read (EXIF 2.32, 4.6.5)."""

from typing import Final

from PIL import ExifTags, Image

UNICODE: Final = b"UNICODE\0"
ASCII: Final = b"ASCII\0\0\0"
UNDEFINED: Final = b"\0" * 8
CODE_BYTES: Final = 8
"""An EXIF user comment begins with the name of its encoding (EXIF 2.32, 4.6.5)."""


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


def user_comment(infotext: str, most: int | None) -> bytes | None:
    """The user comment, at most `most` bytes long; None where it cannot be that short."""
    comment = UNICODE + infotext.encode("utf-16-be")
    if most is not None and len(comment) > most and infotext.isascii():
        comment = ASCII + infotext.encode("ascii")
    return comment if most is None or len(comment) <= most else None


def exif_block(comment: bytes | None) -> bytes:
    """A whole EXIF block with this user comment."""
    exif = Image.Exif()
    if comment is not None:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif.tobytes()
