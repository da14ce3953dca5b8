"""The Write tab: brief, outline, article."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.identity.owners import Owner
from studio.keeping.keeper import Kept, Place, Unkept
from studio.library.values import Saved, Version, Work
from studio.registry import LoadProgress
from studio.ui.components import examples, model_choice, progress_line, work_button
from studio.ui.model_line import runs_line, who_runs
from studio.ui.outline import OutlineCards, Sheet, Texts, assembled, plain, section_ids, sheet
from studio.ui.remembering.bar import result_bar, shown
from studio.ui.remembering.forms import Form
from studio.ui.remembering.recall import RecallFold
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.words import both, line, word
from studio.writing.outline import parse_outline
from studio.writing.requests import ArticleRequest, Brief, Drafting, Outline, SectionRequest, SectionText
from studio.writing.writer import TASKS

BRIEF: Final = ("topic", "audience", "tone", "language", "sections", "words", "keywords", "notes", "model")


class WriteTab:
    """Left the brief, right the outline and the article."""

    def __init__(self, context: TabContext) -> None:
        self._studio = context.studio
        with gr.Row(elem_classes="craft"):
            with gr.Column(scale=2, min_width=320, elem_classes="want"):
                self._brief(context)
                self.recall = RecallFold(context, "write")
            with gr.Column(scale=3, min_width=320, elem_classes="get"):
                self._welcome(context)
                self._plan(context)
                self._page(context)
        self._wire(context)
        fields = {name: getattr(self, name) for name in (*BRIEF, "cards", "texts", "work", "asked", "kept")}
        self.draft = Form(context.studio.library, fields, ("cards", "texts", "work", "asked", "kept"))
        self.recall.wire(self.draft, self.topic)
        self.restored: list[Block] = [self.article, self.section]
        self.statuses: list[Block] = [self.outlining.status, self.status]

    def _brief(self, context: TabContext) -> None:
        self.topic = gr.Textbox(
            "",
            label=word("write.topic"),
            placeholder=word("write.topic.hint"),
            lines=2,
            max_lines=6,
            elem_id="write-topic",
        )
        self.audience = gr.Textbox(
            "", label=word("write.audience"), placeholder=word("write.audience.hint"), elem_id="write-audience"
        )
        self.tone = gr.Textbox("", label=word("write.tone"), placeholder=word("write.tone.hint"), elem_id="write-tone")
        self.language = gr.Radio(
            [("English", "en"), ("中文", "zh")], value="en", label=word("write.language"), elem_id="write-language"
        )
        with gr.Row(elem_classes="pair"):
            self.sections = gr.Number(
                5, label=word("write.sections"), minimum=1, maximum=12, step=1, min_width=96, elem_id="write-sections"
            )
            self.words = gr.Number(
                800, label=word("write.words"), minimum=50, step=50, min_width=96, elem_id="write-words"
            )
        with gr.Accordion(word("app.advanced"), open=False, elem_id="write-advanced", elem_classes="advanced"):
            self.keywords = gr.Textbox(
                "", label=word("write.keywords"), placeholder=word("write.keywords.hint"), elem_id="write-keywords"
            )
            self.notes = gr.Textbox(
                "", label=word("write.notes"), placeholder=word("write.notes.hint"), lines=3, elem_id="write-notes"
            )
            self.model = model_choice(context.studio, "write", *TASKS)
        with gr.Column(elem_classes="launch"):
            self.runs = runs_line("write", self.model)
            self.outlining = work_button(
                context, context.text, "write-outline", "write.outline", model=self.model, tasks=TASKS
            )

    def _welcome(self, context: TabContext) -> None:
        with gr.Column(elem_classes="empty"):
            gr.HTML(f"<h2>{both('write.empty.title')}</h2><p>{both('write.empty.text')}</p>")
            fields = [(name, getattr(self, name)) for name in ("topic", "audience", "tone", "language", "keywords")]
            examples(context, "write", fields)

    def _plan(self, context: TabContext) -> None:
        with gr.Column(elem_id="write-plan", elem_classes="result"):
            with gr.Row(elem_classes="title"):
                gr.HTML(f"<h2>{both('write.plan')}</h2>")
                self.undo = gr.Button(
                    word("write.undo"), size="sm", visible=False, elem_id="write-undo", elem_classes="rests"
                )
            self.cards = OutlineCards(elem_id="write-cards", elem_classes="rests")
            self.status = progress_line("write-article")
            self.writing = work_button(
                context, context.text, "write-article", "write.article", self.status, model=self.model, tasks=TASKS
            )

    def _page(self, context: TabContext) -> None:
        self.texts = gr.State({})
        self.past = gr.State(None)
        self.work = gr.State(None)
        self.asked = gr.State({})
        self.index = gr.State(0)
        with gr.Column(elem_id="write-page", elem_classes="result"):
            self.article = gr.Markdown(elem_id="write-text", line_breaks=False)
            with gr.Row(elem_classes="actions"):
                self.copy = gr.Button(word("app.copy"), size="sm", elem_id="write-copy")
                self.download = gr.Button(word("write.download"), size="sm", elem_id="write-download")
            self.kept = result_bar("article", "write")
            with gr.Row(elem_classes=["rewrite", "rests"]):
                self.section = gr.Dropdown(
                    [], label=word("write.rewrite.section"), min_width=160, elem_id="write-section", filterable=False
                )
                self.instruction = gr.Textbox(
                    "",
                    label=word("write.rewrite.how"),
                    placeholder=word("write.rewrite.how.hint"),
                    scale=2,
                    min_width=200,
                    elem_id="write-instruction",
                )
                self.rewrite = gr.Button(word("write.rewrite"), size="sm", elem_id="write-rewrite")

    def _wire(self, context: TabContext) -> None:
        brief = [getattr(self, name) for name in BRIEF]
        kept = [self.kept, self.work, self.asked]
        made = [self.cards, self.texts, self.past, self.article, self.undo, self.section, *kept]
        self.outlining.run(
            self.outlining.start.click, self.outline, [*brief, self.cards, self.texts, self.work, self.asked], made
        )
        self.outlining.seal()

        pages = [self.texts, self.past, self.article, self.undo, self.section, *kept]
        held = [self.cards, self.texts, self.model, self.work, self.asked]
        self.writing.run(self.writing.start.click, self.write_all, held, pages)
        picked = self.cards.submit(_index, None, self.index, queue=False, api_visibility="private")
        self.writing.run(picked, self.write_one, [self.index, *held], pages)
        again = [self.section, *held, self.instruction]
        self.writing.run(self.rewrite.click, self.write_one, again, pages)
        self.writing.run(self.instruction.submit, self.write_one, again, pages)
        self.writing.seal()

        self.cards.change(self.edited, [self.cards, self.texts, self.section], [self.article, self.section], **QUIET)
        restored = [self.cards, self.texts, self.past, self.article, self.section]
        self.undo.click(self.restore, [self.cards, self.texts, self.past], restored, **QUIET)
        self.copy.click(None, self.article, js="(text) => window.studio.copy(text)", **QUIET)
        self.download.click(
            None,
            [self.article, self.cards],
            js="(text, cards) => window.studio.save(text, JSON.parse(cards).title, 'md')",
            **QUIET,
        )

    def describe(self, model: str, language: str) -> str:
        """The line on the model that will write."""
        return who_runs(self._studio, model, TASKS, language)

    def outline(self, owner: Owner, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Plan an article from the brief; the one before can be had back, and of the same topic it is a version."""
        *brief, cards, texts, work, asked = values
        request = Brief.of(**{**dict(zip(BRIEF, brief, strict=True)), "model": brief[-1] or None})
        fields = request.model_dump(mode="json")
        place = Place(owner.id, work if asked and asked.get("topic") == request.topic else None)
        for step in self._studio.keeper.keep(place, request, self._studio.writer.outline(request)):
            if isinstance(step, Saved | Unkept):
                yield {**self._placed(step), self.asked: fields}
            elif isinstance(step, Drafting):
                yield {self.outlining.status: _drafting(step)}
            elif isinstance(step, Outline):
                yield self._planned(sheet(step), (cards, texts) if cards else None)
            else:
                yield step

    def write_all(
        self,
        owner: Owner,
        cards: Sheet,
        texts: Texts,
        model: str,
        work: str | None = None,
        asked: dict[str, Any] | None = None,
    ) -> Iterator[LoadProgress | Updates]:
        """Write every section, one after another."""
        request = ArticleRequest.of(outline=parse_outline(plain(cards)), model=model or None)
        fresh: Texts = {}
        place = Place(owner.id, work, brief=asked or {})
        for step in self._studio.keeper.keep(place, request, self._studio.writer.write_article(request)):
            if isinstance(step, LoadProgress):
                yield step
            elif isinstance(step, Saved | Unkept):
                yield self._placed(step)
            elif isinstance(step, SectionText):
                yield self._written(cards, fresh, step, (cards, texts) if texts else None)

    def write_one(
        self,
        owner: Owner,
        index: int | None,
        cards: Sheet,
        texts: Texts,
        model: str,
        work: str | None = None,
        asked: dict[str, Any] | None = None,
        instruction: str = "",
    ) -> Iterator[LoadProgress | Updates]:
        """Write one section, or write it again."""
        others = {key: text for key, text in texts.items() if key != section_ids(cards)[index or 0]}
        request = SectionRequest.of(
            outline=parse_outline(plain(cards)),
            index=index or 0,
            instruction=instruction,
            article=assembled(cards, texts),
            model=model or None,
        )
        written = {str(place): texts[key] for place, key in enumerate(section_ids(cards)) if key in texts}
        place = Place(owner.id, work, brief={**(asked or {}), "written": written})
        for step in self._studio.keeper.keep(place, request, self._studio.writer.write_section(request)):
            if isinstance(step, Saved | Unkept):
                yield self._placed(step)
            else:
                yield step if isinstance(step, LoadProgress) else self._written(cards, others, step, (cards, texts))

    def edited(self, cards: Sheet | None, texts: Texts, section: int | None) -> tuple[str, Any]:
        """Follow the cards when they are rearranged or retitled."""
        return assembled(cards, texts), _headings(cards, section or 0)

    def restore(self, cards: Sheet, texts: Texts, past: tuple[Sheet, Texts] | None) -> tuple[Any, ...]:
        """Change places with what was there before the last run."""
        then_cards, then_texts = past or (cards, texts)
        return then_cards, then_texts, (cards, texts), assembled(then_cards, then_texts), _headings(then_cards)

    def follows(self, state: Mapping[str, Any]) -> Updates:
        """The article that the cards and texts of a draft make."""
        cards, texts = state.get("cards"), state.get("texts") or {}
        cards = json.loads(cards) if isinstance(cards, str) else cards
        if not isinstance(cards, dict) or not isinstance(texts, dict):
            return {}
        return {self.article: assembled(cards, texts), self.section: _headings(cards), self.cards: cards}

    def opened(self, work: Work, version: Version) -> Mapping[str, Any]:
        """Brief, cards and texts of a version."""
        brief = dict(version.asked.get("brief") or {})
        plan = version.made.get("outline")
        cards = sheet(Outline.model_validate(plan)) if plan else None
        ids = section_ids(cards) if cards else []
        written = version.made.get("sections") or {}
        texts = {key: written[str(index)] for index, key in enumerate(ids) if str(index) in written}
        state = {name: brief[name] for name in BRIEF if brief.get(name) is not None}
        told = {"cards": cards, "texts": texts, "work": work.id, "asked": brief}
        return state | told | {"kept": {"work": work.id, "version": version.number}}

    def illustrated(self, cards: Sheet | None, texts: Texts, picture: str) -> Updates:
        """A picture at the end of the section that was written last; nothing where there is no text yet."""
        written = [key for key in section_ids(cards) if key in texts] if cards else []
        if not written:
            return {}
        texts = {**texts, written[-1]: f"{texts[written[-1]].rstrip()}\n\n{picture}\n"}
        return {self.texts: texts, self.article: assembled(cards, texts)}

    def _placed(self, kept: Kept) -> Updates:
        return {self.kept: shown(kept), **({self.work: kept.work} if isinstance(kept, Saved) else {})}

    def _planned(self, cards: Sheet, past: tuple[Sheet, Texts] | None) -> Updates:
        return {
            self.cards: cards,
            self.texts: {},
            **self._kept(past),
            self.article: "",
            self.section: _headings(cards),
            self.outlining.status: line(both("write.planned", count=len(cards["sections"])), moving=False),
        }

    def _written(self, cards: Sheet, texts: Texts, step: SectionText, past: Any) -> Updates:
        key = section_ids(cards)[step.index]
        begins = key not in texts
        texts[key] = step.text
        updates: Updates = {
            self.texts: dict(texts),
            self.article: assembled(cards, texts),
            self.status: _writing(step, len(cards["sections"])),
        }
        if begins:
            updates |= {self.section: _headings(cards, step.index), **self._kept(past)}
        return updates

    def _kept(self, past: tuple[Sheet, Texts] | None) -> Updates:
        """What undoing brings back; the button is there once something can be brought back."""
        return {self.past: past, self.undo: gr.update(visible=True)} if past else {}


def _index(event: gr.EventData) -> int:
    return int(event.index)


def _headings(cards: Sheet | None, chosen: int = 0) -> Any:
    sections = cards["sections"] if cards else []
    choices = [(f"{number}. {section['heading']}", number - 1) for number, section in enumerate(sections, 1)]
    return gr.update(choices=choices, value=min(chosen, len(choices) - 1) if choices else None)


def _drafting(step: Drafting) -> str:
    return line(both("write.drafting", headings=step.headings, total=step.total), step.headings / step.total)


def _writing(step: SectionText, count: int) -> str:
    notice = f" · {both(step.notice)}" if step.notice else ""
    rate = f"{step.tokens / step.seconds:.0f}" if step.seconds else "—"
    key = "write.written" if step.done else "write.writing"
    text = both(key, number=step.index + 1, count=count, tokens=step.tokens, rate=rate)
    return line(text + notice, step.index / count if count > 1 else None, moving=not step.done)
