"""One thread for the loads at start-up.

ZeroGPU's pretended `cuda` exists only on the thread that imported `spaces`, while a registry loads on threads of its
own. So at start-up its jobs come here, and are done by the thread that waits for them.
"""

import queue
import threading
from collections.abc import Callable

Executor = Callable[[Callable[[], None], str], None]


class HomeThread:
    """An executor for a registry: its jobs run on the thread that is inside `finish`, else as `otherwise` says."""

    def __init__(self, otherwise: Executor) -> None:
        self._otherwise = otherwise
        self._lock = threading.Lock()
        self._home = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def __call__(self, work: Callable[[], None], name: str) -> None:
        with self._lock:
            if self._home:
                self._jobs.put(work)
                return
        self._otherwise(work, name)

    def finish(self, task: Callable[[], None]) -> None:
        """Run `task`, which waits for jobs, on another thread, and the jobs on this one; raises what `task` raises."""
        raised: list[BaseException] = []

        def wait() -> None:
            try:
                task()
            except BaseException as error:
                raised.append(error)
            finally:
                with self._lock:
                    self._home = False
                    self._jobs.put(None)

        with self._lock:
            self._home = True
        threading.Thread(target=wait, name="residents", daemon=True).start()
        while (job := self._jobs.get()) is not None:
            job()
        if raised:
            raise raised[0]
