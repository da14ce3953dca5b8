"""The writing desk: from a brief to an outline to an article, each of which can be worked on."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.errors import InvalidRequest
from studio.identity.owners import Owner
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved, Version, Work
from studio.registry import LoadProgress
from studio.ui.accounting import owner_or_local
from studio.ui.components import examples, progress_line, work_button
from studio.ui.model_line import who_runs
from studio.ui.remembering.bar import result_bar, shown
from studio.ui.remembering.forms import Form
from studio.ui.remembering.recall import RecallFold
from studio.ui.start_stop import QUIET, TOLD, TabContext, Updates
from studio.ui.tabs.image.form import PictureForm
from studio.ui.tabs.write.article import ArticleSheet, Order, Written, drawn, nothing, numbered, written_of
from studio.ui.tabs.write.brief import BRIEF, BriefForm, brief_of, given_brief
from studio.ui.tabs.write.lines import drafting_line
from studio.ui.tabs.write.sheet import OutlineCards, Sheet, kept_ids, plain, section_ids, sheet
from studio.ui.tabs.write.working import Working, outline_of
from studio.ui.words import both, complaint, line, word
from studio.writing.checking.facts import lacking
from studio.writing.documents.exporter import formats_here
from studio.writing.documents.importing import imported
from studio.writing.outlining.outline import parse_outline
from studio.writing.requests import (
    Brief,
    Drafting,
    Outline,
    ReplanRequest,
)
from studio.writing.writer import TASKS

STEPS: Final = ("brief", "outline", "text")
MARKDOWN_JS: Final = "window.studioDesk.markdown(text)"


class WriteTab:
    """Left the brief, right the outline and the article; `assets/js/desk.js` shows one step after another."""

    def __init__(self, context: TabContext) -> None:
        self._studio = context.studio
        buttons = (f'<button type="button" data-step="{step}">{both(f"write.step.{step}")}</button>' for step in STEPS)
        gr.HTML(f'<div class="steps needless">{"".join(buttons)}</div>', elem_id="write-steps")
        with gr.Row(elem_classes="craft", elem_id="write-desk"):
            with gr.Column(scale=2, min_width=320, elem_classes="want"):
                self.brief = BriefForm(context)
                self.recall = RecallFold(context, "write")
            with gr.Column(scale=3, min_width=320, elem_classes="get"):
                self._welcome(context)
                self._plan()
                self._page()
                self._launch(context)
        self.model, self.language, self.runs = self.brief.model, self.brief.language, self.brief.runs
        self.outlining = self.brief.outlining
        self.working = Working(self._studio, self.article, self.status, self.kept, self.work, self.cards)
        self._wire()
        fields = {**self.brief.fields, **{name: getattr(self, name) for name in HELD}}
        self.draft = Form(context.studio.library, fields, HELD)
        self.recall.wire(self.draft, self.brief.topic)
        self.restored: list[Block] = [self.article, self.cards]
        self.statuses: list[Block] = [self.outlining.status, self.status]

    def _welcome(self, context: TabContext) -> None:
        with gr.Column(elem_classes="empty"):
            gr.HTML(f"<h2>{both('write.empty.title')}</h2><p>{both('write.empty.text')}</p>")
            fields = [
                (name, getattr(self.brief, name)) for name in ("topic", "audience", "tone", "language", "keywords")
            ]
            examples(context, "write", fields)
            self.bring = gr.UploadButton(
                word("write.bring"),  # type: ignore[arg-type]
                size="sm",
                file_types=[".md", ".markdown", ".txt", ".docx"],
                elem_id="write-bring",
            )

    def _plan(self) -> None:
        with gr.Column(elem_id="write-plan", elem_classes="result"):
            with gr.Row(elem_classes="title"):
                gr.HTML(f"<h2>{both('write.plan')}</h2>")
                self.undo = gr.Button(
                    word("write.undo"), size="sm", elem_classes=["undo", "rests"], elem_id="write-undo"
                )
                self.redo = gr.Button(
                    word("write.redo"), size="sm", elem_classes=["redo", "rests"], elem_id="write-redo"
                )
            self.cards = OutlineCards(elem_id="write-cards", elem_classes="rests")

    def _page(self) -> None:
        self.work = gr.State(None)
        self.asked = gr.State({})
        self.index = gr.State(0)
        self.order = gr.State({})
        with gr.Column(elem_id="write-page", elem_classes="result"):
            with gr.Row(elem_classes="actions"):
                self.back = gr.Button(word("write.undo"), size="sm", elem_classes=["undo", "rests"])
                self.forth = gr.Button(word("write.redo"), size="sm", elem_classes=["redo", "rests"])
                self.illustrate = gr.Button(
                    word("write.illustrate"),
                    size="sm",
                    visible=bool(self._studio.catalogue.for_task("image")),
                    elem_classes="rests",
                    elem_id="write-illustrate",
                )
                self.copy = gr.Button(word("app.copy"), size="sm", elem_id="write-copy")
                self.format = gr.Dropdown(
                    [(word(f"write.format.{kind}"), kind) for kind in formats_here()],
                    value="docx",
                    show_label=False,
                    label=word("write.format"),
                    container=False,
                    filterable=False,
                    min_width=160,
                    elem_id="write-format",
                )
                self.download = gr.Button(word("write.download"), size="sm", elem_id="write-download")
            self.article = ArticleSheet(elem_id="write-text")
            self.kept = result_bar("article", "write")

    def _launch(self, context: TabContext) -> None:
        with gr.Column(elem_id="write-launch"):
            self.status = progress_line("write-article")
            self.go_on = gr.Button(word("write.go_on"), variant="primary", elem_id="write-go-on", elem_classes="rests")
            self.writing = work_button(
                context,
                context.text,
                "write-article",
                "write.article",
                self.status,
                model=self.brief.model,
                tasks=TASKS,
            )

    def _wire(self) -> None:
        brief = list(self.brief.fields.values())
        held = [self.cards, self.article, self.work, self.asked]
        made = [self.cards, self.article, self.kept, self.work, self.asked]
        self.outlining.run(self.outlining.start.click, self.outline, [*brief, *held], made)
        one = self.cards.select(_index, None, self.index, queue=False, api_visibility="private")
        self.outlining.run(one, self.outline_one, [self.index, *brief, *held], made)
        self.outlining.seal()

        pages = [self.article, self.kept, self.work, self.asked]
        self.writing.run(self.writing.start.click, self.working.write_all, [*brief, *held], pages)
        self.writing.run(self.go_on.click, self.working.write_all, [*brief, *held], pages)
        picked = self.cards.submit(_index, None, self.index, queue=False, api_visibility="private")
        self.writing.run(picked, self.working.write_one, [self.index, *brief, *held], pages)

        brought = [self.cards, self.article, self.brief.topic, self.brief.language, *pages[1:]]
        self.bring.upload(self.brought, self.bring, brought, **TOLD)
        self.cards.change(self.edited, [*brief, self.cards, self.article], self.article, **QUIET)
        self.article.input(self.typed, [*brief, *held], [self.article, self.kept, self.work], **QUIET)
        for button, step in ((self.undo, "undo"), (self.back, "undo"), (self.redo, "redo"), (self.forth, "redo")):
            button.click(None, None, None, js=f"() => window.studioDesk.{step}()", **QUIET)
        self.copy.click(None, self.article, js=f"(text) => window.studioDesk.copy({MARKDOWN_JS})", **QUIET)
        self.download.click(
            None,
            [self.article, self.cards, self.format, self.brief.keywords],
            js=f"(text, cards, format, words) => window.studioDesk.export({MARKDOWN_JS}, cards, format, words)",
            **QUIET,
        )

    def join(self, pictures: PictureForm | None) -> None:
        """Bind what draws pictures, with the settings of the Image tab's form where there is one; call it once."""
        self.working.settings = pictures.settings() if pictures else PictureForm()
        asked = [*self.brief.fields.values(), self.cards, self.article, self.work, self.asked]
        asked += self.working.settings.components
        pages = [self.article, self.kept, self.work, self.cards]
        ordered = self.article.submit(_ordered, None, self.order, queue=False, api_visibility="private")
        self.writing.run(ordered, self.working.act, [self.order, *asked], pages)
        self.writing.run(self.illustrate.click, self.working.draw_all, asked, pages)
        self.writing.seal()

    def describe(self, model: str, language: str) -> str:
        """The line on the model that will write."""
        return who_runs(self._studio, model, TASKS, language)

    def outline(self, owner: Owner, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Plan an article from the brief; of an outline with locked sections, what is not locked.

        Of the same topic it is a version of the same work.
        """
        brief, (cards, written, work, asked) = brief_of(values[: len(BRIEF)]), values[len(BRIEF) :]
        place = Place(owner.id, work if asked and asked.get("topic") == brief.topic else None)
        if cards and any(section.get("locked") for section in cards["sections"]):
            yield from self._replanned(place, brief, cards, written)
            return
        for step in self._studio.keeper.keep(place, brief, self._studio.writer.outline(brief)):
            yield from self._drafted(step, brief, sheet(step) if isinstance(step, Outline) else None, nothing())

    def outline_one(self, owner: Owner, index: int, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Plan one section of the outline anew."""
        brief, (cards, written, work, _) = brief_of(values[: len(BRIEF)]), values[len(BRIEF) :]
        others = [{**section, "locked": place != index} for place, section in enumerate(cards["sections"])]
        yield from self._replanned(Place(owner.id, work), brief, {**cards, "sections": others}, written, cards)

    def edited(self, *values: Any) -> Any:
        """Follow the cards when they are rearranged or retitled."""
        cards, written = values[len(BRIEF) :]
        return drawn(cards, written, brief=given_brief(values[: len(BRIEF)]))

    def brought(self, path: str | None, request: gr.Request) -> Updates:
        """A draft from a file: its outline, its texts, and a work of its own."""
        if not path:
            return {self.cards: gr.skip()}
        try:
            outline, texts = imported(Path(path))
        except InvalidRequest as error:
            gr.Warning(complaint(error))
            return {self.cards: gr.skip()}
        cards = sheet(outline)
        written = {**nothing(), "texts": {section_ids(cards)[index]: text for index, text in texts.items()}}
        owner = owner_or_local(request).id
        kept = self._studio.keeper.edited(Place(owner), outline, numbered(cards, written))
        told: Updates = {self.cards: cards, self.article: drawn(cards, written), self.brief.topic: outline.title}
        return told | {self.brief.language: outline.language, self.asked: {}} | self.working.placed(kept)

    def typed(self, request: gr.Request, *values: Any) -> tuple[Any, Any, Any]:
        """Show a text that was changed by hand as it now is, with the facts that are not in it, and keep it."""
        brief, (cards, written, work, asked) = values[: len(BRIEF)], values[len(BRIEF) :]
        page = drawn(cards, written)
        if page is None or cards is None:
            return None, gr.skip(), gr.skip()
        try:
            outline = outline_of(cards, brief)
        except InvalidRequest:  # a heading that is being typed; the next run says what is wrong with it
            return page, gr.skip(), gr.skip()
        ids = section_ids(cards)
        texts = {place: written["texts"][key] for place, key in enumerate(ids) if key in written["texts"]}
        missing = {ids[place]: list(facts) for place, facts in lacking(outline, texts).items()}
        page = drawn(cards, {**written, "missing": missing}, brief=outline.brief)
        place = Place(owner_or_local(request).id, work, brief=asked or {})
        kept = self._studio.keeper.edited(place, outline, numbered(cards, written))
        return page, shown(kept), kept.work if isinstance(kept, Saved) else work

    def follows(self, state: Mapping[str, Any]) -> Updates:
        """The article that the cards and texts of a draft make."""
        cards = state.get("cards")
        cards = json.loads(cards) if isinstance(cards, str) else cards
        if not isinstance(cards, dict):
            return {}
        written = written_of(state.get("article") or {"texts": state.get("texts") or {}})
        brief = given_brief([state.get(name) for name in BRIEF])
        return {self.article: drawn(cards, written, brief=brief), self.cards: cards}

    def opened(self, work: Work, version: Version) -> Mapping[str, Any]:
        """Brief, cards and texts of a version."""
        brief = dict(version.asked.get("brief") or {})
        plan = version.made.get("outline")
        cards = sheet(Outline.model_validate(plan)) if plan else None
        ids = section_ids(cards) if cards else []
        written = version.made.get("sections") or {}
        texts = {key: written[str(index)] for index, key in enumerate(ids) if str(index) in written}
        state = {name: brief[name] for name in BRIEF if brief.get(name) is not None}
        told = {"cards": cards, "article": {"texts": texts}, "work": work.id, "asked": brief}
        return state | told | {"kept": {"work": work.id, "version": version.number}}

    def illustrated(self, cards: Sheet | None, written: Written, picture: str) -> Updates:
        """A picture at the end of the section that was written last; nothing where there is no text yet."""
        texts = written["texts"]
        found = [key for key in section_ids(cards) if key in texts] if cards else []
        if not found:
            return {}
        texts = {**texts, found[-1]: f"{texts[found[-1]].rstrip()}\n\n{picture}\n"}
        return {self.article: drawn(cards, {**written, "texts": texts})}

    def _replanned(
        self, place: Place, brief: Brief, cards: Sheet, written: Written, before: Sheet | None = None
    ) -> Iterator[LoadProgress | Updates]:
        """Plan anew what is not locked in `cards`; `before` is what is locked once that is done."""
        request = ReplanRequest.of(outline=parse_outline(plain(cards)), brief=brief)
        for step in self._studio.keeper.keep(place, request, self._studio.writer.replan(request)):
            fresh = kept_ids(sheet(step), cards, before or cards) if isinstance(step, Outline) else None
            stays = set(section_ids(fresh)) if fresh else set()
            texts = {key: text for key, text in written["texts"].items() if key in stays}
            yield from self._drafted(step, brief, fresh, {**written, "texts": texts})

    def _drafted(
        self, step: Any, brief: Brief, cards: Sheet | None, written: Written
    ) -> Iterator[LoadProgress | Updates]:
        if isinstance(step, Saved | Unkept):
            yield {**self.working.placed(step), self.asked: brief.model_dump(mode="json")}
        elif isinstance(step, Drafting):
            yield {self.outlining.status: drafting_line(step)}
        elif cards is not None:
            told = line(both("write.planned", count=len(cards["sections"])), moving=False)
            page = drawn(cards, written, brief=brief)
            yield {self.cards: cards, self.article: page, self.outlining.status: told}
        else:
            yield step


HELD: Final = ("cards", "article", "work", "asked", "kept")
"""What belongs to a work and is not of the brief."""


def _index(event: gr.EventData) -> int:
    return int(event.index)


def _ordered(event: gr.EventData) -> Order:
    names = ("do", "id", "change", "instruction", "language", "before", "passage", "after")
    return {name: value for name in names if isinstance(value := getattr(event, name, None), str)}
