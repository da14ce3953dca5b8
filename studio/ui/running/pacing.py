"""Runs a craft's generator on its own thread and hands its results on at a pace a browser can follow."""

import contextvars
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Final, Generic, TypeVar

from studio.pace import SHOWN_SECONDS
from studio.pump import Pump

Item = TypeVar("Item")

PULSE_SECONDS: Final = 0.4
"""An empty batch is handed on this often while nothing comes, because Gradio notices a visitor who left only between
two yields; and while it waits to close a generator, it holds a lock that all visitors share."""


class Paced(Generic[Item]):
    """Everything that came since the last batch, as a list, which is empty when nothing did.

    Iterate it once. When the iteration ends, by itself, by `stop` or by being closed, `source` is closed at its next
    yield, without waiting for it. Errors of `source` come out here, after everything that came before them.
    """

    def __init__(self, source: Iterator[Item], pace: float = SHOWN_SECONDS, pulse: float = PULSE_SECONDS) -> None:
        self._source = source
        self._pace = pace
        self._pulse = pulse
        self._pump: Pump[Item] | None = None
        self._left = threading.Event()
        self.stopped = False
        """Whether `stop` was called."""

    def stop(self) -> None:
        """End the iteration, from any thread, after what has arrived so far; before it, nothing begins.

        Stopping twice does no harm.
        """
        self.stopped = True
        if self._pump is not None:
            self._pump.end()

    def __iter__(self) -> Generator[list[Item], None, None]:
        if self.stopped:
            return
        # In the caller's context, where a Space keeps the visitor's own request, and with it their share of the GPU.
        context = contextvars.copy_context()
        self._pump = Pump(lambda emit: context.run(self._feed, emit), "craft", heartbeat=self._pulse)
        if self.stopped:  # in the meantime
            self._pump.end()
        last = 0.0
        try:
            for batch in self._pump.batches():
                time.sleep(max(0.0, last + self._pace - time.monotonic()))
                last = time.monotonic()
                yield batch
        finally:
            self._left.set()

    def _feed(self, emit: Callable[[Item], None]) -> None:
        for item in self._source:
            if self._left.is_set():
                break
            emit(item)
        if isinstance(self._source, Generator):
            self._source.close()
