"""An owner's works: saved, found, given back. Nobody's are ever found by another owner."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from studio.errors import InvalidRequest
from studio.library.assets import AssetStore, suffix_of
from studio.library.database.database import Database, now
from studio.library.database.records import AssetRow, FileRow, MarkRow, TagRow, VersionRow, WorkRow
from studio.library.indexing import index
from studio.library.listing import listed, told
from studio.library.values import STARS, Asset, File, Made, Page, Saved, Search, Version, Work

TITLE: Final = 300
TAG: Final = 60
TAGS: Final = 30
NAME: Final = 100
WHY: Final = 500
PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")


class Works:
    """Every method takes the owner first, and finds only what is theirs."""

    def __init__(self, database: Database, assets: AssetStore, room: "Room") -> None:
        self._database, self._assets, self._room = database, assets, room

    def save(self, owner: str, made: Made, into: str | None = None, parent: int | None = None) -> Saved:
        """Keep a finished result: the files first, then the rows.

        `into` is the work that it is a version of, where it is this owner's and of the same kind; else it becomes a
        work of its own. `parent` is the version that it was made from, the last one where none is named.

        Raises:
            StorageFailed: it could not be kept; what was made is where its craft put it.
        """
        kept = [(*self._assets.put(file.path), file) for file in made.files]
        self._room.expect(owner, sum(size for _, size, _ in kept), self._database)

        def write(session: Session) -> Saved:
            for digest, _, file in kept:
                if not self._assets.path(digest, suffix_of(file.path.name)).is_file():
                    self._assets.put(file.path)  # a sweep was faster than this save
            return _saved(session, owner, made, kept, into, parent)

        return self._database.write(write)

    def work(self, owner: str, work: str) -> Work:
        """One work.

        Raises:
            InvalidRequest: this owner has none of this id.
        """
        return self._database.read(lambda session: told(mine(session, owner, work)))

    def find(self, owner: str, search: Search) -> Page:
        """A page of a list.

        Raises:
            InvalidRequest: `after` is not what a page said.
        """
        return self._database.read(lambda session: listed(session, owner, search))

    def version(self, owner: str, work: str, number: int | None = None) -> Version:
        """One version; the last one where no number is given.

        Raises:
            InvalidRequest: there is none.
        """
        return self._database.read(lambda session: version_of(the_version(session, mine(session, owner, work), number)))

    def versions(self, owner: str, work: str) -> tuple[Version, ...]:
        """All versions of a work, the last one first.

        Raises:
            InvalidRequest: this owner has none of this id.
        """

        def read(session: Session) -> tuple[Version, ...]:
            row = mine(session, owner, work)
            found = session.scalars(
                select(VersionRow).where(VersionRow.work == row.key).order_by(VersionRow.number.desc())
            )
            return tuple(version_of(version) for version in found)

        return self._database.read(read)

    def restore(self, owner: str, work: str, number: int) -> Saved:
        """An old version again, as a new one.

        Raises:
            InvalidRequest: there is none of this number.
        """

        def write(session: Session) -> Saved:
            row = _locked(session, owner, work) or mine(session, owner, work)
            old = the_version(session, row, number)
            return _again(session, row, old, how="restored", parent=old.number)

        return self._database.write(write)

    def branch(self, owner: str, work: str, number: int) -> Saved:
        """A version as the first of a work of its own.

        Raises:
            InvalidRequest: there is none of this number.
        """

        def write(session: Session) -> Saved:
            row = mine(session, owner, work)
            old = the_version(session, row, number)
            fresh = _new_work(session, owner, row.kind, row.title, now())
            fresh.origin = f"{row.id}:{old.number}"
            fresh.tags = [TagRow(tag=tag.tag) for tag in row.tags]
            return _again(session, fresh, old, how="branched", parent=None)

        return self._database.write(write)

    def rate(self, owner: str, work: str, number: int | None, stars: int | None, why: str = "") -> None:
        """Stars for a version, 1 to 5, and why; None takes them back.

        Raises:
            InvalidRequest: there is no such version, or not so many stars.
        """
        if stars is not None and not 1 <= stars <= STARS:
            raise InvalidRequest("library.stars", most=STARS)

        def write(session: Session) -> None:
            row = mine(session, owner, work)
            mark = _mark(session, the_version(session, row, number))
            mark.rating, mark.why, mark.rated = stars, clean(why, WHY) if stars else "", now()
            row.rating = stars

        self._database.write(write)

    def name(self, owner: str, work: str, number: int, name: str) -> None:
        """Give a version a name; an empty one takes it back.

        Raises:
            InvalidRequest: there is no such version.
        """

        def write(session: Session) -> None:
            _mark(session, the_version(session, mine(session, owner, work), number)).name = clean(name, NAME)

        self._database.write(write)

    def change(
        self,
        owner: str,
        works: Sequence[str],
        *,
        title: str | None = None,
        favourite: bool | None = None,
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
    ) -> int:
        """Retitle, mark and tag works; returns how many. Ids that are not this owner's are passed over."""
        added, removed = [clean(tag, TAG) for tag in add_tags], {clean(tag, TAG) for tag in remove_tags}

        def write(session: Session) -> int:
            rows = mine_of(session, owner, works)
            for row in rows:
                if title is not None and clean(title, TITLE):
                    row.title = clean(title, TITLE)
                if favourite is not None:
                    row.favourite = favourite
                tags = [tag.tag for tag in row.tags if tag.tag not in removed]
                tags = list(dict.fromkeys([*tags, *filter(None, added)]))[:TAGS]
                if tags != [tag.tag for tag in row.tags]:
                    row.tags = [TagRow(tag=tag) for tag in tags]
                if title is not None or added or removed:
                    session.flush()
                    index(session, row)
            return len(rows)

        return self._database.write(write)

    def sums(self) -> list[tuple[str, int, int]]:
        """For the host: of every owner how many works there are and how many bytes, and nothing of what they are."""
        statement = select(WorkRow.owner, func.count(), func.sum(WorkRow.bytes)).group_by(WorkRow.owner)
        return self._database.read(
            lambda session: [(owner, count, int(total or 0)) for owner, count, total in session.execute(statement)]
        )

    def facets(self, owner: str) -> dict[str, list[str]]:
        """What there is to filter by: {kinds, models, tags}."""

        def read(session: Session) -> dict[str, list[str]]:
            mine = (WorkRow.owner == owner, WorkRow.trashed.is_(None))
            kinds = session.scalars(select(WorkRow.kind).where(*mine).distinct().order_by(WorkRow.kind))
            models = session.scalars(select(WorkRow.model).where(*mine).distinct().order_by(WorkRow.model))
            tags = session.scalars(
                select(TagRow.tag)
                .join(WorkRow, TagRow.work == WorkRow.key)
                .where(*mine)
                .distinct()
                .order_by(TagRow.tag)
            )
            return {"kinds": list(kinds), "models": [model for model in models if model], "tags": list(tags)[:500]}

        return self._database.read(read)

    def file(self, owner: str, digest: str) -> tuple[Path, str] | None:
        """Where a file of one of this owner's versions or drafts is, and its name; None where it is not theirs."""

        def read(session: Session) -> tuple[str, str] | None:
            statement = (
                select(AssetRow.suffix, FileRow.name)
                .join(FileRow, FileRow.digest == AssetRow.digest)
                .join(VersionRow, FileRow.version == VersionRow.key)
                .join(WorkRow, VersionRow.work == WorkRow.key)
                .where(AssetRow.digest == digest, WorkRow.owner == owner)
                .limit(1)
            )
            found = session.execute(statement).first()
            return None if found is None else (found[0], found[1])

        found = self._database.read(read)
        return None if found is None else (self._assets.path(digest, found[0]), found[1])


