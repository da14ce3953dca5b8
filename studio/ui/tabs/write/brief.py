"""The brief: what a piece is to be about, for whom, and how."""

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.errors import InvalidRequest
from studio.ui.components import model_choice, work_button
from studio.ui.model_line import runs_line
from studio.ui.start_stop import TabContext
from studio.ui.words import word
from studio.writing.requests import PIECE_KINDS, Brief
from studio.writing.writer import TASKS

BRIEF: Final = (
    "topic",
    "audience",
    "tone",
    "language",
    "sections",
    "words",
    "keywords",
    "notes",
    "model",
    "kind",
    "avoid",
    "voice",
)


class BriefForm:
    """The fields of a brief, the line that they fold to, and the button that makes an outline of them."""

    def __init__(self, context: TabContext) -> None:
        gr.HTML(
            '<button type="button" class="folded"><b dir="auto"></b><small dir="auto"></small></button>',
            elem_id="write-folded",
        )
        self.topic = gr.Textbox(
            "",
            label=word("write.topic"),
            placeholder=word("write.topic.hint"),
            lines=2,
            max_lines=6,
            elem_id="write-topic",
        )
        with gr.Row(elem_classes="pair"):
            self.kind = gr.Dropdown(
                [(word(f"write.kind.{kind}"), kind) for kind in PIECE_KINDS],
                value="article",
                label=word("write.kind"),
                filterable=False,
                min_width=96,
                elem_id="write-kind",
            )
            self.tone = gr.Textbox(
                "", label=word("write.tone"), placeholder=word("write.tone.hint"), min_width=96, elem_id="write-tone"
            )
        self.audience = gr.Textbox(
            "", label=word("write.audience"), placeholder=word("write.audience.hint"), elem_id="write-audience"
        )
        self.language = gr.Radio(
            [("English", "en"), ("中文", "zh"), (word("write.language.auto"), "auto")],
            value="en",
            label=word("write.language"),
            elem_id="write-language",
        )
        self.notes = gr.Textbox(
            "",
            label=word("write.notes"),
            placeholder=word("write.notes.hint"),
            lines=2,
            max_lines=12,
            elem_id="write-notes",
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
            self.avoid = gr.Textbox(
                "", label=word("write.avoid"), placeholder=word("write.keywords.hint"), elem_id="write-avoid"
            )
            self.voice = gr.Textbox(
                "", label=word("write.voice"), placeholder=word("write.voice.hint"), lines=3, elem_id="write-voice"
            )
            self.model = model_choice(context.studio, "write", *TASKS)
        with gr.Column(elem_classes="launch"):
            self.runs = runs_line("write", self.model)
            self.outlining = work_button(
                context, context.text, "write-outline", "write.outline", model=self.model, tasks=TASKS
            )

    @property
    def fields(self) -> dict[str, Block]:
        """The components by the brief's names, in the order of `BRIEF`."""
        return {name: getattr(self, name) for name in BRIEF}


def brief_of(values: Any) -> Brief:
    """The brief that the form's values make.

    Raises:
        InvalidRequest: a field is out of bounds.
    """
    fields = dict(zip(BRIEF, values, strict=True))
    return Brief.of(**{**fields, "model": fields["model"] or None})


def given_brief(values: Sequence[Any]) -> Brief | None:
    """The form's brief, where it is one."""
    try:
        return brief_of(values)
    except InvalidRequest:
        return None
