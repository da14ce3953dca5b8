"""`studio serve | models | outline | write | code | image | infotext | upscale`: the crafts from a terminal.

Exit codes: 0 done, 2 the request is wrong, 3 the model or its weights are not to be had, 4 busy or out of memory,
5 the disk or the server failed, 130 interrupted, 1 anything else.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer
from rich.live import Live
from rich.table import Table

from studio.coding.requests import ScoreRequest, Snippet, SnippetRequest
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
from studio.gauges import Gauges
from studio.imaging.infotext import read_infotext
from studio.imaging.origins import picture_text
from studio.imaging.requests import Drawn, Enlarged, EnlargeRequest, PictureRequest
from studio.imaging.storage import copied
from studio.messages import data_size
from studio.remote import ADDRESS, Orders, RemoteStudio
from studio.remote import watch as follow
from studio.settings import Settings
from studio.studio import Studio
from studio.terminal import Terminal
from studio.writing.outline import parse_outline
from studio.writing.requests import Article, ArticleRequest, Brief, Outline, SectionRequest, SectionText

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

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, the same as the API's.")]
Model = Annotated[str | None, typer.Option(help="An id from `studio models`.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the answer to this file.")]


class Language(StrEnum):
    """Languages an article can be written in."""

    en = "en"
    zh = "zh"


@app.command()
def outline(
    topic: str,
    audience: str = "",
    tone: str = "",
    language: Language = Language.en,
    sections: int = 5,
    words: int = 800,
    keywords: str = "",
    notes: str = "",
    model: Model = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Plan a blog post. The JSON is what `studio write` takes."""
    terminal = Terminal(json=as_json)
    with _studio(terminal) as studio:
        brief = Brief.of(
            topic=topic,
            audience=audience,
            tone=tone,
            language=language.value,
            sections=sections,
            words=words,
            keywords=keywords,
            notes=notes,
            model=model,
        )
        plan = _last(terminal, studio.writer.outline(brief), Outline)
        text = plan.model_dump_json(indent=2)
        if output:
            _save(output, text + "\n")
        if as_json:
            sys.stdout.write(text + "\n")
        elif not output:
            terminal.outline(plan)


