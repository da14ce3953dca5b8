"""Which model will do the work, in words before anybody asks: where it is, what it is good for, how long it takes."""

import os
import sys
from collections.abc import Sequence
from typing import Final

import gradio as gr
from gradio.blocks import Block

from studio.messages import LOCALES, Locale, data_size, message
from studio.registry import ModelSpec, Status, Task
from studio.studio import Studio
from studio.ui.start_stop import QUIET
from studio.ui.words import both, finding, instead, spans

TONGUE_NAMES: Final[dict[str, dict[Locale, str]]] = {
    "en": {"en": "English", "zh-CN": "英文"},
    "zh": {"en": "Chinese", "zh-CN": "中文"},
}
CHOOSER_JS: Final = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-instead]');
  if (button) trigger('submit', { model: button.dataset.instead });
});
"""
"""For lines with links that name another model; `submit` carries its id."""
READ_BYTES: Final = 0.6e9
"""Bytes of weights read into memory in a second, more or less."""
LIBRARY_SECONDS: Final = 12.0
"""What importing torch and diffusers takes at the first use."""
SECONDS_PER_GB: Final[dict[str, float]] = {"text": 24.0, "code": 12.0, "image": 50.0, "upscale": 100.0}
"""What the first answer takes on two cores of a CPU beside the loading: an outline, a function, a picture."""
WAITS: Final = ((8, "moment"), (20, "seconds"), (45, "half"), (90, "minute"))
"""Seconds, and the words for a wait of up to so many."""


def runs_line(name: str, model: Block) -> gr.HTML:
    """The line of `who_runs`; a click on a model that it names chooses that one."""
    line = gr.HTML(elem_id=f"{name}-runs", elem_classes="runs", js_on_load=CHOOSER_JS)
    line.submit(picked, None, model, **QUIET)
    return line


def who_runs(studio: Studio, wanted: str, tasks: Sequence[Task], language: str | None = None) -> str:
    """A few words, as HTML, on the model that will do the work."""
    registry = studio.registry
    spec = registry.choose(wanted or None, *tasks)
    status = next(status for status in registry.statuses() if status.id == spec.id)
    if spec.task == "image" and not status.present:
        return f'<p class="note">{both("image.absent")}</p>'
    parts = [_refused(studio, tasks)] if not wanted else []
    parts.append(_place(studio, spec, status, tasks))
    if spec.note:
        parts.append(spans({locale: spec.note.get(locale, spec.note.get("en", "")) for locale in LOCALES}))
    if spec.starter and spec.task != "upscale":
        parts.append(both("app.runs.starter"))
    if language and not speaks(spec, language):
        parts.append(_tongue(studio, spec, tasks, language))
    return f'<p class="note">{" ".join(filter(None, parts))}</p>'


def speaks(spec: ModelSpec, language: str) -> bool:
    """Whether a model was made for a language, `en` or `zh`; one that does not say is taken to be."""
    return not spec.languages or any(tag.lower().startswith(language) for tag in spec.languages)


def first_answer(spec: ModelSpec, task: Task, loaded: bool, accelerated: bool) -> float:
    """About how many seconds the first answer takes, of a model whose weights are here; a rule of thumb."""
    size = (spec.memory or 0) / 1e9
    reading = 0.0 if loaded else size * 1e9 / READ_BYTES
    if spec.engine != "llamacpp" and "torch" not in sys.modules:
        reading += LIBRARY_SECONDS
    working = SECONDS_PER_GB.get(task, 0) * size * 2 / max(2, os.cpu_count() or 1)
    return reading + (3.0 if accelerated else 3.0 + working)


def _place(studio: Studio, spec: ModelSpec, status: Status, tasks: Sequence[Task]) -> str:
    if spec.remote:
        return both("app.runs.remote" if status.present else "app.runs.unset", name=spec.name)
    if status.present:
        loaded = status.state in ("host", "device")
        accelerated = studio.registry.accelerated(spec) and any(d.name != "cpu" for d in studio.registry.devices())
        seconds = first_answer(spec, tasks[0], loaded, accelerated)
        wait = next((word for most, word in WAITS if seconds <= most), "minutes")
        return both("app.runs.here", name=spec.name) + " " + both(f"app.runs.first.{wait}")
    # How far it is, the header tells all the while.
    under_way = any(step.model == spec.id for step in studio.registry.fetching())
    return both("app.runs.fetching" if under_way else "app.runs.fetch", name=spec.name, size=data_size(spec.memory))


def _refused(studio: Studio, tasks: Sequence[Task]) -> str:
    """Why the embedded default does not do the work, where it could not be fetched."""
    for spec in studio.catalogue.for_task(*tasks):
        error = studio.registry.refusal(spec) if spec.embedded and not studio.registry.present(spec) else None
        if error is not None:
            return finding("app.runs.refused", error, name=spec.name)
    return ""


def _tongue(studio: Studio, spec: ModelSpec, tasks: Sequence[Task], language: str) -> str:
    names = TONGUE_NAMES[language]
    said = spans({locale: message("app.runs.tongue", locale, language=names[locale]) for locale in LOCALES})
    others = [other for other in studio.catalogue.for_task(*tasks) if not speaks(other, language)]
    better = studio.registry.ready(*tasks, without=others) or next(
        (other for other in studio.catalogue.for_task(*tasks) if other.embedded and speaks(other, language)), None
    )
    return said if better is None or better == spec else f"{said} {instead(better, 'app.runs.instead')}"


def picked(event: gr.EventData) -> str:
    """The model that a click on a link named."""
    return str(event.model)
