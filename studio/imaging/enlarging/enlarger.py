"""Enlarging a picture with a super-resolution model."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.engines.upscalers import Upscaler
from studio.imaging.enlarging.in_memory import TASKS, InMemoryEnlarger, enlarged_tiles
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest, EnlargingProgress
from studio.imaging.enlarging.tiling import tile_count
from studio.imaging.infotext.text import KEY
from studio.imaging.pictures.opening import OpenedPicture, open_picture
from studio.imaging.pictures.png import PngWriter
from studio.imaging.pictures.storage import Draft, PictureStore
from studio.registry import LoadProgress, Registry

LONGEST_STEM: Final = 60


class Enlarger:
    """Enlarges pictures with the upscalers of a registry and keeps them in `outputs`.

    Pictures of more than `max_pixels` pixels are refused before they are decoded.
    """

    def __init__(self, registry: Registry, outputs: Path, max_pixels: int) -> None:
        self._registry = registry
        self._upscalers = InMemoryEnlarger(registry)
        self._store = PictureStore(outputs)
        self._max_pixels = max_pixels

    def enlarge(self, request: EnlargeRequest) -> Iterator[LoadProgress | EnlargingProgress | Enlarged]:
        """Enlarge one picture and write it as PNG. Closing the iterator stops within one tile and leaves no file.

        Raises:
            UnknownModel: no such upscaler.
            UnreadablePicture: the file is no picture, damaged or too large.
            OutOfMemory: not even a small tile fits.
            StorageFailed: the enlarged picture cannot be written.
        """
        spec = self._registry.choose(request.model, *TASKS)
        picture = open_picture(request.file, self._max_pixels)
        stem = _stem(request.file)
        with ExitStack() as files:
            source = None if picture.original else files.enter_context(self._store.new(f"{stem}-source"))
            if source is not None:
                picture.image.save(source, format="PNG")  # type: ignore[arg-type]
            with ExitStack() as leases:
                lease, most = yield from self._upscalers.lease(spec.id, picture.image.size, leases)
                engine: Upscaler = lease.model
                scale = engine.scale
                enlarged = files.enter_context(self._store.new(f"{stem}-x{scale}"))
                yield from _tiles(picture, engine, min(engine.tile, most), enlarged, lease.make_room)
        yield Enlarged(
            file=enlarged.path,
            source=source.path if source is not None else request.file,
            width=picture.image.width * scale,
            height=picture.image.height * scale,
            notice=picture.notice,
        )


def _tiles(
    picture: OpenedPicture, engine: Upscaler, tile: int, draft: Draft, make_room: Callable[[], None]
) -> Iterator[EnlargingProgress]:
    """Enlarge and write, reporting after every tile."""
    width, height = picture.image.size
    writer = PngWriter(draft.write, width * engine.scale, height * engine.scale, 3 if picture.alpha is None else 4)
    if picture.infotext:
        writer.text(KEY, picture.infotext)
    alpha, written = picture.alpha, 0
    yield EnlargingProgress(tile=0, total=tile_count(height, width, tile=tile), seconds_left=None)
    for rows, progress in enlarged_tiles(picture.pixels, engine, tile, make_room):
        writer.rows(rows if alpha is None else _with_alpha(rows, alpha, written, engine.scale))
        written += len(rows)
        yield progress
    writer.close()


def _with_alpha(rows: NDArray[np.uint8], alpha: Image.Image, top: int, scale: int) -> NDArray[np.uint8]:
    """Enlarged rows (n, width, 3), of which `top` are written already, with the opacity that belongs to them."""
    if not len(rows):
        return np.empty((0, rows.shape[1], 4), np.uint8)
    box = (0, top / scale, alpha.width, (top + len(rows)) / scale)
    opacity = alpha.resize((rows.shape[1], len(rows)), Image.Resampling.LANCZOS, box=box)
    return np.dstack([rows, np.asarray(opacity)])


def _stem(file: Path) -> str:
    """The file's name as part of a new one: letters and digits of any script, the rest as `-`."""
    kept = "".join(c if c.isalnum() else "-" for c in file.stem).strip("-")
    return kept[:LONGEST_STEM].rstrip("-") or "picture"
