"""Copies of a SQLite file: before a migration, and one a day."""

import logging
import sqlite3
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from studio.errors import StorageFailed

KEPT: Final = 3
DAY: Final = 24 * 3600
HEADER: Final = b"SQLite format 3\x00"
_log = logging.getLogger("studio.library")


class Backups:
    """The folder of the copies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> list[Path]:
        """The copies, oldest first."""
        return sorted(self.folder.glob("library-*.db"))

    def daily(self, file: Path) -> None:
        """Copy the file where the last copy is older than a day; a copy that fails is only told to the host."""
        last = self.all()[-1:]
        if last and abs(time.time() - last[0].stat().st_mtime) < DAY:
            return
        try:
            self.make(file, "daily")
        except (OSError, sqlite3.Error) as error:
            _log.warning("the library could not be backed up: %s", error)

    def make(self, file: Path, why: str) -> Path:
        """Copy a database that may be in use; the oldest copies go.

        Raises:
            OSError, sqlite3.Error: it could not be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"library-{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{why}.db"
        partial = target.with_suffix(".part")
        try:
            with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(partial)) as copy:
                source.backup(copy)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        for old in self.all()[:-KEPT]:
            old.unlink(missing_ok=True)
        return target

    def expect_whole(self, file: Path) -> None:
        """Keep a damaged file aside. Without a backup the library begins anew.

        Raises:
            StorageFailed: it is damaged, now or before, and there is a backup that nobody has decided about.
        """
        if file.exists() and not _whole(file):
            aside = file.with_name(f"library-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}.db")
            for suffix in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    file.with_name(file.name + suffix).rename(aside.with_name(aside.name + suffix))
            _log.error("the library's file was damaged and is kept aside as %s", aside.name)
        damaged = sorted(file.parent.glob("library-damaged-*.db"))
        if damaged and not file.exists() and self.all():
            raise StorageFailed("library.kept_aside", file=damaged[-1].name, backup=self.all()[-1].name)

    def restore(self, file: Path) -> Path | None:
        """Put the last backup in the place of a file that is gone; returns it, or None where there is none.

        Raises:
            OSError, sqlite3.Error: it could not be written.
        """
        last = self.all()[-1:]
        if not last or file.exists():
            return None
        partial = file.with_suffix(".part")
        with closing(sqlite3.connect(last[0])) as source, closing(sqlite3.connect(partial)) as copy:
            source.backup(copy)
        partial.replace(file)
        return last[0]


def _whole(file: Path) -> bool:
    """Whether SQLite can read it. A busy file is whole: whoever holds it reads it."""
    if file.stat().st_size == 0:
        return True
    with file.open("rb") as stream:
        if stream.read(len(HEADER)) != HEADER:
            return False
    try:
        with closing(sqlite3.connect(file, timeout=5)) as connection:
            # What a quick check finds: it reads every page, so only the schema and the rows that lists need.
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if file.stat().st_size > 64 * 2**20:
                return True
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False
