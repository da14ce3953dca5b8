"""Finished pictures on disk: dated folders, whole files or none, nothing overwritten."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from studio.errors import StorageFailed


class Draft:
    """A file being written under another name; `path` is where it is kept once the writing has ended well."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.path = Path()

    def write(self, content: bytes) -> int:
        """Add bytes.

        Raises:
            StorageFailed: the disk refused them.
        """
        try:
            return self._stream.write(content)
        except OSError as error:
            raise _refused(error) from error

    def flush(self) -> None:
        """Hand what was written to the disk."""
        try:
            self._stream.flush()
        except OSError as error:
            raise _refused(error) from error


class PictureStore:
    """The outputs folder."""

    def __init__(self, outputs: Path) -> None:
        self._outputs = outputs

    @contextmanager
    def new(self, stem: str, suffix: str = ".png") -> Iterator[Draft]:
        """Write one file; if the block is left by any exception, closing of a generator included, nothing remains.

        Raises:
            StorageFailed: the folder cannot be made or the disk is full.
        """
        now = datetime.now()
        folder = self._outputs / f"{now:%Y-%m-%d}"
        partial = folder / f".{stem}-{uuid4().hex}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stream = partial.open("wb")
        except OSError as error:
            raise _refused(error) from error
        draft = Draft(stream)
        try:
            yield draft
            draft.path = _keep(stream, partial, folder / f"{now:%H%M%S}-{stem}{suffix}")
        finally:
            with suppress(OSError):
                stream.close()
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def _keep(stream: BinaryIO, partial: Path, wanted: Path) -> Path:
    """Move a finished file to the first free name like `wanted`."""
    try:
        stream.flush()
        os.fsync(stream.fileno())
        stream.close()
        target = _reserve(wanted)
        try:
            partial.replace(target)
        except OSError:
            target.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _refused(error) from error
    return target


def _reserve(wanted: Path) -> Path:
    """Create the first free one of `name.png`, `name-2.png`, …; no two processes get the same."""
    number = 1
    while True:
        path = wanted if number == 1 else wanted.with_stem(f"{wanted.stem}-{number}")
        with suppress(FileExistsError):
            path.open("xb").close()
            return path
        number += 1


def _refused(error: OSError) -> StorageFailed:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if full:
        return StorageFailed("outputs.full")
    return StorageFailed("outputs.refused", reason=error.strerror or str(error))
