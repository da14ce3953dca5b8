"""The right to use models: inside it they are in memory and cannot be evicted."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

from studio.errors import OutOfMemory
from studio.registry.catalogue.spec import ModelId
from studio.registry.dispatch import Dispatcher
from studio.registry.waiter import LoadProgress, Waiter

REPORT_SECONDS: Final = 0.1
WAIT_SECONDS: Final = 0.5

T = TypeVar("T")


class Lease:
    """A context manager over one use of one model, or of several that one request needs at once.

    Ask for the model inside it, either blocking (`lease.model`) or from a generator that reports on the way
    (`engine = yield from lease.arrive()`). Leaving the block, or closing the generator, ends the use or the wait;
    a load that is under way by then goes on for whoever comes next.

    Several models are taken together or not at all, so two requests never hold what the other one waits for. For the
    same reason a request that holds a lease asks for nothing more than `again` gives it.
    """

    def __init__(self, dispatcher: Dispatcher, waiter: Waiter) -> None:
        self._dispatcher = dispatcher
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
        """The first model, ready; blocks until all are.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        if not self._waiter.granted:
            for _ in self._arriving(WAIT_SECONDS):
                pass
        return self._dispatcher.loaded(self._waiter.models[0])

    @property
    def models(self) -> Mapping[ModelId, Any]:
        """All models of the lease by id; blocks until they are ready."""
        _ = self.model
        return {name: self._dispatcher.loaded(name) for name in self._waiter.models}

    def arrive(self) -> Generator[LoadProgress, None, Any]:
        """Yield progress until the models are ready, and return the first. Closing the generator gives up the wait.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        if not self._waiter.granted:
            yield from self._arriving(REPORT_SECONDS)
        return self._dispatcher.loaded(self._waiter.models[0])

    def poll(self, seconds: float = 0) -> bool:
        """Ask for the models, and tell within `seconds` whether they are ready.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        if not self._queued:
            self._queued = True
            self._dispatcher.enqueue(self._waiter)
        try:
            return self._waiter.granted or self._dispatcher.wait(self._waiter, seconds)
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
        return self._dispatcher.loaded(cast(ModelId, model))

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

    def ask(self, question: Callable[[Any], T]) -> Generator[LoadProgress, None, T]:
        """What the model answers to one question; it recovers, and raises, as `stream` does."""
        answers: list[T] = []

        def start(model: Any) -> Iterator[T]:
            yield question(model)

        for item in self.stream(start):
            if isinstance(item, LoadProgress):
                yield item
            else:
                answers.append(item)
        return answers[0]

    def recover(self, error: OutOfMemory) -> None:
        """Do what may help after a request ran out of memory: make room once, then step down to the next placement.

        Ask for the model again afterwards: it may be another object.

        Raises:
            OutOfMemory: nothing is left to try, with the numbers.
        """
        if self._made_room:
            self._dispatcher.step_down(self._waiter, error)
        else:
            self.make_room()

    def make_room(self) -> None:
        """Evict everything idle from the device that the model works on, and empty its caches."""
        self._made_room = True
        self._dispatcher.make_room(self._waiter)

    def _arriving(self, seconds: float) -> Generator[LoadProgress, None, None]:
        try:
            while not self.poll(seconds):
                yield self._dispatcher.progress(self._waiter)
        except GeneratorExit:
            self._end()
            raise

    def _end(self) -> None:
        if self._queued:
            self._queued = False
            self._dispatcher.leave(self._waiter)