class Room(Protocol):
    """How much may be kept."""

    def expect(self, owner: str, more: int, database: Database) -> None:
        """Refuse so many bytes more, where they are too many.

        Raises:
            TooMuch: they are.
        """


def clean(text: str, most: int) -> str:
    """A text for one line: what no database or page can hold is left out."""
    text = text.encode("utf-8", "ignore").decode()
    printable = "".join(character if character.isprintable() else " " for character in text[: most * 4])
    return " ".join(printable.split())[:most]


def mine_of(session: Session, owner: str, works: Sequence[str]) -> list[WorkRow]:
    """Those of these works that are an owner's."""
    wanted = [str(work) for work in works][:1000]
    return list(session.scalars(select(WorkRow).where(WorkRow.owner == owner, WorkRow.id.in_(wanted))))


def mine(session: Session, owner: str, work: str) -> WorkRow:
    """One of an owner's works.

    Raises:
        InvalidRequest: they have none of this id.
    """
    row = session.scalar(_wanted(owner, work))
    if row is None:
        raise InvalidRequest("library.no_work", work=clean(str(work), 40))
    return row


def _locked(session: Session, owner: str, work: str) -> WorkRow | None:
    # So that two who save at once get two numbers; SQLite's writers wait for each other as it is.
    return session.scalar(_wanted(owner, work).with_for_update(of=WorkRow))


def _wanted(owner: str, work: str) -> Select[WorkRow]:
    return select(WorkRow).where(WorkRow.owner == owner, WorkRow.id == str(work)[:32])


