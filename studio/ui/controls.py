"""Controls that several tabs share."""

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr

from studio.messages import LOCALES, Locale, data_size, known, message
from studio.registry.spec import ModelSpec, Task
from studio.studio import Studio
from studio.ui.events import QUIET, Job, Lane, Room
from studio.ui.words import both, spans, word

LOCALE_JS: Final = "() => [window.studio.locale()]"
"""For handlers whose first and only input is `Room.locale`."""
UNSEEN: Final = "hidden"
"""For `visible` of what is filled by the message that shows it: part of the page from the beginning. With False it is
made only then, and on a slow machine some of it, such as a download button, comes up without its value for good."""
TONGUE_NAMES: Final = {"en": {"en": "English", "zh-CN": "英文"}, "zh": {"en": "Chinese", "zh-CN": "中文"}}


def work_button(
    room: Room,
    lane: Lane,
    name: str,
    label: str,
    status: gr.HTML | None = None,
    *,
    quiet: bool = False,
    minor: bool = False,
) -> Job:
    """The primary button `name`, its Stop, and its progress line, which is made here unless `status` is given.

    A `quiet` one is not seen until it is a Stop, where the work is started from elsewhere. A `minor` one stands beside
    a tab's own and looks it.
    """
    with gr.Row(elem_classes="work load" if quiet else "work"):
        start = gr.Button(
            word(label),
            variant="secondary" if minor else "primary",
            elem_id=f"{name}-start",
            elem_classes="never" if quiet else "start",
        )
        stop = gr.Button(word("app.stop"), variant="stop", visible=False, elem_id=f"{name}-stop", elem_classes="stop")
    return Job(room, lane, start, stop, status or progress_line(name))


def progress_line(name: str) -> gr.HTML:
    """An empty line that a job fills with how far it is."""
    return gr.HTML(elem_id=f"{name}-status", elem_classes="status")


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
    named = [(str(spec.name), str(spec.id)) for spec in studio.catalogue.for_task(*tasks)]
    return gr.Dropdown(
        [(word("app.model.auto"), ""), *named],
        value="",
        label=word("app.model"),
        info=word("app.model.info"),
        elem_id=f"{name}-model",
        allow_custom_value=False,
        filterable=False,
    )


def who_runs(studio: Studio, wanted: str, tasks: Sequence[Task], language: str | None = None) -> str:
    """One line, as HTML, on the model that will do the work: its name, what it can do and what is missing."""
    spec = studio.registry.choose(wanted or None, *tasks)
    present = studio.registry.present(spec)
    if spec.task == "image" and not present:
        return f'<p class="note">{both("image.absent")}</p>'
    parts = [both("app.runs.here" if present else "app.runs.fetch", name=spec.name, size=data_size(spec.memory))]
    if spec.starter and spec.task != "upscale":
        parts.append(both("app.runs.starter"))
    if spec.note:
        parts.append(spans({locale: spec.note.get(locale, spec.note.get("en", "")) for locale in LOCALES}))
    if language and not _speaks(spec, language):
        names: dict[Locale, str] = TONGUE_NAMES[language]  # type: ignore[assignment]
        parts.append(spans({locale: message("app.runs.tongue", locale, language=names[locale]) for locale in LOCALES}))
    return f'<p class="note">{" ".join(parts)}</p>'


def _speaks(spec: ModelSpec, language: str) -> bool:
    return not spec.languages or any(tag.lower().startswith(language) for tag in spec.languages)


def examples(
    room: Room, craft: str, fields: Sequence[tuple[str, Any]], count: int = 3, prefix: str | None = None
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
                room.locale,
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
