"""ZeroGPU: a GPU that is lent for the length of one request, to a forked child of this process.

`spaces.GPU` (read in spaces 0.51, `zero/wrappers.py`) runs a generator function in a child and pipes back what it
yields, pickled. The child is kept for later requests, so it sees this process as it was at its first one. Of an error
only the name of its class comes back, which is why a `StudioError` crosses here as a value.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, TypeVar, cast

from studio.errors import EngineFailed, StudioError
from studio.settings import on_zerogpu

Request = TypeVar("Request")
Result = TypeVar("Result")
Request_contra = TypeVar("Request_contra", contravariant=True)
Result_co = TypeVar("Result_co", covariant=True)


class Task(Protocol[Request_contra, Result_co]):
    """A generator function of one request; the request and what it yields can be pickled."""

    def __call__(self, request: Request_contra, /) -> Iterator[Result_co]: ...


class Gpu(Protocol):
    """`spaces.GPU`, as far as it is used here; `studio.hosting.fake` has a stand-in that forks."""

    def __call__(self, task: Task[Request, Result], *, duration: Callable[[Request], int]) -> Task[Request, Result]:
        """`task`, run on a lent GPU; `duration` tells the seconds to ask for. Closing what it returns stops it."""
        ...


@dataclass(frozen=True)
class Failure:
    """What went wrong in the child, on its way to the parent."""

    error: StudioError


def zerogpu() -> Gpu | None:
    """`spaces.GPU` on ZeroGPU; None elsewhere, where `spaces` is not even imported.

    The import patches torch so that models can be put on a `cuda` that is not there yet. It has to come before CUDA is
    touched, and on the thread that loads the models: torch's modes belong to a thread.
    """
    if not on_zerogpu():
        return None
    import spaces

    return cast(Gpu, spaces.GPU)


def on_gpu(task: Task[Request, Result], seconds: Callable[[Request], int], gpu: Gpu | None) -> Task[Request, Result]:
    """`task` on a lent GPU for as many `seconds` as its request is expected to take; `task` itself without a `gpu`.

    What the wrapped task raises:
        StudioError: as the task raised it, with its code and details.
        EngineFailed: no GPU was lent, or it was taken back, in the words of whoever lends it.
    """
    if gpu is None:
        return task

    def relayed(request: Request, /) -> Iterator[Result | Failure]:
        try:
            yield from task(request)
        except StudioError as error:
            yield Failure(error)

    lent = gpu(relayed, duration=seconds)

    def run(request: Request, /) -> Iterator[Result]:
        with closing(cast("Generator[Result | Failure, None, None]", lent(request))) as results:
            yield from _received(results)

    return run


def _received(results: Iterator[Result | Failure]) -> Iterator[Result]:
    while True:
        try:
            result = next(results)
        except StopIteration:
            return
        except Exception as error:
            # Gradio's errors, which is what `spaces` raises, have the sentence in `message`.
            reason = str(getattr(error, "message", "") or error) or type(error).__name__
            raise EngineFailed("zerogpu.failed", reason=reason) from error
        if isinstance(result, Failure):
            raise result.error
        yield result
