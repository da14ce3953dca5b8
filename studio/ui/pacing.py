"""Runs a craft's generator on its own thread and hands its results on at a pace a browser can follow."""

import queue
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

PACE_SECONDS: Final = 0.05
"""At most 20 batches a second: more than that and a browser falls behind the model."""
PULSE_SECONDS: Final = 0.4
"""An empty batch is handed on this often while nothing comes, because Gradio notices a visitor who left, or who
pressed Stop, only between two yields; and until it has, it holds a lock that all visitors share."""


@dataclass(frozen=True)
class _End:
    """The source has no more; `error` is what it broke off with."""

    error: BaseException | None = None


@dataclass(frozen=True)
class _One(Generic[Item]):
    item: Item


def paced(source: Iterator[Item], pace: float = PACE_SECONDS, pulse: float = PULSE_SECONDS) -> Iterator[list[Item]]:
    """Everything that came since the last batch, as a list, which is empty when nothing did.

    Closing this iterator closes `source` at its next yield, without waiting for it. Errors of `source` come out
    here, after everything that came before them.
    """
    arrived: queue.SimpleQueue[_One[Item] | _End] = queue.SimpleQueue()
    stopped = threading.Event()
    threading.Thread(target=_pump, args=(source, arrived, stopped), name="craft", daemon=True).start()
    last = 0.0
    try:
        while True:
            batch, end = _drain(arrived, pulse)
            if batch or end is None:
                time.sleep(max(0.0, last + pace - time.monotonic()))
                last = time.monotonic()
                yield batch
            if end is not None:
                break
    finally:
        stopped.set()
    if end.error is not None:
        raise end.error


def _pump(source: Iterator[Item], arrived: "queue.SimpleQueue[_One[Item] | _End]", stopped: threading.Event) -> None:
    end = _End()
    try:
        for item in source:
            if stopped.is_set():
                break
            arrived.put(_One(item))
        if isinstance(source, Generator):
            source.close()
    except BaseException as error:  # handed to the thread that iterates, which raises it
        end = _End(error)
    finally:
        arrived.put(end)


def _drain(arrived: "queue.SimpleQueue[_One[Item] | _End]", pulse: float) -> tuple[list[Item], _End | None]:
    batch: list[Item] = []
    try:
        thing = arrived.get(timeout=pulse)
        while isinstance(thing, _One):
            batch.append(thing.item)
            thing = arrived.get_nowait()
    except queue.Empty:
        return batch, None
    return batch, thing
