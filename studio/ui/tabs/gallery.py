"""The pictures of one visit, newest first; a click brings one back with its settings."""

from typing import Final, NamedTuple

import gradio as gr

from studio.ui.events import QUIET, Updates
from studio.ui.words import word

Drawing = tuple[str, str, int]
"""A picture's file, infotext and seed."""
MOST: Final = 24


class Shown(NamedTuple):
    """Where the picture that is looked at is shown."""

    picture: gr.Image
    infotext: gr.Textbox
    download: gr.DownloadButton
    file: gr.State
    seed: gr.State


class VisitGallery:
    """A strip of small pictures; it appears with the second one."""

    def __init__(self) -> None:
        self.latest = gr.State([])
        """The pictures of the run under way. Setting them adds those that are new to the strip."""
        self.made = gr.State([])
        self.strip = gr.Gallery(
            label=word("image.gallery"),
            show_label=False,
            visible=False,
            columns=6,
            fit_columns=False,
            height="auto",
            object_fit="cover",
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id="image-gallery",
        )

    def wire(self, shown: Shown) -> None:
        """Remember every picture that is drawn, and show one again on a click; call it once."""
        self._shown = shown
        self.latest.change(self.remember, [self.latest, self.made], [self.made, self.strip], **QUIET)
        self.strip.select(self.back, self.made, list(shown), **QUIET)

    def remember(self, latest: list[Drawing], made: list[Drawing]) -> Updates:
        """Put new pictures first; the oldest leave when there are too many."""
        known = {file for file, *_ in made}
        made = [*reversed([drawing for drawing in latest if drawing[0] not in known]), *made][:MOST]
        return {self.made: made, self.strip: gr.update(value=[file for file, *_ in made], visible=len(made) > 1)}

    def back(self, made: list[Drawing], event: gr.SelectData) -> Updates:
        """Show a picture again."""
        file, infotext, seed = made[event.index]
        picture, text, download, last, seeds = self._shown
        return {picture: file, text: infotext, download: file, last: file, seeds: seed}
