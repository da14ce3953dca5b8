"""What the registry knows about one model at this moment."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from studio.registry.catalogue.spec import ModelSpec
from studio.registry.models.binding import Binding
from studio.registry.models.loaded import Costs, DeviceName, Loaded, Placement
from studio.registry.models.usage import Usage

Errand = Literal["", "fetching", "loading", "moving"]
Departure = Literal["offloaded", "dropped", "expired", "spilled", "evicted"]
"""Why a model leaves without another one being loaded."""

BYTES_PER_SECOND: Final = 1e9
"""How fast a model is thought to come back before it was ever measured."""


@dataclass(eq=False)
class Entry:
    """The mutable record of one model; read and written only under the registry's lock."""

    spec: ModelSpec
    binding: Binding
    loaded: Loaded | None = None
    weights: Path | None = None
    """Its file or folder on disk, once located."""
    costs: Costs | None = None
    """Known once it is located."""
    options: tuple[Placement, ...] = ()
    """Where it may be placed, best first; known once it is located."""
    placement: Placement | None = None
    """Where it runs, or is about to."""
    parked: bool = False
    """All of it, or a part, waits in main memory and has to be moved before it is used."""
    holds: dict[DeviceName, int] = field(default_factory=dict)
    """Bytes that it takes in each memory."""
    claims: dict[DeviceName, int] = field(default_factory=dict)
    """Bytes promised to it while it is being loaded."""
    users: int = 0
    usage: Usage = field(default_factory=Usage)
    touched: float = 0.0
    """When it was last loaded, taken or given back."""
    busy: Errand = ""
    """What is being done with it outside the lock; nobody may take it meanwhile."""
    since: float = 0.0
    """When `busy` began."""
    done: int = 0
    total: int | None = None
    """Bytes fetched, while fetching."""
    resumed: int | None = None
    """Bytes of them that an earlier attempt had fetched; None before the first report."""
    refusal: Exception | None = None
    """Why its weights could not be fetched the last time; None since they were."""
    refused: float = 0.0
    """When that was."""
    load_seconds: float | None = None
    move_seconds: float | None = None
    leaving: Departure | Literal[""] = ""
    """Leave the device, or memory altogether, as soon as nobody uses it."""
    warm: bool = False
    """It has served a request since it was loaded, so that all of its weights are really in memory."""
    stooped: int = 0
    """Requests in a row that it served on a lower rung although a better one would have done."""
    pinned: bool = False
    """Never evicted and never idle for too long."""
    permanent: bool = False
    """Put there at the start, to stay for good: a lower placement is no choice for it, and nobody may move it away."""

    def begin(self, errand: Errand, now: float) -> None:
        """Mark it as busy; `now` is on the registry's clock."""
        self.busy, self.since = errand, now

    def report(self, done: int, total: int | None) -> None:
        """Take note of fetched bytes; called from the fetching thread, and torn reads do no harm."""
        if self.resumed is None:
            self.resumed = done
        self.done, self.total = done, total

    @property
    def ready(self) -> bool:
        """Whether it can be used where it is."""
        return self.loaded is not None and not self.busy and not self.parked

    @property
    def located(self) -> bool:
        """Whether it can be loaded without looking for its weights."""
        return bool(self.options) and (self.spec.remote or self.loaded is not None or self.weights is not None)

    @property
    def idle(self) -> bool:
        """Whether it is in memory and could leave it now."""
        return self.loaded is not None and not self.users and not self.busy

    @property
    def waiting(self) -> bool:
        """Whether all of it is in main memory and none where it runs."""
        return self.parked and self.holds.keys() == {"cpu"}

    @property
    def movable(self) -> bool:
        """Whether it can wait in main memory."""
        return (
            self.loaded is not None
            and self.loaded.movable
            and self.placement is not None
            and self.placement.rung == "whole"
            and self.placement.device != "cpu"
        )

    @property
    def reload_seconds(self) -> float:
        """What it costs to bring it back from where it would go, measured or guessed from its size."""
        guess = sum(self.holds.values()) / BYTES_PER_SECOND
        if self.movable and not self.parked:
            return self.move_seconds or guess / 10
        return self.load_seconds or guess
