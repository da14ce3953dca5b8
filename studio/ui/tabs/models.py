"""The Models tab: what each memory holds, what models there are and where, and what the registry decided."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import escape
from typing import Any, Final

import gradio as gr

from studio.errors import InvalidRequest, StudioError
from studio.identity.owners import Owner
from studio.messages import LOCALES, data_size, table
from studio.registry import LoadProgress, ModelSpec, Record, Source, Status, told_origin
from studio.ui.accounting import Accounting, owner_or_local
from studio.ui.bars import bars_html, device_name, device_sentence
from studio.ui.chip import chip
from studio.ui.components import work_button
from studio.ui.start_stop import QUIET, TabContext, Updates
from studio.ui.words import both, complaint, line, spans, trouble, word

SHOWN_RECORDS: Final = 40
COLUMNS: Final = ("name", "state", "size", "licence")
TASK_ORDER: Final = (
    "text",
    "code",
    "image",
    "controlnet",
    "adapter",
    "vae",
    "preview",
    "annotate",
    "upscale",
    "classify",
)
LONG_WAIT: Final = 1.0
"""Seconds."""
GIGABYTE: Final = 1e9
TABLE_JS: Final = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-model]');
  if (!button) return;
  const { act, model } = button.dataset;
  trigger(act === 'load' ? 'submit' : 'clear', { model, act });
});
window.studio.keepFocus(element);
"""

Views = tuple[str, str, str, str]


