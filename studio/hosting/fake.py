"""A stand-in for ZeroGPU: it lends nothing, but it forks, pickles and keeps its children as the real one does."""

import inspect
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from multiprocessing.synchronize import Event
from typing import Any

from studio.hosting.zerogpu import Request, Result, Task


class GpuAborted(Exception):
    """The child broke off; only the name of what it raised comes back."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class _Yielded:
    value: Any


@dataclass(frozen=True)
class _Ended:
    reason: str = ""


@dataclass(frozen=True)
class _Child:
    process: ForkProcess
    requests: Connection
    results: Connection
    stop: Event


class ForkingGpu:
    """Runs each task in a forked child, which serves later requests of the same task once it is idle.

    It forks whatever the rest of the process is doing, so a task that needs a thread or a lock of it hangs or fails.
    """

    def __init__(self, *, keep: bool = True, patience: float = 30) -> None:
        """Without `keep` every request gets a new child; one that says nothing for `patience` seconds is given up."""
        self.asked: list[int] = []
        """Seconds that were asked for, by request."""
        self.forked: list[int] = []
        """Process ids of all children."""
        self._keep = keep
        self._patience = patience
        self._lock = threading.Lock()
        self._children: list[ForkProcess] = []

    def __call__(self, task: Task[Request, Result], *, duration: Callable[[Request], int]) -> Task[Request, Result]:
        if not inspect.isgeneratorfunction(task):
            raise TypeError("a task that yields is a generator function")
        idle: list[_Child] = []

        def lent(request: Request, /) -> Iterator[Result]:
            self.asked.append(duration(request))
            with self._lock:
                child = idle.pop() if idle else self._fork(task)
            try:
                child.requests.send(request)
                yield from self._results(child)
            except GeneratorExit:
                child.stop.set()
                for _ in self._results(child):
                    pass
                raise
            finally:
                if self._keep and child.process.is_alive():
                    idle.append(child)
                else:
                    _end(child.process)

        return lent

    def close(self) -> None:
        """End all children."""
        for process in self._children:
            _end(process)

    def _fork(self, task: Task[Any, Any]) -> _Child:
        """A new child; called under the lock, so that no other child inherits the ends of these pipes half open."""
        context = multiprocessing.get_context("fork")
        requests_in, requests_out = context.Pipe(duplex=False)
        results_in, results_out = context.Pipe(duplex=False)
        stop = context.Event()
        process = context.Process(target=_serve, args=(task, requests_in, results_out, stop), daemon=True)
        process.start()
        requests_in.close()
        results_out.close()
        self._children.append(process)
        self.forked.append(process.pid or 0)
        return _Child(process, requests_out, results_in, stop)

    def _results(self, child: _Child) -> Iterator[Any]:
        while True:
            try:
                if child.results not in wait([child.results, child.process.sentinel], timeout=self._patience):
                    raise EOFError
                event = child.results.recv()
            except (EOFError, OSError) as error:
                _end(child.process)
                raise GpuAborted("GPU task aborted") from error
            match event:
                case _Yielded(value):
                    yield value
                case _Ended(""):
                    return
                case _Ended(reason):
                    raise GpuAborted(reason)


def _serve(task: Task[Any, Any], requests: Connection, results: Connection, stop: Event) -> None:
    with suppress(EOFError):
        while True:
            request = requests.recv()
            stop.clear()
            results.send(_Ended(_run(task, request, results, stop)))


def _run(task: Task[Any, Any], request: Any, results: Connection, stop: Event) -> str:
    """The name of what the task raised; empty when it ended well or was stopped."""
    work: Any = task(request)
    try:
        for result in work:
            if stop.is_set():
                work.close()
                break
            results.send(_Yielded(result))
    except Exception as error:
        return type(error).__name__
    return ""


def _end(process: ForkProcess) -> None:
    if process.is_alive():
        process.kill()
    process.join()