@app.command()
def write(
    plan: Annotated[str, typer.Argument(metavar="OUTLINE", help="A JSON file from `studio outline`; - reads stdin.")],
    section: Annotated[int | None, typer.Option(help="Only this section, counted from 1.")] = None,
    instruction: Annotated[str, typer.Option(help="What to do in that section.")] = "",
    model: Model = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Write an article, or one section of it, from an outline; Markdown, as it is written."""
    terminal = Terminal(json=as_json)
    with _studio(terminal) as studio:
        outlined = parse_outline(_read(plan))
        if section is None:
            events = studio.writer.write_article(ArticleRequest.of(outline=outlined, model=model))
        else:
            request = SectionRequest.of(outline=outlined, index=section - 1, instruction=instruction, model=model)
            events = studio.writer.write_section(request)
        text = _stream_text(terminal, events, live=not as_json and output is None)
        if output:
            _save(output, text)
        if as_json:
            sys.stdout.write(json.dumps({"markdown": text}, ensure_ascii=False) + "\n")


@app.command()
def code(
    description: Annotated[str, typer.Argument(help="What the snippet should do.")] = "",
    language: str = "python",
    model: Model = None,
    score: Annotated[str | None, typer.Option(help="Judge this file instead of writing; - reads stdin.")] = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Write a code snippet and judge how it is written, or judge an existing file."""
    terminal = Terminal(json=as_json)
    with _studio(terminal) as studio:
        if score is not None:
            source = _read(score)
            report = studio.coder.score(ScoreRequest.of(code=source, language=language))
        else:
            request = SnippetRequest.of(description=description, language=language, model=model)
            snippet = _last(terminal, studio.coder.generate(request), Snippet)
            source, language, maybe = snippet.code, snippet.language, snippet.report
            report = maybe or studio.coder.score(ScoreRequest.of(code=source, language=language))
        if output:
            _save(output, source)
        if as_json:
            answer = {"code": source, "language": language, "report": report.model_dump()}
            sys.stdout.write(json.dumps(answer if score is None else answer["report"], ensure_ascii=False) + "\n")
            return
        if score is None and output is None:
            sys.stdout.write(source.rstrip("\n") + "\n\n")
        terminal.report(report)


@app.command()
def image(
    prompt: str,
    negative_prompt: str = "",
    width: int | None = None,
    height: int | None = None,
    steps: int | None = None,
    guidance_scale: float | None = None,
    seed: int = -1,
    model: Model = None,
    format: Annotated[str, typer.Option(help="The kind of file: png, jpeg or webp.")] = "png",
    style: Annotated[list[str] | None, typer.Option(help="A style by its id or name; may be given again.")] = None,
    clip_skip: Annotated[int | None, typer.Option(help="The text encoder's layer, counted from its end.")] = None,
    sampler: Annotated[str | None, typer.Option(help="Such as Euler a or DPM++ 2M.")] = None,
    schedule_type: Annotated[str | None, typer.Option(help="Karras or Exponential.")] = None,
    count: Annotated[int, typer.Option(help="How many pictures, each with the next seed.")] = 1,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Draw a picture from a prompt and print its path."""
    terminal = Terminal(json=as_json)
    with _studio(terminal) as studio:
        request = PictureRequest.of(
            prompt=prompt,
            negative_prompt=negative_prompt,
            width=width,
            height=height,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
            model=model,
            format=format,
            styles=style or [],
            clip_skip=clip_skip,
            sampler=sampler,
            schedule_type=schedule_type,
            count=count,
        )
        drawn = _last(terminal, studio.illustrator.draw(request), Drawn)
        files = [str(file) for file in (copied(drawn.files, output) if output else drawn.files)]
        answer = {"files": files, "seed": drawn.seed, "infotext": drawn.infotext, "infotexts": drawn.infotexts}
        sys.stdout.write((json.dumps(answer, ensure_ascii=False) if as_json else "\n".join(files)) + "\n")


@app.command()
def infotext(
    file: Annotated[str, typer.Argument(help="A picture; - reads an infotext from stdin.")],
    as_json: Json = False,
) -> None:
    """Print how a picture was made, from the settings it carries."""
    terminal = Terminal(json=as_json)
    with _reported(terminal):
        text = _read(file) if file == "-" else picture_text(Path(file), Settings.read().max_pixels)
        told = read_infotext(text).plain()
        sys.stdout.write((json.dumps(told, ensure_ascii=False) if as_json else text.rstrip()) + "\n")


@app.command()
def upscale(file: Path, model: Model = None, output: Output = None, as_json: Json = False) -> None:
    """Enlarge a picture with Real-ESRGAN and print the path of the result."""
    terminal = Terminal(json=as_json)
    with _studio(terminal) as studio:
        done = _last(terminal, studio.enlarger.enlarge(EnlargeRequest.of(file=file, model=model)), Enlarged)
        result = str(copied([done.file], output)[0] if output else done.file)
        answer = json.dumps({"file": result, "width": done.width, "height": done.height}, ensure_ascii=False)
        sys.stdout.write((answer if as_json else result) + "\n")


@app.command()
def models(
    fetch: Annotated[
        str | None, typer.Option(help="Fetch this model's weights now, so that they are here later.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the memory of a running studio.")] = False,
    load: Annotated[str | None, typer.Option(help="Bring a model into memory in a running studio.")] = None,
    offload: Annotated[str | None, typer.Option(help="Take a model off its device there.")] = None,
    drop: Annotated[str | None, typer.Option(help="Free all memory of a model there.")] = None,
    pin: Annotated[str | None, typer.Option(help="Keep a model in memory there.")] = None,
    unpin: Annotated[str | None, typer.Option(help="Let a model leave memory again there.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="What models may hold there: cuda:0=8GB, or cuda:0=auto to measure it.")
    ] = None,
    at: Annotated[str | None, typer.Option(help=f"The address of the running studio; {ADDRESS} by default.")] = None,
    as_json: Json = False,
) -> None:
    """List the catalogue: what is here, what would be fetched, under which licence. Or look after a running studio."""
    terminal = Terminal(json=as_json)
    orders = Orders(unpin=unpin, drop=drop, offload=offload, budget=budget, load=load, pin=pin)
    if watch or orders or at is not None:
        with _reported(terminal):
            _look_after(terminal, RemoteStudio(at or ADDRESS), orders, watch)
        return
    with _studio(terminal) as studio:
        if fetch:
            for _ in terminal.follow(studio.load(fetch)):
                pass
        rows = studio.models()
        if as_json:
            sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
            return
        table = Table(
            *(terminal.say(f"models.{name}") for name in ("id", "task", "engine", "state", "size", "licence"))
        )
        table.columns[0].min_width = max(len(row["id"]) for row in rows)  # an id is there to be copied
        for row in rows:
            size = data_size(row["bytes"])
            table.add_row(row["id"], row["task"], row["engine"], row["state"], size, row["licence"])
        terminal.out.print(table)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port; the first free one from 7860 by default.")] = None,
) -> None:
    """Open the studio in a browser."""
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    with _studio(Terminal(), **chosen) as studio:
        from studio.ui.app import serve as open_studio

        open_studio(studio)


def main() -> None:
    """The `studio` command."""
    app()


def _look_after(terminal: Terminal, remote: RemoteStudio, orders: Orders, watching: bool) -> None:
    """Do what was ordered in a running studio and show its memory, once or until interrupted."""
    calls = tuple(orders.calls())
    before = remote.memory()["journal"] if calls else []
    since = before[-1]["seq"] if before else 0
    for endpoint, arguments in calls:
        remote.call(endpoint, *arguments)
    gauges = Gauges(terminal)
    if not watching:
        memory = remote.memory(since, terminal.locale)
        if terminal.json:
            sys.stdout.write(json.dumps(memory, ensure_ascii=False) + "\n")
        else:
            terminal.out.print(gauges.show(memory))
        return
    changes = follow(lambda since: remote.memory(since, terminal.locale), time.sleep)
    if terminal.out.is_terminal and not terminal.json:
        with Live(console=terminal.out, auto_refresh=False) as live:
            for memory in changes:
                live.update(gauges.show(memory), refresh=True)
    for memory in changes:
        lines = [json.dumps(memory, ensure_ascii=False)] if terminal.json else gauges.lines(memory)
        sys.stdout.writelines(f"{text}\n" for text in lines)
        sys.stdout.flush()


@contextmanager
def _studio(terminal: Terminal, **overrides: Any) -> Iterator[Studio]:
    """A studio for one command."""
    with _reported(terminal), Studio(Settings.read(**overrides)) as studio:
        yield studio


@contextmanager
def _reported(terminal: Terminal) -> Iterator[None]:
    """Errors become a sentence on stderr and an exit code."""
    try:
        yield
    except StudioError as error:
        terminal.err.print(error.explain(terminal.locale), markup=False, soft_wrap=True)
        raise typer.Exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)) from error
    except KeyboardInterrupt as error:
        terminal.err.print(terminal.say("interrupted"))
        raise typer.Exit(130) from error


def _last(terminal: Terminal, events: Iterator[Any], kind: type[T]) -> T:
    """The last event of a kind, showing progress until then."""
    last: T | None = None
    for event in terminal.follow(events):
        if isinstance(event, kind):
            last = event
    if last is None:
        raise RuntimeError(f"the craft ended without a {kind.__name__}")
    return last


def _stream_text(terminal: Terminal, events: Iterator[Any], *, live: bool) -> str:
    """The Markdown of a section or an article; printed as it comes when `live`."""
    article, passage, shown, section = "", "", 0, -1
    for event in terminal.follow(events):
        if isinstance(event, Article):
            article = event.markdown
        elif isinstance(event, SectionText):
            if event.index != section:
                section, shown = event.index, 0
                if live:
                    sys.stdout.write(f"\n## {event.heading}\n\n")
            if live:
                sys.stdout.write(event.text[shown:])
                sys.stdout.flush()
            passage, shown = event.text, len(event.text)
    if live:
        sys.stdout.write("\n")
    return (article or passage).rstrip() + "\n"


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest("file.unreadable", file=name, reason=str(error)) from error


def _save(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageFailed("storage.write", file=str(file), reason=error.strerror or str(error)) from error
