"""Signed cookies: who is signed in, and which passing visitor a browser is."""

import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from studio.errors import StorageFailed

SESSION_COOKIE: Final = "studio_session"
GUEST_COOKIE: Final = "studio_guest"
DAY: Final = 24 * 3600
SESSION_SECONDS: Final = 14 * DAY
GUEST_SECONDS: Final = 90 * DAY
SECRET: Final = "session-secret"  # noqa: S105
"""The file of the key that signs; removing it ends all sessions."""


class Sessions:
    """Makes and reads the cookies, with a key that is kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def signed_in(self, name: str, stamp: str) -> str:
        """The cookie of somebody who signed in."""
        return self._text("session", [name, stamp])

    def name(self, cookie: str | None) -> tuple[str, str] | None:
        """Name and stamp in such a cookie; None where it is none of ours or too old."""
        found = self._value("session", cookie, SESSION_SECONDS)
        return (str(found[0]), str(found[1])) if isinstance(found, list) and len(found) == 2 else None

    def passing(self) -> tuple[str, str]:
        """A new passing visitor: their mark, and the cookie that holds it."""
        mark = secrets.token_hex(16)
        return mark, self._text("guest", mark)

    def mark(self, cookie: str | None) -> str | None:
        """The mark in such a cookie."""
        found = self._value("guest", cookie, GUEST_SECONDS)
        return found if isinstance(found, str) else None

    def _text(self, kind: str, value: object) -> str:
        return str(self._serializer.dumps([kind, value]))

    def _value(self, kind: str, cookie: str | None, seconds: int) -> object:
        from itsdangerous import BadData

        if not cookie:
            return None
        try:
            found = self._serializer.loads(cookie, max_age=seconds)
        except BadData:
            return None
        return found[1] if isinstance(found, list) and len(found) == 2 and found[0] == kind else None

    @cached_property
    def _serializer(self) -> Any:
        from itsdangerous import URLSafeTimedSerializer

        return URLSafeTimedSerializer(self._secret(), salt="studio")

    def _secret(self) -> str:
        file = self._folder / SECRET
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                kept = file.read_text(encoding="ascii").strip()
                if kept:
                    return kept
                descriptor = os.open(file, os.O_WRONLY | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(secrets.token_hex(32))
            return file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise StorageFailed("accounts.refused", reason=str(getattr(error, "strerror", "")) or str(error)) from error
