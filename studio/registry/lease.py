"""The right to use one model: inside it the model is resident and cannot be evicted."""

import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from studio.registry.loaded import Loaded
from studio.registry.spec import ModelId

REPORT_SECONDS = 0.1


@dataclass(frozen=True)
class LoadProgress:
    """Where a model is on its way to the device."""

    model: ModelId
    name: str
    stage: Literal["waiting", "fetching", "loading"]
    """Waiting for others, fetching weights from their source, or reading them into memory."""
    done: int = 0
    total: int | None = None
    """Bytes, while fetching."""
    ahead: int = 0
    """Requests served before this one, while waiting."""
    seconds_left: float | None = None


@dataclass(eq=False)
class Waiter:
    """One request's place in the queue."""

    model: ModelId
    working_bytes: int
    give_up_at: float
    """On the registry's clock."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    blocked: bool = False
    """It is first to load and there is no room; later requests must not overtake it for ever."""
    failure: Exception | None = None
    """What went wrong in the load that it was waiting for."""


class Lender(Protocol):
    """The registry, as a lease sees it."""

    def acquire(self, waiter: Waiter) -> Loaded: ...
    def try_acquire(self, waiter: Waiter) -> Loaded | None: ...
    def release(self, model: ModelId) -> None: ...
    def wake(self) -> None: ...
    def progress(self, waiter: Waiter) -> LoadProgress: ...


class Lease:
    """A context manager over one use of one model.

    Ask for the model inside it, either blocking (`lease.model`) or from a generator that reports on the way
    (`engine = yield from lease.arrive()`). Leaving the block, or closing the generator, ends the use, the wait
    or the load.
    """

    def __init__(self, lender: Lender, waiter: Waiter) -> None:
        self._lender = lender
        self._waiter = waiter
        self._loaded: Loaded | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._loaded is not None:
            self._loaded = None
            self._lender.release(self._waiter.model)

    @property
    def model(self) -> Any:
        """The model itself, resident; blocks until it is.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        if self._loaded is None:
            self._loaded = self._lender.acquire(self._waiter)
        return self._loaded

    def arrive(self) -> Generator[LoadProgress, None, Any]:
        """Yield progress until the model is resident, and return it. Closing the generator gives up the wait.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        self._loaded = self._lender.try_acquire(self._waiter)
        if self._loaded is None:
            errand = _Errand(self._lender, self._waiter)
            try:
                while not errand.done.wait(REPORT_SECONDS):
                    yield self._lender.progress(self._waiter)
            except GeneratorExit:
                errand.abandon()
                raise
            self._loaded = errand.outcome()
        return self._loaded


class _Errand:
    """One blocking acquisition on a thread of its own, so that a generator can report meanwhile."""

    def __init__(self, lender: Lender, waiter: Waiter) -> None:
        self.done = threading.Event()
        self._lender = lender
        self._waiter = waiter
        self._lock = threading.Lock()
        self._abandoned = False
        self._loaded: Loaded | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._run, name=f"lease {waiter.model}", daemon=True).start()

    def _run(self) -> None:
        try:
            loaded = self._lender.acquire(self._waiter)
        except BaseException as error:  # handed to the waiting generator, which raises it
            self._error = error
        else:
            with self._lock:
                self._loaded = loaded
                stale = self._abandoned
            if stale:
                self._lender.release(self._waiter.model)
        finally:
            self.done.set()

    def abandon(self) -> None:
        """Nobody waits any more: what arrives, or has just arrived, is given back."""
        self._waiter.cancelled.set()
        self._lender.wake()
        with self._lock:
            self._abandoned = True
            arrived = self._loaded is not None
        if arrived:
            self._lender.release(self._waiter.model)

    def outcome(self) -> Loaded:
        """The model, once `done` is set."""
        if self._error is not None:
            raise self._error
        if self._loaded is None:
            raise RuntimeError("asked for before it was done")
        return self._loaded
