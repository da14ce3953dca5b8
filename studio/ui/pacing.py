"""Runs a craft's generator on its own thread and hands its results on at a pace a browser can follow."""

import contextvars
import queue
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from studio.pace import SHOWN_SECONDS

Item = TypeVar("Item")

PULSE_SECONDS: Final = 0.4
"""An empty batch is handed on this often while nothing comes, because Gradio notices a visitor who left only between
two yields; and while it waits to close a generator, it holds a lock that all visitors share."""


@dataclass(frozen=True)
class _One(Generic[Item]):
    item: Item


@dataclass(frozen=True)
class _End:
    """There is no more; `error` is what the source broke off with."""

    error: BaseException | None = None


class Paced(Generic[Item]):
    """Everything that came since the last batch, as a list, which is empty when nothing did.

    Iterate it once. When the iteration ends, by itself, by `stop` or by being closed, `source` is closed at its next
    yield, without waiting for it. Errors of `source` come out here, after everything that came before them.
    """

    def __init__(self, source: Iterator[Item], pace: float = SHOWN_SECONDS, pulse: float = PULSE_SECONDS) -> None:
        self._source = source
        self._pace = pace
        self._pulse = pulse
        self._arrived: queue.SimpleQueue[_One[Item] | _End] = queue.SimpleQueue()
        self._left = threading.Event()
        self.stopped = False
        """Whether `stop` was called."""

    def stop(self) -> None:
        """End the iteration, from any thread, after what has arrived so far; before it, nothing begins.

        Stopping twice does no harm.
        """
        self.stopped = True
        self._arrived.put(_End())

    def __iter__(self) -> Generator[list[Item], None, None]:
        if self.stopped:
            return
        # In the caller's context, where a Space keeps the visitor's own request, and with it their share of the GPU.
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._pump,), name="craft", daemon=True).start()
        last, end = 0.0, None
        try:
            while end is None:
                batch, end = self._drain()
                if batch or end is None:
                    time.sleep(max(0.0, last + self._pace - time.monotonic()))
                    last = time.monotonic()
                    yield batch
        finally:
            self._left.set()
        if end.error is not None:
            raise end.error

    def _pump(self) -> None:
        end = _End()
        try:
            for item in self._source:
                if self._left.is_set():
                    break
                self._arrived.put(_One(item))
            if isinstance(self._source, Generator):
                self._source.close()
        except BaseException as error:  # handed to the thread that iterates, which raises it
            end = _End(error)
        finally:
            self._arrived.put(end)

    def _drain(self) -> tuple[list[Item], _End | None]:
        batch: list[Item] = []
        try:
            thing = self._arrived.get(timeout=self._pulse)
            while isinstance(thing, _One):
                batch.append(thing.item)
                thing = self._arrived.get_nowait()
        except queue.Empty:
            return batch, None
        return batch, thing
