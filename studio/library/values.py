"""What the library takes and gives: works, versions, files, and a page of a list. Times are seconds since 1970."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, get_args

Kind = Literal["article", "snippet", "picture", "enlargement", "plot"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Sort = Literal["newest", "oldest", "title", "rating"]
SORTS: Final[tuple[Sort, ...]] = get_args(Sort)
How = Literal["made", "edited", "restored", "branched", "imported"]
"""How a version came to be."""
Role = Literal["result", "source", "cell"]
"""What a file is to its version: what came of it, a part of that, or what it was made from, which is then named by the
field of the request."""
STARS: Final = 5
PAGE: Final = 60


@dataclass(frozen=True)
class File:
    """A file that a craft made, not kept yet."""

    path: Path
    role: Role = "result"
    name: str = ""
    """As it is downloaded; empty for the name that it has."""


@dataclass(frozen=True)
class Made:
    """A finished result as it is handed to the library."""

    kind: Kind
    title: str
    asked: Mapping[str, Any]
    """The words of the request: a brief, a description, a prompt."""
    made: Mapping[str, Any]
    """What came of it beside files: `text` is Markdown, `code` a snippet, `infotext` how a picture was made."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that was asked for, by the names of the request's fields."""
    files: tuple[File, ...] = ()
    model: str = ""
    seconds: float | None = None
    tokens: int | None = None
    how: How = "made"
    tags: tuple[str, ...] = ()
    created: float | None = None
    """When it was made, where that was not now and here; its files are not this studio's then."""


@dataclass(frozen=True)
class Saved:
    """Where a result is kept."""

    work: str
    version: int


@dataclass(frozen=True)
class Asset:
    """A file of a version, by the SHA-256 of its content."""

    digest: str
    name: str
    bytes: int
    role: Role = "result"

    @property
    def suffix(self) -> str:
        """With its dot, in small letters."""
        return Path(self.name).suffix.lower()


@dataclass(frozen=True)
class Version:
    """What came of one request, and what was said about it since."""

    number: int
    parent: int | None
    created: float
    how: How
    asked: Mapping[str, Any]
    settings: Mapping[str, Any]
    made: Mapping[str, Any]
    model: str
    seconds: float | None
    tokens: int | None
    files: tuple[Asset, ...] = ()
    name: str = ""
    rating: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Work:
    """One thing that somebody made."""

    id: str
    kind: Kind
    title: str
    created: float
    changed: float
    versions: int
    """The number of its last version."""
    model: str
    tags: tuple[str, ...] = ()
    rating: int | None = None
    favourite: bool = False
    trashed: float | None = None
    cover: str | None = None
    """The digest of the picture that stands for it."""
    bytes: int = 0
    origin: str | None = None


@dataclass(frozen=True)
class Search:
    """Which works are wanted; what is empty asks for nothing."""

    query: str = ""
    kind: str = ""
    model: str = ""
    tag: str = ""
    rating: int = 0
    """At least so many stars."""
    favourite: bool = False
    since: float | None = None
    until: float | None = None
    """Before this time."""
    sort: Sort = "newest"
    trashed: bool = False
    limit: int = PAGE
    after: str = ""
    """Where the page before ended, as it said."""


@dataclass(frozen=True)
class Page:
    """Some works, how many there are in all, and where the next page begins; empty where there is none."""

    works: tuple[Work, ...]
    total: int
    after: str = ""
