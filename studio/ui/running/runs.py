"""Runs that are under way, by owner: a run outlives the page that began it, and another page can follow it."""

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from gradio.blocks import Block

Updates = dict[Block, Any]
LOOK_SECONDS: Final = 0.4


@dataclass
class Run:
    """One run of one job, with everything that it has shown so far."""

    job: str
    """The id of the button that began it."""
    owner: str
    number: float
    """What the browser called it."""
    stop: Callable[[], None]
    began: float = field(default_factory=time.time)
    shown: Updates = field(default_factory=dict)
    status: str = ""
    count: int = 0
    over: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def show(self, updates: Updates, status: Block) -> Updates:
        """Remember what the page is told, for pages that come later."""
        with self.changed:
            self.shown |= updates
            told = updates.get(status)
            self.status = told if isinstance(told, str) else self.status
            self.count += 1
            self.changed.notify_all()
        return updates

    def end(self) -> None:
        """It is over."""
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def followed(self) -> Generator[Updates, None, None]:
        """All that it has shown, and then what is new; an empty update from time to time while there is nothing."""
        seen, over = -1, False
        while not over:
            with self.changed:
                if self.count == seen and not self.over:
                    self.changed.wait(LOOK_SECONDS)
                news = dict(self.shown) if self.count != seen else {}
                seen, over = self.count, self.over
            yield news


class Runs:
    """All runs of a page's server. Safe from several threads."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self._lock = threading.Lock()

    def begin(self, run: Run) -> Run:
        """A run is under way."""
        with self._lock:
            self._runs.append(run)
        return run

    def end(self, run: Run) -> None:
        """It is over."""
        with self._lock:
            self._runs = [other for other in self._runs if other is not run]
        run.end()

    def of(self, owner: str) -> Iterator[Run]:
        """An owner's runs, the latest first."""
        with self._lock:
            return iter([run for run in reversed(self._runs) if run.owner == owner])

    def find(self, owner: str, job: str, number: float | None = None) -> Run | None:
        """An owner's run of a job, the latest where no number is given."""
        return next((run for run in self.of(owner) if run.job == job and number in (None, run.number)), None)
