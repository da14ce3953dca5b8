"""Reading what was done in a studio."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import typer

from studio.cli.console import reported
from studio.cli.terminal import Terminal
from studio.errors import StorageFailed
from studio.identity.audit import Audit
from studio.settings import Settings

COLUMNS = ("at", "owner", "kind", "outcome", "model", "asked", "made", "seconds", "why")
audit = typer.Typer(no_args_is_help=True, help="Who did what, when, and how it ended; never what was in it.")


@audit.command()
def tail(
    count: Annotated[int, typer.Option("-n", min=0, help="How many of the last lines.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes.")] = False,
) -> None:
    """The last lines, as JSON."""
    terminal = Terminal()
    with reported(terminal):
        kept = Audit(Settings.read().data / "audit")
        for entry in kept.tail(count):
            sys.stdout.write(json.dumps(entry) + "\n")
        for entry in kept.follow() if follow else ():
            sys.stdout.write(json.dumps(entry) + "\n")
            sys.stdout.flush()


@audit.command()
def export(
    since: Annotated[str, typer.Option(help="From this time on, as 2026-11-01 or 2026-11-01T12:00 (UTC).")] = "",
    until: Annotated[str, typer.Option(help="Up to before this time.")] = "",
    form: Annotated[Literal["jsonl", "csv"], typer.Option("--format", help="JSON lines, or a table.")] = "jsonl",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """All lines of a span of time."""
    terminal = Terminal()
    with reported(terminal):
        entries = Audit(Settings.read().data / "audit").entries(since, until)
        if output is None:
            with suppress(BrokenPipeError):
                _write(entries, form, sys.stdout)
            return
        try:
            with output.open("w", encoding="utf-8", newline="") as stream:
                _write(entries, form, stream)
        except OSError as error:
            raise StorageFailed("storage.write", file=str(output), reason=error.strerror or str(error)) from error


def _write(entries: Iterable[Mapping[str, Any]], form: str, stream: TextIO) -> None:
    if form == "csv":
        table = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
        table.writeheader()
        table.writerows({name: _plain(value) for name, value in entry.items()} for entry in entries)
        return
    stream.writelines(json.dumps(entry) + "\n" for entry in entries)


def _plain(value: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
