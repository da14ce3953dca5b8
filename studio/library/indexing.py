"""What of a work a search looks into."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from studio.library.database import searching
from studio.library.database.records import VersionRow, WorkRow

SPOKEN: Final = ("text", "code", "infotext")
"""Of what was made: what a search looks into."""


def index(session: Session, row: WorkRow, version: VersionRow | None = None) -> None:
    """Index a work by title, tags, what was asked for, and its last version, looked up where it is not given."""
    version = version or session.scalar(
        select(VersionRow).where(VersionRow.work == row.key, VersionRow.number == row.latest)
    )
    spoken: list[str] = [row.title, *(tag.tag for tag in row.tags)]
    if version is not None:
        spoken += _texts(version.asked)
        if version.number > 1:  # what it was asked for at first names it as well
            spoken += _texts(session.scalar(_asked_first(row)))
        spoken += [str(version.made[name]) for name in SPOKEN if version.made.get(name)]
    searching.put(session.connection(), row.key, "\n".join(spoken))


def _asked_first(row: WorkRow) -> Select[dict[str, Any]]:
    return select(VersionRow.asked).where(VersionRow.work == row.key, VersionRow.number == 1)


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    values = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return [text for each in values for text in _texts(each)]
