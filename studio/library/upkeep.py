"""Bounds and order: what may be kept, what goes by age, what nothing needs any more, and what is broken."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session

from studio.errors import TooMuch
from studio.library.assets import AssetStore, digested
from studio.library.database.database import Database, now
from studio.library.database.records import AssetRow, DraftRow, FileRow, TagRow, VersionRow, WorkRow
from studio.library.trash import DAY, forget
from studio.messages import data_size

LEFT_SECONDS: Final = 3600.0
"""A file without a row may be on its way to one; so long it is let be."""
TELL_SHARE: Final = 0.9
"""From what share of a quota on its owner is told."""


@dataclass(frozen=True)
class Found:
    """What a check found, by the names people know."""

    missing: tuple[str, ...] = ()
    """Files that versions show and that are gone."""
    changed: tuple[str, ...] = ()
    """Files whose content is another than their name says."""
    orphans: tuple[str, ...] = ()
    """Files that nothing needs."""
    broken: tuple[str, ...] = ()
    """Works whose rows do not fit together."""
    checked: int = 0
    repaired: bool = False

    @property
    def well(self) -> bool:
        """Whether nothing is wrong; what the sweep takes by itself is not."""
        return not (self.missing or self.changed or self.broken)


@dataclass(frozen=True)
class Quota:
    """Bytes of files that one owner and all together may keep; 0 is without end."""

    owner: int = 0
    all: int = 0
    days: int = 0
    """After which what is neither rated nor tagged nor marked goes to the trash."""

    def expect(self, owner: str, more: int, database: Database) -> None:
        """Refuse what would be too much.

        Raises:
            TooMuch: the owner's part, or all there is, would be overrun.
        """
        if self.owner and self.used(owner, database) + more > self.owner:
            raise TooMuch("library.quota", most=data_size(self.owner))
        if self.all and self.used(None, database) + more > self.all:
            raise TooMuch("library.quota_all", most=data_size(self.all))

    def used(self, owner: str | None, database: Database) -> int:
        """Bytes that an owner keeps; of all where None."""
        statement = select(func.coalesce(func.sum(WorkRow.bytes), 0))
        if owner is not None:
            statement = statement.where(WorkRow.owner == owner)
        return int(database.read(lambda session: session.scalar(statement)) or 0)

    def nearly(self, owner: str, database: Database) -> bool:
        """Whether an owner should be told before it is too much."""
        return bool(self.owner) and self.used(owner, database) >= TELL_SHARE * self.owner


class Upkeep:
    """What a library does by itself from time to time, and on request."""

    def __init__(self, database: Database, assets: AssetStore, quota: Quota) -> None:
        self._database, self._assets, self.quota = database, assets, quota

    def retire(self) -> int:
        """Throw away what is old and neither rated nor tagged nor marked, where the host wants that."""
        if not self.quota.days:
            return 0

        def write(session: Session) -> int:
            old = session.scalars(select(WorkRow).where(*self._retiring(self.quota.days)))
            rows = list(old)
            for row in rows:
                row.trashed = now()
            return len(rows)

        return self._database.write(write)

    def retiring(self, owner: str, within_days: float = 7) -> int:
        """How many of an owner's works will be thrown away in the next days."""
        if not self.quota.days:
            return 0
        wanted = self._retiring(self.quota.days - within_days)
        statement = select(func.count()).select_from(WorkRow).where(WorkRow.owner == owner, *wanted)
        return self._database.read(lambda session: session.scalar(statement) or 0)

    def sweep(self, age: float = LEFT_SECONDS) -> int:
        """Remove files that no version and no draft needs, and what was left half written; returns how many."""
        swept = 0
        for left in list(self._assets.partials()):
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > age:
                    left.unlink()
        for row in self._unneeded(age):
            if self._database.write(partial(_let_go, digest=row.digest)):
                self._assets.remove(row.digest, row.suffix, row.origin)
                swept += 1
        known = self._database.read(lambda session: set(session.scalars(select(AssetRow.digest))))
        for path in list(self._assets.all()):
            with suppress(OSError):
                # A second name of a file has the time of the file itself: what counts is when it got the name.
                if path.stem not in known and time.time() - path.stat().st_ctime > age:
                    path.unlink()
                    swept += 1
        return swept

    def check(self, *, repair: bool = False) -> Iterator[Found]:
        """Look at every file and row, with what is found so far after each file; the last one is the whole.

        `repair` brings back the index of words, removes rows that belong to nothing, and sweeps.
        """
        rows = self._database.read(lambda session: list(session.scalars(select(AssetRow))))
        missing: list[str] = []
        changed: list[str] = []
        for count, row in enumerate(rows, 1):
            path = self._assets.path(row.digest, row.suffix)
            if not path.is_file():
                missing.append(row.digest)
            elif _other(path, row.digest):
                changed.append(row.digest)
            if count % 50 == 0:
                yield Found(tuple(missing), tuple(changed), checked=count)
        known = {row.digest for row in rows}
        orphans = [path.stem for path in self._assets.all() if path.stem not in known]
        orphans += [row.digest for row in self._unneeded(0)]
        broken = self._database.write(lambda session: _broken(session, repair=repair))
        if repair:
            self.sweep(0)
        yield Found(tuple(missing), tuple(changed), tuple(orphans), tuple(broken), len(rows), repair)

    def _unneeded(self, age: float) -> list[AssetRow]:
        def read(session: Session) -> list[AssetRow]:
            held = {digest for each in session.scalars(select(DraftRow.assets)) for digest in each}
            shown = exists().where(FileRow.digest == AssetRow.digest)
            rows = session.scalars(select(AssetRow).where(~shown, AssetRow.created <= now() - age))
            return [row for row in rows if row.digest not in held]

        return self._database.read(read)

    @staticmethod
    def _retiring(days: float) -> tuple[ColumnElement[bool], ...]:
        return (
            WorkRow.trashed.is_(None),
            WorkRow.rating.is_(None),
            WorkRow.favourite.is_(False),
            ~exists().where(TagRow.work == WorkRow.key),
            WorkRow.changed < now() - days * DAY,
        )


def _let_go(session: Session, digest: str) -> bool:
    """Delete an asset's row if still nothing shows it."""
    if session.scalar(select(func.count()).select_from(FileRow).where(FileRow.digest == digest)):
        return False
    session.execute(delete(AssetRow).where(AssetRow.digest == digest))
    return True


def _other(path: Path, digest: str) -> bool:
    with path.open("rb") as stream:
        return digested(stream)[0] != digest


def _broken(session: Session, *, repair: bool) -> list[str]:
    """Works without versions, or whose last version is not the one that they say."""
    last = select(func.max(VersionRow.number)).where(VersionRow.work == WorkRow.key).scalar_subquery()
    rows = session.execute(select(WorkRow, last).where(func.coalesce(last, 0) != WorkRow.latest)).all()
    empty = session.execute(select(WorkRow, last).where(last.is_(None))).all()
    found = {row.id: (row, number) for row, number in [*rows, *empty]}
    if repair:
        for row, number in found.values():
            if number is None:
                forget(session, [row.key])
            else:
                row.latest = number
    return list(found)
