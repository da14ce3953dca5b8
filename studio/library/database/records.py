"""The tables: typed rows of works, versions, assets, drafts, presets and shared links."""

from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

DIGEST: Final = 64
"""Characters of a SHA-256 in hexadecimal."""


class Base(DeclarativeBase):
    """What all tables are declared on."""

    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, float: Float}  # noqa: RUF012


class WorkRow(Base):
    """One work of one owner. What lists show is here, so that a list reads no version."""

    __tablename__ = "works"
    __table_args__ = (
        Index("works_changed", "owner", "trashed", "changed", "key"),
        Index("works_title", "owner", "title"),
    )

    key: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    owner: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(300))
    created: Mapped[float]
    changed: Mapped[float]
    favourite: Mapped[bool] = mapped_column(Boolean, default=False)
    trashed: Mapped[float | None]
    latest: Mapped[int] = mapped_column(Integer, default=0)
    """The number of the last version."""
    model: Mapped[str] = mapped_column(String(200), default="")
    """Of the last version."""
    rating: Mapped[int | None] = mapped_column(Integer)
    """Of the version that was rated last."""
    cover: Mapped[str | None] = mapped_column(String(DIGEST))
    """The picture that stands for the last version."""
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """Of the files of all versions."""
    origin: Mapped[str | None] = mapped_column(String(80))
    """The work and version that it was branched from."""

    tags: Mapped[list["TagRow"]] = relationship(cascade="all, delete-orphan", lazy="selectin", order_by="TagRow.tag")
    versions: Mapped[list["VersionRow"]] = relationship(
        cascade="all, delete-orphan", order_by="VersionRow.number", passive_deletes=True
    )


class TagRow(Base):
    """One tag of one work."""

    __tablename__ = "tags"

    work: Mapped[int] = mapped_column(ForeignKey("works.key", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(String(60), primary_key=True, index=True)


class VersionRow(Base):
    """What came of one request. Never changed once it is written; what is said about it later is a `MarkRow`."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("work", "number"),)

    key: Mapped[int] = mapped_column(Integer, primary_key=True)
    work: Mapped[int] = mapped_column(ForeignKey("works.key", ondelete="CASCADE"), index=True)
    number: Mapped[int] = mapped_column(Integer)
    parent: Mapped[int | None] = mapped_column(Integer)
    created: Mapped[float]
    how: Mapped[str] = mapped_column(String(20), default="made")
    asked: Mapped[dict[str, Any]]
    settings: Mapped[dict[str, Any]]
    made: Mapped[dict[str, Any]]
    model: Mapped[str] = mapped_column(String(200), default="")
    seconds: Mapped[float | None]
    tokens: Mapped[int | None] = mapped_column(Integer)

    mark: Mapped["MarkRow | None"] = relationship(cascade="all, delete-orphan", lazy="selectin", passive_deletes=True)
    files: Mapped[list["FileRow"]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="FileRow.place", passive_deletes=True
    )


class MarkRow(Base):
    """What somebody said about a version: its name, stars, and why."""

    __tablename__ = "marks"

    version: Mapped[int] = mapped_column(ForeignKey("versions.key", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), default="")
    rating: Mapped[int | None] = mapped_column(Integer)
    why: Mapped[str] = mapped_column(String(500), default="")
    rated: Mapped[float | None]


class AssetRow(Base):
    """A file that is kept, by its content."""

    __tablename__ = "assets"

    digest: Mapped[str] = mapped_column(String(DIGEST), primary_key=True)
    suffix: Mapped[str] = mapped_column(String(12))
    bytes: Mapped[int] = mapped_column(BigInteger)
    created: Mapped[float]
    origin: Mapped[str | None] = mapped_column(Text)
    """Where the craft put it; it goes from there, too, when nothing needs the asset any more."""


class FileRow(Base):
    """That a version shows an asset, and as what."""

    __tablename__ = "version_files"

    version: Mapped[int] = mapped_column(ForeignKey("versions.key", ondelete="CASCADE"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True)
    digest: Mapped[str] = mapped_column(ForeignKey("assets.digest"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(200))

    asset: Mapped[AssetRow] = relationship(lazy="joined", innerjoin=True)


class DraftRow(Base):
    """The latest state of a tab's form, the one thing that changes. `work` is empty before there is a work."""

    __tablename__ = "drafts"

    owner: Mapped[str] = mapped_column(String(200), primary_key=True)
    tab: Mapped[str] = mapped_column(String(20), primary_key=True)
    work: Mapped[str] = mapped_column(String(32), primary_key=True, default="")
    state: Mapped[dict[str, Any]]
    assets: Mapped[list[Any]]
    """Digests of the files that the state names."""
    saved: Mapped[float]


class PresetRow(Base):
    """A tab's form under a name."""

    __tablename__ = "presets"

    owner: Mapped[str] = mapped_column(String(200), primary_key=True)
    tab: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    fields: Mapped[dict[str, Any]]


class PromptRow(Base):
    """A prompt that was used, for the list of the last ones."""

    __tablename__ = "prompts"

    key: Mapped[int] = mapped_column(Integer, primary_key=True)
    owner: Mapped[str] = mapped_column(String(200))
    tab: Mapped[str] = mapped_column(String(20))
    digest: Mapped[str] = mapped_column(String(DIGEST))
    text: Mapped[str] = mapped_column(Text)
    used: Mapped[float]

    __table_args__ = (UniqueConstraint("owner", "tab", "digest"), Index("prompts_used", "owner", "tab", "used"))


class ShareRow(Base):
    """A link to one version, for whoever has it."""

    __tablename__ = "shares"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(ForeignKey("versions.key", ondelete="CASCADE"), index=True)
    created: Mapped[float]


class IntakeRow(Base):
    """An outputs folder whose pictures were taken in."""

    __tablename__ = "intakes"

    folder: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[float]


@event.listens_for(VersionRow, "before_update")
def _immutable(*_: object) -> None:
    raise TypeError("a version does not change once it is written")
