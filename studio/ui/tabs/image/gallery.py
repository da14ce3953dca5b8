"""The pictures of one visit, newest first; a click brings one back with its settings."""

from typing import Final, NamedTuple

import gradio as gr

from studio.ui.start_stop import QUIET, Updates
from studio.ui.words import word

MOST: Final = 24


class Picture(NamedTuple):
    """A finished picture."""

    file: str
    infotext: str
    seed: int
    before: str | None
    """The file of what it began from, where it did not begin from words."""


class Shown(NamedTuple):
    """Where the picture that is looked at is shown: all of it belongs to one and the same."""

    picture: gr.Image
    infotext: gr.Textbox
    compared: gr.ImageSlider
    begun: gr.HTML
    """Holds something where there is something to compare; the style shows the comparison then."""
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

    def remember(self, latest: list[Picture], made: list[Picture]) -> Updates:
        """Put new pictures first; the oldest leave when there are too many."""
        known = {picture.file for picture in made}
        made = [*reversed([picture for picture in latest if picture.file not in known]), *made][:MOST]
        strip = gr.update(value=[picture.file for picture in made], visible=len(made) > 1)
        return {self.made: made, self.strip: strip}

    def back(self, made: list[Picture], event: gr.SelectData) -> Updates:
        """Show a picture again."""
        return self.shown(made[event.index])

    def shown(self, picture: Picture) -> Updates:
        """A picture with all that belongs to it."""
        place = self._shown
        return {
            place.picture: picture.file,
            place.infotext: picture.infotext,
            place.compared: (picture.before, picture.file) if picture.before else None,
            place.begun: "<i></i>" if picture.before else "",
            place.file: picture.file,
            place.seed: picture.seed,
        }
