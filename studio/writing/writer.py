"""The writer: a brief becomes an outline, an outline becomes sections, sections become an article."""

from collections.abc import Generator
from contextlib import closing
from typing import Final

from studio.pace import Pace
from studio.registry import LoadProgress, Registry, Shape, Task
from studio.writing.documents.markdown import article_markdown
from studio.writing.lengths import shape_for, units
from studio.writing.outlining.plan import Draft, missing, outlined, read_draft, replanned
from studio.writing.passages import rewritten, written_language
from studio.writing.requesting import OUTLINE_WORDS, Requester, subject_of
from studio.writing.requests import (
    COVER,
    Article,
    ArticleRequest,
    Brief,
    Drafting,
    Outline,
    PassageText,
    PicturePrompt,
    PicturePromptsRequest,
    ReplanRequest,
    RewriteRequest,
    SectionRequest,
    SectionText,
)
from studio.writing.sections import SectionWriter

TASKS: Final[tuple[Task, ...]] = ("text", "code")
"""Models that can write, those made for it first."""
LONGEST_PROMPT: Final = 200
"""Characters of what a picture shows."""
PENALTIES: Final = (1.08, 1.15)
"""Repeat penalties of the first try at an outline, and of the second one, made when headings repeat."""


class Writer:
    """Plans and writes articles with whatever text model the registry lends."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def outline(self, brief: Brief) -> Generator[LoadProgress | Drafting | Outline, None, None]:
        """Plan an article; the last result is the outline, with exactly the sections asked for.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        yield from self._planned(brief, ())

    def replan(self, request: ReplanRequest) -> Generator[LoadProgress | Drafting | Outline, None, None]:
        """Plan anew what is not locked in an outline; the last result is the outline with both.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        before = request.outline
        kept = tuple(section.heading for section in before.sections if section.locked)
        count = len(before.sections) - len(kept)
        if not count:
            yield before.model_copy(update={"brief": request.brief})
            return
        brief = request.brief.model_copy(update={"sections": count, "model": request.model or request.brief.model})
        for step in self._planned(brief, kept):
            yield replanned(request.brief, before, step) if isinstance(step, Outline) else step

    def picture_prompts(self, request: PicturePromptsRequest) -> Generator[LoadProgress | PicturePrompt, None, None]:
        """Say what a picture for each section shows, under one lease, in the language of whoever will draw it.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        with self._registry.lend(request.model, *TASKS, shape=shape_for(0, request.language)) as loan:
            yield from loan.arrive()
            requester = Requester(loan, request.language)
            for index in (*([COVER] if request.cover else []), *sorted(request.texts)):
                said = ""
                asked = requester.picture_request(request.outline, index, request.texts.get(index, ""))
                with closing(requester.write(asked)) as chunks:
                    for chunk in chunks:
                        if isinstance(chunk, LoadProgress):
                            yield chunk
                            continue
                        said += chunk.text
                words = " ".join(said.split()).strip("\"'“”*.。 ")
                yield PicturePrompt(index, words[:LONGEST_PROMPT] or subject_of(request.outline, index))

    def _planned(self, brief: Brief, kept: tuple[str, ...]) -> Generator[LoadProgress | Drafting | Outline, None, None]:
        """An outline of so many sections beside headings that are `kept`."""
        shape = shape_for(OUTLINE_WORDS[brief.language] * (brief.sections + 1), brief.language)
        with self._registry.lend(brief.model, *TASKS, shape=shape) as loan:
            yield from loan.arrive()
            requester = Requester(loan, brief.language)
            first = yield from self._drafts(requester, brief, PENALTIES[0], (), kept)
            drafts = [first]
            if missing(brief, first, kept=kept):
                drafts.append((yield from self._drafts(requester, brief, PENALTIES[1], tuple(drafts), kept)))
            yield outlined(brief, *drafts, kept=kept)

    def write_section(self, request: SectionRequest) -> Generator[LoadProgress | SectionText, None, None]:
        """Write one section, or go on with one; each result holds its whole text so far.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        with self._registry.lend(request.model, *TASKS, shape=_shape(request.outline)) as loan:
            yield from loan.arrive()
            yield from SectionWriter(Requester(loan, request.outline.language), request).steps()

    def write_article(self, request: ArticleRequest) -> Generator[LoadProgress | SectionText | Article, None, None]:
        """Write all sections that are not written, in order, under one lease; an `Article` follows each that is.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        outline, total = request.outline, len(request.outline.sections)
        texts = {index: text for index, text in request.written.items() if 0 <= index < total and text.strip()}
        left = [index for index in range(total) if index not in texts]
        if not left:
            yield Article(article_markdown(outline, texts), written=total, total=total, done=True)
            return
        with self._registry.lend(request.model, *TASKS, shape=_shape(outline)) as loan:
            yield from loan.arrive()
            requester = Requester(loan, outline.language)
            for index in left:
                written = article_markdown(outline, texts) if texts else ""
                begun = request.begun.get(index, "")
                section = SectionRequest.of(outline=outline, index=index, article=written, begun=begun)
                for step in SectionWriter(requester, section).steps():
                    if isinstance(step, SectionText):
                        texts[index] = step.text
                    yield step
                markdown = article_markdown(outline, texts)
                yield Article(markdown, written=len(texts), total=total, done=index == left[-1])

    def rewrite(self, request: RewriteRequest) -> Generator[LoadProgress | PassageText, None, None]:
        """Write a passage anew; each result holds its whole text so far.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        language = written_language(request)
        shape = shape_for(2 * units(request.text, language), language)
        with self._registry.lend(request.model, *TASKS, shape=shape) as loan:
            yield from loan.arrive()
            yield from rewritten(Requester(loan, language), request)

    def _drafts(
        self, requester: Requester, brief: Brief, penalty: float, before: tuple[Draft, ...], kept: tuple[str, ...]
    ) -> Generator[LoadProgress | Drafting, None, Draft]:
        """One try at an outline; `before` are the tries made already."""
        request, shortened = requester.outline_request(brief, penalty, kept)
        pace, said, tokens = Pace(), "", 0
        notice = requester.notice or ("write.notice.trimmed" if shortened else None)
        with closing(requester.write(request)) as chunks:
            for chunk in chunks:
                if isinstance(chunk, LoadProgress):
                    yield chunk
                    continue
                said += chunk.text
                tokens = max(tokens + bool(chunk.text), chunk.completion_tokens)
                notice = notice or chunk.notice
                if pace.due():
                    headings = brief.sections - missing(brief, *before, read_draft(said), kept=kept)
                    yield Drafting(said, headings, brief.sections, tokens, pace.seconds, notice)
        draft = read_draft(said)
        if before and missing(brief, *before, draft, kept=kept):
            notice = notice or "write.notice.repeats"
        headings = brief.sections - missing(brief, *before, draft, kept=kept)
        yield Drafting(said, headings, brief.sections, tokens, pace.seconds, notice)
        return draft


def _shape(outline: Outline) -> Shape:
    """What the longest section takes."""
    return shape_for(max(section.target_words for section in outline.sections), outline.language)
