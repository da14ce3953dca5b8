"""A page of an owner's works: filtered, searched, sorted, and where the next page begins."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from studio.errors import InvalidRequest
from studio.library.database import searching
from studio.library.database.records import TagRow, WorkRow
from studio.library.values import KINDS, SORTS, Page, Search, Work

MOST: Final = 500
ORDERS: Final[dict[str, tuple[Any, bool]]] = {
    "newest": (WorkRow.changed, True),
    "oldest": (WorkRow.changed, False),
    "title": (func.lower(WorkRow.title), False),
    "rating": (func.coalesce(WorkRow.rating, 0), True),
}
"""What each order sorts by, and whether the largest comes first."""


def listed(session: Session, owner: str, search: Search) -> Page:
    """The works that a search asks for.

    Raises:
        InvalidRequest: a kind, an order or `after` is none.
    """
    if search.kind and search.kind not in KINDS:
        raise InvalidRequest("library.kind", kinds=", ".join(KINDS))
    if search.sort not in SORTS:
        raise InvalidRequest("library.sort", sorts=", ".join(SORTS))
    wanted = _wanted(session, owner, search)
    total = session.scalar(select(func.count()).select_from(WorkRow).where(*wanted)) or 0
    sorted_by, descending = ORDERS[search.sort]
    place = [sorted_by.desc(), WorkRow.key.desc()] if descending else [sorted_by.asc(), WorkRow.key.asc()]
    statement = select(WorkRow, sorted_by).where(*wanted).order_by(*place)
    if search.after:
        statement = statement.where(_beyond(search, sorted_by, descending))
    limit = min(max(int(search.limit), 1), MOST)
    rows = session.execute(statement.limit(limit + 1)).all()
    works = tuple(told(row) for row, _ in rows[:limit])
    after = _mark(search.sort, rows[limit - 1][1], rows[limit - 1][0].key) if len(rows) > limit else ""
    return Page(works, total, after)


def told(row: WorkRow) -> Work:
    """A row as it is given out."""
    return Work(
        id=row.id, kind=row.kind, title=row.title, created=row.created, changed=row.changed,  # type: ignore[arg-type]
        versions=row.latest, model=row.model, tags=tuple(tag.tag for tag in row.tags), rating=row.rating,
        favourite=row.favourite, trashed=row.trashed, cover=row.cover, bytes=row.bytes, origin=row.origin,
    )  # fmt: skip


def _wanted(session: Session, owner: str, search: Search) -> list[ColumnElement[bool]]:
    trashed = WorkRow.trashed.is_not(None) if search.trashed else WorkRow.trashed.is_(None)
    wanted: list[ColumnElement[bool]] = [WorkRow.owner == owner, trashed]
    if search.query.strip():
        found = searching.matching(session.get_bind().dialect.name, search.query)
        wanted.append(WorkRow.key < 0 if found is None else found)
    for column, value in ((WorkRow.kind, search.kind), (WorkRow.model, search.model)):
        if value:
            wanted.append(column == value)
    if search.tag:
        wanted.append(WorkRow.key.in_(select(TagRow.work).where(TagRow.tag == search.tag)))
    if search.rating:
        wanted.append(WorkRow.rating >= search.rating)
    if search.favourite:
        wanted.append(WorkRow.favourite.is_(True))
    if search.since is not None:
        wanted.append(WorkRow.changed >= search.since)
    if search.until is not None:
        wanted.append(WorkRow.changed < search.until)
    return wanted


def _beyond(search: Search, sorted_by: Any, descending: bool) -> ColumnElement[bool]:
    try:
        sort, value, key = json.loads(urlsafe_b64decode(search.after[:2000].encode()))
        if sort != search.sort or not isinstance(key, int) or not isinstance(value, str | int | float):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise InvalidRequest("library.after") from error
    if isinstance(value, str) != (search.sort == "title"):
        raise InvalidRequest("library.after")
    if descending:
        return or_(sorted_by < value, and_(sorted_by == value, WorkRow.key < key))
    return or_(sorted_by > value, and_(sorted_by == value, WorkRow.key > key))


def _mark(sort: str, value: Any, key: int) -> str:
    return urlsafe_b64encode(json.dumps([sort, value, key], ensure_ascii=False).encode()).decode()
