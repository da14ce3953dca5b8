"""Small pictures for lists, made when they are asked for first."""

from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

SIDE: Final = 384
QUALITY: Final = 80


class Thumbnails:
    """A folder of WebP files by the digest of what they show; safe to delete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, digest: str, picture: Path) -> Path:
        """The small picture of a large one.

        Raises:
            OSError: the large one cannot be read, or is no picture.
        """
        path = self._folder / digest[:2] / f"{digest}.webp"
        if not path.is_file():
            self._make(picture, path)
        return path

    @staticmethod
    def _make(picture: Path, path: Path) -> None:
        from PIL import Image, ImageOps

        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{uuid4().hex}.part")
        try:
            with Image.open(picture) as large:
                large.draft("RGB", (SIDE * 2, SIDE * 2))
                small = ImageOps.exif_transpose(large)
                small.thumbnail((SIDE, SIDE))
                small.save(partial, "WEBP", quality=QUALITY)
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
