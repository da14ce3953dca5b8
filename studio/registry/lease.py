"""The right to use models: inside it they are resident and cannot be evicted."""

import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self, TypeVar, cast

from studio.errors import OutOfMemory
from studio.registry.catalogue.spec import ModelId
from studio.registry.loaded import DeviceName, Loaded, Shape

REPORT_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 0.5

T = TypeVar("T")


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
    """One request and its place in the queue."""

    models: tuple[ModelId, ...]
    """The first one does the work; the others help it."""
    since: float
    give_up_at: float
    """Both on the registry's clock."""
    shape: Shape | None = None
    granted: bool = False
    failure: Exception | None = None
    settled: threading.Event = field(default_factory=threading.Event)
    """Set once it is granted or has failed."""
    asked: bool = False
    """It had to wait; the journal knows about it."""
    avoid: int = 0
    """Options of the first model that have failed this request, best first."""
    reserved: tuple[DeviceName, int] | None = None
    """Working memory promised to it."""
    watched: int | None = None
    """The device's use when its working memory began to be watched."""
    undisturbed: bool = True
    """Nobody else has used the device meanwhile, so that what was watched is its own."""


class Lender(Protocol):
    """The registry, as a lease sees it."""

    def enqueue(self, waiter: Waiter) -> None:
        """Take a place in the queue; an idle resident model is granted at once."""
        ...

    def wait(self, waiter: Waiter, seconds: float) -> bool:
        """Wait for the outcome; True when the models are granted. Raises what went wrong."""
        ...

    def leave(self, waiter: Waiter) -> None:
        """End the use, or the wait."""
        ...

    def loaded(self, model: ModelId) -> Loaded:
        """A granted model."""
        ...

    def progress(self, waiter: Waiter) -> LoadProgress:
        """How far the first model that is missing is."""
        ...

    def make_room(self, waiter: Waiter) -> None:
        """Evict what is idle on the device of a granted request, and empty its caches."""
        ...

    def step_down(self, waiter: Waiter, error: OutOfMemory) -> None:
        """Queue a granted request again, first in line, for the next placement of its model. Raises when it is the
        last."""
        ...


class Lease:
    """A context manager over one use of one model, or of several that one request needs at once.

    Ask for the model inside it, either blocking (`lease.model`) or from a generator that reports on the way
    (`engine = yield from lease.arrive()`). Leaving the block, or closing the generator, ends the use or the wait;
    a load that is under way by then goes on for whoever comes next.

    Several models are taken together or not at all, so two requests never hold what the other one waits for. For the
    same reason a request that holds a lease asks for nothing more than `again` gives it.
    """

    def __init__(self, lender: Lender, waiter: Waiter) -> None:
        self._lender = lender
        self._waiter = waiter
        self._queued = False
        self._made_room = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    @property
    def model(self) -> Any:
        """The first model, resident; blocks until all are.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        if not self._waiter.granted:
            for _ in self._arriving(WAIT_SECONDS):
                pass
        return self._lender.loaded(self._waiter.models[0])

    @property
    def models(self) -> Mapping[ModelId, Any]:
        """All models of the lease by id; blocks until they are resident."""
        _ = self.model
        return {name: self._lender.loaded(name) for name in self._waiter.models}

    def arrive(self) -> Generator[LoadProgress, None, Any]:
        """Yield progress until the models are resident, and return the first. Closing the generator gives up the wait.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        if not self._waiter.granted:
            yield from self._arriving(REPORT_SECONDS)
        return self._lender.loaded(self._waiter.models[0])

    def poll(self, seconds: float = 0) -> bool:
        """Ask for the models, and tell within `seconds` whether they are resident.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        if not self._queued:
            self._queued = True
            self._lender.enqueue(self._waiter)
        try:
            return self._waiter.granted or self._lender.wait(self._waiter, seconds)
        except BaseException:
            self._end()
            raise

    def again(self, model: str) -> Any:
        """A model that this lease holds already, for a part of the same request; never waits.

        Raises:
            ValueError: the lease does not hold it. Name all models of a request when it begins: waiting for one
                while holding another is how requests block each other for ever.
        """
        if not self._waiter.granted or model not in self._waiter.models:
            raise ValueError(f"{model} is not part of this lease")
        return self._lender.loaded(cast(ModelId, model))

    def stream(
        self, start: Callable[[Any], Iterator[T]], spoken: Callable[[T], bool] = lambda item: True
    ) -> Generator[LoadProgress | T, None, None]:
        """Run `start(model)` and hand on what it yields; recover when it runs out of memory.

        The first time, everything idle leaves the device and the request starts again; the next times, the model goes
        to its next placement. A request of which something was `spoken` already, as the user sees it, is not silently
        started again: it fails.

        Raises:
            OutOfMemory: nothing is left to try, with the numbers; and what the model raises.
        """
        while True:
            model = yield from self.arrive()
            said = False
            try:
                with closing(cast("Generator[T, None, None]", start(model))) as items:
                    for item in items:
                        said = said or spoken(item)
                        yield item
                return
            except OutOfMemory as error:
                if said:
                    raise
                failure = error.with_traceback(None)
            # Outside the handler, whose traceback would keep alive what the failed run had allocated.
            self.recover(failure)

    def recover(self, error: OutOfMemory) -> None:
        """Do what may help after a request ran out of memory: make room once, then step down to the next placement.

        Ask for the model again afterwards: it may be another object.

        Raises:
            OutOfMemory: nothing is left to try, with the numbers.
        """
        if self._made_room:
            self._lender.step_down(self._waiter, error)
        else:
            self.make_room()

    def make_room(self) -> None:
        """Evict everything idle from the device that the model works on, and empty its caches."""
        self._made_room = True
        self._lender.make_room(self._waiter)

    def _arriving(self, seconds: float) -> Generator[LoadProgress, None, None]:
        try:
            while not self.poll(seconds):
                yield self._lender.progress(self._waiter)
        except GeneratorExit:
            self._end()
            raise

    def _end(self) -> None:
        if self._queued:
            self._queued = False
            self._lender.leave(self._waiter)
