"""The record of every decision the registry makes, for the Models tab and the log."""

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from studio.registry.spec import ModelId

Event = Literal["asked", "found", "fetched", "loaded", "moved", "evicted", "offloaded", "expired", "failed", "refused"]

_log = logging.getLogger("studio.registry")


@dataclass(frozen=True)
class Record:
    """One decision."""

    seq: int
    """Counts up from 1 without gaps."""
    at: float
    """Unix time."""
    model: ModelId
    event: Event
    why: str = ""
    """A model's id, a source, or an error's code: what caused it."""
    bytes: int = 0
    seconds: float = 0.0
    device: str = ""


class Journal:
    """The latest records, oldest first; safe from any thread."""

    def __init__(self, size: int = 1000, clock: Callable[[], float] = time.time) -> None:
        self._records: deque[Record] = deque(maxlen=size)
        self._sequence = itertools.count(1)
        self._lock = threading.Lock()
        self._clock = clock

    def write(
        self, model: ModelId, event: Event, *, why: str = "", size: int = 0, seconds: float = 0.0, device: str = ""
    ) -> Record:
        """Add a record and one log line that says the same."""
        with self._lock:
            record = Record(next(self._sequence), self._clock(), model, event, why, size, seconds, device)
            self._records.append(record)
        _log.info(
            "%s %s%s%s%s%s",
            model,
            event,
            f" on {device}" if device else "",
            f", {size / 1e6:.0f} MB" if size else "",
            f", {seconds:.2f} s" if seconds else "",
            f" ({why})" if why else "",
        )
        return record

    def records(self, since: int = 0) -> tuple[Record, ...]:
        """Those after record number `since`, oldest first."""
        with self._lock:
            return tuple(record for record in self._records if record.seq > since)
