"""One request in the queue, and what it is told meanwhile."""

import threading
from dataclasses import dataclass, field
from typing import Literal

from studio.registry.catalogue.spec import ModelId
from studio.registry.models.loaded import DeviceName, Shape


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
    decided: threading.Event = field(default_factory=threading.Event)
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
