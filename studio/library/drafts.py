"""Drafts: the latest state of each tab's form, saved while it changes, by work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from studio.errors import InvalidRequest
from studio.library.assets import AssetStore, suffix_of
from studio.library.database.database import Database, now
from studio.library.database.records import AssetRow, DraftRow

MOST_DRAFTS: Final = 200
"""Of one owner and tab; the oldest go."""


@dataclass(frozen=True)
class Draft:
    """A tab's form as it was last."""

    tab: str
    work: str
    state: Mapping[str, Any]
    saved: float


class Drafts:
    """Each owner's drafts."""

    def __init__(self, database: Database, assets: AssetStore) -> None:
        self._database, self._assets = database, assets

    def keep(self, path: Path) -> str:
        """Keep a file that a form holds; returns its digest, for `save`.

        Raises:
            StorageFailed: it could not be kept.
        """
        digest, size = self._assets.put(path)

        def write(session: Session) -> None:
            if session.get(AssetRow, digest) is None:
                session.add(AssetRow(digest=digest, suffix=suffix_of(path.name), bytes=size, created=now()))

        self._database.write(write)
        return digest

    def save(self, owner: str, tab: str, state: Mapping[str, Any], work: str = "", assets: Sequence[str] = ()) -> None:
        """Replace what was there.

        Raises:
            StorageFailed: it could not be kept.
        """

        def write(session: Session) -> None:
            row = session.get(DraftRow, (owner, tab, work))
            if row is None:
                _thin(session, owner, tab)
                row = DraftRow(owner=owner, tab=tab, work=work)
                session.add(row)
            row.state, row.assets, row.saved = dict(state), list(assets), now()

        self._database.write(write)

    def last(self, owner: str, tab: str) -> Draft | None:
        """What somebody worked on last in a tab."""
        wanted = select(DraftRow).where(DraftRow.owner == owner, DraftRow.tab == tab)
        return self._one(wanted.order_by(DraftRow.saved.desc()).limit(1))

    def of(self, owner: str, tab: str, work: str) -> Draft | None:
        """The draft of one work."""
        return self._one(select(DraftRow).where(DraftRow.owner == owner, DraftRow.tab == tab, DraftRow.work == work))

    def drop(self, owner: str, tab: str, work: str = "") -> None:
        """Forget a draft."""
        wanted = delete(DraftRow).where(DraftRow.owner == owner, DraftRow.tab == tab, DraftRow.work == work)
        self._database.write(lambda session: session.execute(wanted) and None)

    def file(self, owner: str, digest: str) -> Path:
        """Where a file of one of this owner's drafts is.

        Raises:
            InvalidRequest: none of theirs names it, or it is gone.
        """

        def read(session: Session) -> str | None:
            named = session.scalars(select(DraftRow.assets).where(DraftRow.owner == owner))
            asset = session.get(AssetRow, digest) if any(digest in each for each in named) else None
            return None if asset is None else asset.suffix

        suffix = self._database.read(read)
        path = None if suffix is None else self._assets.path(digest, suffix)
        if path is None or not path.is_file():
            raise InvalidRequest("library.no_file")
        return path

    def _one(self, wanted: Any) -> Draft | None:
        def read(session: Session) -> Draft | None:
            row = session.scalar(wanted)
            return None if row is None else Draft(row.tab, row.work, row.state, row.saved)

        return self._database.read(read)


def _thin(session: Session, owner: str, tab: str) -> None:
    wanted = select(DraftRow.work).where(DraftRow.owner == owner, DraftRow.tab == tab)
    old = list(session.scalars(wanted.order_by(DraftRow.saved.desc()).offset(MOST_DRAFTS)))
    if old:
        gone = delete(DraftRow).where(DraftRow.owner == owner, DraftRow.tab == tab, DraftRow.work.in_(old))
        session.execute(gone)
