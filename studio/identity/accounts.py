"""Accounts and their tokens, in one file beside what users keep: small, readable, easy to save elsewhere."""

import hmac
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import InvalidRequest, StorageFailed
from studio.identity.owners import Owner, Role, Scope, user

FILE: Final = "accounts.json"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
"""Small letters only: two names that differ in case alone would be one person to most people."""
LEAST_PASSWORD: Final = 8
MOST_PASSWORD: Final = 1024
TOKEN: Final = re.compile(r"studio_(?P<id>[0-9a-f]{8})_(?P<secret>[A-Za-z0-9_-]{43})")
CHECKED_AT_ONCE: Final = 2
"""Hashing a password takes 64 MB by intention; a crowd at the door must not take more than this many of them."""


class Token(BaseModel):
    """A key for programs. Its secret is long and random, so that a plain SHA-256 of it keeps it."""

    model_config = ConfigDict(frozen=True)

    digest: str
    scope: Scope
    created: datetime
    expires: datetime


class Account(BaseModel):
    """One person who can sign in."""

    model_config = ConfigDict(frozen=True)

    role: Role = "user"
    password: str | None = None
    """Its argon2id hash; None where nobody set one yet."""
    stamp: str = ""
    """Changes with the password, and ends every session of before."""
    created: datetime
    tokens: Mapping[str, Token] = Field(default_factory=dict)


@dataclass(frozen=True)
class NewToken:
    """A token, told this one time."""

    id: str
    text: str
    expires: datetime


