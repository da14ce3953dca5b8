"""ControlNet units: what steers a picture, and how strongly."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

import gradio as gr

from studio.engines.annotators import ANNOTATORS
from studio.engines.diffusion import Emphasis
from studio.errors import InvalidRequest
from studio.identity.owners import Owner
from studio.imaging.control.annotations import Annotated
from studio.imaging.control.requests import ControlImageRequest
from studio.imaging.control.units import ControlUnitRequest
from studio.imaging.drawing.plan import own_size
from studio.imaging.pictures.fitting import ResizeMode
from studio.registry import LoadProgress
from studio.ui.components import picture_drop, work_button
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.tabs.image.sizes import sides
from studio.ui.words import both, line, word

UNITS: Final = 4
"""On the page; programs may send more."""
KNOBS: Final = 2
"""Parameters that an annotator has at most."""


class ControlUnitFields:
    """One unit: its picture and ControlNet, its annotator with a preview, its weight and its span."""

    def __init__(
        self, context: TabContext, number: int, drawn_by: gr.Dropdown, size: gr.Dropdown, networks: Any
    ) -> None:
        self._studio, self._drawn_by, self._size = context.studio, drawn_by, size
        self._name = f"image-control-{number}"
        with gr.Column(visible=number == 1, elem_id=self._name, elem_classes="unit") as self.group:
            gr.HTML(f'<p class="note">{both("image.control.picture")}</p>')
            self.picture = picture_drop(f"{self._name}-picture", "image.source", 160, shown=False)
            self.model = gr.Dropdown(
                networks,
                value="",
                label=word("image.control.model"),
                filterable=False,
                elem_id=f"{self._name}-model",
            )
            self.annotator = gr.Dropdown(
                [(word(f"image.control.annotator.{each}"), each) for each in ANNOTATORS],
                value="none",
                label=word("image.control.annotator"),
                filterable=False,
                elem_id=f"{self._name}-annotator",
            )
            self.knobs = [self._slider(f"knob-{index}", 0, 1, 0, 1, visible=False) for index in range(KNOBS)]
            self.preview = gr.Image(
                show_label=False,
                visible=False,
                interactive=False,
                buttons=["fullscreen"],
                elem_id=f"{self._name}-preview",
            )
            self.looking = work_button(context, context.imaging, self._name, "image.control.preview", minor=True)
            self.scale = self._slider("scale", 0, 2, 1, 0.05, label=word("image.control.scale"))
            with gr.Row(elem_classes="pair"):
                self.start = self._number("start", 0)
                self.end = self._number("end", 1)
            self.mode = self._choice("mode", Emphasis)
            self.resize_mode = self._choice("resize_mode", ResizeMode)
            with gr.Row(elem_classes="pair"):
                self.perfect = gr.Checkbox(True, label=word("image.control.perfect"), elem_id=f"{self._name}-perfect")
                self.resolution = gr.Number(
                    512,
                    label=word("image.control.resolution"),
                    precision=0,
                    min_width=96,
                    elem_id=f"{self._name}-resolution",
                )
        self._wire()

    @property
    def components(self) -> tuple[Any, ...]:
        """What `read` takes, in order."""
        span = (self.scale, self.start, self.end, self.mode)
        return (self.picture, self.model, *self._annotation, *span)

    @property
    def _annotation(self) -> tuple[Any, ...]:
        return (self.annotator, *self.knobs, self.resize_mode, self.perfect, self.resolution)

    def read(self, picture: Any, model: str | None, *rest: Any) -> dict[str, Any] | None:
        """Fields of a `ControlUnitRequest`; None where the unit is not used."""
        if not model:
            return None
        *annotation, scale, start, end, mode = rest
        span = {"scale": scale, "start": start, "end": end, "mode": mode}
        file = {"image": picture["path"]} if picture else {}
        return {"model": model, **file, **_annotation(*annotation), **_filled(span)}

    def _wire(self) -> None:
        self.model.input(self.suggest, self.model, self.annotator, **QUIET)
        self.annotator.change(self.knobs_of, self.annotator, self.knobs, **QUIET)
        shown = [self.preview]
        self.looking.run(
            self.looking.start.click,
            self.look,
            [self.picture, self._drawn_by, self._size, *self._annotation],
            shown,
            raw=True,
        )
        self.looking.seal()

    def suggest(self, controlnet: str | None) -> Any:
        """The annotator that a ControlNet was trained on."""
        return self._studio.control_images.suggest(controlnet) if controlnet else gr.skip()

    def knobs_of(self, annotator: str) -> list[Any]:
        """The sliders of an annotator."""
        parameters = ANNOTATORS[annotator].parameters
        shown = [
            gr.update(
                visible=True,
                label=str(word(f"image.control.parameter.{each.name}")),
                minimum=each.least,
                maximum=each.most,
                step=each.step,
                value=each.default,
            )
            for each in parameters
        ]
        return [*shown, *[gr.update(visible=False)] * (KNOBS - len(shown))]

    def look(
        self, _owner: Owner, picture: Any, model: str, size: str, *annotation: Any
    ) -> Iterator[LoadProgress | Updates]:
        """Make the control image as it will steer, and show it."""
        if not picture:
            raise InvalidRequest("draw.no_source")
        own = own_size(self._studio.registry.choose(model or None, "image"))
        width, height = sides(size) if size.strip() else own
        request = ControlImageRequest.of(image=picture["path"], width=width, height=height, **_annotation(*annotation))
        for step in self._studio.annotations.annotate(request):
            yield self._shown(step) if isinstance(step, Annotated) else step

    def _shown(self, step: Annotated) -> Updates:
        told = both(step.notice) if step.notice else both("image.control.made", width=step.width, height=step.height)
        return {
            self.preview: gr.update(value=str(step.file), visible=True),
            self.looking.status: line(told, moving=False),
        }

    def _slider(self, name: str, least: float, most: float, value: float, step: float, **more: Any) -> gr.Slider:
        return gr.Slider(least, most, value, step=step, elem_id=f"{self._name}-{name}", **more)

    def _number(self, name: str, value: float) -> gr.Number:
        return gr.Number(
            value,
            label=word(f"image.control.{name}"),
            minimum=0,
            maximum=1,
            step=0.05,
            min_width=96,
            elem_id=f"{self._name}-{name}",
        )

    def _choice(self, name: str, options: Any) -> gr.Radio:
        stem = "image.resize_mode" if name == "resize_mode" else f"image.control.{name}"
        return gr.Radio(
            [(word(f"{stem}.{option}"), option) for option in get_args(options)],
            value=ControlUnitRequest.model_fields[name].default,
            label=word(stem),
            elem_id=f"{self._name}-{name.replace('_', '-')}",
        )


class ControlTools:
    """The units, of which one is seen at first."""

    def __init__(self, context: TabContext, model: gr.Dropdown, size: gr.Dropdown) -> None:
        self._studio = context.studio
        networks = self.networks("")
        with gr.Accordion(
            word("image.control"), open=False, elem_id="image-control", elem_classes="advanced"
        ) as self.fold:
            self.units = [ControlUnitFields(context, number, model, size, networks) for number in range(1, UNITS + 1)]
            self.more = gr.Button(word("image.control.more"), size="sm", elem_id="image-control-more")
        self._seen = gr.State(1)
        groups = [unit.group for unit in self.units]
        self.more.click(self.another, self._seen, [self._seen, self.more, *groups], **QUIET)
        chosen = [unit.model for unit in self.units]
        gr.on([model.change, context.tabs.change], self.suited, [model, *chosen], chosen, **QUIET)

    @property
    def components(self) -> tuple[Any, ...]:
        """What `read` takes, in order."""
        return tuple(component for unit in self.units for component in unit.components)

    def read(self, *values: Any) -> dict[str, Any]:
        """The units that are used, as a field of a `PictureRequest`."""
        each = len(self.units[0].components)
        read = (unit.read(*values[each * index : each * (index + 1)]) for index, unit in enumerate(self.units))
        return {"controls": [unit for unit in read if unit is not None]}

    def networks(self, model: str) -> list[tuple[Any, str]]:
        """The ControlNets that go with an image model; "" stands for the one that would draw."""
        base = self._studio.registry.choose(model or None, "image")
        specs = [spec for spec in self._studio.catalogue.for_task("controlnet") if self._studio.steers(spec, base)]
        return [(word("image.control.off"), ""), *((str(spec.name), str(spec.id)) for spec in specs)]

    def suited(self, model: str, *chosen: str) -> list[Any]:
        """The choice of ControlNets of every unit, for another image model."""
        choices = self.networks(model)
        ids = [value for _, value in choices]
        kept, dropped = gr.update(choices=choices), gr.update(choices=choices, value="")
        return [kept if each in ids else dropped for each in chosen]

    def another(self, seen: int) -> Sequence[Any]:
        """Show one more unit."""
        seen = min(seen + 1, UNITS)
        return [seen, gr.update(visible=seen < UNITS), *(gr.update(visible=number < seen) for number in range(UNITS))]


def _annotation(annotator: str, *rest: Any) -> dict[str, Any]:
    *knobs, resize_mode, perfect, resolution = rest
    named = zip(ANNOTATORS[annotator].parameters, knobs, strict=False) if annotator in ANNOTATORS else ()
    fields = {"annotator": annotator, "resize_mode": resize_mode, "pixel_perfect": perfect, "resolution": resolution}
    return _filled(fields) | {"parameters": {parameter.name: value for parameter, value in named if value is not None}}


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    """What was not emptied; that is at its default."""
    return {name: value for name, value in fields.items() if value is not None}