class ModelsTab:
    """The memories as bars, the catalogue as a table with buttons in each row, and the live journal below."""

    def __init__(self, context: TabContext) -> None:
        self._studio = context.studio
        with gr.Column(elem_classes="wide"):
            gr.HTML(f"<h2>{both('models.title')}</h2><p>{both('models.text')}</p>", elem_classes="intro")
            self.bars = gr.HTML(elem_id="models-bars")
            self._budgets()
            self.loading = work_button(context, context.loading, "models-load", "models.load", quiet=True)
            self.table = gr.HTML(elem_id="models-table", js_on_load=TABLE_JS)
            gr.HTML(f"<h2>{both('models.journal')}</h2><p>{both('models.journal.text')}</p>", elem_classes="intro")
            self.journal = gr.HTML(elem_id="models-journal")
        self.act = gr.State(("", ""))
        self.timer = gr.Timer(1.5, active=False)
        self.views = [self.bars, self.table, self.journal, context.chip]
        self._wire(context)

    def _budgets(self) -> None:
        with gr.Accordion(
            word("models.budget"),
            open=False,
            elem_id="models-budget",
            elem_classes="advanced",
            visible=self._studio.settings.controls,
        ) as self.fold:
            with gr.Row(elem_classes="budget"):
                self.memory = gr.Dropdown(
                    self._memories(),
                    value="cpu",
                    label=word("models.budget.memory"),
                    filterable=False,
                    elem_id="models-budget-memory",
                )
                self.size = gr.Number(
                    None, label=word("models.budget.size"), minimum=0, step=0.5, elem_id="models-budget-size"
                )
                self.setting = gr.Button(word("models.budget.set"), size="sm", elem_id="models-budget-set")
                self.measuring = gr.Button(word("models.budget.auto"), size="sm", elem_id="models-budget-auto")
            gr.HTML(f'<p class="note">{both("models.budget.text")}</p>')

    def _wire(self, context: TabContext) -> None:
        picked = self.table.submit(_picked, None, self.act, **QUIET)
        # The table offers each owner what they may do, and a run does not know its owner: the next look tells it.
        self.loading.run(picked, self.load, [self.act], [self.bars])
        self.loading.seal()
        told = self.table.clear(_picked, None, self.act, **QUIET)
        told.then(self.control, self.act, [self.loading.status, *self.views], **QUIET)
        self.timer.tick(self.look, None, self.views, **QUIET)
        done = [self.loading.status, *self.views]
        self.setting.click(self.limit, [self.memory, self.size], done, **QUIET)
        self.measuring.click(self.measure, self.memory, done, **QUIET).then(
            self.budget, self.memory, self.size, **QUIET
        )
        gr.on([self.memory.focus, context.tabs.select], self._known_memories, None, self.memory, **QUIET)
        gr.on([self.memory.change, context.tabs.select], self.budget, self.memory, self.size, **QUIET)

    def look(self, request: gr.Request | None = None) -> Views:
        """The bars, the table, the journal and the chip as they are now."""
        return (
            bars_html(self._studio),
            self._table(owner_or_local(request)),
            self._journal(),
            chip(self._studio, self._studio.registry.fetching()),
        )

    def load(self, _owner: Owner, act: tuple[str, str]) -> Iterator[LoadProgress | Updates]:
        """Bring a model into memory and leave it there."""
        spec = self._studio.catalogue.get(act[1])
        yield from self._studio.load(spec.id)
        yield {
            self.loading.status: line(both("models.loaded", name=spec.name), moving=False),
            self.bars: bars_html(self._studio),
        }

    def control(self, act: tuple[str, str], request: gr.Request | None = None) -> tuple[str, str, str, str, str]:
        """Offload, drop, pin or unpin a model, and say what came of it."""
        name, model = act
        return self._told(request, f"models.{name}", lambda: self._controlled(name, model), model, name != "offload")

    def limit(
        self, device: str, gigabytes: float | None, request: gr.Request | None = None
    ) -> tuple[str, str, str, str, str]:
        """Change what models may hold in a memory."""
        return self._told(request, "models.budget", lambda: self._limited(device, _bytes(gigabytes)))

    def measure(self, device: str, request: gr.Request | None = None) -> tuple[str, str, str, str, str]:
        """Take what a memory really has room for as its budget again."""
        return self._told(request, "models.budget", lambda: self._limited(device, None))

    def budget(self, device: str) -> float | None:
        """What models may hold in a memory now, in GB."""
        sizes = {memory.name: memory.budget for memory in self._studio.registry.devices()}
        return round(sizes[device] / GIGABYTE, 2) if device in sizes else None

    def _limited(self, device: str, limit: int | None) -> str:
        self._studio.set_budget(device, limit)
        size = next(memory.budget for memory in self._studio.registry.devices() if memory.name == device)
        return device_sentence("models.budget.done", device, size=data_size(size))

    def _controlled(self, act: str, model: str) -> str:
        name = self._studio.name(model)
        if act in ("offload", "drop"):
            gone = self._studio.drop(model) if act == "drop" else self._studio.offload(model)
            done = "models.dropped" if act == "drop" else "models.offloaded"
            return both(done if gone else "models.leaving", name=name)
        self._studio.pin(model, act == "pin")
        return both("models.pinned" if act == "pin" else "models.unpinned", name=name)

    def _told(
        self, request: gr.Request | None, kind: str, work: Callable[[], str], model: str = "", controls: bool = True
    ) -> tuple[str, str, str, str, str]:
        try:
            with Accounting(self._studio).run(request, kind, model) as run:
                if controls:
                    self._studio.identity.require_controls(run.owner)
                said = line(work(), moving=False)
        except StudioError as error:
            said = trouble(complaint(error))
        return said, *self.look(request)

    def _memories(self) -> list[tuple[Any, str]]:
        return [
            (word("models.memory.cpu") if memory.name == "cpu" else memory.name, memory.name)
            for memory in self._studio.registry.devices()
        ]

    def _known_memories(self) -> Any:
        return gr.update(choices=self._memories())

    def _table(self, owner: Owner) -> str:
        statuses = sorted(self._studio.registry.statuses(), key=lambda s: TASK_ORDER.index(s.task))
        heads = "".join(f'<th scope="col">{both(f"models.col.{name}")}</th>' for name in COLUMNS)
        body, task = "", ""
        for status in statuses:
            if status.task != task:
                task = status.task
                body += f'<tr class="task"><th scope="colgroup" colspan="5">{both(f"models.task.{task}")}</th></tr>'
            spec = self._studio.catalogue.get(status.id)
            origin = self._studio.registry.origin(spec) if status.present else None
            body += _row(status, spec, origin, self._studio.identity.controls(owner))
        return f'<div class="scroll"><table><thead><tr>{heads}<th></th></tr></thead><tbody>{body}</tbody></table></div>'

    def _journal(self) -> str:
        records = [record for record in self._studio.registry.journal.records() if _telling(record)][-SHOWN_RECORDS:]
        if not records:
            return f'<p class="note">{both("models.journal.empty")}</p>'
        return f'<ol class="journal">{"".join(self._record(record) for record in reversed(records))}</ol>'

    def _record(self, record: Record) -> str:
        at = time.strftime("%H:%M:%S", time.localtime(record.at))
        cause = table("en").get(f"errors.{record.why}")
        # An error is a sentence of its own; one with details in it was told to who asked.
        told = record if cause is None else replace(record, why="")
        detail = f"<em>{both(f'errors.{record.why}')}</em>" if cause is not None and "{" not in cause else ""
        text = spans({locale: self._studio.sentence(told, locale) for locale in LOCALES})
        return f"<li><time>{at}</time><span>{text}</span>{detail}</li>"


