"""What of a craft's results is kept in the library, and as what: the one place where crafts and library meet."""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod
from pathlib import Path
from typing import Any, Final, TypeVar

from studio.coding.coder import TASKS as CODING
from studio.coding.requests import Report, ScoreRequest, Snippet, SnippetRequest
from studio.errors import StudioError
from studio.imaging.drawing.plan import TASKS as DRAWING
from studio.imaging.drawing.requests import Drawn, PictureRequest
from studio.imaging.enlarging.in_memory import TASKS as ENLARGING
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest
from studio.imaging.plots.plotter import PlotRequest, Plotted
from studio.library.library import Library
from studio.library.values import File, Kind, Made, Saved
from studio.registry import Task
from studio.validation import Request
from studio.writing.documents.markdown import article_markdown, outline_markdown
from studio.writing.requests import Article, ArticleRequest, Brief, Outline, ReplanRequest, SectionRequest, SectionText
from studio.writing.writer import TASKS as WRITING

Step = TypeVar("Step")
TABS: Final[Mapping[Kind, str]] = {
    "article": "write",
    "snippet": "code",
    "picture": "image",
    "plot": "image",
    "enlargement": "enlarge",
}
"""Where each kind of work is made."""
TITLE: Final = 80
"""Characters of a prompt that name what came of it."""
_log = logging.getLogger("studio.library")


@dataclass(frozen=True)
class Unkept:
    """A result that could not be kept, and why; it is shown all the same."""

    error: StudioError


Kept = Saved | Unkept


@dataclass(frozen=True)
class Place:
    """Whose a result will be, and which work it is a version of."""

    owner: str
    work: str | None = None
    """None begins a new one."""
    brief: Mapping[str, Any] = field(default_factory=dict)
    """What an article was asked for before its outline was there."""


class Keeper:
    """Puts finished results into the library as they pass by."""

    def __init__(self, library: Library, chosen: Callable[[str | None, Sequence[Task]], str]) -> None:
        """`chosen` tells the id of the model that does the work where a request names one or none."""
        self._library, self._chosen = library, chosen

    def keep(self, place: Place, request: Request, steps: Iterator[Step]) -> Iterator[Step | Kept]:
        """Hand steps on, and where a result is finished, afterwards where it is kept.

        Each section of an article is kept when it is finished, so that a server that dies loses one at most. Of a run
        that is stopped, the section that was under way is kept as well.
        """
        run = _Run(self, place, request)
        try:
            try:
                for step in steps:
                    run.note(step)
                    yield step
                    if isinstance(step, Article | Drawn | Outline | Enlarged) or (
                        isinstance(step, Snippet) and step.done
                    ):
                        yield from run.kept(step)
            finally:
                # First the model is free, and then what it made is kept.
                if isinstance(steps, Generator):
                    steps.close()
            yield from run.ended()
        except GeneratorExit:
            for _ in run.ended():
                pass
            raise
        except StudioError:
            yield from run.ended()
            raise

    def judged(self, place: Place, request: ScoreRequest, report: Report) -> Kept:
        """Keep code that somebody wrote by hand, with what was found in it."""
        made = {"code": request.code, "language": request.language, "report": report.model_dump(mode="json")}
        settings = {"language": request.language}
        if unchanged := self._unchanged(place, "code", request.code):
            return unchanged
        return self.put(place, Made("snippet", titled(request.code), {}, made, settings, how="edited"))

    def edited(self, place: Place, outline: Outline, sections: Mapping[str, str]) -> Kept:
        """Keep an article that somebody changed by hand, where it is another than its last version."""
        brief = {name: value for name, value in place.brief.items() if name != "written"}
        asked = {"what": "article", **({"brief": brief} if brief else {})}
        plan, text = outline.model_dump(mode="json"), _assembled(outline, sections)
        if unchanged := self._unchanged(place, "text", text):
            return unchanged
        made = {"outline": plan, "sections": dict(sections), "text": text}
        return self.put(place, Made("article", outline.title, asked, made, how="edited"))

    def _unchanged(self, place: Place, name: str, value: str) -> Saved | None:
        """The last version of a work, where it made the same; None where `put` has to say."""
        if not place.work:
            return None
        try:
            last = self._library.works.version(place.owner, place.work)
        except StudioError:  # deleted meanwhile, or not to be read: `put` makes a new work, or says why not
            return None
        return Saved(place.work, last.number) if last.made.get(name) == value else None

    def put(self, place: Place, made: Made) -> Kept:
        """Keep one result; a refusal is told and not raised, because what was made must not be lost with it."""
        try:
            saved = self._library.works.save(place.owner, made, place.work)
            if made.how == "made" and (prompt := _prompt(made)):
                self._library.recall.used(place.owner, TABS[made.kind], prompt)
            return saved
        except StudioError as error:
            _log.warning("a result was not kept: %s", error.text())
            return Unkept(error)

    def model(self, request: Request) -> str:
        """The id of the model that does what is asked."""
        tasks: tuple[Task, ...] = WRITING
        if isinstance(request, SnippetRequest):
            tasks = CODING
        elif isinstance(request, PictureRequest | PlotRequest):
            tasks = DRAWING
        elif isinstance(request, EnlargeRequest):
            tasks = ENLARGING
        asked = request.picture.model if isinstance(request, PlotRequest) else getattr(request, "model", None)
        try:
            return self._chosen(asked, tasks)
        except StudioError:
            return str(asked or "")


