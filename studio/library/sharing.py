"""Links to one version, for whoever has the link: read only, until they are taken back."""

import secrets
from pathlib import Path

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from studio.library.assets import AssetStore
from studio.library.database.database import Database, now
from studio.library.database.records import FileRow, ShareRow, VersionRow, WorkRow
from studio.library.listing import told
from studio.library.values import Version, Work
from studio.library.works import mine, the_version, version_of


class Sharing:
    """The links of all owners; who has one needs no name."""

    def __init__(self, database: Database, assets: AssetStore) -> None:
        self._database, self._assets = database, assets

    def share(self, owner: str, work: str, number: int) -> str:
        """The word by which one version can be seen.

        Raises:
            InvalidRequest: this owner has no such version.
        """

        def write(session: Session) -> str:
            version = the_version(session, mine(session, owner, work), number)
            shared = session.scalar(select(ShareRow).where(ShareRow.version == version.key))
            if shared is None:
                shared = ShareRow(token=secrets.token_urlsafe(24), version=version.key, created=now())
                session.add(shared)
            return shared.token

        return self._database.write(write)

    def revoke(self, owner: str, work: str, number: int) -> None:
        """Nobody sees it by its link any more.

        Raises:
            InvalidRequest: this owner has no such version.
        """

        def write(session: Session) -> None:
            version = the_version(session, mine(session, owner, work), number)
            session.execute(delete(ShareRow).where(ShareRow.version == version.key))

        self._database.write(write)

    def link(self, owner: str, work: str, number: int) -> str | None:
        """The word of a version that is shared; None for one that is not.

        Raises:
            InvalidRequest: this owner has no such version.
        """

        def read(session: Session) -> str | None:
            version = the_version(session, mine(session, owner, work), number)
            return session.scalar(select(ShareRow.token).where(ShareRow.version == version.key))

        return self._database.read(read)

    def seen(self, token: str) -> tuple[Work, Version] | None:
        """What a link shows; None where it shows nothing, or the work is in the trash."""

        def read(session: Session) -> tuple[Work, Version] | None:
            statement = (
                select(WorkRow, VersionRow)
                .join(VersionRow, VersionRow.work == WorkRow.key)
                .join(ShareRow, ShareRow.version == VersionRow.key)
                .where(ShareRow.token == token[:64], WorkRow.trashed.is_(None))
            )
            found = session.execute(statement).first()
            return None if found is None else (told(found[0]), version_of(found[1]))

        return self._database.read(read)

    def file(self, token: str, digest: str) -> Path | None:
        """Where a file of a shared version is; None where it is not of it."""

        def read(session: Session) -> str | None:
            statement = (
                select(FileRow)
                .join(ShareRow, ShareRow.version == FileRow.version)
                .where(ShareRow.token == token[:64], FileRow.digest == digest)
            )
            found = session.scalar(statement.limit(1))
            return None if found is None else found.asset.suffix

        suffix = self._database.read(read) if self.seen(token) else None
        return None if suffix is None else self._assets.path(digest, suffix)
