"""The library from a terminal: `studio works list | show | open | export | import | trash | check`.

Without `--owner` the works are those of the local person; whoever has this machine has everybody's.
"""

import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from studio.cli.console import reported
from studio.cli.terminal import Terminal
from studio.errors import InvalidRequest, StorageFailed
from studio.identity.owners import LOCAL
from studio.keeping.intake import PICTURES, pictures_taken
from studio.library.library import Library
from studio.library.upkeep import Found
from studio.library.values import Saved, Search
from studio.settings import Settings

works = typer.Typer(no_args_is_help=True, help="What was made, kept in the library of this machine's studio.")
Owner = Annotated[str, typer.Option(help="Whose works, as `studio users list` or the audit name them: user:ada.")]
Work = Annotated[str, typer.Argument(help="A work's id, as `studio works list` shows it.")]
COLUMNS = ("id", "kind", "title", "versions", "changed_at")


@works.command("list")
def listed(
    query: Annotated[str, typer.Argument(help="Words that it has; Chinese needs no spaces.")] = "",
    kind: Annotated[str, typer.Option(help="article, snippet, picture, enlargement or plot.")] = "",
    tag: Annotated[str, typer.Option(help="A tag that it has.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=500, help="How many at most.")] = 60,
    trashed: Annotated[bool, typer.Option("--trash", help="Those in the trash.")] = False,
    owner: Owner = LOCAL.id,
) -> None:
    """Find works, the latest first."""
    with _library() as (terminal, library, _):
        page = library.works.find(owner, Search(query=query, kind=kind, tag=tag, limit=limit, trashed=trashed))
        table = Table(
            *(terminal.say(f"works.{column}") for column in ("id", "kind", "title", "versions", "changed_at"))
        )
        for work in page.works:
            changed = datetime.fromtimestamp(work.changed).strftime("%Y-%m-%d %H:%M")
            table.add_row(work.id, work.kind, work.title, str(work.versions), changed)
        terminal.out.print(table)
        if page.total > len(page.works):
            terminal.out.print(terminal.say("works.more", count=page.total - len(page.works)))


@works.command()
def show(
    work: Work, version: Annotated[int | None, typer.Option(help="Its number.")] = None, owner: Owner = LOCAL.id
) -> None:
    """What a work is: its text, or where its files are."""
    with _library() as (terminal, library, _):
        found, told = library.works.work(owner, work), library.works.version(owner, work, version)
        terminal.out.print(f"{found.title}  ({found.kind}, {told.number}/{found.versions}, {told.model})", markup=False)
        for file in told.files:
            path = library.assets.path(file.digest, file.suffix)
            terminal.out.print(f"{file.role}: {path}", markup=False, soft_wrap=True)
        text = told.made.get("code") or told.made.get("text") or told.made.get("infotext") or ""
        sys.stdout.write(f"{text}\n" if text else "")


@works.command("open")
def opened(work: Work, owner: Owner = LOCAL.id) -> None:
    """Open a work in the browser; the studio has to be running."""
    with _library() as (terminal, library, settings):
        library.works.work(owner, work)
        address = f"http://{settings.host}:{settings.port or 7860}/?work={work}"
        webbrowser.open(address)
        terminal.out.print(address, markup=False)


@works.command()
def export(
    target: Annotated[Path, typer.Argument(help="The zip to write.")],
    ids: Annotated[list[str] | None, typer.Argument(help="Works by id; all of them where none is named.")] = None,
    owner: Owner = LOCAL.id,
) -> None:
    """Write works with their files and versions into one zip."""
    with _library() as (terminal, library, _):
        wanted = ids or list(_all(library, owner))
        if not wanted:
            raise InvalidRequest("library.nothing")
        try:
            with target.open("wb") as stream:
                for _ in library.bundles.write(owner, wanted, stream):
                    pass
        except OSError as error:
            raise StorageFailed("storage.write", file=str(target), reason=error.strerror or str(error)) from error
        terminal.out.print(terminal.say("works.exported", count=len(wanted), file=target))


@works.command("import")
def imported(
    sources: Annotated[list[Path], typer.Argument(help="Bundles (.zip), pictures, or folders of pictures.")],
    owner: Owner = LOCAL.id,
) -> None:
    """Take in bundles, and pictures with how they were made."""
    with _library() as (terminal, library, settings):
        count = 0
        for source in sources:
            if source.suffix.lower() == ".zip":
                count += sum(1 for _ in library.bundles.read(owner, source))
                continue
            files = sorted(path for path in source.rglob("*") if path.suffix.lower() in PICTURES)
            taken = pictures_taken(library, owner, files if source.is_dir() else [source], settings.max_pixels)
            count += sum(1 for _, kept in taken if isinstance(kept, Saved))
        terminal.out.print(terminal.say("works.imported", count=count))


@works.command()
def trash(
    ids: Annotated[list[str] | None, typer.Argument(help="Works by id.")] = None,
    restore: Annotated[bool, typer.Option("--restore", help="Bring them back.")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Let everything in the trash go for good.")] = False,
    owner: Owner = LOCAL.id,
) -> None:
    """Throw works away for thirty days, bring them back, or empty the trash."""
    with _library() as (terminal, library, _):
        if empty:
            count = library.trash.empty(owner, ids or None)
            library.upkeep.sweep(0)
        elif restore:
            count = library.trash.restore(owner, ids or [])
        else:
            count = library.trash.put(owner, ids or [])
        terminal.out.print(terminal.say("works.trashed", count=count))


@works.command()
def check(
    repair: Annotated[bool, typer.Option("--repair", help="Mend rows and remove files that nothing needs.")] = False,
    restore_backup: Annotated[
        bool, typer.Option("--restore-backup", help="Put the last backup in the place of a damaged file.")
    ] = False,
) -> None:
    """Look at every file and row; ends with 1 where something is wrong that a repair cannot mend."""
    with _library() as (terminal, library, _):
        if restore_backup:
            backup = library.restore_backup()
            terminal.out.print(terminal.say("works.restored" if backup else "works.no_backup", file=backup or ""))
        found = Found()
        for step in library.upkeep.check(repair=repair):
            found = step
        terminal.out.print(terminal.say("works.checked", count=found.checked))
        for name in ("missing", "changed", "orphans", "broken"):
            for one in getattr(found, name):
                terminal.out.print(terminal.say(f"works.{name}", name=one))
        for owner, count, total in library.works.sums():
            terminal.out.print(terminal.say("works.sums", owner=owner, count=count, megabytes=total // 2**20))
        well = found.well or (repair and not found.missing and not found.changed)
    if not well:
        raise typer.Exit(1)


@contextmanager
def _library() -> Iterator[tuple[Terminal, Library, Settings]]:
    terminal = Terminal()
    with reported(terminal):
        settings = Settings.read()
        library = Library.of(settings)
        try:
            yield terminal, library, settings
        finally:
            library.close()


def _all(library: Library, owner: str) -> Iterator[str]:
    after = ""
    while True:
        page = library.works.find(owner, Search(limit=500, sort="oldest", after=after))
        yield from (work.id for work in page.works)
        if not (after := page.after):
            return
