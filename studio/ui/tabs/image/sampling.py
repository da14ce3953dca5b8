"""How a picture is sampled, and how many are drawn."""

from collections.abc import Mapping

import gradio as gr
from gradio.blocks import Block

from studio.engines.diffusion import OFFERED, OFFERED_SCHEDULES
from studio.imaging.drawing.requests import MOST_PICTURES, MOST_TOGETHER
from studio.ui.tabs.image.form import whole_number
from studio.ui.words import word


class SamplingTools:
    """Sampler, schedule type, variations, and the number of pictures."""

    def __init__(self) -> None:
        with gr.Row(elem_classes="pair"):
            self.sampler = self._choice("sampler", OFFERED)
            self.schedule_type = self._choice("schedule_type", OFFERED_SCHEDULES)
        self.fast = gr.Checkbox(False, label=word("image.fast"), info=word("image.fast.info"), elem_id="image-fast")
        with gr.Row(elem_classes="pair"):
            self.variation_seed = gr.Number(
                -1, label=word("image.variation_seed"), precision=0, min_width=96, elem_id="image-variation-seed"
            )
            self.variation_strength = gr.Number(
                0,
                label=word("image.variation_strength"),
                minimum=0,
                maximum=1,
                step=0.05,
                min_width=96,
                elem_id="image-variation-strength",
            )
        with gr.Row(elem_classes="pair"):
            self.count = whole_number("count", 1, MOST_PICTURES, word("image.count.info"))
            self.batch_size = whole_number("batch_size", 1, MOST_TOGETHER, word("image.batch_size.info"))

    @property
    def fields(self) -> Mapping[str, Block]:
        """What an infotext fills in."""
        return {
            "sampler": self.sampler,
            "schedule_type": self.schedule_type,
            "variation_seed": self.variation_seed,
            "variation_strength": self.variation_strength,
            "fast": self.fast,
        }

    def _choice(self, name: str, options: tuple[str, ...]) -> gr.Dropdown:
        return gr.Dropdown(
            [(word("image.size.auto"), ""), *((option, option) for option in options)],
            value="",
            label=word(f"image.{name}"),
            info=word(f"image.{name}.info"),
            min_width=96,
            elem_id=f"image-{name.replace('_', '-')}",
        )
