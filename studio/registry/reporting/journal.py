"""The record of every decision the registry makes, for the Models tab, the metrics and the log."""

import itertools
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from studio.messages import Locale, data_size, known, message
from studio.registry.catalogue.spec import ModelId
from studio.registry.models.loaded import DeviceName

Event = Literal[
    "asked",
    "fetched",
    "loaded",
    "evicted",
    "offloaded",
    "dropped",
    "expired",
    "spilled",
    "ran_out",
    "recovered",
    "failed",
    "stuck",
    "served",
    "refused",
    "pinned",
    "unpinned",
    "budget",
]

BETWEEN_CHINESE: Final = re.compile("(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")

_log = logging.getLogger("studio.registry")


@dataclass(frozen=True)
class Record:
    """One decision."""

    seq: int
    """Counts up from 1 without gaps."""
    at: float
    """Unix time."""
    model: ModelId
    """Empty where a decision is about a device."""
    event: Event
    why: str = ""
    """A model's id or an error's code: what caused it."""
    bytes: int = 0
    seconds: float = 0.0
    """How long it took; for `served` and `refused`, how long the request waited."""
    device: str = ""
    """Where it happened, with the rung if that is not the whole model."""
    holds: Mapping[DeviceName, int] | None = field(default=None)
    """Bytes the model takes in each memory from now on; None when the record changes nothing about that."""

    def sentence(self, locale: Locale = "en", name: str | None = None) -> str:
        """The decision in plain words; `name` is the model's name for people."""
        key = f"journal.{self.event}"
        # What leaves a device may wait in main memory, or be gone.
        variants = (f"{key}.host" if self.holds else "", f"{key}.why" if self.why else "")
        key = next((variant for variant in variants if variant and known(variant)), key)
        text = message(
            key,
            locale,
            model=name or self.model,
            device=in_words(self.device, locale),
            size=data_size(self.bytes),
            seconds=f"{self.seconds:.1f}",
            why=in_words(self.why, locale) if self.event == "ran_out" else self.why,
        )
        # Between Chinese words there is no space; templates have one beside each field, for names in Latin letters.
        return BETWEEN_CHINESE.sub("", text)


def in_words(place: str, locale: Locale = "en") -> str:
    """A placement, as it is written in records, for people."""
    device, _, rung = place.rstrip(")").partition(" (")
    name = message("journal.place.cpu", locale) if device == "cpu" else device
    return message(f"journal.place.{rung}", locale, device=name) if rung else name


class Journal:
    """The latest records, oldest first; safe from any thread."""

    def __init__(self, size: int = 1000, clock: Callable[[], float] = time.time) -> None:
        self._records: deque[Record] = deque(maxlen=size)
        self._sequence = itertools.count(1)
        self._lock = threading.Lock()
        self._clock = clock
        self._listeners: list[Callable[[Record], None]] = []

    def listen(self, listener: Callable[[Record], None]) -> None:
        """Call `listener` with every record from now on, on the thread that made it; it must be quick."""
        with self._lock:
            self._listeners.append(listener)

    def start_over(self) -> None:
        """Go on in a forked child: without listeners, and with a lock that no thread of the parent can be holding."""
        self._lock = threading.Lock()
        self._listeners = []

    def write(
        self,
        model: ModelId,
        event: Event,
        *,
        why: str = "",
        size: int = 0,
        seconds: float = 0.0,
        device: str = "",
        holds: Mapping[DeviceName, int] | None = None,
    ) -> Record:
        """Add a record and one log line that says the same."""
        kept = MappingProxyType(dict(holds)) if holds is not None else None
        with self._lock:
            record = Record(next(self._sequence), self._clock(), model, event, why, size, seconds, device, kept)
            self._records.append(record)
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(record)
        level = logging.DEBUG if event in ("asked", "served") else logging.INFO
        if _log.isEnabledFor(level):
            _log.log(level, "%s", record.sentence())
        return record

    def records(self, since: int = 0) -> tuple[Record, ...]:
        """Those after record number `since`, oldest first."""
        with self._lock:
            return tuple(record for record in self._records if record.seq > since)


def replay(records: Iterable[Record]) -> dict[ModelId, Mapping[DeviceName, int]]:
    """Which models are in memory after these records, and how many bytes each takes where."""
    residents: dict[ModelId, Mapping[DeviceName, int]] = {}
    for record in records:
        if record.holds:
            residents[record.model] = record.holds
        elif record.holds is not None:
            residents.pop(record.model, None)
    return residents
