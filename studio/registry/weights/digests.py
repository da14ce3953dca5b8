"""SHA-256 digests of weights, computed once per file and remembered in the cache."""

import hashlib
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final
from uuid import uuid4

from studio.errors import Cancelled

log = logging.getLogger(__name__)

CHUNK: Final = 4 * 2**20

Key = tuple[int, int]
"""Size and modification time in nanoseconds: a file with the same two is taken to be unchanged."""


def never() -> bool:
    """The answer of someone who does not cancel."""
    return False


def digest_of(path: Path, cancelled: Callable[[], bool] = never) -> str:
    """The SHA-256 of a file, read to its end.

    Raises:
        Cancelled: `cancelled` turned true meanwhile.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            if cancelled():
                raise Cancelled
            digest.update(chunk)
    return digest.hexdigest()


class Digests:
    """What files have been found to hold; `file` is a small JSON table, safe to delete and shared by processes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Key, str]] | None = None

    def of(self, path: Path, cancelled: Callable[[], bool] = never) -> str:
        """The digest of `path`, read from the file only when it is new or has changed.

        Raises:
            Cancelled: `cancelled` turned true meanwhile.
        """
        known = self.known(path)
        if known is not None:
            return known
        digest = digest_of(path, cancelled)
        self.remember(path, digest)
        return digest

    def known(self, path: Path) -> str | None:
        """The digest of `path` if it is remembered and the file has not changed since."""
        try:
            key = _key(path)
        except OSError:
            return None
        with self._lock:
            entry = self._table().get(str(path))
        return entry[1] if entry is not None and entry[0] == key else None

    def remember(self, path: Path, digest: str) -> None:
        """Note what `path` holds. A cache that cannot be written costs only the next start its time."""
        with self._lock:
            self._known = None
            table = {**self._table(), str(path): (_key(path), digest)}
            self._known = table
            beside = self._file.with_name(f"{self._file.name}.{uuid4().hex}")
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                beside.write_text(json.dumps({p: [*key, found] for p, (key, found) in table.items()}, indent=1))
                beside.replace(self._file)
            except OSError as error:
                log.debug("digests are not kept: %s", error)

    def _table(self) -> dict[str, tuple[Key, str]]:
        if self._known is None:
            try:
                raw = json.loads(self._file.read_text())
                self._known = {
                    path: ((int(size), int(mtime)), str(found)) for path, (size, mtime, found) in raw.items()
                }
            except (OSError, ValueError, TypeError, AttributeError):
                self._known = {}
        return self._known


def _key(path: Path) -> Key:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
