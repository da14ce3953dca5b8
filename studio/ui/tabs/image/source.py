"""What a picture begins from: words alone, another picture, or a part of one that is repainted."""

from typing import Any, Final, Literal, get_args

import gradio as gr
from gradio.components.image_editor import EditorData

from studio.engines.diffusion import Abilities
from studio.errors import InvalidRequest, UnreadablePicture
from studio.imaging.drawing.requests import InpaintArea, InpaintFill, default
from studio.imaging.pictures.fitting import ResizeMode
from studio.ui.components import picture_drop
from studio.ui.start_stop import QUIET, Updates
from studio.ui.tabs.image.form import whole_number
from studio.ui.words import word

Mode = Literal["words", "picture", "repaint"]
BRUSH: Final = ("rgb(236, 72, 153)", 0.7)
"""Seen on any picture, which shows through it; the mask takes whatever is painted at least half opaque."""
CANVAS: Final = (640, 480)
HEIGHT: Final = 360


class SourceFields:
    """The choice between the three, the pictures, and what belongs to them."""

    def __init__(self) -> None:
        self.mode = gr.Radio(
            [(word(f"image.mode.{mode}"), mode) for mode in get_args(Mode)],
            value="words",
            show_label=False,
            elem_id="image-mode",
            elem_classes="segments",
        )
        # The choice above says what it is; over a picture the words could not be read.
        self.picture = picture_drop("image-source", "image.source", 240, shown=False, visible=False)
        self.editor = gr.ImageEditor(
            label=word("image.repaint"),
            type="filepath",
            # Lossless: what is not repainted must come back to the pixel.
            format="png",
            sources=["upload", "clipboard"],
            brush=gr.Brush(colors=[BRUSH], default_color=BRUSH, color_mode="fixed"),
            transforms=(),
            layers=False,
            canvas_size=CANVAS,
            height=HEIGHT,
            visible=False,
            elem_id="image-repaint",
            elem_classes="drop",
        )

    def strength(self) -> None:
        """Place the slider that only pictures need."""
        self.share = gr.Slider(
            0.05,
            1,
            default("strength"),
            step=0.05,
            label=word("image.strength"),
            info=word("image.strength.info"),
            visible=False,
            elem_id="image-strength",
        )

    def options(self) -> None:
        """Place what few people change."""
        with gr.Column(visible=False, elem_id="image-source-options") as self.more:
            self.resize_mode = self._choice("resize_mode", ResizeMode)
        with gr.Column(visible=False, elem_id="image-repaint-options") as self.repainting:
            self.area = self._choice("inpaint_area", InpaintArea)
            with gr.Row(elem_classes="pair"):
                self.padding = whole_number("inpaint_padding", 0, 1024)
                self.blur = whole_number("mask_blur", 0, 64)
            self.fill = self._choice("inpaint_fill", InpaintFill)
            self.mask = picture_drop("image-mask", "image.mask", 160)

    def wire(self) -> None:
        """Show what the chosen mode needs; call it once."""
        self.mode.change(
            self.shown, self.mode, [self.picture, self.editor, self.share, self.more, self.repainting], **QUIET
        )

    def shown(self, mode: Mode) -> Updates:
        """What there is to fill in for a mode."""
        return {
            self.picture: gr.update(visible=mode == "picture"),
            self.editor: gr.update(visible=mode == "repaint"),
            self.share: gr.update(visible=mode != "words"),
            self.more: gr.update(visible=mode != "words"),
            self.repainting: gr.update(visible=mode == "repaint"),
        }

    def offered(self, able: Abilities, mode: Mode) -> Any:
        """The choice of modes for what a model can do."""
        can = {"words": True, "picture": able.pictures, "repaint": able.inpaint}
        choices = [(word(f"image.mode.{each}"), each) for each in get_args(Mode) if can[each]]
        # The value is left alone where it can stay: it may have been changed while this answer was on its way.
        return gr.update(choices=choices) if can[mode] else gr.update(choices=choices, value="words")

    @property
    def components(self) -> tuple[Any, ...]:
        """What `read` takes, in order."""
        return (
            self.mode,
            self.picture,
            self.editor,
            self.mask,
            self.share,
            self.resize_mode,
            self.area,
            self.padding,
            self.blur,
            self.fill,
        )

    def read(
        self, mode: Mode, picture: Any, edited: Any, mask: Any, share: float, resize_mode: str, *repainting: Any
    ) -> dict[str, Any]:
        """Fields of a `PictureRequest`, from values as the browser sent them; Gradio has checked their paths.

        Raises:
            InvalidRequest: the picture is missing.
            UnreadablePicture: the page's own drawing of it cannot be read.
        """
        if mode == "words":
            return {}
        common = {"strength": share, "resize_mode": resize_mode}
        if mode == "picture":
            return common | {"image": _required(picture)}
        background, layer = self._drawn(edited)
        names = ("inpaint_area", "inpaint_padding", "mask_blur", "inpaint_fill")
        painted = {name: value for name, value in zip(names, repainting, strict=True) if value is not None}
        return common | painted | {"image": background, "mask": mask["path"] if mask else layer}

    def _drawn(self, edited: Any) -> tuple[str, str]:
        """The files of the picture and of what was painted over it."""
        try:
            value = self.editor.preprocess(EditorData(**edited)) if edited else None
        except Exception as error:  # whatever a decoder makes of damaged bytes
            raise UnreadablePicture("picture.unknown", file=str(word("image.repaint"))) from error
        if not value or not value["background"]:
            raise InvalidRequest("draw.no_source")
        if not value["layers"]:
            raise InvalidRequest("draw.mask_empty")
        return str(value["background"]), str(value["layers"][0])

    def _choice(self, name: str, options: Any) -> gr.Radio:
        return gr.Radio(
            [(word(f"image.{name}.{option}"), option) for option in get_args(options)],
            value=default(name),
            label=word(f"image.{name}"),
            elem_id=f"image-{name.replace('_', '-')}",
        )


def _required(picture: Any) -> str:
    if not picture:
        raise InvalidRequest("draw.no_source")
    return str(picture["path"])
