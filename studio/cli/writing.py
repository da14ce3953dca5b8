"""The writer's and the developer's commands."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from studio.cli.console import Json, Model, Output, kept, last, opened, read, reported, saved
from studio.cli.terminal import Terminal
from studio.coding.requests import ScoreRequest, Snippet, SnippetRequest
from studio.errors import InvalidRequest, StorageFailed
from studio.writing.documents.exporter import FORMATS, ExportRequest, exported, unfronted
from studio.writing.outlining.outline import parse_outline
from studio.writing.requests import (
    PIECE_KINDS,
    Article,
    ArticleRequest,
    Brief,
    Outline,
    SectionRequest,
    SectionText,
)


class Language(StrEnum):
    """Languages an article can be written in."""

    en = "en"
    zh = "zh"
    auto = "auto"


def outline(
    context: typer.Context,
    topic: Annotated[str, typer.Argument(help="What it is about; or a brief as a YAML or JSON file; - reads one.")],
    audience: str = "",
    tone: str = "",
    language: Language = Language.en,
    sections: int = 5,
    words: int = 800,
    keywords: str = "",
    notes: Annotated[str, typer.Option(help="Facts to hold to, a line each.")] = "",
    kind: Annotated[str, typer.Option(help=f"Kind of piece: {', '.join(PIECE_KINDS)}.")] = "article",
    avoid: Annotated[str, typer.Option(help="Words to avoid.")] = "",
    voice: Annotated[str, typer.Option(help="Something you wrote, whose manner is followed.")] = "",
    model: Model = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Plan an article. The JSON is what `studio write` takes; a brief from a file gives it into a pipe by itself."""
    from_file = topic == "-" or topic.endswith((".yaml", ".yml", ".json"))
    as_json = as_json or (from_file and not sys.stdout.isatty() and output is None)
    terminal = Terminal(json=as_json)
    with opened(terminal) as studio:
        fields: dict[str, Any] = {
            "topic": topic,
            "audience": audience,
            "tone": tone,
            "language": language.value,
            "sections": sections,
            "words": words,
            "keywords": keywords,
            "notes": notes,
            "kind": kind,
            "avoid": avoid,
            "voice": voice,
            "model": model,
        }
        if from_file:
            said = {name: value for name, value in fields.items() if _given(context, name)}
            fields = {**_brief(read(topic)), **said}
        brief = Brief.of(**fields)
        plan = last(terminal, kept(terminal, studio, brief, studio.writer.outline(brief)), Outline)
        text = plan.model_dump_json(indent=2)
        if output:
            saved(output, text + "\n")
        if as_json:
            sys.stdout.write(text + "\n")
        elif not output:
            terminal.outline(plan)


def export(
    article: Annotated[str, typer.Argument(metavar="ARTICLE", help="A Markdown file; - reads stdin.")],
    format: Annotated[str, typer.Option(help=f"{', '.join(FORMATS)}.")] = "docx",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; else named after the title.")] = None,
    as_json: Json = False,
) -> None:
    """Make a file of an article: Word, PDF, a web page, plain text, or Markdown with its pictures."""
    terminal = Terminal(json=as_json)
    with reported(terminal):
        folder = Path(article).parent if article != "-" else Path()
        fields = unfronted(read(article))
        made = exported(ExportRequest.of(**fields, format=format), lambda address: _picture(folder, address))
        target = output or Path(made.name)
        try:
            target.write_bytes(made.content)
        except OSError as error:
            raise StorageFailed("storage.write", file=str(target), reason=error.strerror or str(error)) from error
        sys.stdout.write(json.dumps({"file": str(target)}, ensure_ascii=False) + "\n" if as_json else f"{target}\n")


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
    with opened(terminal) as studio:
        outlined = parse_outline(read(plan))
        if section is None:
            whole = ArticleRequest.of(outline=outlined, model=model)
            events = kept(terminal, studio, whole, studio.writer.write_article(whole))
        else:
            request = SectionRequest.of(outline=outlined, index=section - 1, instruction=instruction, model=model)
            events = kept(terminal, studio, request, studio.writer.write_section(request))
        text = _stream_text(terminal, events, live=not as_json and output is None)
        if output:
            saved(output, text)
        if as_json:
            sys.stdout.write(json.dumps({"markdown": text}, ensure_ascii=False) + "\n")


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
    with opened(terminal) as studio:
        if score is not None:
            source = read(score)
            report = studio.coder.score(ScoreRequest.of(code=source, language=language))
        else:
            request = SnippetRequest.of(description=description, language=language, model=model)
            snippet = last(terminal, kept(terminal, studio, request, studio.coder.generate(request)), Snippet)
            source, language, maybe = snippet.code, snippet.language, snippet.report
            report = maybe or studio.coder.score(ScoreRequest.of(code=source, language=language))
        if output:
            saved(output, source)
        if as_json:
            answer = {"code": source, "language": language, "report": report.model_dump()}
            sys.stdout.write(json.dumps(answer if score is None else answer["report"], ensure_ascii=False) + "\n")
            return
        if score is None and output is None:
            sys.stdout.write(source.rstrip("\n") + "\n\n")
        terminal.report(report)


def _given(context: typer.Context, name: str) -> bool:
    """Whether an option was given, and does not only have its default."""
    source = context.get_parameter_source(name)
    return name != "topic" and source is not None and source.name == "COMMANDLINE"


def _brief(text: str) -> dict[str, Any]:
    """A brief from YAML, which JSON is as well."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidRequest("file.unreadable", file="brief", reason=str(error).partition("\n")[0]) from error
    if not isinstance(found, dict):
        raise InvalidRequest("brief.no_brief")
    return {str(name): value for name, value in found.items()}


def _picture(folder: Path, address: str) -> bytes | None:
    """A picture that an article names beside itself; none from elsewhere on this machine."""
    try:
        path = (folder / address).resolve()
        return path.read_bytes() if path.is_relative_to(folder.resolve()) else None
    except (OSError, ValueError):
        return None


def _stream_text(terminal: Terminal, events: Iterator[Any], *, live: bool) -> str:
    """The Markdown of a section or an article; printed as it comes when `live`."""
    article, passage, shown, section = "", "", 0, -1
    for event in terminal.follow(events):
        if isinstance(event, Article):
            article = event.markdown
        elif isinstance(event, SectionText):
            if event.index != section:
                section, shown, passage = event.index, 0, ""
                if live:
                    sys.stdout.write(f"\n## {event.heading}\n\n")
            if live and not event.text.startswith(passage) and not passage.startswith(event.text):
                sys.stdout.write("\n\n↻\n\n")  # it is written once more, because something was missing
                shown = 0
            if live:
                sys.stdout.write(event.text[shown:])
                sys.stdout.flush()
            passage, shown = event.text, len(event.text)
    if live:
        sys.stdout.write("\n")
    return (article or passage).rstrip() + "\n"
