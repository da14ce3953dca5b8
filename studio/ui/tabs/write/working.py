"""What is done at the text: sections written and gone on with, passages proposed, pictures drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.coding.requests import ScoreRequest, Snippet, SnippetRequest
from studio.errors import InvalidRequest
from studio.identity.owners import Owner
from studio.illustrating.article import Illustrated, IllustrateRequest
from studio.keeping.keeper import Kept, Place, Unkept
from studio.library.values import Saved
from studio.registry import LoadProgress
from studio.studio import Studio
from studio.ui.remembering.bar import shown
from studio.ui.start_stop import Updates
from studio.ui.tabs.image.form import PictureForm
from studio.ui.tabs.write.article import Order, Written, drawn, nothing, numbered, proposed
from studio.ui.tabs.write.blocks import as_passage, code_of, coded_line, reported
from studio.ui.tabs.write.brief import BRIEF, given_brief
from studio.ui.tabs.write.earlier import earlier
from studio.ui.tabs.write.lines import illustrating_line, writing_line
from studio.ui.tabs.write.sheet import Sheet, assembled, plain, section_ids
from studio.ui.words import both, line
from studio.writing.outlining.outline import parse_outline
from studio.writing.requests import (
    COVER,
    ArticleRequest,
    Brief,
    Outline,
    PassageText,
    RewriteRequest,
    SectionRequest,
    SectionText,
)

HELD: Final = 4
"""Cards, texts, work and what was asked for."""


class Working:
    """The runs at the text. All take the form's values in the order of `BRIEF`, then cards, article, work and asked."""

    def __init__(
        self, studio: Studio, article: Block, status: Block, kept: Block, work: gr.State, cards: Block
    ) -> None:
        """The components are those that the runs update."""
        self._studio, self.article, self.status, self.kept, self.work = studio, article, status, kept, work
        self.cards = cards
        self.settings = PictureForm()
        """How pictures are drawn; runs that draw are handed its values after the others."""

    def write_all(self, owner: Owner, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Write every section that is not written, and go on with one that was stopped; or all, where all are."""
        brief, (cards, written, work, asked) = values[: len(BRIEF)], values[len(BRIEF) :]
        outline, ids, texts = outline_of(cards, brief), section_ids(cards), written["texts"]
        done = {place: texts[key] for place, key in enumerate(ids) if key in texts and key != written["unfinished"]}
        begun = {place: texts[key] for place, key in enumerate(ids) if key in texts and key == written["unfinished"]}
        if len(done) == len(ids):
            done, written = {}, nothing()
        request = ArticleRequest.of(outline=outline, written=done, begun=begun, model=model_of(brief))
        place = Place(owner.id, work, brief={**(asked or {}), "written": numbered(cards, written)})
        for step in self._studio.keeper.keep(place, request, self._studio.writer.write_article(request)):
            yield from self._written(cards, written, step, request.outline.brief)

    def write_one(self, owner: Owner, index: int, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Write one section of the outline, or write it again."""
        yield from self._section(owner, index, values)

    def act(self, owner: Owner, order: Order, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Do what was asked for at a section."""
        cards, written, work = values[len(BRIEF) : len(BRIEF) + 3]
        key, do = str(order.get("id")), order.get("do")
        if not cards or (key not in section_ids(cards) and do not in ("cover", "uncover")):
            raise InvalidRequest("outline.gone")
        if do == "picture":
            yield from self._illustrated(owner, values, (section_ids(cards).index(key),))
        elif do == "cover":
            yield from self._illustrated(owner, values, (), "cover")
        elif do == "uncover":
            yield from self._covered(owner, values, "")
        elif do == "rewrite":
            yield from self._rewritten(cards, written, order, model_of(values[: len(BRIEF)]))
        elif do == "code":
            yield from self._coded(owner, cards, written, order)
        elif do == "score":
            yield self._scored(cards, written, order)
        elif do == "earlier":
            yield self._earlier(owner, cards, written, work, key)
        else:
            begun = written["texts"].get(key, "") if do == "go_on" else ""
            yield from self._section(owner, section_ids(cards).index(key), values, begun)

    def draw_all(self, owner: Owner, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Draw a picture for every section that is written."""
        yield from self._illustrated(owner, values, ())

    def _section(
        self, owner: Owner, index: int, values: Sequence[Any], begun: str = ""
    ) -> Iterator[LoadProgress | Updates]:
        brief, (cards, written, work, asked) = _parted(values)
        request = SectionRequest.of(
            outline=outline_of(cards, brief),
            index=index,
            article=assembled(cards, written["texts"]),
            begun=begun,
            model=model_of(brief),
        )
        place = Place(owner.id, work, brief={**(asked or {}), "written": numbered(cards, written)})
        for step in self._studio.keeper.keep(place, request, self._studio.writer.write_section(request)):
            yield from self._written(cards, written, step, request.outline.brief)

    def _illustrated(
        self, owner: Owner, values: Sequence[Any], sections: tuple[int, ...], pictures: str = "sections"
    ) -> Iterator[LoadProgress | Updates]:
        brief, (cards, written, work, asked) = _parted(values)
        outline = outline_of(cards, brief)
        ids = section_ids(cards)
        texts = {place: written["texts"][key] for place, key in enumerate(ids) if key in written["texts"]}
        settings = self.settings.fields(values[len(BRIEF) + HELD :])
        request = IllustrateRequest.of(
            outline=outline,
            texts=texts,
            sections=sections,
            pictures=pictures,
            model=model_of(brief),
            image_model=settings.pop("model", None),
            settings=settings,
        )
        place = Place(owner.id, work, brief=asked or {})
        for step in self._studio.article_illustrator.illustrate(owner.id, request):
            if isinstance(step, Illustrated) and step.index == COVER:
                yield from self._covered(owner, values, step.text)
            elif isinstance(step, Illustrated):
                written["texts"] = {**written["texts"], ids[step.index]: step.text}
                yield {self.article: drawn(cards, written, brief=outline.brief)}
                kept = self._studio.keeper.edited(place, outline, numbered(cards, written))
                place = replace(place, work=kept.work) if isinstance(kept, Saved) else place
                yield self.placed(kept)
            elif isinstance(step, Unkept):
                yield {self.kept: shown(step)}
            elif not isinstance(step, LoadProgress):
                yield {self.status: illustrating_line(step)}
            else:
                yield step
        yield {self.status: line(both("write.illustrated"), moving=False)}

    def _covered(self, owner: Owner, values: Sequence[Any], cover: str) -> Iterator[Updates]:
        """Put a picture under the title, or take it away."""
        brief, (cards, written, work, asked) = _parted(values)
        cards = {**cards, "cover": cover}
        outline = outline_of(cards, brief)
        yield {self.cards: cards, self.article: drawn(cards, written, brief=outline.brief)}
        place = Place(owner.id, work, brief=asked or {})
        yield self.placed(self._studio.keeper.edited(place, outline, numbered(cards, written)))

    def _coded(self, owner: Owner, cards: Sheet, written: Written, order: Order) -> Iterator[LoadProgress | Updates]:
        request = SnippetRequest.of(
            description=order.get("instruction", ""), language=order.get("language") or "python"
        )
        for step in self._studio.keeper.keep(Place(owner.id), request, self._studio.coder.generate(request)):
            if isinstance(step, Snippet):
                told = proposed(order, as_passage(order, step)) | {"report": reported(step.report)}
                yield {
                    self.article: drawn(cards, written, told),
                    self.status: line(coded_line(step), moving=not step.done),
                }
            elif isinstance(step, Unkept):
                yield {self.kept: shown(step)}
            elif isinstance(step, LoadProgress):
                yield step

    def _scored(self, cards: Sheet, written: Written, order: Order) -> Updates:
        passage = str(order.get("passage", ""))
        request = ScoreRequest.of(code=code_of(passage), language=order.get("language") or "python")
        report = {"id": order["id"], "passage": passage, "html": reported(self._studio.coder.score(request))}
        page = drawn(cards, written, beside={"report": report})
        return {self.article: page, self.status: line(both("write.scored"), moving=False)}

    def _earlier(self, owner: Owner, cards: Sheet, written: Written, work: str | None, key: str) -> Updates:
        place = section_ids(cards).index(key)
        heading, now = cards["sections"][place]["heading"], written["texts"].get(key, "")
        texts = earlier(self._studio.library, owner.id, work, heading, place, now) if work else []
        page = drawn(cards, written, beside={"earlier": {"id": key, "texts": texts}})
        return {self.article: page, self.status: ""}

    def _rewritten(
        self, cards: Sheet, written: Written, order: Order, model: str | None
    ) -> Iterator[LoadProgress | Updates]:
        fields = {name: order.get(name, "") for name in ("change", "instruction", "before", "after")}
        language = cards.get("language") if order.get("change") != "translate" else None
        request = RewriteRequest.of(text=order.get("passage", ""), language=language, model=model, **fields)
        for step in self._studio.writer.rewrite(request):
            if isinstance(step, PassageText):
                key = "write.proposed" if step.done else "write.rewriting"
                notice = f" · {both(step.notice)}" if step.notice else ""
                told = both(key, tokens=step.tokens) + notice
                yield {
                    self.article: drawn(cards, written, proposed(order, step)),
                    self.status: line(told, moving=not step.done),
                }
            else:
                yield step

    def _written(
        self, cards: Sheet, written: Written, step: Any, brief: Brief | None
    ) -> Iterator[LoadProgress | Updates]:
        if isinstance(step, Saved | Unkept):
            yield self.placed(step)
        elif isinstance(step, LoadProgress):
            yield step
        elif isinstance(step, SectionText):
            key = section_ids(cards)[step.index]
            if step.text or step.done:
                written["texts"] = {**written["texts"], key: step.text}
                written["missing"] = {**written["missing"], key: list(step.missing)}
                unsure = [[word.start, word.end, word.probability] for word in step.unsure]
                written["unsure"] = {**written["unsure"], key: unsure}
                written["unfinished"] = None if step.done else key
            page = drawn(cards, written, brief=brief)
            yield {self.article: page, self.status: writing_line(step, len(cards["sections"]))}

    def placed(self, kept: Kept) -> Updates:
        """Where a result is kept, for the bar and the next run."""
        return {self.kept: shown(kept), **({self.work: kept.work} if isinstance(kept, Saved) else {})}


def _parted(values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
    """The brief's values, and the cards, texts, work and what was asked; a picture's settings come after them."""
    return values[: len(BRIEF)], values[len(BRIEF) : len(BRIEF) + HELD]


def outline_of(cards: Sheet | None, values: Sequence[Any]) -> Outline:
    """The outline as the cards hold it, with the brief as the form holds it, where that is one."""
    outline = parse_outline(plain(cards))
    return outline.model_copy(update={"brief": given_brief(values) or outline.brief})


def model_of(values: Sequence[Any]) -> str | None:
    """The language model that the form names."""
    return values[BRIEF.index("model")] or None
