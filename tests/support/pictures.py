"""Pictures of every awkward kind, made when they are needed."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from studio.engines.upscalers.base import Pixels


def photo(height: int, width: int, *, seed: int = 0) -> Pixels:
    """Something like a photograph: slopes, a disc, some grain; shape (height, width, 3)."""
    down, across = np.mgrid[0:height, 0:width].astype(float)
    disc = (down - height / 2) ** 2 + (across - width / 3) ** 2 < (min(height, width) / 4) ** 2
    layers = [down / height, across / width, disc]
    grain = np.random.default_rng(seed).normal(0, 0.02, (height, width, 3))
    return np.clip((np.stack(layers, axis=-1) * 0.9 + 0.05 + grain) * 255, 0, 255).astype(np.uint8)


def save_photo(file: Path, height: int = 24, width: int = 32) -> Path:
    """A small picture in the format that the file's name tells."""
    Image.fromarray(photo(height, width)).save(file)
    return file


def save_bomb(file: Path, side: int = 60_000) -> Path:
    """A PNG of a few hundred bytes whose header promises `side` × `side` pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return file


def save_deep_rgb(file: Path, pixels: Pixels) -> Path:
    """A 16-bit RGB PNG, which Pillow reads but does not write."""
    height, width, _ = pixels.shape
    rows = (pixels.astype(">u2") * 257).reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    file.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )
    return file
