"""The trash: works that will go in thirty days, and can come back until then."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from studio.library.database import searching
from studio.library.database.database import Database, now
from studio.library.database.records import DraftRow, WorkRow

DAYS: Final = 30
DAY: Final = 24 * 3600.0


class Trash:
    """An owner's thrown away works."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, owner: str, works: Sequence[str]) -> int:
        """Throw works away; returns how many there were."""
        return self._mark(owner, works, now())

    def restore(self, owner: str, works: Sequence[str]) -> int:
        """Bring works back; returns how many there were."""
        return self._mark(owner, works, None)

    def empty(self, owner: str, works: Sequence[str] | None = None) -> int:
        """Let what is in the trash go for good, or some of it; returns how many works went. The sweep takes files."""

        def write(session: Session) -> int:
            wanted = select(WorkRow.key).where(WorkRow.owner == owner, WorkRow.trashed.is_not(None))
            if works is not None:
                wanted = wanted.where(WorkRow.id.in_(list(works)[:1000]))
            return forget(session, list(session.scalars(wanted)))

        return self._database.write(write)

    def expire(self) -> int:
        """Let go what was thrown away long enough ago, of all owners."""

        def write(session: Session) -> int:
            old = select(WorkRow.key).where(WorkRow.trashed < now() - DAYS * DAY)
            return forget(session, list(session.scalars(old)))

        return self._database.write(write)

    def _mark(self, owner: str, works: Sequence[str], when: float | None) -> int:
        def write(session: Session) -> int:
            wanted = [str(work) for work in works][:1000]
            here = WorkRow.trashed.is_(None) if when is not None else WorkRow.trashed.is_not(None)
            statement = update(WorkRow).where(WorkRow.owner == owner, WorkRow.id.in_(wanted), here)
            return session.connection().execute(statement.values(trashed=when)).rowcount

        return self._database.write(write)


def forget(session: Session, keys: list[int]) -> int:
    """Delete works with all that hangs on them; returns how many."""
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        ids = list(session.scalars(select(WorkRow.id).where(WorkRow.key.in_(some))))
        session.execute(delete(DraftRow).where(DraftRow.work.in_(ids)))
        searching.remove(session.connection(), some)
        session.execute(delete(WorkRow).where(WorkRow.key.in_(some)))
    return len(keys)
