"""What belongs to whom: sessions, events in the queue, and files."""

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

MOST: Final = 20_000
"""Of each kind; beyond it what was used longest ago belongs to nobody any more, and nobody is given it."""


class Belongings:
    """The first who names a session has it; a file belongs to everybody whom it was made for or who brought it.

    Two people who upload the same picture share a file, because its folder is named by its content. Safe from several
    threads.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._events: OrderedDict[str, str] = OrderedDict()
        self._files: OrderedDict[str, set[str]] = OrderedDict()
        self._public: set[str] = set()
        self._lock = threading.Lock()

    def claim(self, session: str, owner: str) -> bool:
        """Whether a session is this owner's, now if it was nobody's."""
        with self._lock:
            return self._claimed(self._sessions, session, owner)

    def claim_event(self, event: str, owner: str) -> bool:
        """The same for one event in the queue."""
        with self._lock:
            return self._claimed(self._events, event, owner)

    def has_session(self, session: str, owner: str) -> bool:
        """Whether a session is this owner's."""
        with self._lock:
            return self._sessions.get(session) == owner

    def has_event(self, event: str, owner: str) -> bool:
        """Whether an event is this owner's."""
        with self._lock:
            return self._events.get(event) == owner

    def give(self, file: str | Path, owner: str) -> None:
        """A file is this owner's, too."""
        path = os.path.realpath(file)
        with self._lock:
            self._files.setdefault(path, set()).add(owner)
            self._files.move_to_end(path)
            if len(self._files) > self._most:
                self._files.popitem(last=False)

    def publish(self, file: str | Path) -> None:
        """A file is everybody's, such as a sample picture on the page."""
        self._public.add(os.path.realpath(file))

    def has_file(self, file: str | Path, owner: str) -> bool:
        """Whether a file is this owner's."""
        path = os.path.realpath(file)
        with self._lock:
            return path in self._public or owner in self._files.get(path, ())

    def _claimed(self, kept: OrderedDict[str, str], key: str, owner: str) -> bool:
        if kept.setdefault(key, owner) != owner:
            return False
        kept.move_to_end(key)
        if len(kept) > self._most:
            kept.popitem(last=False)
        return True
