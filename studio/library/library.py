"""The library as a whole: one database, one folder of files, and what can be done with both."""

import logging
import sqlite3
from pathlib import Path
from typing import Self

from sqlalchemy.orm import Session

from studio.errors import StorageFailed, StudioError
from studio.library.assets import AssetStore, digested
from studio.library.bundles import Bundles
from studio.library.database.database import Database, now, refused
from studio.library.database.records import AssetRow, IntakeRow
from studio.library.drafts import Drafts
from studio.library.recall import Recall
from studio.library.sharing import Sharing
from studio.library.trash import Trash
from studio.library.upkeep import Quota, Upkeep
from studio.library.works import Works
from studio.settings import Settings

_log = logging.getLogger("studio.library")


class Library:
    """What everybody made. Nothing is opened before it is needed."""

    def __init__(self, folder: Path, url: str = "", quota: Quota | None = None) -> None:
        """`folder` holds files, backups, and the rows where no `url` names PostgreSQL."""
        self.database = Database(folder, url)
        self.assets = AssetStore(folder / "assets")
        quota = quota or Quota()
        self.works = Works(self.database, self.assets, quota)
        self.bundles = Bundles(self.works, self.assets)
        self.trash = Trash(self.database)
        self.drafts = Drafts(self.database, self.assets)
        self.recall = Recall(self.database)
        self.sharing = Sharing(self.database, self.assets)
        self.upkeep = Upkeep(self.database, self.assets, quota)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The one that a host's settings name."""
        quota = Quota(settings.owner_kept, settings.most_kept, settings.kept_days)
        return cls(settings.data / "library", settings.database_url.get_secret_value(), quota)

    def tidy(self) -> None:
        """What is done from time to time: what has been in the trash long enough goes, and what nothing needs."""
        try:
            self.upkeep.retire()
            self.trash.expire()
            self.upkeep.sweep()
        except StudioError as error:
            _log.warning("the library was not tidied: %s", error)

    def first_time(self, folder: Path) -> bool:
        """Whether the pictures of a folder were never taken in; from now on they were.

        Raises:
            StorageFailed: the database refuses it.
        """

        def write(session: Session) -> bool:
            if session.get(IntakeRow, str(folder)) is not None:
                return False
            session.add(IntakeRow(folder=str(folder), at=now()))
            return True

        return self.database.write(write)

    def holds(self, file: Path) -> bool:
        """Whether a file is kept already, by its content."""
        with file.open("rb") as stream:
            digest, _ = digested(stream)
        return self.database.read(lambda session: session.get(AssetRow, digest) is not None)

    def restore_backup(self) -> Path | None:
        """Put the last backup in the place of a damaged file that was kept aside; None where there is none.

        Raises:
            StorageFailed: the disk refuses it, or the rows are in PostgreSQL.
        """
        self.database.close()
        if self.database.file is None:
            raise StorageFailed("library.no_backups")
        try:
            return self.database.backups.restore(self.database.file)
        except (OSError, sqlite3.Error) as error:
            raise refused(error) from error

    def close(self) -> None:
        """Close the database."""
        self.database.close()
