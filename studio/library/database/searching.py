"""The full-text index of the works, in SQLite's and in PostgreSQL's own way."""

from typing import Any

from sqlalchemy import Connection, Integer, bindparam, column, text
from sqlalchemy.sql import ColumnElement

from studio.library.database.records import WorkRow
from studio.library.database.segmenting import asked, indexed


def put(connection: Connection, key: int, words: str) -> None:
    """Index a work's text, in place of what was indexed before."""
    found = sorted(indexed(words))
    if connection.dialect.name == "sqlite":
        connection.execute(
            text("INSERT OR REPLACE INTO works_words(rowid, words) VALUES (:key, :words)"),
            {"key": key, "words": " ".join(found)},
        )
    else:
        statement = text(
            "INSERT INTO works_words(work, words) VALUES (:key, array_to_tsvector(CAST(:words AS text[])))"
            " ON CONFLICT (work) DO UPDATE SET words = excluded.words"
        )
        connection.execute(statement, {"key": key, "words": found})


def remove(connection: Connection, keys: list[int]) -> None:
    """Forget works' texts."""
    column = "rowid" if connection.dialect.name == "sqlite" else "work"
    statement = text(f"DELETE FROM works_words WHERE {column} IN :keys").bindparams(bindparam("keys", expanding=True))  # noqa: S608
    connection.execute(statement, {"keys": keys})


def matching(dialect: str, query: str) -> ColumnElement[bool] | None:
    """The condition that a work's text has every word of a search; None where the search has no word."""
    words = asked(query)
    if not words:
        return None
    # Only letters and digits are in a word, so that nothing of either language of queries can be.
    if dialect == "sqlite":
        wanted = " ".join(f'"{word}"{"*" if begins else ""}' for word, begins in words)
        found: Any = text("SELECT rowid FROM works_words WHERE works_words MATCH :wanted")
    else:
        wanted = " & ".join(f"'{word}'{':*' if begins else ''}" for word, begins in words)
        found = text("SELECT work FROM works_words WHERE words @@ CAST(:wanted AS tsquery)")
    return WorkRow.key.in_(found.bindparams(wanted=wanted).columns(column("rowid", Integer)))
