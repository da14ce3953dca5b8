"""Gradio's queue, made fair: turns by owner, places by owner, and light work never behind heavy."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import fastapi
from gradio.blocks import Blocks
from gradio.exceptions import Error
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage
from gradio.utils import error_payload

from studio.errors import ServerFailed, StudioError
from studio.identity.identity import Identity
from studio.identity.owners import LOCAL, Owner
from studio.identity.turns import Turns
from studio.ui.gate.refusals import detail, status

LOOK_SECONDS: Final = 0.02
"""How often Gradio's queue looks for work. By itself it looks a thousand times a second, and a hundred times for
progress that no handler here tells in Gradio's way; that takes a tenth of a core from the models."""
PROGRESS_LOOK_SECONDS: Final = 0.1
SIDE_REQUESTS: Final = 16
"""How many of each kind of request that needs no model may run at the same time."""
CLIENT: Final = "gradio_client/"
"""A client that shows the words of an answer, and of a refusal by status the number alone."""
EMPTY_SESSIONS: Final = 1000
"""Sessions with nothing under way that are remembered."""


class FairQueue(Queue):
    """Whose event is next is decided by owner; an owner's own come in their order."""

    def __init__(self, page: Blocks, identity: Identity, heavy: Mapping[str, int]) -> None:
        """`heavy` are the lanes in which models work, with how many jobs each runs at the same time."""
        super().__init__(
            live_updates=True,
            concurrency_count=page.max_threads,
            update_intervals=1,
            max_size=None,
            blocks=page,
            default_concurrency_limit=SIDE_REQUESTS,
        )
        self.sleep_when_free = LOOK_SECONDS
        self.progress_update_sleep_when_free = PROGRESS_LOOK_SECONDS
        self.ANALYTICS_MAX_EVENTS = 1
        self.draining = False
        self.loop: asyncio.AbstractEventLoop | None = None
        """Where it runs, once it does."""
        self._identity, self._heavy = identity, heavy
        most = None if identity.mode == "none" else identity.limits.allowance.running
        self._turns = {lane: Turns(most) for lane in heavy}
        self._light = Turns()
        self._left: set[str] = set()
        """Events that go on without a page."""

    @property
    def at_work(self) -> int:
        """How many heavy jobs are under way or wait."""
        running = sum(1 for event in self._running() if event.concurrency_id in self._heavy)
        return running + sum(len(self._waiting(lane)) for lane in self._heavy)

    def start(self) -> None:
        """Begin to look for work, on the server's event loop."""
        self.loop = asyncio.get_running_loop()
        super().start()  # type: ignore[no-untyped-call]

    async def push(self, body: Any, request: fastapi.Request, username: str | None) -> Any:
        """Take in a call, where its owner has a place left.

        Raises:
            HTTPException: 429 with the time to come back, or 503 where the studio is about to end.
        """
        owner: Owner = request.state.owner
        try:
            if refused := getattr(request.state, "refused", None):
                raise refused
            if self.draining:
                raise ServerFailed("server.draining")
            self._expect_place(self.blocks.fns[body.fn_index].concurrency_id, owner)
        except StudioError as error:
            if request.headers.get("user-agent", "").startswith(CLIENT):
                return True, self._told(body, request, error), "success"
            seconds = error.details.get("seconds")
            headers = {"Retry-After": str(seconds)} if seconds else None
            raise fastapi.HTTPException(status(error), detail(error, request.headers), headers) from error
        done, event, state = await super().push(body=body, request=request, username=username)
        if done and isinstance(event, str):
            self._identity.belongings.claim_event(event, owner.id)
            self._identity.belongings.claim(body.session_hash, owner.id)
        return done, event, state

    async def clean_events(self, *, session_hash: str | None = None, event_id: str | None = None) -> None:
        """A page is gone, or a call is over. What its owner began from a page goes on, within the owner's limits;
        calls of programs, and what a passing visitor began, end."""
        staying = [] if session_hash is None else [event for event in self._known() if self._stays(event, session_hash)]
        for event in staying:
            self._left.add(event._id)
            event.session_hash = f"{session_hash}-left"
        await super().clean_events(session_hash=session_hash, event_id=event_id)
        for event in staying:
            event.session_hash = session_hash or ""

    def send_message(self, event: Event, event_message: Any) -> None:
        """Tell a page or program; where its page is gone, nobody listens."""
        if event._id not in self._left:
            super().send_message(event, event_message)

    def get_events(self) -> tuple[list[Event], bool, str] | None:
        """The event whose turn it is; light ones are asked first, which costs heavy ones nothing."""
        lanes = sorted(self.event_queue_per_concurrency_id, key=lambda lane: lane in self._heavy)
        running = self._running()
        for lane in lanes:
            queue = self.event_queue_per_concurrency_id[lane]
            limit = queue.concurrency_limit
            if not queue.queue or (limit is not None and queue.current_concurrency >= limit):
                continue
            turns = self._turns.get(lane, self._light)
            busy = [_owner(event) for event in running if event.concurrency_id == lane]
            place = turns.pick([_owner(event) for event in queue.queue], busy)
            if place is not None:
                return [queue.queue.pop(place)], False, lane
        return None

    async def process_events(self, events: list[Event], batch: bool, begin_time: float, fn: Any) -> None:
        """Run an event; afterwards nothing of a call that had no session of its own is kept."""
        begun = time.monotonic()
        try:
            await super().process_events(events, batch, begin_time, fn)
        finally:
            for event in events:
                self._left.discard(event._id)
                self._identity.limits.ran(event.concurrency_id, time.monotonic() - begun)
                if event.session_hash == event._id and self.server_app is not None:
                    self.server_app.state_holder.session_data.pop(event.session_hash, None)
                    self.server_app.state_holder.time_last_used.pop(event.session_hash, None)
            self._forget_empty()

    def compute_analytics_summary(self, records: object) -> dict[str, Any]:
        """Nothing: Gradio would make a table of its last 10,000 events after every one. `/metrics` tells of models."""
        return {"functions": {}}

    async def drain(self, seconds: float) -> None:
        """Take no more, let what is under way end within some time, and tell those whose work is cut off."""
        self.draining = True
        end = time.monotonic() + seconds
        while self.at_work and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)
        told = _payload(ServerFailed("server.ended"))
        for event in [*self._running(), *(event for lane in self._heavy for event in self._waiting(lane))]:
            self.send_message(event, ProcessCompletedMessage(output=told, success=False))
        await asyncio.sleep(5 * LOOK_SECONDS)

    def _told(self, body: Any, request: fastapi.Request, error: StudioError) -> str:
        """An event that is over at once, with an error as its answer; returns its id."""
        event = Event(body.session_hash, self.blocks.fns[body.fn_index], request, None)
        owner: Owner = request.state.owner
        self._identity.belongings.claim(event.session_hash, owner.id)
        self._identity.belongings.claim_event(event._id, owner.id)
        if event.session_hash not in self.pending_messages_per_session:
            self.pending_messages_per_session[event.session_hash] = asyncio.Queue()
        self.pending_event_ids_session.setdefault(event.session_hash, set()).add(event._id)
        self.send_message(event, ProcessCompletedMessage(output=_payload(error), success=False))
        return str(event._id)

    def _expect_place(self, lane: str, owner: Owner) -> None:
        waiting = Counter(_owner(event) for event in self._waiting(lane))
        self._identity.limits.join(owner, lane, waiting, light=lane not in self._heavy)

    def _known(self) -> list[Event]:
        return [*self._running(), *(event for lane in self._heavy for event in self._waiting(lane))]

    def _stays(self, event: Event, session: str) -> bool:
        owner: Owner = getattr(event.request.state, "owner", LOCAL)
        begun_on_page = event.fn.api_visibility == "private" and event.concurrency_id in self._heavy
        return event.session_hash == session and begun_on_page and not owner.guest

    def _waiting(self, lane: str) -> list[Event]:
        queue = self.event_queue_per_concurrency_id.get(lane)
        return list(queue.queue) if queue else []

    def _running(self) -> list[Event]:
        return [event for job in self.active_jobs if job for event in job]

    def _forget_empty(self) -> None:
        """Gradio keeps a session's set of events for ever, empty or not."""
        held = self.pending_event_ids_session
        if len(held) > EMPTY_SESSIONS:
            for session in [name for name, events in held.items() if not events][: len(held) - EMPTY_SESSIONS]:
                del held[session]


def _payload(error: StudioError) -> dict[str, Any]:
    return error_payload(Error(error.explain("en"), title=error.title), True)


def _owner(event: Event) -> str:
    owner: Owner = getattr(event.request.state, "owner", LOCAL)
    return owner.id