def the_version(session: Session, work: WorkRow, number: int | None) -> VersionRow:
    """One version of a work, the last one where no number is given.

    Raises:
        InvalidRequest: there is none of this number.
    """
    wanted = work.latest if number is None else number
    found = session.scalar(select(VersionRow).where(VersionRow.work == work.key, VersionRow.number == wanted))
    if found is None:
        raise InvalidRequest("library.no_version", version=wanted)
    return found


def _mark(session: Session, version: VersionRow) -> MarkRow:
    mark = version.mark
    if mark is None:
        mark = MarkRow(version=version.key, name="", why="")
        session.add(mark)
    return mark


def _new_work(session: Session, owner: str, kind: str, title: str, time: float) -> WorkRow:
    row = WorkRow(
        id=secrets.token_hex(8), owner=owner, kind=kind, title=title, created=time, changed=time,
        favourite=False, latest=0, model="", bytes=0, tags=[],
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def _saved(
    session: Session,
    owner: str,
    made: Made,
    kept: Sequence[tuple[str, int, File]],
    into: str | None,
    parent: int | None,
) -> Saved:
    created = made.created or now()
    row = _locked(session, owner, into) if into else None
    if row is None or row.kind != made.kind:
        row = _new_work(session, owner, made.kind, clean(made.title, TITLE) or made.kind, created)
        parent = None
    for digest, size, file in kept:
        if session.get(AssetRow, digest) is None:
            asset = AssetRow(digest=digest, suffix=suffix_of(file.path.name), bytes=size, created=now())
            asset.origin = None if file.role == "source" or made.created is not None else str(file.path)
            session.add(asset)
    if made.tags:
        fresh = [clean(tag, TAG) for tag in made.tags]
        row.tags = [TagRow(tag=tag) for tag in dict.fromkeys([*(tag.tag for tag in row.tags), *filter(None, fresh)])]
    version = VersionRow(
        work=row.key, number=row.latest + 1, parent=parent or row.latest or None, created=created, how=made.how,
        asked=dict(made.asked), settings=dict(made.settings), made=dict(made.made), model=clean(made.model, 200),
        seconds=made.seconds, tokens=made.tokens,
    )  # fmt: skip
    session.add(version)
    session.flush()
    for place, (digest, _, file) in enumerate(kept):
        name = clean(file.name or file.path.name, 200)
        session.add(FileRow(version=version.key, place=place, digest=digest, role=file.role, name=name))
    cover = next((digest for digest, _, file in kept if file.role == "result" and _pictorial(file.path.name)), None)
    _settle(session, row, version, cover, sum(size for _, size, _ in kept))
    if row.latest > 1 and made.title and made.kind == "article":
        row.title = clean(made.title, TITLE) or row.title
    session.flush()
    index(session, row, version)
    if made.created is not None:
        row.changed = created
    return Saved(row.id, version.number)


def _again(session: Session, row: WorkRow, old: VersionRow, how: str, parent: int | None) -> Saved:
    fresh = VersionRow(
        work=row.key, number=row.latest + 1, parent=parent, created=now(), how=how, asked=old.asked,
        settings=old.settings, made=old.made, model=old.model, seconds=old.seconds, tokens=old.tokens,
    )  # fmt: skip
    session.add(fresh)
    session.flush()
    for file in old.files:
        session.add(FileRow(version=fresh.key, place=file.place, digest=file.digest, role=file.role, name=file.name))
    results = [file for file in old.files if file.role == "result" and _pictorial(file.name)]
    _settle(session, row, fresh, results[0].digest if results else None, sum(file.asset.bytes for file in old.files))
    session.flush()
    index(session, row, fresh)
    return Saved(row.id, fresh.number)


def _settle(session: Session, row: WorkRow, version: VersionRow, cover: str | None, size: int) -> None:
    row.latest, row.model, row.cover = version.number, version.model, cover
    # Where the clock went backwards, what changed last still comes first.
    row.changed = max(now(), row.changed)
    row.trashed = None
    row.bytes += size


def _pictorial(name: str) -> bool:
    return name.lower().endswith(PICTURES)


def version_of(row: VersionRow) -> Version:
    """The same for a version."""
    version = Version(
        number=row.number, parent=row.parent, created=row.created, how=row.how, asked=row.asked,  # type: ignore[arg-type]
        settings=row.settings, made=row.made, model=row.model, seconds=row.seconds, tokens=row.tokens,
        files=tuple(Asset(file.digest, file.name, file.asset.bytes, file.role) for file in row.files),  # type: ignore[arg-type]
    )  # fmt: skip
    mark = row.mark
    return replace(version, name=mark.name, rating=mark.rating, why=mark.why) if mark else version
