"""A PNG file written row by row, so that a picture larger than memory can be saved (ISO/IEC 15948)."""

import struct
import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES: Final = {3: 2, 4: 6}
"""Colour type by number of channels: RGB, RGBA."""
SUB, UP = 1, 2
LEVEL: Final = 6


class PngWriter:
    """Writes 8-bit RGB or RGBA rows through `write`; call `close` after the last one."""

    def __init__(self, write: Callable[[bytes], object], width: int, height: int, channels: int) -> None:
        self._write = write
        self._compressor = zlib.compressobj(LEVEL)
        self._above = np.zeros((1, width, channels), np.uint8)
        self._write(SIGNATURE)
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0))
        self._chunk(b"sRGB", b"\0")

    def text(self, key: str, value: str) -> None:
        """Add a text chunk; call it before the first row."""
        self._chunk(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + value.encode())

    def rows(self, pixels: NDArray[np.uint8]) -> None:
        """Add rows of shape (n, width, channels)."""
        if not len(pixels):
            return
        left = np.zeros_like(pixels)
        left[:, 1:] = pixels[:, :-1]
        # Wrapping subtraction of bytes is what the format asks for.
        sub = (pixels - left).reshape(len(pixels), -1)
        up = (pixels - np.concatenate([self._above, pixels[:-1]])).reshape(len(pixels), -1)
        up_is_flatter = _flatness(up) < _flatness(sub)
        filtered = np.empty((len(pixels), sub.shape[1] + 1), np.uint8)
        filtered[:, 0] = np.where(up_is_flatter, UP, SUB)
        filtered[:, 1:] = np.where(up_is_flatter[:, None], up, sub)
        self._above = pixels[-1:].copy()
        self._data(self._compressor.compress(filtered.tobytes()))

    def close(self) -> None:
        """Finish the file."""
        self._data(self._compressor.flush())
        self._chunk(b"IEND", b"")

    def _data(self, compressed: bytes) -> None:
        if compressed:
            self._chunk(b"IDAT", compressed)

    def _chunk(self, kind: bytes, content: bytes) -> None:
        body = kind + content
        self._write(struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body)))


def _flatness(differences: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The sum of absolute differences of each row, which the standard suggests (12.8) for choosing its filter."""
    sums: NDArray[np.int64] = np.abs(differences.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64)
    return sums