@dataclass
class _Run:
    """One run, and what of it waits to be kept."""

    keeper: Keeper
    place: Place
    request: Request
    began: float = field(default_factory=time.monotonic)
    pictures: int = 0
    """Of `Drawn`, how many are kept."""
    held: SectionText | Plotted | None = None
    """What was shown last and is not kept yet."""
    texts: dict[int, str] = field(default_factory=dict)
    tokens: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.request, ArticleRequest):  # what stays as it is belongs to the article, too
            self.texts = dict(self.request.written)

    def note(self, step: object) -> None:
        """Remember what may be the last word, should the run end here."""
        if isinstance(step, SectionText):
            if step.done:
                self.texts[step.index] = step.text
                self.tokens += step.tokens
            self.held = step if step.text else self.held
        elif isinstance(step, Plotted):
            self.held = step

    def ended(self) -> Iterator[Kept]:
        """Keep what waits."""
        if self.held is not None:
            yield from self.kept(self.held)

    def kept(self, step: Any) -> Iterator[Kept]:
        """Keep what a step brought, one result after another."""
        self.held = None
        for made in self.made(step):
            timed = replace(
                made, seconds=round(time.monotonic() - self.began, 2), model=self.keeper.model(self.request)
            )
            saved = self.keeper.put(self.place, timed)
            if isinstance(saved, Saved) and self.place.work is None and made.kind == "article":
                self.place = replace(self.place, work=saved.work)
            yield saved

    @singledispatchmethod
    def made(self, step: object) -> Iterator[Made]:
        """What the library is handed."""
        raise TypeError(step)

    @made.register
    def _outline(self, step: Outline) -> Iterator[Made]:
        asked = {"brief": _fields(self.request.brief if isinstance(self.request, ReplanRequest) else self.request)}
        made = {"outline": step.model_dump(mode="json"), "sections": {}, "text": outline_markdown(step)}
        yield Made("article", step.title, asked, made)

    @made.register
    def _article(self, step: Article) -> Iterator[Made]:
        if isinstance(self.request, ArticleRequest):
            outline, sections = self.request.outline, {str(index): text for index, text in self.texts.items()}
            made = {"outline": outline.model_dump(mode="json"), "sections": sections, "text": step.markdown}
            asked = self._asked("article") | {"written": step.written, "total": step.total}
            yield Made("article", outline.title, asked, made, tokens=self.tokens)

    @made.register
    def _section(self, step: SectionText) -> Iterator[Made]:
        if isinstance(self.request, ArticleRequest):  # one that was stopped
            finished, outline = len(self.texts), self.request.outline
            self.texts[step.index] = step.text
            markdown = article_markdown(outline, self.texts)
            yield from self._article(Article(markdown, finished, len(outline.sections), done=False))
        elif isinstance(self.request, SectionRequest):
            request = self.request
            known = dict(self.place.brief.get("written") or {})
            sections = {**known, str(step.index): step.text}
            asked = self._asked("section") | {"section": step.index, "instruction": request.instruction}
            text = _assembled(request.outline, sections)
            made = {"outline": request.outline.model_dump(mode="json"), "sections": sections, "text": text}
            yield Made("article", request.outline.title, asked, made, tokens=step.tokens)

    @made.register
    def _snippet(self, step: Snippet) -> Iterator[Made]:
        fields = _fields(self.request)
        asked = {"description": fields.pop("description", "")}
        report = step.report.model_dump(mode="json") if step.report else None
        made = {"code": step.code, "language": step.language, "report": report, "notice": step.notice}
        yield Made("snippet", titled(asked["description"]), asked, made, fields, tokens=step.tokens)

    @made.register
    def _drawn(self, step: Drawn) -> Iterator[Made]:
        asked, settings, sources = picture_asked(self.request)
        made = list(zip(step.files, step.seeds, step.infotexts, strict=True))[self.pictures :]
        self.pictures = len(step.files)
        for file, seed, infotext in made:
            told = {"infotext": infotext, "seed": seed}
            mine = settings | {"seed": seed, "count": 1, "batch_size": 1}
            yield Made("picture", titled(asked["prompt"]), asked, told, mine, (File(file), *sources))

    @made.register
    def _enlarged(self, step: Enlarged) -> Iterator[Made]:
        source = self.request.file if isinstance(self.request, EnlargeRequest) else step.source
        made = {"width": step.width, "height": step.height}
        files = (File(step.file), File(step.source, "source", f"file{step.source.suffix}"))
        yield Made("enlargement", titled(source.stem), {}, made, {"model": _fields(self.request).get("model")}, files)

    @made.register
    def _plotted(self, step: Plotted) -> Iterator[Made]:
        if not isinstance(self.request, PlotRequest):
            return
        asked, settings, sources = picture_asked(self.request.picture)
        axes = self.request.model_dump(mode="json", include={"x", "y"})
        cells = tuple(File(cell, "cell") for row in step.cells for cell in row if cell)
        made = {"infotext": step.infotext, "done": step.done, "total": step.total}
        yield Made("plot", titled(asked["prompt"]), asked, made, settings | axes, (File(step.file), *cells, *sources))

    def _asked(self, what: str) -> dict[str, Any]:
        brief = {name: value for name, value in self.place.brief.items() if name != "written"}
        return {"what": what, **({"brief": brief} if brief else {})}


