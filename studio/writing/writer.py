"""The writer: a brief becomes an outline, an outline becomes sections, sections become an article."""

from collections.abc import Generator
from contextlib import closing
from typing import Final

from studio.engines.text import TextRequest
from studio.pace import Pace
from studio.registry import LoadProgress, Registry, Shape, Task
from studio.writing.cleaning import SectionCleaner, loops, unlooped, whole_sentences, without_lead_in
from studio.writing.export import article_markdown
from studio.writing.lengths import enough, shape_for
from studio.writing.plan import Draft, missing, outlined, read_draft
from studio.writing.requesting import OUTLINE_WORDS, Requester
from studio.writing.requests import Article, ArticleRequest, Brief, Drafting, Outline, SectionRequest, SectionText

TASKS: Final[tuple[Task, ...]] = ("text", "code")
"""Models that can write, those made for it first."""
PENALTIES: Final = (1.08, 1.15)
"""Repeat penalties of the first try at an outline, and of the second one, made when headings repeat."""


class Writer:
    """Plans and writes blog posts with whatever text model the registry lends."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def outline(self, brief: Brief) -> Generator[LoadProgress | Drafting | Outline, None, None]:
        """Plan an article; the last result is the outline, with exactly the sections asked for.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        shape = shape_for(OUTLINE_WORDS[brief.language] * (brief.sections + 1), brief.language)
        with self._registry.lend(brief.model, *TASKS, shape=shape) as loan:
            yield from loan.arrive()
            requester = Requester(loan, brief.language)
            first = yield from self._drafts(requester, brief, PENALTIES[0], ())
            drafts = [first]
            if missing(brief, first):
                drafts.append((yield from self._drafts(requester, brief, PENALTIES[1], tuple(drafts))))
            yield outlined(brief, *drafts)

    def write_section(self, request: SectionRequest) -> Generator[LoadProgress | SectionText, None, None]:
        """Write one section; each result holds its whole text so far.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        with self._registry.lend(request.model, *TASKS, shape=_shape(request.outline)) as loan:
            yield from loan.arrive()
            yield from self._section(Requester(loan, request.outline.language), request)

    def write_article(self, request: ArticleRequest) -> Generator[LoadProgress | SectionText | Article, None, None]:
        """Write all sections in order under one lease; an `Article` follows each finished section.

        Raises:
            UnknownModel, Busy, OutOfMemory, WeightsUnavailable, EngineFailed, InvalidRequest.
        """
        outline = request.outline
        with self._registry.lend(request.model, *TASKS, shape=_shape(outline)) as loan:
            yield from loan.arrive()
            requester = Requester(loan, outline.language)
            texts: dict[int, str] = {}
            total = len(outline.sections)
            for index in range(total):
                written = article_markdown(outline, texts) if texts else ""
                section = SectionRequest.of(outline=outline, index=index, article=written)
                for step in self._section(requester, section):
                    if isinstance(step, SectionText):
                        texts[index] = step.text
                    yield step
                markdown = article_markdown(outline, texts)
                yield Article(markdown, written=index + 1, total=total, done=index + 1 == total)

    def _drafts(
        self, requester: Requester, brief: Brief, penalty: float, before: tuple[Draft, ...]
    ) -> Generator[LoadProgress | Drafting, None, Draft]:
        """One try at an outline; `before` are the tries made already."""
        request, trimmed = requester.outline_request(brief, penalty)
        pace, said, tokens = Pace(), "", 0
        notice = requester.notice or ("write.notice.trimmed" if trimmed else None)
        with closing(requester.write(request)) as chunks:
            for chunk in chunks:
                if isinstance(chunk, LoadProgress):
                    yield chunk
                    continue
                said += chunk.text
                tokens = max(tokens + bool(chunk.text), chunk.completion_tokens)
                notice = notice or chunk.notice
                if pace.due():
                    headings = brief.sections - missing(brief, *before, read_draft(said))
                    yield Drafting(said, headings, brief.sections, tokens, pace.seconds, notice)
        draft = read_draft(said)
        if before and missing(brief, *before, draft):
            notice = notice or "write.notice.repeats"
        headings = brief.sections - missing(brief, *before, draft)
        yield Drafting(said, headings, brief.sections, tokens, pace.seconds, notice)
        return draft

    def _section(
        self, requester: Requester, request: SectionRequest
    ) -> Generator[LoadProgress | SectionText, None, None]:
        """One section, streamed; a model that says nothing is asked once more."""
        section = request.outline.sections[request.index]
        asked = requester.section_request(request)
        text, tokens, seconds, notice = "", 0, 0.0, None
        for _ in range(2):
            for step in self._section_once(requester, request, asked):
                if isinstance(step, SectionText):
                    text, tokens, seconds, notice = step.text, step.tokens, step.seconds, step.notice
                yield step
            if text:
                break
        notice = notice or (None if text else "write.notice.empty")
        yield SectionText(request.index, section.heading, text, True, tokens, seconds, notice)

    def _section_once(
        self, requester: Requester, request: SectionRequest, asked: TextRequest
    ) -> Generator[LoadProgress | SectionText, None, None]:
        outline, index = request.outline, request.index
        heading, target = outline.sections[index].heading, outline.sections[index].target_words
        headings = [section.heading for section in outline.sections]
        proof = SectionCleaner(outline.title, heading, headings, outline.sections[index].key_points)
        pace, said, tokens, cut, notice = Pace(), "", 0, False, requester.notice
        with closing(requester.write(asked)) as chunks:
            for chunk in chunks:
                if isinstance(chunk, LoadProgress):
                    yield chunk
                    continue
                said += chunk.text
                tokens = max(tokens + bool(chunk.text), chunk.completion_tokens)
                notice, cut = notice or chunk.notice, chunk.finish == "length"
                if not pace.due():
                    continue
                body = proof.read(said, done=False)
                if body.ended or loops(body.text) or enough(body.text, target, requester.language) is not None:
                    break
                yield SectionText(index, heading, body.text, False, tokens, pace.seconds, notice)
        text = proof.read(said, done=True).text
        if loops(text):
            text = unlooped(text)
        kept = enough(text, target, requester.language)
        if kept is not None and kept != text:
            text = without_lead_in(kept)
        elif cut or kept is not None:
            text = whole_sentences(text)
        yield SectionText(index, heading, text, False, tokens, pace.seconds, notice)


def _shape(outline: Outline) -> Shape:
    """What the longest section takes."""
    return shape_for(max(section.target_words for section in outline.sections), outline.language)
