"""A lease on whichever model is best and can be had."""

from collections.abc import Generator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from studio.errors import StorageFailed, StudioError, WeightsUnavailable
from studio.registry.catalogue.spec import ModelSpec, Task
from studio.registry.lease import Lease
from studio.registry.models.loaded import Shape
from studio.registry.waiter import LoadProgress


class Lender(Protocol):
    """The registry, as a loan sees it."""

    def choose(self, wanted: str | None, *tasks: Task) -> ModelSpec:
        """The model asked for, else the best one. Raises UnknownModel."""
        ...

    def lease(self, *models: str, shape: Shape | None = None) -> Lease:
        """A lease on one model. Raises UnknownModel."""
        ...


class Loan:
    """A lease on the model that somebody asked for, else on the best one for a task.

    Where the best one's weights cannot be fetched, those who did not ask for it get the next best instead of an error.
    """

    def __init__(self, lender: Lender, wanted: str | None, tasks: Sequence[Task], shape: Shape | None) -> None:
        """
        Raises:
            UnknownModel: no such id, or no model for these tasks.
        """
        self._lender, self._wanted, self._tasks, self._shape = lender, wanted, tasks, shape
        self.spec = lender.choose(wanted, *tasks)
        """The model that is lent; another one after `arrive` had to take what there is."""
        self.lease = lender.lease(self.spec.id, shape=shape)
        self.refused: ModelSpec | None = None
        """The model that was wanted more and could not be fetched."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.lease.__exit__(kind, error, traceback)

    def arrive(self) -> Generator[LoadProgress, None, Any]:
        """Yield progress until the model is ready, and return it.

        Raises:
            Busy, OutOfMemory, WeightsUnavailable, StorageFailed, EngineFailed.
        """
        while True:
            try:
                return (yield from self.lease.arrive())
            except (WeightsUnavailable, StorageFailed) as error:
                self._take_another(error)

    def _take_another(self, error: StudioError) -> None:
        following = self.spec if self._wanted else self._lender.choose(None, *self._tasks)
        if following.id == self.spec.id:
            raise error
        self.refused = self.refused or self.spec
        self.spec = following
        self.lease = self._lender.lease(following.id, shape=self._shape)
