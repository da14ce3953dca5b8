"""What a lease reports while its model is on the way."""

from dataclasses import dataclass
from typing import Literal

from studio.registry.spec import ModelId


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
