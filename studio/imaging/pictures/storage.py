"""Finished pictures on disk: dated folders, whole files or none, nothing overwritten."""

import errno
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Final
from uuid import uuid4

from studio.errors import StorageFailed

LEFT_SECONDS: Final = 3600.0
"""After which a half-written file that did not change is nobody's any more."""


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
        """Write one file, under a name that nobody guesses.

        If the block is left by any exception, closing of a generator included, nothing remains.

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
            draft.path = _keep(stream, partial, folder / f"{now:%H%M%S}-{stem}-{token_hex(8)}{suffix}")
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
        return next(path for path in _names(wanted) if give_name(partial, path))
    except OSError as error:
        raise _refused(error) from error


def _names(wanted: Path) -> Iterator[Path]:
    """`name.png`, `name-2.png`, …"""
    yield wanted
    yield from (wanted.with_stem(f"{wanted.stem}-{number}") for number in count(2))


def give_name(partial: Path, path: Path) -> bool:
    """Give a finished file this name; False if it is taken. No two processes get the same."""
    try:
        # Unlike a rename, a second name never replaces a file, and it appears with everything in it.
        os.link(partial, path)
    except FileExistsError:
        return False
    except OSError:
        return _moved(partial, path)
    return True


def _moved(partial: Path, path: Path) -> bool:
    """The same where a file cannot have two names, as on FAT: the name is taken first, and then the file put there."""
    try:
        path.open("xb").close()
    except FileExistsError:
        return False
    try:
        partial.replace(path)
    except OSError:
        path.unlink(missing_ok=True)
        raise
    return True


def _refused(error: OSError) -> StorageFailed:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if full:
        return StorageFailed("outputs.full")
    return StorageFailed("outputs.refused", reason=error.strerror or str(error))


def sweep(outputs: Path, age: float = LEFT_SECONDS) -> None:
    """Remove what processes that are gone left half written; one that is being written changes all the time."""
    for partial in outputs.glob("*/.*.part"):
        with suppress(OSError):
            if time.time() - partial.stat().st_mtime > age:
                partial.unlink()


def copied(files: Sequence[Path], target: Path) -> list[Path]:
    """Copies of files as `cat.png`, `cat-2.png`, …; what bears such a name is replaced, as it was asked for by name.

    Raises:
        StorageFailed: the disk is full or refuses the write.
    """
    targets = [target, *(target.with_stem(f"{target.stem}-{number}") for number in range(2, len(files) + 1))]
    for file, place in zip(files, targets, strict=True):
        try:
            place.write_bytes(file.read_bytes())
        except OSError as error:
            raise StorageFailed("storage.write", file=str(place), reason=error.strerror or str(error)) from error
    return targets
