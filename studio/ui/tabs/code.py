"""The Code tab: description, snippet, report."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.coding.coder import TASKS
from studio.coding.languages import LANGUAGES
from studio.coding.requests import Report, ScoreRequest, Snippet, SnippetRequest
from studio.errors import StudioError
from studio.identity.owners import Owner
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved, Version, Work
from studio.registry import LoadProgress
from studio.ui.components import examples, model_choice, work_button
from studio.ui.model_line import runs_line, who_runs
from studio.ui.remembering.bar import result_bar, shown
from studio.ui.remembering.forms import Form
from studio.ui.remembering.recall import RecallFold
from studio.ui.report import report_html
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.words import both, line, word

HIGHLIGHTS: Final = {
    "python": "python", "javascript": "javascript", "typescript": "typescript", "tsx": "typescript", "java": "c",
    "c": "c", "cpp": "cpp", "c-sharp": "c", "html": "html", "css": "css", "json": "json", "bash": "shell",
    "sql": "sql",
}  # fmt: skip
"""The editor's highlighter for each language; those it does not know are shown plain."""
OUTDATED_JS: Final = "() => document.querySelector('#code-report .report')?.classList.add('outdated')"
JUDGED_JS: Final = "() => document.querySelector('#code-report .report')?.classList.remove('outdated')"


