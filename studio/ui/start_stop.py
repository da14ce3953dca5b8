"""What every craft's button does: start, show progress, become Stop, end well, and never show a traceback."""

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from studio.errors import StudioError
from studio.identity.owners import Owner
from studio.registry import LoadProgress, Task
from studio.studio import Studio
from studio.ui.accounting import Accounting, Run, owner_or_local
from studio.ui.chip import chip, in_memory
from studio.ui.running.pacing import Paced
from studio.ui.running.runs import Run as Shown
from studio.ui.running.runs import Runs
from studio.ui.words import arrival, both, complaint, instead, line, trouble

Updates = dict[Block, Any]
"""New values by component; what is not named stays as it is."""
Work = Callable[..., Iterator[LoadProgress | Updates]]
"""A tab's generator: for an owner it makes a request, runs a craft, and turns each partial result into updates."""

_log = logging.getLogger("studio.ui")

QUIET: Final[Mapping[str, Any]] = MappingProxyType(
    {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
)
"""For small events that answer at once and are no endpoints."""
TOLD: Final[Mapping[str, Any]] = MappingProxyType(
    {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
)
"""For small events that may have to warn: Gradio shows a warning only of what went through its queue."""
BUSY_JS: Final = "() => [{__type__: 'update', visible: false}, {__type__: 'update', visible: true}, Date.now()]"
"""Swapping the buttons in the browser makes Stop reachable at once, even while the request still queues. What is
started gets a number, so that a Stop that comes late ends what it was meant for and nothing that came after."""

IDLE_JS: Final = "() => [{__type__: 'update', visible: true}, {__type__: 'update', visible: false}]"
BEGIN_SECONDS: Final = 0.5
"""How long Stop waits for a run to begin: clicked at once, it overtakes the request that it stops."""
MOST_SESSIONS: Final = 1000
"""Of which it is known which run began last."""
HALT_SECONDS: Final = 2.0
"""How long Stop waits for a run to say its last word."""


@dataclass(frozen=True)
class Lane:
    """Requests that share one limit of how many run at the same time."""

    name: str
    limit: int


@dataclass(frozen=True)
class TabContext:
    """What the page hands to every tab."""

    studio: Studio
    chip: gr.HTML
    """The header's line about models."""
    locale: gr.Textbox
    """Filled in by the browser on events that pass `LOCALE_JS`."""
    tabs: gr.Tabs
    text: Lane
    imaging: Lane
    loading: Lane
    runs: Runs = field(default_factory=Runs)
    """What is under way, whichever page began it."""


@dataclass
class _Run:
    """One visitor's run of a job."""

    number: float
    paced: Paced[LoadProgress | Updates]
    over: threading.Event = field(default_factory=threading.Event)
    instead: str = ""
    """The model that the visitor would rather have than wait; the run begins again with it."""

    def stop(self) -> None:
        """End it, with whichever model it is."""
        self.paced.stop()


@dataclass
class StartStop:
    """One primary button, the Stop that takes its place, and the line that tells how far the work is."""

    context: TabContext
    lane: Lane
    start: gr.Button
    stop: gr.Button
    status: gr.HTML
    model: gr.Dropdown | None = None
    """Where the model is chosen that does the work."""
    tasks: Sequence[Task] = ()
    number: gr.Number = field(init=False)
    """What the browser called the run that it started last."""
    waiting: gr.Number = field(init=False)
    """The number of a run that was stopped before it began, or else 0."""
    _events: list[dict[str, Any]] = field(default_factory=list)
    _outputs: list[Block] = field(default_factory=list)
    _runs: dict[str, _Run] = field(default_factory=dict)
    """By session; a visitor has at most one, because the start button is gone meanwhile."""
    _begun: dict[str, float] = field(default_factory=dict)
    """By session: the number of the run that began last."""
    _unwanted: dict[str, float] = field(default_factory=dict)
    """By session: the number of the run that was stopped last before it began."""
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.number = gr.Number(0, visible=False)
        self.waiting = gr.Number(0, visible=False)

    def run(
        self,
        trigger: Callable[..., Dependency] | Dependency,
        work: Work,
        inputs: Sequence[Block] = (),
        outputs: Sequence[Block] = (),
        *,
        raw: bool = False,
        expect: Callable[[Owner], None] | None = None,
    ) -> None:
        """Do `work` when `trigger` (such as `button.click`, or an event to follow) fires.

        `raw` hands the inputs on as the browser sent them, for files that the craft itself wants to judge; `expect`
        raises a `StudioError` where an owner may not do this.
        """
        begun = self._begin(trigger)
        chosen = [] if self.model is None else [self.model]
        place = next((index for index, block in enumerate(inputs) if block in chosen), None)
        event = begun.then(
            self._runner(work, place, expect),
            [self.number, *inputs],
            [self.start, self.stop, self.status, self.context.chip, *chosen, *outputs],
            preprocess=not raw,
            show_progress="minimal",
            show_progress_on=[self.status],
            concurrency_id=self.lane.name,
            concurrency_limit=self.lane.limit,
            api_visibility="private",
        )
        self._events.append(event)
        self._outputs += [block for block in (*chosen, *outputs) if block not in self._outputs]
        # One that got no place in the queue never began, and its words stand in the warning.
        event.failure(None, None, [self.start, self.stop], js=IDLE_JS, **QUIET)

    @property
    def kind(self) -> str:
        """What the audit calls it."""
        return str(self.start.elem_id)

    def seal(self) -> None:
        """Bind Stop to everything that `run` has bound so far; call it once, last.

        A run that is under way is asked to end, so that its last update is its own and nothing overtakes it. Gradio
        cancels only what else is left, which is a request that still queues, and before Start can be clicked again.
        It cancels on a click alone, not on what follows one, so the page clicks a button that nobody sees.
        """
        name = f"{self.stop.elem_id}-queued"
        unqueue = gr.Button("", elem_id=name, elem_classes="never")
        unqueue.click(self._stopped, None, [self.start, self.stop, self.status], cancels=self._events, **QUIET)
        halted = self.stop.click(self._halt, [self.number], [self.waiting], **QUIET)
        halted.then(
            None,
            [self.number, self.waiting],
            None,
            js=f"(number, waiting) => {{ if (number === waiting) document.getElementById('{name}').click() }}",
            **QUIET,
        )
        # A page that comes to a run under way clicks it, and shows what the run shows from then on.
        attach = gr.Button("", elem_id=f"{self.kind}-attach", elem_classes="never")
        followed = attach.click(
            self._attached,
            None,
            [self.start, self.stop, self.number, self.status, self.context.chip, *self._outputs],
            show_progress="hidden",
            concurrency_limit=None,
            concurrency_id=f"{self.kind}-attach",
            api_visibility="private",
        )
        # In a tab that is not looked at, Gradio forgets what a handler shows or hides, and not what a script does.
        followed.then(None, None, [self.start, self.stop], js=IDLE_JS, **QUIET)
        if self.model is not None:
            self.status.submit(self._replace, None, None, **QUIET)

    def _begin(self, trigger: Callable[..., Dependency] | Dependency) -> Dependency:
        listen = trigger.then if isinstance(trigger, Dependency) else trigger
        begun: Dependency = listen(
            None,
            None,
            [self.start, self.stop, self.number],
            js=BUSY_JS,
            show_progress="hidden",
            api_visibility="private",
        )
        return begun

    def _attached(self, request: gr.Request) -> Iterator[Updates]:
        """Follow a run of this owner's that another page began."""
        run = self.context.runs.find(owner_or_local(request).id, self.kind)
        if run is None:
            yield {self.status: gr.skip()}
            return
        busy: Updates = {
            self.start: gr.update(visible=False),
            self.stop: gr.update(visible=True),
            self.number: run.number,
        }
        for news in run.followed():
            yield {**busy, **news} if news else {self.status: gr.skip()}

    def _halt(self, number: float, request: gr.Request) -> float:
        """End the run of this number. Answers the number of one that has not begun or does not end, or else 0."""
        session = request.session_hash or ""
        # Another page's run that this one follows; its own may be a moment from its beginning, and is waited for.
        followed = self.context.runs.find(owner_or_local(request).id, self.kind, number)
        if followed is not None and self._begun.get(session) != number:
            followed.stop()
            return 0
        with self._changed:
            self._unwanted[session] = number
            if not self._changed.wait_for(lambda: self._begun.get(session) == number, BEGIN_SECONDS):
                return number
            self._unwanted.pop(session, None)
            run = self._runs.get(session)
        if run is None:  # it came to its end by itself
            return 0
        run.paced.stop()
        return 0 if run.over.wait(HALT_SECONDS) else number

    def _replace(self, event: gr.EventData, request: gr.Request) -> None:
        """Let a run that waits for its model begin again with another."""
        run = self._runs.get(request.session_hash or "")
        if run is not None:
            run.instead = str(event.model)
            run.paced.stop()

    def _stopped(self) -> Updates:
        return {**self._idle(), self.status: line(both("app.stopped"), moving=False)}

    def _idle(self) -> Updates:
        return {self.start: gr.update(visible=True), self.stop: gr.update(visible=False)}

    def _runner(
        self, work: Work, place: int | None, expect: Callable[[Owner], None] | None
    ) -> Callable[..., Iterator[Updates]]:
        """The event's handler; `place` is where among its inputs the model is."""

        def begun(owner: Owner, *values: Any) -> Iterator[LoadProgress | Updates]:
            if expect is not None:
                expect(owner)
            yield from work(owner, *values)

        def run(request: gr.Request, number: float, *values: Any) -> Iterator[Updates]:
            session = request.session_hash or ""
            owner = owner_or_local(request)
            this = self._entered(session, _Run(number, Paced(begun(owner, *values))))
            host = request.client.host if request.client else None
            model = str(values[place]) if place is not None else None
            accounted = Accounting(self.context.studio).run(request, self.kind, model, self.tasks)
            shown = Shown(self.kind, owner.id, number, this.stop)
            self.context.runs.begin(shown)
            try:
                with self.context.studio.beside.shown(host), accounted as account:
                    yield shown.show({self.status: line(both("app.working"))}, self.status)
                    last = yield from self._followed(this.paced, work, account, shown)
                    while this.instead and place is not None and self.model is not None:
                        values = (*values[:place], this.instead, *values[place + 1 :])
                        yield shown.show({self.model: this.instead}, self.status)
                        this.instead, this.paced = "", Paced(begun(owner, *values))
                        last = yield from self._followed(this.paced, work, account, shown)
                    if this.paced.stopped:
                        account.outcome = "stopped"
                    end = {**self._idle(), self.context.chip: in_memory(self.context.studio), **last}
                    yield shown.show(end, self.status)
            finally:
                self.context.runs.end(shown)
                if self._runs.get(session) is this:
                    del self._runs[session]
                this.over.set()

        return run

    def _entered(self, session: str, run: _Run) -> _Run:
        with self._changed:
            if self._unwanted.pop(session, 0) == run.number:
                run.paced.stop()
            self._runs[session] = run
            self._begun.pop(session, None)
            self._begun[session] = run.number
            for kept in (self._begun, self._unwanted):
                if len(kept) > MOST_SESSIONS:
                    del kept[next(iter(kept))]
            self._changed.notify_all()
        return run

    def _followed(
        self, paced: Paced[LoadProgress | Updates], work: Work, account: Run, shown: Shown
    ) -> Generator[Updates, None, Updates]:
        try:
            for batch in paced:
                for step in batch:
                    if not isinstance(step, LoadProgress):
                        account.made(list(step.values()))
                yield shown.show(self._merged(batch), self.status)
        except StudioError as error:
            account.failed(error)
            return self._failed(complaint(error))
        except Exception as error:
            account.failed(error)
            _log.exception("unexpected error in %s", work.__qualname__)
            return self._failed(both("errors.unexpected") + " " + both("errors.unexpected.hint"))
        return self._stopped() if paced.stopped else {}

    def _merged(self, batch: Sequence[LoadProgress | Updates]) -> Updates:
        merged: Updates = {}
        for step in batch:
            if isinstance(step, LoadProgress):
                text, share = arrival(step)
                merged[self.status] = line(text, share, remaining=step.seconds_left) + self._alternative(step)
                merged[self.context.chip] = chip(self.context.studio, [step]) if step.stage == "fetching" else text
            else:
                merged.update(step)
        return merged or {self.status: gr.skip()}

    def _alternative(self, step: LoadProgress) -> str:
        """While a model is fetched: a link to begin now with one that is here."""
        if step.stage != "fetching" or not step.total or self.model is None:
            return ""
        spec = self.context.studio.registry.ready(*self.tasks)
        return "" if spec is None else f"<p>{instead(spec, 'app.stage.instead')}</p>"

    def _failed(self, html: str) -> Updates:
        gr.Warning(html, duration=12)
        return {self.status: trouble(html)}
