"""Threads that are kept from picture to picture: torch prepares its kernels anew for every thread."""

import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

Work = tuple[Callable[[], None], threading.Event]


class Workers:
    """As many threads as ever worked at the same time. None of them holds the program up when it ends."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Work | None]] = []
        self._process = os.getpid()
        self._closed = False

    def begin(self, work: Callable[[], None]) -> threading.Event:
        """Run `work`, which must not raise, in a thread; the event is set when it has ended."""
        if self._process != os.getpid():
            # A process that was forked, as on ZeroGPU, has none of its parent's threads.
            self._idle, self._process = [], os.getpid()
        ended = threading.Event()
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            threading.Thread(target=self._serve, args=(inbox,), name="diffusion", daemon=True).start()
        inbox.put((work, ended))
        return ended

    def close(self) -> None:
        """Let the threads end."""
        self._closed = True
        for inbox in self._idle:
            inbox.put(None)

    def _serve(self, inbox: "SimpleQueue[Work | None]") -> None:
        while (task := inbox.get()) is not None:
            work, ended = task
            work()
            if self._closed:
                ended.set()
                return
            self._idle.append(inbox)
            ended.set()