def _telling(record: Record) -> bool:
    """Whether a host wants to read it: that a request came and was served is one only if it had to wait."""
    return record.event != "asked" and (record.event != "served" or record.seconds >= LONG_WAIT)


def _row(status: Status, spec: ModelSpec, origin: Source | None, controls: bool) -> str:
    state = status.busy or ("remote" if spec.remote and status.state == "absent" else status.state)
    starter = f" <small>{both('models.starter')}</small>" if spec.starter else ""
    tongues = f'<small class="tongues">{escape(", ".join(spec.languages))}</small>' if spec.languages else ""
    marks = "".join(
        f'<small class="mark">{both(f"models.{mark}")}</small>'
        for mark, there in (("used", status.in_use), ("kept", status.pinned))
        if there
    )
    return (
        f'<tr data-id="{escape(spec.id)}" data-state="{status.state}">'
        f"<td><b>{escape(spec.name)}</b>{starter}<code>{escape(spec.id)}</code>{tongues}</td>"
        f'<td><span class="state {state}">{both(f"models.state.{state}")}</span>{marks}{_place(status)}</td>'
        f"<td>{data_size(status.bytes)}{_spread(status)}</td><td>{escape(status.licence)}{_origin(origin)}</td>"
        f"<td>{_buttons(status, spec, controls)}</td></tr>"
    )


def _origin(source: Source | None) -> str:
    """Where a model's weights came from."""
    if source is None:
        return ""
    told = spans({locale: told_origin(source, locale) for locale in LOCALES})
    return f'<small class="place">{told}</small>'


def _place(status: Status) -> str:
    """Where a model is and how much of it, in words."""
    if status.state != "device":
        return ""
    if status.device == "cpu":
        words = both("models.place.cpu")
    else:
        words = both(f"models.place.{status.rung}", device=status.device)
    return f'<small class="place">{words}</small>'


def _spread(status: Status) -> str:
    """What a model holds where, if it is in several memories."""
    if len(status.holds) < 2:
        return ""
    parts = (f"<span>{device_name(name)} {data_size(size)}</span>" for name, size in status.holds.items())
    return f'<small class="place">{" ".join(parts)}</small>'


def _buttons(status: Status, spec: ModelSpec, controls: bool) -> str:
    """The one thing a person most likely wants to do with a model, and beside it quietly what else can be done."""
    in_memory = status.state in ("host", "device")
    acts = ["offload" if status.state == "device" else "load"]
    if controls:
        # Where nothing can wait in main memory, to offload is to drop.
        acts += ["drop"] if in_memory and (status.state == "host" or status.device != "cpu") else []
        acts += ["unpin"] if status.pinned else ["pin"] if in_memory else []
    name = f'<span class="quiet"> {escape(spec.name)}</span>'
    buttons = "".join(
        f'<button type="button" class="tool{"" if number else " first"}" data-act="{act}" '
        f'data-model="{escape(spec.id)}">{both(f"models.{act}")}{name}</button>'
        for number, act in enumerate(acts)
    )
    return f'<div class="acts">{buttons}</div>'


def _bytes(gigabytes: float | None) -> int:
    if gigabytes is None or not math.isfinite(gigabytes):
        raise InvalidRequest("budget.unreadable", text="" if gigabytes is None else str(gigabytes))
    return round(gigabytes * GIGABYTE)


def _picked(event: gr.EventData) -> tuple[str, str]:
    return str(event.act), str(event.model)