class CodeTab:
    """Left the description, right the snippet and its score."""

    def __init__(self, context: TabContext) -> None:
        self._studio = context.studio
        self._extensions = {language.id: language.extension for language in LANGUAGES}
        with gr.Row(elem_classes="craft"):
            with gr.Column(scale=2, min_width=320, elem_classes="want"):
                self._request(context)
                self.recall = RecallFold(context, "code")
            with gr.Column(scale=3, min_width=320, elem_classes="get"):
                self._result(context)
        self._wire(context)
        names = ("description", "language", "model", "code", "work", "asked", "kept")
        hidden = ("code", "work", "asked", "kept")
        self.draft = Form(context.studio.library, {name: getattr(self, name) for name in names}, hidden)
        self.recall.wire(self.draft, self.description)
        self.restored: list[Block] = [self.report]
        self.statuses: list[Block] = [self.generating.status]

    def _request(self, context: TabContext) -> None:
        self.description = gr.Textbox(
            "",
            label=word("code.description"),
            placeholder=word("code.description.hint"),
            lines=4,
            max_lines=14,
            elem_id="code-description",
        )
        self.language = gr.Dropdown(
            [(language.label, language.id) for language in LANGUAGES],
            value="python",
            label=word("code.language"),
            elem_id="code-language",
        )
        with gr.Accordion(word("app.advanced"), open=False, elem_id="code-advanced", elem_classes="advanced"):
            self.model = model_choice(context.studio, "code", *TASKS)
        with gr.Column(elem_classes="launch"):
            self.runs = runs_line("code", self.model)
            self.generating = work_button(context, context.text, "code", "code.generate", model=self.model, tasks=TASKS)

    def _result(self, context: TabContext) -> None:
        with gr.Column(elem_classes="empty"):
            gr.HTML(f"<h2>{both('code.empty.title')}</h2><p>{both('code.empty.text')}</p>")
            fields = [("description", self.description), ("language", self.language), ("code", None)]
            examples(context, "code", fields[:2])
        self.code = gr.Code(
            label=word("code.code"),
            language="python",
            lines=12,
            max_lines=30,
            interactive=True,
            wrap_lines=True,
            buttons=[],
            elem_id="code-editor",
        )
        with gr.Row(elem_id="code-actions", elem_classes="actions"):
            self.score = gr.Button(word("code.score"), size="sm", elem_id="code-score", elem_classes="rests")
            self.copy = gr.Button(word("app.copy"), size="sm", elem_id="code-copy")
            self.download = gr.Button(word("app.download"), size="sm", elem_id="code-download")
        with gr.Column(elem_id="code-result", elem_classes="result"):
            self.report = gr.HTML(elem_id="code-report")
            self.kept = result_bar("snippet", "code")

    def _wire(self, context: TabContext) -> None:
        self.work, self.asked = gr.State(None), gr.State("")
        made = [self.code, self.report, self.kept, self.work, self.asked]
        wanted = [self.description, self.language, self.model, self.work, self.asked]
        self.generating.run(self.generating.start.click, self.generate, wanted, made)
        self.generating.run(self.score.click, self.judge, [self.code, self.language, self.work], made)
        self.generating.seal()

        self.language.change(_highlight, self.language, self.code, **QUIET)
        self.code.input(None, None, None, js=OUTDATED_JS, **QUIET)
        # A report that comes out the same again is not drawn anew, and would stay marked.
        self.score.click(None, None, None, js=JUDGED_JS, **QUIET)
        self.copy.click(None, self.code, js="(text) => window.studio.copy(text)", **QUIET)
        extensions = gr.JSON(self._extensions, visible=False)
        self.download.click(
            None,
            [self.code, self.language, extensions],
            js="(text, language, extensions) => window.studio.save(text, 'snippet', extensions[language])",
            **QUIET,
        )

    def describe(self, model: str) -> str:
        """The line on the model that will write."""
        return who_runs(self._studio, model, TASKS)

    def generate(
        self, owner: Owner, description: str, language: str, model: str, work: str | None = None, asked: str = ""
    ) -> Iterator[LoadProgress | Updates]:
        """Write a snippet and judge it; for the description that was `asked` before, as a version of the same work."""
        request = SnippetRequest.of(description=description, language=language, model=model or None)
        place = Place(owner.id, work if description == asked else None)
        for step in self._studio.keeper.keep(place, request, self._studio.coder.generate(request)):
            if isinstance(step, Saved | Unkept):
                told: Updates = {self.work: step.work, self.asked: description} if isinstance(step, Saved) else {}
                yield {self.kept: shown(step), **told}
            else:
                yield self._shown(step) if isinstance(step, Snippet) else step

    def judge(self, owner: Owner, code: str | None, language: str, work: str | None = None) -> Iterator[Updates]:
        """Judge the code in the editor; what was written by hand is a version, too."""
        request = ScoreRequest.of(code=code or "", language=language)
        report: Report = self._studio.coder.score(request)
        yield {
            self.report: report_html(report),
            self.generating.status: line(both("code.judged"), moving=False),
        }
        kept = self._studio.keeper.judged(Place(owner.id, work), request, report)
        told: Updates = {self.work: kept.work} if isinstance(kept, Saved) else {}
        yield {self.kept: shown(kept), **told}

    def follows(self, state: Mapping[str, Any]) -> Updates:
        """The report on the code of a draft."""
        code = state.get("code")
        if not isinstance(code, str) or not code.strip():
            return {}
        try:
            request = ScoreRequest.of(code=code, language=state.get("language") or "python")
        except StudioError:
            return {}
        return {self.report: report_html(self._studio.coder.score(request))}

    def opened(self, work: Work, version: Version) -> Mapping[str, Any]:
        """Description and code of a version."""
        description = str(version.asked.get("description") or "")
        language = version.made.get("language") or version.settings.get("language") or "python"
        told = {"description": description, "asked": description, "language": language}
        kept = {"work": work.id, "version": version.number}
        return told | {"code": str(version.made.get("code") or ""), "work": work.id, "kept": kept}

    def _shown(self, step: Snippet) -> Updates:
        rate = f"{step.tokens / step.seconds:.0f}" if step.seconds else "—"
        key = "code.written" if step.done else "code.writing"
        notice = f" · {both(step.notice)}" if step.notice else ""
        return {
            self.code: step.code,
            self.report: report_html(step.report),
            self.generating.status: line(both(key, tokens=step.tokens, rate=rate) + notice, moving=not step.done),
        }


def _highlight(language: str) -> Any:
    return gr.update(language=HIGHLIGHTS.get(language))
