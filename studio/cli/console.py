"""What every command shares: its options, its errors, and how it follows a craft."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from studio.cli.terminal import Terminal
from studio.errors import (
    Busy,
    CatalogueError,
    EngineFailed,
    InvalidRequest,
    OutOfMemory,
    ServerFailed,
    StorageFailed,
    StudioError,
    UnknownModel,
    UnreadablePicture,
    WeightsUnavailable,
)
from studio.identity.owners import LOCAL
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved
from studio.settings import Settings
from studio.studio import Studio
from studio.validation import Request

EXIT_CODES: Final[tuple[tuple[type[StudioError], int], ...]] = (
    (InvalidRequest, 2),
    (UnknownModel, 2),
    (UnreadablePicture, 2),
    (CatalogueError, 2),
    (WeightsUnavailable, 3),
    (EngineFailed, 3),
    (Busy, 4),
    (OutOfMemory, 4),
    (StorageFailed, 5),
    (ServerFailed, 5),
)

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, the same as the API's.")]
Model = Annotated[str | None, typer.Option(help="An id from `studio models`.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the answer to this file.")]


@contextmanager
def opened(terminal: Terminal, **overrides: Any) -> Iterator[Studio]:
    """A studio for one command. Whoever has the command line is the host, and may have anything fetched."""
    overrides.setdefault("fetch", "ask")
    with reported(terminal), Studio(Settings.read(**overrides)) as studio:
        yield studio


@contextmanager
def reported(terminal: Terminal) -> Iterator[None]:
    """Errors become a sentence on stderr and an exit code."""
    try:
        yield
    except StudioError as error:
        terminal.err.print(error.explain(terminal.locale), markup=False, soft_wrap=True)
        raise typer.Exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)) from error
    except KeyboardInterrupt as error:
        terminal.err.print(terminal.say("interrupted"))
        raise typer.Exit(130) from error


def last(terminal: Terminal, events: Iterator[Any], kind: type[T]) -> T:
    """The last event of a kind, showing progress until then."""
    last: T | None = None
    for event in terminal.follow(events):
        if isinstance(event, kind):
            last = event
    if last is None:
        raise RuntimeError(f"the craft ended without a {kind.__name__}")
    return last


def kept(terminal: Terminal, studio: Studio, request: Request, events: Iterator[T]) -> Iterator[T]:
    """The events of a run, whose results go into the library; a warning where they cannot."""
    for event in studio.keeper.keep(Place(LOCAL.id), request, events):
        if isinstance(event, Unkept):
            terminal.err.print(event.error.explain(terminal.locale), markup=False, soft_wrap=True)
        elif not isinstance(event, Saved):
            yield event


def read(name: str) -> str:
    """A text file, or stdin for `-`."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest("file.unreadable", file=name, reason=str(error)) from error


def saved(file: Path, text: str) -> None:
    """Write a text where the user wants it."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageFailed("storage.write", file=str(file), reason=error.strerror or str(error)) from error
