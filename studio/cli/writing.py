"""The writer's and the developer's commands."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from studio.cli.console import Json, Model, Output, kept, last, opened, read, saved
from studio.cli.terminal import Terminal
from studio.coding.requests import ScoreRequest, Snippet, SnippetRequest
from studio.writing.outline import parse_outline
from studio.writing.requests import Article, ArticleRequest, Brief, Outline, SectionRequest, SectionText


class Language(StrEnum):
    """Languages an article can be written in."""

    en = "en"
    zh = "zh"


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
    with opened(terminal) as studio:
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
        plan = last(terminal, kept(terminal, studio, brief, studio.writer.outline(brief)), Outline)
        text = plan.model_dump_json(indent=2)
        if output:
            saved(output, text + "\n")
        if as_json:
            sys.stdout.write(text + "\n")
        elif not output:
            terminal.outline(plan)


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
