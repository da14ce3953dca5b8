"""The fold that reads how a picture was made and fills the form with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.errors import StudioError
from studio.imaging.drawing.requests import LATENT
from studio.imaging.infotext.text import read_infotext
from studio.imaging.reuse import LABELS, Reuse, picture_text, reuse
from studio.ui.components import picture_drop
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.words import both, complaint, trouble, word

SIDES: Final = ("width", "height")
NUMBERS: Final = ("steps", "guidance_scale", "clip_skip", "hires_scale", "hires_steps")
"""What the form holds as text, because it may be empty."""
CLEARED: Final[Mapping[str, Any]] = {
    "negative_prompt": "",
    "clip_skip": "",
    # A list: Gradio takes a tuple for one choice.
    "styles": [],
    "schedule_type": "",
    "variation_strength": 0,
    "fast": False,
    "hires_scale": "",
    "hires_upscaler": LATENT,
    "hires_steps": "",
}
"""What an infotext leaves out where there was none; styles are in its prompt."""


class InfotextFold:
    """A picture is dropped, its settings are shown as text, and one button fills the form with them.

    `fields` are the form's components by the names a `PictureRequest` gives them; `size` takes any `<width>x<height>`.
    """

    def __init__(self, context: TabContext, fields: Mapping[str, Block], size: gr.Dropdown) -> None:
        self._studio = context.studio
        self._fields = fields
        self._size = size
        with gr.Accordion(word("image.read"), open=False, elem_id="image-read", elem_classes="advanced"):
            self.picture = picture_drop("image-read-picture", "image.read.picture", 160)
            self.text = gr.Textbox(
                "",
                label=word("image.read.text"),
                placeholder=word("image.read.hint"),
                lines=3,
                max_lines=10,
                elem_id="image-read-text",
            )
            with gr.Row(elem_classes="actions"):
                self.use = gr.Button(word("image.read.use"), size="sm", elem_id="image-read-use")
            self.note = gr.HTML(elem_id="image-read-note")
        # Raw, so that the file is read as it was sent.
        self.picture.upload(self.read, self.picture, [self.text, self.note], preprocess=False, **QUIET)
        self.use.click(self.fill, self.text, [*fields.values(), size, self.note], **QUIET)

    def read(self, picture: dict[str, Any] | None) -> Updates:
        """Show the text of an uploaded file; `picture` is Gradio's record of it, whose path Gradio has checked."""
        try:
            file = Path(picture["path"] if picture else "")
            return {self.text: picture_text(file, self._studio.settings.max_pixels), self.note: ""}
        except StudioError as error:
            return {self.text: "", self.note: trouble(complaint(error))}

    def fill(self, text: str) -> Updates:
        """Fill the form, and say what it could not take."""
        try:
            catalogue = self._studio.catalogue
            taken = reuse(read_infotext(text), catalogue.for_task("image"), catalogue.for_task("upscale"))
        except StudioError as error:
            return {self.note: trouble(complaint(error))}
        updates, left = self._placed(taken)
        kept = f" {both('image.read.left', names=', '.join(left))}" if left else ""
        return {**updates, self.note: f'<p class="note">{both("image.read.used")}{kept}</p>'}

    def _placed(self, taken: Reuse) -> tuple[Updates, tuple[str, ...]]:
        """New values for the form, and what has no place in it."""
        values = {name: empty for name, empty in CLEARED.items() if name in self._fields} | dict(taken.fields)
        updates: Updates = {
            component: str(values[name]).removesuffix(".0") if name in NUMBERS else values[name]
            for name, component in self._fields.items()
            if name in values
        }
        left = [LABELS[name] for name in taken.fields if name not in self._fields and name not in SIDES]
        size = "x".join(str(values[side]) for side in SIDES if side in values)
        if size:
            updates[self._size] = size
        return updates, (*left, *taken.left)
