"""Files by their content: each kept once, whole or not at all."""

import errno
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from studio.errors import StorageFailed

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,10}")
CHUNK: Final = 2**20
READ_ONLY: Final = 0o444


class AssetStore:
    """A folder of files named by their SHA-256, in folders by its first two characters."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, path: Path) -> tuple[str, int]:
        """Keep a file; returns its digest and size. Where the disk allows it is not copied but has a second name.

        Raises:
            StorageFailed: it cannot be read, or the disk refuses it.
        """
        try:
            with path.open("rb") as stream:
                digest, size = digested(stream)
            suffix = suffix_of(path.name)
            target = self.path(digest, suffix)
            if not _holds(target, size):
                target.parent.mkdir(parents=True, exist_ok=True)
                self._give(path, target)
        except OSError as error:
            raise unkept(error) from error
        return digest, size

    def add(self, content: BinaryIO, digest: str, suffix: str, most: int) -> int:
        """Keep what a stream holds where it has this digest; returns its size.

        Raises:
            ValueError: it has another, or is larger than `most`.
            StorageFailed: the disk refuses it.
        """
        target = self.path(digest, suffix)
        partial = self._folder / f".{uuid4().hex}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            found, size = hashlib.sha256(), 0
            with partial.open("xb") as stream:
                while chunk := content.read(CHUNK):
                    size += len(chunk)
                    if size > most:
                        raise ValueError("too large")
                    found.update(chunk)
                    stream.write(chunk)
                stream.flush()
                os.fsync(stream.fileno())
            if found.hexdigest() != digest:
                raise ValueError("another digest")
            if not _holds(target, size):
                target.parent.mkdir(parents=True, exist_ok=True)
                partial.replace(target)
                target.chmod(READ_ONLY)
        except OSError as error:
            raise unkept(error) from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        return size

    def path(self, digest: str, suffix: str) -> Path:
        """Where a file is kept, if it is.

        Raises:
            ValueError: this is no digest or no suffix.
        """
        if not DIGEST.fullmatch(digest) or (suffix and not SUFFIX.fullmatch(suffix)):
            raise ValueError("no name of an asset")
        return self._folder / digest[:2] / f"{digest}{suffix}"

    def remove(self, digest: str, suffix: str, origin: str | None = None) -> None:
        """Let a file go, and what the craft put elsewhere where it is the same file."""
        path = self.path(digest, suffix)
        if origin and Path(origin).is_file():
            with suppress(OSError), Path(origin).open("rb") as stream:
                if digested(stream)[0] == digest:
                    Path(origin).unlink()
        path.unlink(missing_ok=True)

    def all(self) -> Iterator[Path]:
        """Every file that is kept."""
        return (path for path in self._folder.glob("??/*") if DIGEST.fullmatch(path.stem))

    def partials(self) -> Iterator[Path]:
        """What was left half written."""
        return self._folder.rglob(".*.part")

    def _give(self, path: Path, target: Path) -> None:
        """A second name for a file, or a copy where it cannot have one; never half of it."""
        partial = target.with_name(f".{uuid4().hex}.part")
        try:
            try:
                os.link(path, partial)
            except OSError:
                with path.open("rb") as source, partial.open("xb") as copy:
                    while chunk := source.read(CHUNK):
                        copy.write(chunk)
                    copy.flush()
                    os.fsync(copy.fileno())
            # By both its names it is one file, which a careless editor would otherwise write into.
            partial.chmod(READ_ONLY)
            partial.replace(target)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        _settled(target.parent)


def digested(stream: BinaryIO) -> tuple[str, int]:
    """The SHA-256 of a stream in hexadecimal, and its bytes."""
    found, size = hashlib.sha256(), 0
    while chunk := stream.read(CHUNK):
        found.update(chunk)
        size += len(chunk)
    return found.hexdigest(), size


def suffix_of(name: str) -> str:
    """The suffix of a file's name as assets bear it; empty where it is none."""
    suffix = Path(name).suffix.lower()
    return suffix if SUFFIX.fullmatch(suffix) else ""


def _holds(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _settled(folder: Path) -> None:
    """The folder's new entry reaches the disk, where a folder can be asked for that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def unkept(error: OSError) -> StorageFailed:
    """A refusal of the disk in plain words."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StorageFailed("library.full")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StorageFailed("library.read_only")
    return StorageFailed("library.refused", reason=error.strerror or str(error))
