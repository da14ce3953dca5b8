"""What can be done with works, by name: the routes of the page and the endpoints do the same things."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from studio.errors import InvalidRequest
from studio.identity.owners import Owner
from studio.keeping.keeper import TABS
from studio.library.library import Library
from studio.library.values import Saved
from studio.ui.shelf.plain import Json

MOST: Final = 1000
"""Works of one call."""


class Actions:
    """Each takes an owner and the fields of a call, and answers with plain data."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._named: dict[str, Callable[[Owner, Mapping[str, Any]], Json]] = {
            "rate": self.rate,
            "name": self.name,
            "restore": self.restore,
            "branch": self.branch,
            "change": self.change,
            "trash": self.trash,
            "bring_back": self.bring_back,
            "empty": self.empty,
            "afresh": self.afresh,
            "share": self.share,
            "revoke": self.revoke,
            "shared": self.shared,
        }

    def do(self, owner: Owner, fields: Any) -> Json:
        """Do what `fields["do"]` names.

        Raises:
            StudioError: there is no such thing, or it cannot be done.
        """
        named = self._named.get(str(fields.get("do"))) if isinstance(fields, Mapping) else None
        if named is None:
            raise InvalidRequest("library.action")
        return named(owner, fields)

    def rate(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """Stars for a version, and why."""
        stars = fields.get("rating")
        rating = None if stars in (None, 0) else _number(stars)
        self._library.works.rate(owner.id, _work(fields), _version(fields), rating, str(fields.get("why") or ""))
        return {"rating": rating}

    def name(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """A name for a version."""
        self._library.works.name(owner.id, _work(fields), _number(fields.get("version")), str(fields.get("name") or ""))
        return {}

    def restore(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """An old version again, as a new one."""
        return _told(self._library.works.restore(owner.id, _work(fields), _number(fields.get("version"))))

    def branch(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """A version as a work of its own."""
        return _told(self._library.works.branch(owner.id, _work(fields), _number(fields.get("version"))))

    def change(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """Titles, tags and favourites of several works."""
        favourite, title = fields.get("favourite"), fields.get("title")
        count = self._library.works.change(
            owner.id,
            _works(fields),
            title=None if title is None else str(title),
            favourite=None if favourite is None else bool(favourite),
            add_tags=_texts(fields.get("add_tags")),
            remove_tags=_texts(fields.get("remove_tags")),
        )
        return {"count": count}

    def trash(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """Throw works away, for thirty days."""
        return {"count": self._library.trash.put(owner.id, _works(fields))}

    def bring_back(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """Bring works back from the trash."""
        return {"count": self._library.trash.restore(owner.id, _works(fields))}

    def empty(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """Let what is in the trash go for good, or some of it."""
        works = _works(fields) if fields.get("works") else None
        return {"count": self._library.trash.empty(owner.id, works)}

    def afresh(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """Begin a tab's form anew on the next visit, or all; drafts of works stay with their works."""
        tab = str(fields.get("tab") or "")
        for name in (tab,) if tab in TABS.values() else dict.fromkeys(TABS.values()):
            self._library.drafts.save(owner.id, name, {})
        return {}

    def share(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """A link by which whoever has it sees one version."""
        token = self._library.sharing.share(owner.id, _work(fields), _number(fields.get("version")))
        return {"link": f"/shared/{token}"}

    def revoke(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """The link leads nowhere any more."""
        self._library.sharing.revoke(owner.id, _work(fields), _number(fields.get("version")))
        return {}

    def shared(self, owner: Owner, fields: Mapping[str, Any]) -> Json:
        """The link of a version; null where it has none."""
        token = self._library.sharing.link(owner.id, _work(fields), _number(fields.get("version")))
        return {"link": f"/shared/{token}" if token else None}


def _told(saved: Saved) -> Json:
    return {"work": saved.work, "version": saved.version}


def _work(fields: Mapping[str, Any]) -> str:
    return str(fields.get("work") or "")


def _works(fields: Mapping[str, Any]) -> list[str]:
    works = fields.get("works") or []
    if not isinstance(works, list) or len(works) > MOST:
        raise InvalidRequest("library.works", most=MOST)
    return [str(work) for work in works]


def _version(fields: Mapping[str, Any]) -> int | None:
    return None if fields.get("version") is None else _number(fields["version"])


def _number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or abs(value) > 2**31 - 1:
        raise InvalidRequest("library.number")
    return int(value)


def _texts(value: Any) -> list[str]:
    return [str(text) for text in value[:100]] if isinstance(value, list) else []
