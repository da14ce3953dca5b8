"""The Enlarge tab: picture to larger picture."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block

from studio.errors import InvalidRequest
from studio.identity.owners import Owner
from studio.imaging.enlarging.in_memory import TASKS
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest, EnlargingProgress
from studio.keeping.keeper import Place, Unkept
from studio.library.values import Saved, Version, Work
from studio.messages import assets, known
from studio.registry import LoadProgress
from studio.ui.components import SAVE_JS, picture_drop, work_button
from studio.ui.model_line import runs_line, who_runs
from studio.ui.remembering.bar import result_bar, shown
from studio.ui.remembering.forms import Form
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.words import both, line, tiles, word

EXAMPLES: Final = (("cat.png", "realesrgan-x4plus"), ("apple.png", "realesrgan-x4plus-anime"))
"""Sample pictures, and the model that suits each."""


def samples() -> Path:
    """The folder of the sample pictures."""
    return assets() / "samples"


class EnlargeTab:
    """Left the picture, right the same four times larger."""

    def __init__(self, context: TabContext) -> None:
        self._studio = context.studio
        with gr.Row(elem_classes="craft"):
            with gr.Column(scale=2, min_width=320, elem_classes="want"):
                self._request(context)
            with gr.Column(scale=3, min_width=320, elem_classes="get"):
                self._welcome()
                self._result()
        self._wire()
        fields = {"picture": self.picture, "model": self.model, "kept": self.kept}
        self.draft = Form(context.studio.library, fields, ("picture", "kept"))
        self.restored: list[Block] = [self.slider]
        self.statuses: list[Block] = [self.enlarging.status]

    def _request(self, context: TabContext) -> None:
        self.picture = picture_drop("enlarge-picture", "enlarge.picture", 280)
        specs = context.studio.catalogue.for_task(*TASKS)
        named = [(key if known(key := f"enlarge.model.{spec.id}") else "", spec) for spec in specs]
        self.model = gr.Radio(
            [(word(key) if key else spec.name, spec.id) for key, spec in named],
            value=specs[0].id if specs else None,
            label=word("enlarge.model"),
            elem_id="enlarge-model",
            elem_classes="stacked",
        )
        with gr.Column(elem_classes="launch"):
            self.runs = runs_line("enlarge", self.model)
            self.enlarging = work_button(context, context.imaging, "enlarge", "enlarge.start")

    def _welcome(self) -> None:
        with gr.Column(elem_classes="empty"):
            gr.HTML(f"<h2>{both('enlarge.empty.title')}</h2><p>{both('enlarge.empty.text')}</p>")
            with gr.Row(elem_classes="examples"):
                for number, (name, model) in enumerate(EXAMPLES, 1):
                    button = gr.Button(
                        word(f"enlarge.example.{name}"),
                        icon=samples() / name,
                        size="sm",
                        elem_id=f"enlarge-example-{number}",
                        elem_classes="example",
                    )
                    button.click(partial(self.example, name, model), None, [self.picture, self.model], **QUIET)

    def _result(self) -> None:
        with gr.Column(elem_id="enlarge-result", elem_classes="result"):
            self.slider = gr.ImageSlider(
                label=str(word("enlarge.compare")),
                # Over a picture the words could not be read.
                show_label=False,
                format="png",
                interactive=False,
                buttons=["fullscreen"],
                elem_id="enlarge-slider",
            )
            with gr.Row(elem_classes="actions"):
                self.download = gr.Button(word("app.download"), size="sm", elem_id="enlarge-download")
            self.kept = result_bar("enlargement", "enlarge")

    def _wire(self) -> None:
        asked = [self.picture, self.model]
        self.enlarging.run(self.enlarging.start.click, self.enlarge, asked, [self.slider, self.kept], raw=True)
        self.enlarging.seal()
        self.download.click(None, self.slider, js=SAVE_JS, **QUIET)

    def describe(self, model: str) -> str:
        """The line on the model that will enlarge."""
        return who_runs(self._studio, model, TASKS)

    def example(self, name: str, model: str) -> tuple[str, Any]:
        """A sample picture, and the model that suits it where there is that one."""
        suits = any(spec.id == model for spec in self._studio.catalogue.for_task(*TASKS))
        return str(samples() / name), model if suits else gr.skip()

    def enlarge(
        self, owner: Owner, picture: dict[str, Any] | None, model: str | None
    ) -> Iterator[LoadProgress | Updates]:
        """Enlarge the uploaded file; `picture` is Gradio's record of it, whose path Gradio has checked."""
        if not picture:
            raise InvalidRequest("enlarge.nothing")
        request = EnlargeRequest.of(file=picture["path"], model=model or None)
        for step in self._studio.keeper.keep(Place(owner.id), request, self._studio.enlarger.enlarge(request)):
            if isinstance(step, Saved | Unkept):
                yield {self.kept: shown(step)}
            else:
                yield step if isinstance(step, LoadProgress) else self._shown(step)

    def follows(self, state: Mapping[str, Any]) -> Updates:
        """The comparison that was there last."""
        kept = state.get("kept")
        if not isinstance(kept, dict) or not kept.get("file"):
            return {}
        return {self.slider: (kept.get("source") or kept["file"], kept["file"])}

    def opened(self, work: Work, version: Version) -> Mapping[str, Any]:
        """The picture that was enlarged, and what it became."""
        source = next((file for file in version.files if file.role == "source"), None)
        kept = {"work": work.id, "version": version.number}
        told = {"model": version.model, "kept": kept}
        return told | ({"picture": {"asset": source.digest}} if source else {})

    def _shown(self, step: EnlargingProgress | Enlarged) -> Updates:
        if isinstance(step, Enlarged):
            return self._finished(step)
        return {self.enlarging.status: tiles(step.tile, step.total, step.seconds_left)}

    def _finished(self, step: Enlarged) -> Updates:
        notice = f" {both(step.notice)}" if step.notice else ""
        text = both("enlarge.done", width=step.width, height=step.height) + notice
        return {
            self.slider: (str(step.source), str(step.file)),
            self.enlarging.status: line(text, moving=False),
        }
