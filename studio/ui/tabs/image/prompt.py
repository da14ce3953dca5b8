"""What stands beside the prompt of a picture: how long it is, its styles, and clip skip."""

from typing import Any

import gradio as gr
from pydantic import ValidationError

from studio.errors import InvalidRequest, StudioError
from studio.imaging.prompts.styles import Style
from studio.ui.accounting import owner_or_local
from studio.ui.start_stop import QUIET, TOLD, TabContext, Updates
from studio.ui.words import both, complaint, word


class PromptTools:
    """The token counter below the prompt, and in the advanced fold styles and clip skip."""

    def __init__(self, context: TabContext) -> None:
        self._studio = context.studio

    def counter(self) -> None:
        """Place the counter."""
        self.tokens = gr.HTML(elem_id="image-tokens", elem_classes="runs")

    def options(self) -> None:
        """Place the choices."""
        self.styles = gr.Dropdown(
            self._choices(),
            value=[],
            multiselect=True,
            max_choices=10,
            label=word("image.styles"),
            info=word("image.styles.info"),
            elem_id="image-styles",
        )
        with gr.Row(elem_classes="naming", visible=self._studio.settings.controls) as self.naming:
            self.name = gr.Textbox(
                "",
                label=word("image.style.name"),
                placeholder=word("image.style.name.hint"),
                max_length=80,
                scale=3,
                min_width=160,
                elem_id="image-style-name",
            )
            self.keep = gr.Button(
                word("image.style.keep"), size="sm", scale=1, min_width=72, elem_id="image-style-keep"
            )
        self.clip_skip = gr.Textbox(
            "",
            label=word("image.clip_skip"),
            info=word("image.clip_skip.info"),
            placeholder=word("image.auto"),
            elem_id="image-clip-skip",
        )

    def follow(self, prompt: gr.Textbox, negative: gr.Textbox, model: gr.Dropdown) -> None:
        """Count what is typed, and keep it as a style when asked to; call it once."""
        self._prompt, self._negative = prompt, negative
        gr.on(
            [prompt.change, self.styles.change, model.change],
            self.count,
            [prompt, self.styles, model],
            self.tokens,
            trigger_mode="always_last",
            **QUIET,
        )
        self.keep.click(self.kept, [self.name, prompt, negative], [self.styles, self.name, prompt, negative], **TOLD)

    def refreshed(self) -> Any:
        """The styles there are now."""
        return gr.update(choices=self._choices())

    def count(self, prompt: str, styles: list[str], model: str) -> str:
        """How long the prompt is for this model; nothing where that cannot be told."""
        try:
            counted = self._studio.illustrator.count(prompt, styles, model or None) if prompt.strip() else None
        except StudioError:
            # Whatever is wrong is told when it is drawn; half of a word is no mistake yet.
            return ""
        return f'<p class="note">{both("image.tokens", **counted._asdict())}</p>' if counted else ""

    def kept(self, name: str, prompt: str, negative: str, request: gr.Request | None = None) -> Updates:
        """Keep the prompts as a style of this name, and choose it in their place."""
        try:
            self._studio.identity.require_controls(owner_or_local(request))
            self._studio.phrasing.styles.keep(_style(name, prompt, negative))
        except StudioError as error:
            gr.Warning(complaint(error))
            return {self.name: gr.skip()}
        chosen = gr.update(choices=self._choices(), value=[name.strip()])
        return {self.styles: chosen, self.name: "", self._prompt: "", self._negative: ""}

    def _choices(self) -> list[tuple[Any, str]]:
        try:
            styles = self._studio.phrasing.styles.all()
        except StudioError as error:
            # The page is served whatever became of the file; drawing with a style tells what is wrong.
            gr.Warning(complaint(error))
            styles = ()
        return [(" · ".join(dict.fromkeys((style.title("en"), style.title("zh-CN")))), style.id) for style in styles]


def _style(name: str, prompt: str, negative: str) -> Style:
    if not name.strip():
        raise InvalidRequest("style.unnamed")
    try:
        return Style(id=name.strip(), prompt=prompt.strip(), negative_prompt=negative.strip())
    except ValidationError as error:
        raise InvalidRequest.from_validation(error) from error
