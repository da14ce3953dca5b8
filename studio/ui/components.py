"""ControlImages that several tabs share."""

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr

from studio.messages import Locale, known, message
from studio.registry import ModelSpec, Task
from studio.studio import Studio
from studio.ui.model_line import CHOOSER_JS
from studio.ui.start_stop import QUIET, Lane, StartStop, TabContext
from studio.ui.words import model_label, word

LOCALE_JS: Final = "() => [window.studio.locale()]"
"""For handlers whose first and only input is `TabContext.locale`."""
SAVE_JS: Final = "(shown) => window.studio.saveShown(shown)"
"""For a download button whose only input shows the file. Gradio's own has a value beside it, which can be another, and
which it loses when it comes with the message that fills the rest."""


def work_button(
    context: TabContext,
    lane: Lane,
    name: str,
    label: str,
    status: gr.HTML | None = None,
    *,
    model: gr.Dropdown | None = None,
    tasks: Sequence[Task] = (),
    quiet: bool = False,
    minor: bool = False,
) -> StartStop:
    """The primary button `name`, its Stop, and its progress line, which is made here unless `status` is given.

    A `quiet` one is not seen until it is a Stop, where the work is started from elsewhere. A `minor` one stands beside
    a tab's own and looks it. Where the `model` for `tasks` is chosen on the page, one that has to be fetched can be
    replaced while it is waited for.
    """
    with gr.Row(elem_classes="work load" if quiet else "work"):
        start = gr.Button(
            word(label),
            variant="secondary" if minor else "primary",
            elem_id=f"{name}-start",
            elem_classes="never" if quiet else "start",
        )
        stop = gr.Button(word("app.stop"), variant="stop", visible=False, elem_id=f"{name}-stop", elem_classes="stop")
    return StartStop(context, lane, start, stop, status or progress_line(name), model, tasks)


def progress_line(name: str) -> gr.HTML:
    """An empty line that a job fills with how far it is; a click on a model that it names is its `submit`."""
    return gr.HTML(elem_id=f"{name}-status", elem_classes="status", js_on_load=CHOOSER_JS)


def picture_drop(name: str, label: str, height: int, *, shown: bool = True, visible: bool = True) -> gr.Image:
    """Where a picture is dropped or pasted, to come as its file, just as it is. A label that is not `shown` is read."""
    return gr.Image(
        label=word(label),
        show_label=shown,
        type="filepath",
        image_mode=None,
        sources=["upload", "clipboard"],
        height=height,
        visible=visible,
        elem_id=name,
        elem_classes="drop",
    )


def model_choice(studio: Studio, name: str, *tasks: Task) -> gr.Dropdown:
    """A choice among the models for `tasks`; "" leaves it to the studio."""
    return gr.Dropdown(
        model_labels(studio, *tasks),
        value="",
        label=word("app.model"),
        info=word("app.model.info"),
        elem_id=f"{name}-model",
        allow_custom_value=False,
        filterable=False,
    )


def model_labels(studio: Studio, *tasks: Task) -> list[tuple[Any, str]]:
    """What a choice among models offers, each with where it is now."""
    return [(word("app.model.auto"), ""), *(_labelled(studio, spec) for spec in studio.catalogue.for_task(*tasks))]


def _labelled(studio: Studio, spec: ModelSpec) -> tuple[Any, str]:
    if studio.registry.present(spec):
        return model_label(spec, "here"), spec.id
    return model_label(spec, "unset" if spec.remote else "fetched"), spec.id


def examples(
    context: TabContext, craft: str, fields: Sequence[tuple[str, Any]], count: int = 3, prefix: str | None = None
) -> None:
    """Buttons that fill the form with an example in the page's language; `prefix` begins their elements' ids.

    `fields` are pairs of a locale key's ending and the component it fills: the second example's topic is
    `<craft>.example.2.topic`.
    """
    with gr.Row(elem_classes="examples"):
        for number in range(1, count + 1):
            stem = f"{craft}.example.{number}"
            name = f"{prefix or craft}-example-{number}"
            button = gr.Button(word(stem), size="sm", elem_id=name, elem_classes="example")
            button.click(
                _filler(stem, [field for field, _ in fields]),
                context.locale,
                [component for _, component in fields],
                js=LOCALE_JS,
                **QUIET,
            )


def _filler(stem: str, names: Sequence[str]) -> Any:
    def fill(tag: str) -> Any:
        locale: Locale = "zh-CN" if tag == "zh-CN" else "en"
        values = [message(f"{stem}.{name}", locale) if known(f"{stem}.{name}") else gr.skip() for name in names]
        return values if len(values) > 1 else values[0]

    return fill
