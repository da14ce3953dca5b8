"""One database: opened when it is needed first, migrated after a backup, read and written in short transactions."""

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from studio.errors import StorageFailed
from studio.library.database.backups import Backups

HEAD: Final = "0001"
"""The newest step of `migrations/`."""
BUSY_SECONDS: Final = 10
"""How long a transaction waits for that of another server on the same file."""
POOL: Final = 8
TRIES: Final = 3
LOCK: Final = 0x5_7D10
"""By which servers on one PostgreSQL agree who of them migrates."""
Answer = TypeVar("Answer")
_log = logging.getLogger("studio.library")


class Database:
    """A library's rows. Safe from several threads, and from several servers at once."""

    def __init__(self, folder: Path, url: str = "") -> None:
        """`url` names PostgreSQL; without one the rows are in `library.db` in the folder."""
        self._url = url
        self.file = None if url else folder / "library.db"
        self.backups = Backups(folder / "backups")
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def read(self, work: Callable[[Session], Answer]) -> Answer:
        """What `work` finds.

        Raises:
            StorageFailed: the database cannot be read.
        """
        return self._within(work, immediate=False)

    def write(self, work: Callable[[Session], Answer]) -> Answer:
        """Do `work` as a whole or not at all; it may be called again where two wrote the same row at once.

        Raises:
            StorageFailed: the database cannot be written.
        """
        for _ in range(TRIES - 1):
            with suppress(IntegrityError):
                return self._within(work, immediate=True)
        try:
            return self._within(work, immediate=True)
        except IntegrityError as error:
            raise refused(error) from error

    def close(self) -> None:
        """Close what is open; the next use opens it anew."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _within(self, work: Callable[[Session], Answer], *, immediate: bool) -> Answer:
        engine = self._opened()
        try:
            with (
                engine.connect().execution_options(immediate=immediate) as connection,
                Session(connection, expire_on_commit=False) as session,
            ):
                answer = work(session)
                session.commit()
                return answer
        except IntegrityError:
            raise
        except SQLAlchemyError as error:
            raise refused(error) from error

    def _opened(self) -> Engine:
        if self._engine is not None:
            return self._engine
        with self._lock:
            if self._engine is None:
                try:
                    self._engine = self._open()
                except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                    raise refused(error) from error
            return self._engine

    def _open(self) -> Engine:
        if self.file is None:
            try:
                engine = create_engine(self._url, pool_size=POOL, pool_pre_ping=True, json_serializer=_json)
            except ModuleNotFoundError as error:
                raise StorageFailed("library.driver") from error
        else:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.backups.expect_whole(self.file)
            engine = _sqlite(self.file)
        try:
            self._migrate(engine)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _migrate(self, engine: Engine) -> None:
        with engine.connect() as connection:
            found = _revision(connection)
        if found == HEAD:
            if self.file is not None:
                self.backups.daily(self.file)
            return
        if found is not None and found > HEAD:
            raise StorageFailed("library.newer", revision=found)
        if found is not None and self.file is not None:
            self.backups.make(self.file, f"before-{HEAD}")
        logging.getLogger("alembic").setLevel(logging.WARNING)
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        with engine.connect().execution_options(immediate=True) as connection:
            if engine.dialect.name != "sqlite":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            if _revision(connection) != HEAD:  # another server may have been faster
                config = Config(attributes={"connection": connection})
                config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
                try:
                    command.upgrade(config, "head")
                except CommandError as error:
                    raise StorageFailed("library.newer", revision=found) from error
            connection.commit()


def _sqlite(file: Path) -> Engine:
    engine = create_engine(
        f"sqlite+pysqlite:///{file}",
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "check_same_thread": False},
        pool_size=POOL,
        json_serializer=_json,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        # FULL: what was answered as saved is on the disk even if the power goes.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A transaction that will write takes its place at once: one that reads first could not wait for it.
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine


def _revision(connection: Connection) -> str | None:
    """The step that a database is at; None for a new one."""
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found: Any = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _json(value: Any) -> str:
    # Half a pair of surrogates, as a browser may send, is no text to a database.
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()


def refused(error: Exception) -> StorageFailed:
    """What a database's refusal means in plain words."""
    if isinstance(error, StorageFailed):
        return error
    cause = getattr(error, "orig", None) or error
    told = str(cause).lower()
    for sign, code in (
        ("locked", "library.locked"),
        ("disk is full", "library.full"),
        ("no space", "library.full"),
        ("readonly", "library.read_only"),
        ("read-only", "library.read_only"),
        ("malformed", "library.damaged"),
        ("not a database", "library.damaged"),
    ):
        if sign in told:
            return StorageFailed(code)
    if isinstance(error, DatabaseError) or isinstance(cause, OSError):
        _log.warning("the library's database refused: %s", cause)
    return StorageFailed("library.refused", reason=str(cause).splitlines()[0][:200])


def now() -> float:
    """The time, in seconds since 1970."""
    return time.time()
