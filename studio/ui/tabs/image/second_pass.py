"""The second pass of a picture, at a higher resolution."""

from collections.abc import Mapping

import gradio as gr
from gradio.blocks import Block

from studio.imaging.drawing.requests import LATENT, default
from studio.studio import Studio
from studio.ui.words import word


class HiresTools:
    """Its factor, what enlarges in between, its steps and its strength."""

    def __init__(self, studio: Studio) -> None:
        specs = studio.catalogue.for_task("upscale")
        with gr.Accordion(word("image.hires"), open=False, elem_id="image-hires", elem_classes="advanced"):
            self.scale = gr.Textbox(
                "",
                label=word("image.hires.scale"),
                info=word("image.hires.info"),
                placeholder=word("image.hires.off"),
                elem_id="image-hires-scale",
            )
            self.upscaler = gr.Dropdown(
                [(word("image.hires.latent"), LATENT), *((str(spec.name), str(spec.id)) for spec in specs)],
                value=LATENT,
                label=word("image.hires.upscaler"),
                filterable=False,
                elem_id="image-hires-upscaler",
            )
            with gr.Row(elem_classes="pair"):
                self.steps = gr.Textbox(
                    "",
                    label=word("image.hires.steps"),
                    placeholder=word("image.hires.same"),
                    min_width=96,
                    elem_id="image-hires-steps",
                )
                self.strength = gr.Number(
                    default("hires_strength"),
                    label=word("image.strength"),
                    minimum=0.05,
                    maximum=1,
                    step=0.05,
                    min_width=96,
                    elem_id="image-hires-strength",
                )

    @property
    def fields(self) -> Mapping[str, Block]:
        """What an infotext fills in."""
        return {
            "hires_scale": self.scale,
            "hires_upscaler": self.upscaler,
            "hires_steps": self.steps,
            "hires_strength": self.strength,
        }
