"""Who is there and what they may: the one place that is asked, in each of the ways a studio can be open."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from studio.errors import Forbidden, InvalidRequest, TooMuch
from studio.identity.accounts import Accounts
from studio.identity.audit import Audit, Entry
from studio.identity.belongings import Belongings
from studio.identity.limits import Allowance, Limits
from studio.identity.owners import LOCAL, Owner, guest, user
from studio.identity.sessions import GUEST_COOKIE, SESSION_COOKIE, Sessions
from studio.identity.windows import Window
from studio.settings import Settings

TRIES: Final = 5
"""Wrong passwords for one name from one address, and twenty times as many from one address at all, in a quarter of an
hour. Not for one name from everywhere: that would let anybody lock out anybody."""
TRY_SECONDS: Final = 15 * 60
MOST_NAME: Final = 100


@dataclass(frozen=True)
class Visit:
    """What a request tells about who sent it. Header names are in small letters."""

    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    through_proxy: bool = False
    """Whether a proxy that the host named handed it on, so that its headers can be believed."""
    hugging_face: str | None = None
    """The name by which somebody is signed in at Hugging Face."""


@dataclass(frozen=True)
class Recognised:
    """Who it is, and the cookie to send back where the browser should keep a new one."""

    owner: Owner
    cookie: str | None = None


class Identity:
    """Accounts, sessions, limits, belongings and the audit of one studio."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.mode = settings.auth
        self.accounts = Accounts(settings.data)
        self.sessions = Sessions(settings.data)
        self.belongings = Belongings()
        self.audit = Audit(settings.data / "audit")
        self.limits = Limits(
            Allowance(
                running=settings.owner_running,
                waiting=settings.owner_waiting,
                requests=settings.owner_requests,
                uploaded=settings.owner_uploads,
                made=settings.owner_outputs,
            ),
            settings.queue_length,
        )
        self._tries = Window(TRIES, TRY_SECONDS)
        self._tries_from = Window(20 * TRIES, TRY_SECONDS)

    def who(self, visit: Visit) -> Recognised | None:
        """Whose request this is; None where somebody has to sign in first."""
        if self.mode == "none":
            return Recognised(LOCAL)
        scheme, _, token = visit.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            owner = self.accounts.by_token(token.strip())
            return Recognised(owner) if owner else None
        ways = {
            "users": self._by_session,
            "proxy": self._by_header,
            "huggingface": self._by_hugging_face,
            "open": self._by_browser,
        }
        return ways[self.mode](visit)

    def sign_in(self, name: str, password: str, address: str) -> str | None:
        """The session cookie for a name and password; None where they do not belong together.

        Raises:
            TooMuch: there were too many wrong ones.
        """
        key = f"{address} {name.strip().lower()[:MOST_NAME]}"
        wait = max(self._tries.wait(key), self._tries_from.wait(address))
        if wait:
            raise TooMuch("limit.tries", seconds=int(wait) + 1, minutes=int(wait // 60) + 1)
        # Counted before it is tried: many at once are many tries.
        self._tries.add(key)
        self._tries_from.add(address)
        owner = self.accounts.sign_in(name, password)
        if owner is None:
            # What is no account's name may be a password that was typed into the wrong field.
            known = user(name.strip().lower()).id if self.accounts.stamp(name.strip().lower()) else ""
            self.audit.write(Entry(known, "sign-in", "refused"))
            return None
        self._tries.forget(key)
        self.audit.write(Entry(owner.id, "sign-in"))
        return self.sessions.signed_in(owner.name, self.accounts.stamp(owner.name) or "")

    def controls(self, owner: Owner) -> bool:
        """Whether somebody may drop and pin models and change budgets."""
        return owner.admin or self._settings.controls

    def require_controls(self, owner: Owner) -> None:
        """Let only those on who may.

        Raises:
            Forbidden: this one may not.
        """
        if not self.controls(owner):
            raise Forbidden("controls.off")

    def _by_session(self, visit: Visit) -> Recognised | None:
        found = self.sessions.name(visit.cookies.get(SESSION_COOKIE))
        if found is None or self.accounts.stamp(found[0]) != found[1]:
            return None
        owner = self.accounts.owner(found[0])
        return Recognised(owner) if owner else None

    def _by_header(self, visit: Visit) -> Recognised | None:
        name = visit.headers.get(self._settings.auth_header.lower(), "").strip()
        if not visit.through_proxy or not name or len(name) > MOST_NAME or not name.isprintable():
            return None
        return Recognised(user(name, admin=name in self._settings.admins))

    def _by_hugging_face(self, visit: Visit) -> Recognised | None:
        name = visit.hugging_face
        return Recognised(user(name, admin=name in self._settings.admins)) if name else None

    def _by_browser(self, visit: Visit) -> Recognised:
        mark = self.sessions.mark(visit.cookies.get(GUEST_COOKIE))
        if mark is not None:
            return Recognised(guest(mark))
        if "text/html" in visit.headers.get("accept", ""):
            mark, cookie = self.sessions.passing()
            return Recognised(guest(mark), cookie)
        # A program that keeps no cookies is one guest by its address, not a new one at every call.
        return Recognised(guest(f"address {visit.address}"))


def expect_reachable(settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
    """Refuse to listen to others with nobody at the door.

    Raises:
        InvalidRequest: the studio would listen on more than this machine, and `STUDIO_AUTH` is `none`; or the way that
            it names lacks what it needs.
    """
    if settings.auth == "none" and not settings.on_loopback:
        raise InvalidRequest("auth.reachable", host=settings.host)
    if settings.auth == "proxy" and not settings.trusted_proxies:
        raise InvalidRequest("auth.proxy")
    # Elsewhere Gradio pretends that somebody is signed in.
    if settings.auth == "huggingface" and not ("SPACE_ID" in environ and environ.get("OAUTH_CLIENT_ID")):
        raise InvalidRequest("auth.hugging_face")
