"""Works and versions as plain data: what routes and endpoints answer with."""

from datetime import datetime
from typing import Any

from studio.errors import InvalidRequest
from studio.library.values import PAGE, Asset, Search, Version, Work

Json = dict[str, Any]
FILE = "/library/file/"
THUMBNAIL = "/library/thumbnail/"


def work_told(work: Work) -> Json:
    """A work as a list shows it; times are seconds since 1970."""
    told = {name: getattr(work, name) for name in ("id", "kind", "title", "created", "changed", "versions", "model")}
    told |= {name: getattr(work, name) for name in ("rating", "favourite", "trashed", "bytes", "origin")}
    return told | {"tags": list(work.tags), "cover": work.cover and f"{THUMBNAIL}{work.cover}"}


def version_told(version: Version, *, whole: bool = True) -> Json:
    """A version; without the whole, only what its history shows."""
    told = {name: getattr(version, name) for name in ("number", "parent", "created", "how", "model", "seconds")}
    told |= {name: getattr(version, name) for name in ("tokens", "name", "rating", "why")}
    told["files"] = [file_told(file) for file in version.files]
    if whole:
        told |= {"asked": dict(version.asked), "settings": dict(version.settings), "made": dict(version.made)}
    return told


def file_told(file: Asset) -> Json:
    """A file with its address on this studio."""
    return {
        "sha256": file.digest,
        "name": file.name,
        "bytes": file.bytes,
        "role": file.role,
        "url": f"{FILE}{file.digest}",
    }


def search_of(asked: Any) -> Search:
    """What to look for, from an address or a call.

    Raises:
        InvalidRequest: a number or a day is none.
    """
    try:
        return Search(
            query=str(asked.get("query") or ""),
            kind=str(asked.get("kind") or ""),
            model=str(asked.get("model") or ""),
            tag=str(asked.get("tag") or ""),
            rating=int(asked.get("rating") or 0),
            favourite=str(asked.get("favourite") or "").lower() in ("1", "true", "yes"),
            since=_day(asked.get("since")),
            until=_day(asked.get("until"), days=1),
            sort=asked.get("sort") or "newest",
            trashed=str(asked.get("trashed") or "").lower() in ("1", "true", "yes"),
            limit=int(asked.get("limit") or PAGE),
            after=str(asked.get("after") or ""),
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidRequest("library.search") from error


def _day(text: Any, days: int = 0) -> float | None:
    """The beginning of a day, `2026-11-27`, or of one some days later; in the time of whoever runs the studio."""
    return datetime.fromisoformat(str(text)).timestamp() + days * 24 * 3600 if text else None
