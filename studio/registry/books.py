"""The registry's books: every model, every memory and every decision, and the one lock over them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from studio.registry.catalogue.spec import ModelId
from studio.registry.memory.ledger import Ledger
from studio.registry.memory.measurements import Measurements
from studio.registry.models.entry import Entry
from studio.registry.reporting.journal import Journal


@dataclass(frozen=True)
class Books:
    """What the parts of the registry read and write together."""

    ledger: Ledger
    journal: Journal = field(default_factory=Journal)
    measurements: Measurements = field(default_factory=Measurements)
    clock: Callable[[], float] = time.monotonic
    """Seconds; the registry's own clock."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    """The registry's one lock. Lock order: this one, then the journal's or the measurements' own."""
    entries: dict[ModelId, Entry] = field(default_factory=dict)