def _prompt(made: Made) -> str:
    """The words that somebody may want again."""
    brief = made.asked.get("brief") if "outline" in made.made and not made.made.get("sections") else None
    asked = made.asked.get("prompt") or made.asked.get("description") or (brief or {}).get("topic")
    return str(asked or "")


def picture_asked(request: Any) -> tuple[dict[str, Any], dict[str, Any], tuple[File, ...]]:
    """A request for a picture as its words, its settings, and the pictures that it begins from."""
    fields = _fields(request)
    asked = {name: fields.pop(name, "") for name in ("prompt", "negative_prompt")}
    sources = [("image", fields.pop("image", None)), ("mask", fields.pop("mask", None))]
    for number, unit in enumerate(fields.get("controls") or ()):
        sources.append((f"controls.{number}", unit.pop("image", None)))
    files = tuple(
        File(Path(path), "source", f"{name}{Path(path).suffix.lower()}")
        for name, path in sources
        if path and Path(path).is_file()
    )
    return asked, fields, files


def titled(text: str) -> str:
    """A title from the beginning of a text."""
    first = next((line for line in str(text).splitlines() if line.strip()), "")
    return first if len(first) <= TITLE else first[: TITLE - 1].rstrip() + "…"


def _fields(request: Any) -> dict[str, Any]:
    """A request's fields as plain data."""
    if isinstance(request, Brief | SnippetRequest | PictureRequest | EnlargeRequest):
        return request.model_dump(mode="json")
    return {}


def _assembled(outline: Outline, sections: Mapping[str, str]) -> str:
    return article_markdown(outline, {int(index): text for index, text in sections.items()})
