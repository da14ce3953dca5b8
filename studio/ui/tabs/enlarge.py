"""The Enlarge tab: picture to larger picture."""

from collections.abc import Iterator
from typing import Any, Final

import gradio as gr

from studio.errors import InvalidRequest
from studio.imaging.requests import Enlarged, EnlargeRequest, Enlarging
from studio.messages import known
from studio.registry.lease import LoadProgress
from studio.registry.spec import Task
from studio.ui.controls import UNSEEN, picture_drop, who_runs, work_button
from studio.ui.events import Room, Updates
from studio.ui.words import both, line, tiles, word

TASKS: Final[tuple[Task, ...]] = ("upscale",)


class EnlargeTab:
    """Left the picture, right the same four times larger."""

    def __init__(self, room: Room) -> None:
        self._studio = room.studio
        with gr.Row(elem_classes="craft"):
            with gr.Column(scale=2, min_width=320, elem_classes="want"):
                self._request(room)
            with gr.Column(scale=3, min_width=320, elem_classes="get"):
                self._result()
        self._wire()

    def _request(self, room: Room) -> None:
        self.picture = picture_drop("enlarge-picture", "enlarge.picture", 280)
        specs = room.studio.catalogue.for_task(*TASKS)
        named = [(key if known(key := f"enlarge.model.{spec.id}") else "", spec) for spec in specs]
        self.model = gr.Radio(
            [(word(key) if key else spec.name, spec.id) for key, spec in named],
            value=specs[0].id if specs else None,
            label=word("enlarge.model"),
            elem_id="enlarge-model",
            elem_classes="stacked",
        )
        self.runs = gr.HTML(elem_id="enlarge-runs", elem_classes="runs")
        self.enlarging = work_button(room, room.imaging, "enlarge", "enlarge.start")

    def _result(self) -> None:
        with gr.Column(elem_id="enlarge-empty", elem_classes="empty") as self.welcome:
            gr.HTML(f"<h2>{both('enlarge.empty.title')}</h2><p>{both('enlarge.empty.text')}</p>")
        with gr.Column(visible=UNSEEN, elem_id="enlarge-result", elem_classes="result") as self.page:
            self.slider = gr.ImageSlider(
                label=str(word("enlarge.compare")),
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                elem_id="enlarge-slider",
            )
            with gr.Row(elem_classes="actions"):
                self.download = gr.DownloadButton(str(word("app.download")), size="sm", elem_id="enlarge-download")

    def _wire(self) -> None:
        made = [self.slider, self.download, self.page, self.welcome]
        self.enlarging.run(self.enlarging.start.click, self.enlarge, [self.picture, self.model], made, raw=True)
        self.enlarging.seal()

    def describe(self, model: str) -> str:
        """The line on the model that will enlarge."""
        return who_runs(self._studio, model, TASKS)

    def enlarge(self, picture: dict[str, Any] | None, model: str | None) -> Iterator[LoadProgress | Updates]:
        """Enlarge the uploaded file; `picture` is Gradio's record of it, whose path Gradio has checked."""
        if not picture:
            raise InvalidRequest("enlarge.nothing")
        request = EnlargeRequest.of(file=picture["path"], model=model or None)
        for step in self._studio.enlarger.enlarge(request):
            yield step if isinstance(step, LoadProgress) else self._shown(step)

    def _shown(self, step: Enlarging | Enlarged) -> Updates:
        if isinstance(step, Enlarged):
            return self._finished(step)
        return {self.enlarging.status: tiles(step.tile, step.total, step.seconds_left)}

    def _finished(self, step: Enlarged) -> Updates:
        notice = f" {both(step.notice)}" if step.notice else ""
        text = both("enlarge.done", width=step.width, height=step.height) + notice
        return {
            self.slider: (str(step.source), str(step.file)),
            self.download: str(step.file),
            self.page: gr.update(visible=True),
            self.welcome: gr.update(visible=False),
            self.enlarging.status: line(text, moving=False),
        }
