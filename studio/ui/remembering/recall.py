"""What somebody used before: the last prompts of a tab, and its form under names of their own."""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.blocks import Block

from studio.errors import StudioError
from studio.library.recall import Preset
from studio.ui.accounting import owner_or_local
from studio.ui.remembering.forms import Form
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.words import both, complaint, word

TABS = ("write", "code", "image")
SHOWN = 120
"""Characters of a prompt in the list."""
SAVE_JS = "(text) => { if (text) window.studio.save(text, 'presets', 'yaml'); }"


class RecallFold:
    """A fold with the last prompts and the presets of one tab."""

    def __init__(self, context: TabContext, tab: str) -> None:
        self._library, self._tab = context.studio.library, tab
        with gr.Accordion(word("library.recall"), open=False, elem_id=f"{tab}-recall", elem_classes="advanced") as fold:
            self.afresh = gr.Button(word("library.afresh"), size="sm", elem_id=f"{tab}-afresh")
            self.prompts = self._choice("prompts")
            self.presets = self._choice("presets")
            with gr.Row(elem_classes="naming"):
                self.name = gr.Textbox(
                    "",
                    label=word("library.preset.name"),
                    max_length=100,
                    scale=3,
                    min_width=140,
                    elem_id=f"{tab}-preset-name",
                )
                self.keep, self.drop = self._button("keep"), self._button("drop")
            with gr.Row(elem_classes="actions"):
                self.export = self._button("export")
                self.bring = gr.UploadButton(
                    str(word("library.preset.import")),
                    file_types=[".yaml", ".yml"],
                    size="sm",
                    elem_id=f"{tab}-preset-import",
                )
            self.note = gr.HTML(elem_id=f"{tab}-recall-note")
        self.fold = fold
        self.yaml = gr.Textbox("", visible=False)

    def wire(self, form: Form, prompt: Block) -> None:
        """Bind everything; call it once, when the form is there."""
        self._form = form
        self.afresh.click(None, None, None, js=f"() => window.studioLibrary?.afresh('{self._tab}')", **QUIET)
        lists = [self.prompts, self.presets]
        gr.on([self.fold.expand, self.prompts.focus, self.presets.focus], self.listed, None, lists, **QUIET)
        self.prompts.input(lambda chosen: chosen, self.prompts, prompt, **QUIET)
        self.presets.input(self.applied, self.presets, [*form.components, self.name, self.note], **QUIET)
        self.keep.click(self.kept, [self.name, *form.components], [self.note, self.presets], preprocess=False, **QUIET)
        self.drop.click(self.dropped, [self.name], [self.note, self.presets, self.name], **QUIET)
        exported = self.export.click(self.exported, None, self.yaml, **QUIET)
        exported.then(None, self.yaml, None, js=SAVE_JS, **QUIET)
        self.bring.upload(self.imported, self.bring, [self.note, self.presets], **QUIET)

    def listed(self, request: gr.Request) -> list[Any]:
        """The lists as they are now."""
        owner = owner_or_local(request).id
        try:
            prompts = self._library.recall.prompts(owner, self._tab)
        except StudioError:
            prompts = []
        choices = [(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…", text) for text in prompts]
        return [gr.update(choices=choices), self._names(owner)]

    def applied(self, name: str | None, request: gr.Request) -> Updates:
        """Fill the form with a preset."""
        owner = owner_or_local(request).id
        found = next((preset for preset in self._presets(owner) if preset.name == name), None)
        if found is None:
            return {self.note: ""}
        return {**self._form.updates(owner, found.fields), self.name: found.name, self.note: ""}

    def kept(self, request: gr.Request, name: str, *values: Any) -> Updates:
        """Keep the form under a name."""
        owner = owner_or_local(request).id
        try:
            state, _ = self._form.state(values)
            self._library.recall.keep(owner, Preset(self._tab, str(name or ""), self._form.reusable(state)))
        except StudioError as error:
            return {self.note: f'<p class="note" role="alert">{complaint(error)}</p>'}
        return {self.note: f'<p class="note">{both("library.preset.kept")}</p>', self.presets: self._names(owner)}

    def dropped(self, name: str, request: gr.Request) -> Updates:
        """Forget a preset."""
        owner = owner_or_local(request).id
        try:
            self._library.recall.drop(owner, self._tab, name)
        except StudioError as error:
            return {self.note: f'<p class="note" role="alert">{complaint(error)}</p>'}
        names = self._names(owner) | {"value": None}
        return {self.note: f'<p class="note">{both("library.preset.dropped")}</p>', self.presets: names, self.name: ""}

    def exported(self, request: gr.Request) -> str:
        """The presets of this tab as YAML."""
        return self._library.recall.exported(owner_or_local(request).id, self._tab)

    def imported(self, file: str | None, request: gr.Request) -> Updates:
        """Keep the presets of a YAML file."""
        owner = owner_or_local(request).id
        try:
            text = Path(file or "").read_text(encoding="utf-8", errors="replace")
            count = self._library.recall.imported(owner, text, TABS)
        except StudioError as error:
            return {self.note: f'<p class="note" role="alert">{complaint(error)}</p>'}
        told = f'<p class="note">{both("library.preset.imported", count=count)}</p>'
        return {self.note: told, self.presets: self._names(owner)}

    def _presets(self, owner: str) -> list[Preset]:
        try:
            return self._library.recall.presets(owner, self._tab)
        except StudioError:
            return []

    def _names(self, owner: str) -> Any:
        return gr.update(choices=[preset.name for preset in self._presets(owner)])

    def _choice(self, name: str) -> gr.Dropdown:
        return gr.Dropdown(
            [],
            value=None,
            label=word(f"library.recall.{name}"),
            allow_custom_value=True,
            elem_id=f"{self._tab}-{name}",
        )

    def _button(self, name: str) -> gr.Button:
        named = f"{self._tab}-preset-{name}"
        return gr.Button(word(f"library.preset.{name}"), size="sm", scale=1, min_width=72, elem_id=named)
