"""The Models tab: what there is, where it is now, and what the registry decided."""

import time
from collections.abc import Iterator
from html import escape
from typing import Final

import gradio as gr

from studio.messages import data_size, table
from studio.registry.entry import Status
from studio.registry.journal import Record
from studio.registry.lease import LoadProgress
from studio.registry.spec import ModelSpec
from studio.ui.controls import work_button
from studio.ui.events import QUIET, Room, Updates, resident
from studio.ui.words import both, line

SHOWN_RECORDS: Final = 40
COLUMNS: Final = ("name", "state", "size", "licence")
TASK_ORDER: Final = ("text", "code", "image", "controlnet", "upscale")
TABLE_JS: Final = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-model]');
  if (button) trigger(button.dataset.act === 'load' ? 'submit' : 'clear', { model: button.dataset.model });
});
"""


class ModelsTab:
    """The catalogue as a table with a button in each row, and the live journal below."""

    def __init__(self, room: Room) -> None:
        self._studio = room.studio
        with gr.Column(elem_classes="wide"):
            gr.HTML(f"<h2>{both('models.title')}</h2><p>{both('models.text')}</p>", elem_classes="intro")
            self.loading = work_button(room, room.imaging, "models-load", "models.load", quiet=True)
            self.table = gr.HTML(elem_id="models-table", js_on_load=TABLE_JS)
            gr.HTML(f"<h2>{both('models.journal')}</h2><p>{both('models.journal.text')}</p>", elem_classes="intro")
            self.journal = gr.HTML(elem_id="models-journal")
        self.model = gr.State("")
        self.timer = gr.Timer(1.5, active=False)
        self._wire(room)

    def _wire(self, room: Room) -> None:
        views = [self.table, self.journal, room.chip]
        picked = self.table.submit(_picked, None, self.model, **QUIET)
        self.loading.run(picked, self.load, [self.model], [self.table])
        self.loading.seal()
        released = self.table.clear(_picked, None, self.model, **QUIET)
        released.then(self.release, self.model, [self.loading.status, *views], **QUIET)
        self.timer.tick(self.look, None, views, **QUIET)

    def look(self) -> tuple[str, str, str]:
        """The table, the journal and the chip as they are now."""
        return self._table(), self._journal(), resident(self._studio)

    def load(self, model: str) -> Iterator[LoadProgress | Updates]:
        """Bring a model into memory and leave it there."""
        spec = self._studio.catalogue.get(model)
        yield from self._studio.load(spec.id)
        yield {
            self.loading.status: line(both("models.loaded", name=spec.name), moving=False),
            self.table: self._table(),
        }

    def release(self, model: str) -> tuple[str, str, str, str]:
        """Free a model's memory, now or when its last user is done."""
        gone = self._studio.offload(model)
        key = "models.offloaded" if gone else "models.leaving"
        text = both(key, name=self._studio.catalogue.get(model).name)
        return line(text, moving=False), *self.look()

    def _table(self) -> str:
        statuses = sorted(self._studio.registry.statuses(), key=lambda s: TASK_ORDER.index(s.task))
        heads = "".join(f'<th scope="col">{both(f"models.col.{name}")}</th>' for name in COLUMNS)
        body, task = "", ""
        for status in statuses:
            if status.task != task:
                task = status.task
                body += f'<tr class="task"><th scope="colgroup" colspan="5">{both(f"models.task.{task}")}</th></tr>'
            body += _row(status, self._studio.catalogue.get(status.id))
        return f'<div class="scroll"><table><thead><tr>{heads}<th></th></tr></thead><tbody>{body}</tbody></table></div>'

    def _journal(self) -> str:
        records = self._studio.registry.journal.records(0)[-SHOWN_RECORDS:]
        if not records:
            return f'<p class="note">{both("models.journal.empty")}</p>'
        return f'<ol class="journal">{"".join(self._record(record) for record in reversed(records))}</ol>'

    def _record(self, record: Record) -> str:
        at = time.strftime("%H:%M:%S", time.localtime(record.at))
        key = f"models.event.{record.event}"
        text = both(key, name=self._studio.catalogue.get(record.model).name)
        facts = [
            record.device,
            data_size(record.bytes) if record.bytes else "",
            f"{record.seconds:.1f} s" if record.seconds else "",
        ]
        why = _why(record.why)
        detail = " · ".join(fact for fact in (*facts, why) if fact)
        return f"<li><time>{at}</time><span>{text}</span><em>{detail}</em></li>"


def _row(status: Status, spec: ModelSpec) -> str:
    state = status.busy or ("remote" if spec.remote and status.state == "absent" else status.state)
    in_memory = status.state in ("host", "device")
    act = "offload" if in_memory else "load"
    starter = f" <small>{both('models.starter')}</small>" if spec.starter else ""
    tongues = f'<small class="tongues">{escape(", ".join(spec.languages))}</small>' if spec.languages else ""
    button = (
        f'<button type="button" class="tool" data-act="{act}" data-model="{escape(spec.id)}">{both(f"models.{act}")}'
        f'<span class="quiet"> {escape(spec.name)}</span></button>'
    )
    return (
        f'<tr data-id="{escape(spec.id)}" data-state="{status.state}">'
        f"<td><b>{escape(spec.name)}</b>{starter}<code>{escape(spec.id)}</code>{tongues}</td>"
        f'<td><span class="state {state}">{both(f"models.state.{state}")}</span></td>'
        f"<td>{data_size(status.bytes)}</td><td>{escape(status.licence)}</td><td>{button}</td></tr>"
    )


def _why(why: str) -> str:
    """A record's cause in words where it is an error's code; one that needs details was told to who asked."""
    sentence = table("en").get(f"errors.{why}")
    if sentence is None:
        return escape(why)
    return "" if "{" in sentence else both(f"errors.{why}")


def _picked(event: gr.EventData) -> str:
    return str(event.model)
