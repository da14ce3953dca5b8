"""The fold that draws a picture once for every value of one setting, or of two, on one sheet."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, get_args

import gradio as gr
from gradio.blocks import Block

from studio.errors import InvalidRequest, StudioError
from studio.identity.owners import Owner
from studio.imaging.drawing.requests import LATENT, DrawingProgress
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.imaging.plots.axes import CHOICES, DECIMAL, WHOLE, Axis, AxisName
from studio.imaging.plots.plotter import PlotRequest, Plotted, Plotter, check_total
from studio.imaging.plots.ranges import joined_values
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved
from studio.registry import LoadProgress
from studio.studio import Studio
from studio.ui.components import SAVE_JS, work_button
from studio.ui.remembering.bar import result_bar, shown
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.tabs.image.form import PictureForm
from studio.ui.words import both, complaint, line, tiles, word

VARIED: Final[tuple[AxisName, ...]] = get_args(AxisName)
FIRST: Final[AxisName] = "steps"


class AxisFields:
    """What varies along one side, its values, and a list to take them from."""

    def __init__(self, studio: Studio, letter: str, vary: AxisName | str) -> None:
        self._studio = studio
        nothing = [] if letter == "x" else [(word("image.plot.none"), "")]
        name = f"image-plot-{letter}"
        with gr.Row(elem_classes="pair"):
            self.vary = gr.Dropdown(
                [*nothing, *((word(f"image.plot.vary.{each}"), each) for each in VARIED)],
                value=vary,
                label=word(f"image.plot.{letter}"),
                filterable=False,
                min_width=96,
                elem_id=name,
            )
            self.values = gr.Textbox("", label=word("image.plot.values"), min_width=96, elem_id=f"{name}-values")
        self.hint = gr.HTML(hint(vary), elem_id=f"{name}-hint")
        self.pick = gr.Dropdown(
            [],
            value=[],
            multiselect=True,
            visible=False,
            label=word("image.plot.pick"),
            elem_id=f"{name}-pick",
        )
        self.vary.input(self.turned, self.vary, [self.values, self.hint, self.pick], **QUIET)
        self.pick.input(joined_values, self.pick, self.values, **QUIET)

    @property
    def components(self) -> tuple[Block, Block]:
        """What an axis is read from, in order."""
        return self.vary, self.values

    def turned(self, vary: str) -> Updates:
        """Make room for the values of something else."""
        names = self._names(vary)
        listed = gr.update(choices=names, value=[], visible=bool(names))
        return {self.values: "", self.hint: hint(vary), self.pick: listed}

    def _names(self, vary: str) -> Sequence[tuple[str, str]]:
        """What can be chosen from, by the names for people."""
        catalogue = self._studio.catalogue
        if vary == "model":
            return [(spec.name, str(spec.id)) for spec in catalogue.for_task("image")]
        if vary == "hires_upscaler":
            return [(LATENT, LATENT), *((spec.name, str(spec.id)) for spec in catalogue.for_task("upscale"))]
        if vary == "styles":
            return self._styles()
        return [(name, name) for name in CHOICES.get(vary, {}).values()]

    def _styles(self) -> Sequence[tuple[str, str]]:
        try:
            styles = self._studio.phrasing.styles.all()
        except StudioError as error:
            gr.Warning(complaint(error))
            return []
        return [(" · ".join(dict.fromkeys((style.title("en"), style.title("zh-CN")))), style.id) for style in styles]


class PlotFold:
    """Both axes, how many pictures they make, the button, and the sheet as it grows.

    `form` says what every picture has that does not vary; its components must all be there already.
    """

    def __init__(self, context: TabContext, form: PictureForm, plotter: Plotter) -> None:
        self._form, self._plotter, self._keeper = form, plotter, context.studio.keeper
        with gr.Accordion(word("image.plot"), open=False, elem_id="image-plot", elem_classes="advanced"):
            self.x, self.y = AxisFields(context.studio, "x", FIRST), AxisFields(context.studio, "y", "")
            self.total = gr.HTML(elem_id="image-plot-total")
            self.drawing = work_button(context, context.imaging, "image-plot", "image.plot.draw", minor=True)
            with gr.Column(elem_id="image-plot-result", elem_classes="result"):
                self.sheet = gr.Image(
                    label=word("image.plot.sheet"),
                    show_label=False,
                    format="png",
                    interactive=False,
                    buttons=["fullscreen"],
                    elem_id="image-plot-sheet",
                )
                with gr.Row(elem_classes="actions"):
                    self.download = gr.Button(word("app.download"), size="sm", elem_id="image-plot-download")
                self.kept = result_bar("plot", "image-plot")
        self._wire()

    def _wire(self) -> None:
        axes = [*self.x.components, *self.y.components]
        asked = [*self._form.components, *axes]
        self.drawing.run(self.drawing.start.click, self.draw, asked, [self.sheet, self.kept], raw=True)
        self.drawing.seal()
        self.download.click(None, self.sheet, js=SAVE_JS, **QUIET)
        triggers = [component.change for component in (self.x.vary, self.x.values, self.y.vary, self.y.values)]
        gr.on(triggers, self.counted, axes, self.total, trigger_mode="always_last", **QUIET)

    def counted(self, x: str, across: str, y: str, down: str) -> str:
        """How many pictures it will be, or what is wrong with the values; nothing before there are any."""
        if not (across or "").strip():
            return ""
        try:
            columns, rows = (len(axis.points) if axis else 1 for axis in _axes(x, across, y, down))
            check_total(columns, rows)
        except StudioError as error:
            return f'<p class="note" role="alert">{complaint(error)}</p>'
        return f'<p class="note">{both("image.plot.count", count=columns * rows, columns=columns, rows=rows)}</p>'

    def draw(self, owner: Owner, *values: Any) -> Iterator[LoadProgress | Updates]:
        """Draw the pictures that the form and the axes ask for; `values` are as the browser sent them."""
        *form, x, across, y, down = values
        columns, rows = _axes(x, across, y, down)
        request = PlotRequest.of(picture=self._form.request(tuple(form)), x=columns, y=rows)
        for step in self._keeper.keep(Place(owner.id), request, self._plotter.draw(request)):
            if isinstance(step, Saved | Unkept):
                yield {self.kept: shown(step)}
            else:
                yield step if isinstance(step, LoadProgress) else self._shown(step)

    def _shown(self, step: DrawingProgress | EnlargingProgress | Plotted) -> Updates:
        if isinstance(step, Plotted):
            return self._grown(step)
        if isinstance(step, EnlargingProgress):
            return {self.drawing.status: tiles(step.tile, step.total, step.seconds_left)}
        text = both("image.step.many", step=step.step, total=step.total, picture=step.picture, pictures=step.pictures)
        share = (step.picture - 1 + step.step / max(step.total, 1)) / max(step.pictures, 1)
        return {self.drawing.status: line(text, share, remaining=step.seconds_left)}

    def _grown(self, step: Plotted) -> Updates:
        file = str(step.file)
        return {
            self.sheet: file,
            self.drawing.status: line(_told(step), step.done / step.total, moving=step.done < step.total),
        }


def hint(vary: str) -> str:
    """How the values of an axis are written, as HTML."""
    if not vary:
        return ""
    kinds: Mapping[str, str] = {name: name for name in ("prompt", "order", "size")} | {"variation_seed": "seed"}
    kind = kinds.get(vary, "seed" if vary == "seed" else "numbers" if vary in WHOLE | DECIMAL else "names")
    return f'<p class="note">{both(f"image.plot.hint.{kind}")}</p>'


def _axes(x: str, across: str, y: str, down: str) -> tuple[Axis, Axis | None]:
    """The axes that were chosen.

    Raises:
        InvalidRequest: one of the values cannot be, or there are none.
    """
    if not x:
        raise InvalidRequest("plot.none", field="x")
    return Axis.of(vary=x, values=across or ""), Axis.of(vary=y, values=down or "") if y else None


def _told(step: Plotted) -> str:
    if step.done < step.total:
        return both("image.done.part", picture=step.done, pictures=step.total)
    key = "image.plot.done.refused" if step.refused else "image.plot.done"
    notice = f" {both(step.notice)}" if step.notice else ""
    return both(key, count=step.done - step.refused, refused=step.refused) + notice
