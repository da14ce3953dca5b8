"""Whom work belongs to."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

Role = Literal["user", "admin"]
Scope = Literal["use", "admin"]
"""What a token may do: use the studio, or also what only admins may."""


@dataclass(frozen=True)
class Owner:
    """Somebody to whom runs, queue places and files belong.

    `id` is what everything is kept under; `name` is for people.
    """

    id: str
    name: str
    admin: bool = False
    guest: bool = False
    """Whether nobody signed in: a passing visitor of a public demo."""

    @property
    def local(self) -> bool:
        """Whether this is the one person of a studio without sign-in."""
        return self.id == LOCAL.id


LOCAL: Final = Owner("local", "local")
"""The one person of a studio that listens on this machine only."""


def user(name: str, *, admin: bool = False) -> Owner:
    """Somebody with a name: from the accounts, a proxy, or Hugging Face."""
    return Owner(f"user:{name}", name, admin)


def guest(mark: str) -> Owner:
    """A passing visitor, by what their browser or address is known by."""
    digest = sha256(mark.encode()).hexdigest()[:16]
    return Owner(f"guest:{digest}", digest[:6], guest=True)
