"""The folder of uploads and shown copies: one of each process, bounded, and swept when its process is gone."""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from filelock import FileLock, Timeout

from studio.errors import TooMuch

LOOKED_SECONDS: Final = 5.0
STARTING_SECONDS: Final = 60.0
FREE: Final = 512 * 2**20
"""Bytes of the disk that uploads leave free."""
FOLDER: Final = "studio-temporary"
USUAL_WAIT: Final = 600


class Temporary:
    """Where Gradio keeps what passes through; `most` bounds its bytes."""

    def __init__(self, folder: Path, most: int, lock: FileLock | None = None) -> None:
        """`lock` shows others that this process lives, for as long as it is held: it goes however the process ends."""
        self.folder, self._most, self._lock = folder, most, lock
        self._size, self._looked = 0, float("-inf")

    @classmethod
    def here(cls, most: int, parent: Path | None = None) -> "Temporary":
        """A folder of this process, as `GRADIO_TEMP_DIR` where that is set, and what dead processes left is removed."""
        given = os.environ.get("GRADIO_TEMP_DIR")
        if given:
            return cls(Path(given), most)
        parent = parent or Path(tempfile.gettempdir()) / f"{FOLDER}-{os.getuid() if hasattr(os, 'getuid') else 0}"
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(parent)
        folder = parent / uuid4().hex[:12]
        lock = FileLock(f"{folder}.lock", timeout=0)
        lock.acquire()
        folder.mkdir(mode=0o700)
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
        return cls(folder, most, lock)

    def size(self) -> int:
        """Bytes that are in it, as of some seconds ago."""
        if time.monotonic() - self._looked > LOOKED_SECONDS:
            self._size, self._looked = _bytes(self.folder), time.monotonic()
        return self._size

    def expect_room(self, size: int) -> None:
        """Make sure that so many bytes more may come.

        Raises:
            TooMuch: there is no room for them now.
        """
        there = self.folder if self.folder.exists() else Path(tempfile.gettempdir())
        if self.size() + size > self._most or shutil.disk_usage(there).free < size + FREE:
            raise TooMuch("limit.temporary", seconds=USUAL_WAIT)
        self._size += size


def _bytes(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            with suppress(OSError):
                total += (Path(place) / name).stat().st_size
    return total


def _sweep(parent: Path) -> None:
    for mark in parent.glob("*.lock"):
        try:
            if time.time() - mark.stat().st_mtime < STARTING_SECONDS:
                continue  # made a moment ago, and perhaps not held yet
            with FileLock(mark, timeout=0):
                shutil.rmtree(mark.with_suffix(""), ignore_errors=True)
                with suppress(OSError):
                    mark.unlink()
        except (Timeout, OSError):
            continue
