"""Work that runs in its own thread and hands its pieces to a generator."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

HEARTBEAT: Final = 0.25
"""Seconds of silence after which an empty batch is yielded, so that a consumer gets the chance to stop."""


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None = None


class Pump(Generic[T]):
    """Runs `work(emit)` in a thread and yields what it emits, in batches.

    Its queue has no bound: what is emitted is bounded by the tokens asked for, and a model does not wait for a reader.
    """

    def __init__(
        self,
        work: Callable[[Callable[[T], None]], None],
        name: str,
        *,
        heartbeat: float = HEARTBEAT,
        gather: float = 0.0,
    ) -> None:
        """`gather` is the seconds after the first piece in which more may join its batch."""
        self._heartbeat, self._gather = heartbeat, gather
        self._queue: queue.SimpleQueue[T | _Ended] = queue.SimpleQueue()
        # A thread lets go of its arguments when it ends; kept here, `work` would hold on to the model.
        self._thread = threading.Thread(target=self._run, args=(work,), name=name, daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[Callable[[T], None]], None]) -> None:
        end = _Ended()
        try:
            work(self._queue.put)
        except BaseException as error:  # raised again in the thread that reads
            end = _Ended(error)
        finally:
            self._queue.put(end)

    def end(self) -> None:
        """End the batches, from any thread, after what has arrived so far; the work goes on by itself."""
        self._queue.put(_Ended())

    def batches(self) -> Iterator[list[T]]:
        """Everything that has arrived since the last batch; empty after `heartbeat` seconds without anything.

        Raises:
            BaseException: what the work raised, after everything it emitted.
        """
        while True:
            batch, ended = self._drained()
            if batch or ended is None:
                yield batch
            if ended is not None:
                if ended.error is not None:
                    raise ended.error
                return

    def _drained(self) -> tuple[list[T], _Ended | None]:
        batch: list[T] = []
        try:
            item = self._queue.get(timeout=self._heartbeat)
            if self._gather and not isinstance(item, _Ended) and self.running:
                time.sleep(self._gather)
            while not isinstance(item, _Ended):
                batch.append(item)
                item = self._queue.get_nowait()
        except queue.Empty:
            return batch, None
        return batch, item

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait until the work has ended."""
        self._thread.join()
