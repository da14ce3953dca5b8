"""The page as Gradio's server holds it, with what it sends known to belong to whom it is sent, and lean sessions."""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from copy import copy
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import gradio as gr
from gradio.state_holder import SessionState, StateHolder

from studio.identity.identity import Identity
from studio.identity.owners import Owner
from studio.ui.gate.temporary import Temporary
from studio.ui.running.runs import Runs
from studio.ui.server.queue import FairQueue

MOST_SESSIONS: Final = 500
"""Pages and clients whose state is kept; each is some tens of kilobytes."""

_asking: ContextVar[Owner | None] = ContextVar("asking", default=None)


class Page(gr.Blocks):
    """Blocks that remember whose files they send, with a fair queue."""

    identity: Identity
    temporary: Temporary
    runs: Runs

    def open(self, identity: Identity, heavy: Mapping[str, int]) -> None:
        """Set the queue up, once all handlers are known; `heavy` are the lanes in which models work."""
        self.identity = identity
        self.queue(api_open=False)
        self._queue = FairQueue(self, identity, heavy)
        for path in _paths(self.get_config_file()):
            identity.belongings.publish(path)

    @property
    def fair_queue(self) -> FairQueue:
        """The queue, as `open` made it."""
        queue = self._queue
        if not isinstance(queue, FairQueue):
            raise TypeError("this page was not opened")
        return queue

    async def process_api(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Run a handler for whoever asks, by the request in `named`."""
        token = _asking.set(owner_of(named.get("request")))
        try:
            return await super().process_api(*arguments, **named)
        finally:
            _asking.reset(token)

    async def postprocess_data(self, *arguments: Any, **named: Any) -> list[Any]:
        """The answer as it is sent; files in it become the asker's."""
        answer = await super().postprocess_data(*arguments, **named)
        owner = _asking.get()
        if owner is not None:
            for path in _paths(answer):
                self.identity.belongings.give(path, owner.id)
        return answer


class LeanSession(SessionState):
    """A session that works out the settings of a component when one is changed, not of all of them at its start.

    Gradio does that for links that carry a page's state, which this studio has none of.
    """

    def __init__(self, page: gr.Blocks) -> None:
        self.blocks_config = copy(page.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 3600


class LeanSessions(StateHolder):
    """At most `MOST_SESSIONS`; those whose page is closed go first."""

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = LeanSession(self.blocks)
        self.time_last_used[session_id] = datetime.now()
        self.update(session_id)
        return self.session_data[session_id]

    def update(self, session_id: str) -> None:
        """A session was used."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            while len(self.session_data) > MOST_SESSIONS:
                closed = (name for name, session in self.session_data.items() if session.is_closed)
                evicted = next(closed, next(iter(self.session_data)))
                del self.session_data[evicted]
                self.time_last_used.pop(evicted, None)


def owner_of(request: Any) -> Owner | None:
    """Whose request Gradio hands to a handler; None where it came by no gate, as in a test of a handler."""
    inner = getattr(request, "request", None) or request
    state = getattr(inner, "state", None)
    owner = getattr(state, "owner", None)
    return owner if isinstance(owner, Owner) else None


def _paths(value: Any) -> Iterator[Path]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            path, meta = found.get("path"), found.get("meta")
            # Only what Gradio marked: a text that a visitor sent may hold a path as well.
            if isinstance(path, str) and path and isinstance(meta, dict) and meta.get("_type") == "gradio.FileData":
                yield Path(path)
            waiting.extend(found.values())
        elif isinstance(found, list | tuple):
            waiting.extend(found)