class Accounts:
    """The accounts of a studio. Changes by other processes, such as the command line, are seen at once."""

    def __init__(self, folder: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file = folder / FILE
        self._now = now
        self._lock = threading.Lock()
        self._gate = threading.BoundedSemaphore(CHECKED_AT_ONCE)
        self._seen: tuple[int, int, int] | None = None
        self._read: dict[str, Account] = {}

    def all(self) -> Mapping[str, Account]:
        """Every account by name.

        Raises:
            StorageFailed: the file cannot be read or is damaged.
        """
        with self._lock:
            seen = self._state()
            if seen != self._seen:
                self._read, self._seen = self._load(), seen
            return self._read

    def add(self, name: str, role: Role = "user", password: str | None = None) -> None:
        """Make an account.

        Raises:
            InvalidRequest: the name is taken or cannot be one, or the password is too short.
            StorageFailed: the file cannot be written; so do all that change something.
        """
        if not NAME.fullmatch(name):
            raise InvalidRequest("user.name", name=name[:60])
        hashed = None if password is None else self._hashed(password)
        with self._changing() as accounts:
            if name in accounts:
                raise InvalidRequest("user.taken", name=name)
            accounts[name] = Account(role=role, password=hashed, stamp=secrets.token_hex(8), created=self._now())

    def set_password(self, name: str, password: str) -> None:
        """Change a password; whoever is signed in by the old one no longer is.

        Raises:
            InvalidRequest: there is no such account, or the password is too short.
        """
        hashed = self._hashed(password)
        self._change(name, password=hashed, stamp=secrets.token_hex(8))

    def set_role(self, name: str, role: Role) -> None:
        """Make somebody an admin, or no longer.

        Raises:
            InvalidRequest: there is no such account.
        """
        self._change(name, role=role)

    def remove(self, name: str) -> None:
        """Remove an account with its tokens; their sessions end.

        Raises:
            InvalidRequest: there is no such account.
        """
        with self._changing() as accounts:
            self._known(accounts, name)
            del accounts[name]

    def issue(self, name: str, scope: Scope = "use", days: int = 90) -> NewToken:
        """Make a token; its text is told here and never again.

        Raises:
            InvalidRequest: there is no such account, or it may not have this scope.
        """
        with self._changing() as accounts:
            account = self._known(accounts, name)
            if scope == "admin" and account.role != "admin":
                raise InvalidRequest("token.scope", name=name)
            number, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
            expires = self._now() + timedelta(days=days)
            token = Token(digest=_digest(secret), scope=scope, created=self._now(), expires=expires)
            accounts[name] = account.model_copy(update={"tokens": {**account.tokens, number: token}})
        return NewToken(number, f"studio_{number}_{secret}", expires)

    def revoke(self, name: str, number: str) -> None:
        """End a token.

        Raises:
            InvalidRequest: there is no such account or token.
        """
        with self._changing() as accounts:
            account = self._known(accounts, name)
            if number not in account.tokens:
                raise InvalidRequest("token.unknown", name=name, token=number[:60])
            kept = {each: token for each, token in account.tokens.items() if each != number}
            accounts[name] = account.model_copy(update={"tokens": kept})

    def sign_in(self, name: str, password: str) -> Owner | None:
        """Whose name and password these are. Takes as long whether there is such an account or not."""
        name = name.strip().lower()
        account = self.all().get(name)
        kept = account.password if account and account.password else self._nobody
        with self._gate:
            right = self._matches(kept, password)
        if not right or account is None or account.password is None:
            return None
        if self._hasher.check_needs_rehash(account.password):
            self._change(name, password=self._hasher.hash(password))
        return user(name, admin=account.role == "admin")

    def stamp(self, name: str) -> str | None:
        """What a session of this account has to carry; None where there is none."""
        account = self.all().get(name)
        return account.stamp if account else None

    def owner(self, name: str) -> Owner | None:
        """Somebody who is signed in."""
        account = self.all().get(name)
        return user(name, admin=account.role == "admin") if account else None

    def by_token(self, text: str) -> Owner | None:
        """Whose token this is; None where it is none, is over, or was revoked."""
        match = TOKEN.fullmatch(text)
        if match is None:
            return None
        for name, account in self.all().items():
            token = account.tokens.get(match["id"])
            if token and hmac.compare_digest(token.digest, _digest(match["secret"])) and self._now() < token.expires:
                return user(name, admin=account.role == "admin" and token.scope == "admin")
        return None

    @cached_property
    def _hasher(self) -> Any:
        from argon2 import PasswordHasher

        return PasswordHasher()

    @cached_property
    def _nobody(self) -> str:
        hashed: str = self._hasher.hash(secrets.token_urlsafe())
        return hashed

    def _matches(self, kept: str, password: str) -> bool:
        from argon2.exceptions import InvalidHashError, VerificationError

        try:
            return len(password) <= MOST_PASSWORD and bool(self._hasher.verify(kept, password))
        except (VerificationError, InvalidHashError):
            return False

    def _hashed(self, password: str) -> str:
        if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise InvalidRequest("user.password", least=LEAST_PASSWORD)
        hashed: str = self._hasher.hash(password)
        return hashed

    def _known(self, accounts: Mapping[str, Account], name: str) -> Account:
        if name not in accounts:
            raise InvalidRequest("user.unknown", name=name[:60])
        return accounts[name]

    def _change(self, name: str, **fields: object) -> None:
        with self._changing() as accounts:
            accounts[name] = self._known(accounts, name).model_copy(update=fields)

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """The accounts as they are now, to be changed; nothing is written where the block fails."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self._file}.lock", mode=0o600):
                accounts = dict(self._load())
                yield accounts
                self._write(accounts)
        except OSError as error:
            raise StorageFailed("accounts.refused", reason=error.strerror or str(error)) from error

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed("accounts.refused", reason=error.strerror or str(error)) from error
        return found.st_mtime_ns, found.st_size, found.st_ino

    def _load(self) -> dict[str, Account]:
        try:
            told = json.loads(self._file.read_text(encoding="utf-8"))
            return {name: Account.model_validate(fields) for name, fields in told.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError, ValidationError) as error:
            raise StorageFailed("accounts.damaged", file=FILE) from error
        except OSError as error:
            raise StorageFailed("accounts.refused", reason=error.strerror or str(error)) from error

    def _write(self, accounts: Mapping[str, Account]) -> None:
        told = {name: account.model_dump(mode="json") for name, account in accounts.items()}
        partial = self._file.with_name(f".{FILE}.part")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(told, stream, indent=1)
            stream.flush()
            os.fsync(descriptor)
        partial.replace(self._file)


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
