"""How results look in a terminal: progress on stderr, answers on stdout."""

import locale as system_locale
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from studio.coding.requests import Report, Snippet
from studio.imaging.drawing.requests import DrawingProgress
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.messages import Locale, message
from studio.registry import LoadProgress
from studio.writing.requests import Drafting, Outline, SectionText


class Terminal:
    """One command's console, in the language of the shell."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        """Answers are JSON, and nothing else goes to stdout."""
        self.locale: Locale = shell_locale()
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False)

    def say(self, key: str, **details: object) -> str:
        """A sentence of the CLI in the shell's language."""
        return message(f"cli.{key}", self.locale, **details)

    def follow(self, events: Iterator[Any]) -> Generator[Any, None, None]:
        """Pass a craft's events on, showing those that tell progress as a bar while they come."""
        with self._bar() as (progress, task):
            for event in events:
                described = self._describe(event)
                if described is not None:
                    text, done, total = described
                    progress.update(task, description=text, completed=done, total=total)
                yield event

    def report(self, report: Report) -> None:
        """A code report for people."""
        if report.score is None:
            self.out.print(self.say("report.none"), markup=False)
        else:
            self.out.print(self.say("report.score", score=report.score, syntax=report.syntax), markup=False)
        for part in report.parts:
            if part.points is not None:
                self.out.print(f"{part.name}: {part.points:.0f}", markup=False)
            for finding in part.findings:
                line = finding.line or "-"
                text = self.say("report.finding", line=line, rule=finding.rule, message=finding.message)
                self.out.print(text, markup=False)

    def outline(self, outline: Outline) -> None:
        """An outline for people."""
        self.out.print(outline.title, style="bold", markup=False)
        for number, section in enumerate(outline.sections, 1):
            words = section.target_words
            self.out.print(
                self.say("outline.section", number=number, heading=section.heading, words=words), markup=False
            )
            for point in section.key_points:
                self.out.print(f"   - {point}", markup=False)

    @contextmanager
    def _bar(self) -> Iterator[tuple[Progress, TaskID]]:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as progress:
            yield progress, progress.add_task("", total=None)

    def _describe(self, event: Any) -> tuple[str, float, float | None] | None:
        match event:
            case LoadProgress(name=name, stage=stage, done=done, total=total, ahead=ahead):
                return self.say(f"progress.{stage}", name=name, ahead=ahead), done, total
            case Drafting(headings=headings, total=total):
                return self.say("progress.outline", headings=headings, total=total), headings, total
            case SectionText(heading=heading):
                return self.say("progress.section", heading=heading), 0, None
            case Snippet():
                return self.say("progress.snippet"), 0, None
            case DrawingProgress(step=step, total=total):
                return self.say("progress.drawing", step=step, total=total), step, total
            case EnlargingProgress(tile=tile, total=total):
                return self.say("progress.enlarging", tile=tile, total=total), tile, total
        return None


def shell_locale() -> Locale:
    """The language of the shell, by POSIX's `LC_ALL`, `LC_MESSAGES` and `LANG`, else of the system."""
    named = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := os.environ.get(name))), None)
    tag = named or system_locale.getlocale()[0] or "en"
    return "zh-CN" if tag.lower().startswith(("zh", "chinese")) else "en"
