"""Why a request is turned away, with the numbers and the names that help to mend it."""

from collections.abc import Mapping

from studio.errors import Busy, EngineFailed, StudioError
from studio.registry.catalogue.spec import ModelId, ModelSpec
from studio.registry.models.entry import Entry
from studio.registry.waiter import Waiter


def too_late(waiter: Waiter, entries: Mapping[ModelId, Entry], now: float) -> Busy:
    """A deadline passed: the model is still on its way, or others hold the room."""
    slow = next((e for name in waiter.models if (e := entries[name]).busy in ("loading", "fetching")), None)
    if slow is not None:
        return Busy("registry.loading", model=slow.spec.id, seconds=round(now - slow.since))
    holders = ", ".join(entry.spec.id for entry in entries.values() if entry.users or entry.busy)
    return Busy("registry.busy", model=waiter.models[0], holders=holders or waiter.models[0])


def unexpected(spec: ModelSpec, error: Exception) -> EngineFailed:
    """A loader raised what it does not say it raises; still a sentence for the user."""
    failed = EngineFailed("registry.failed", model=spec.name, reason=f"{type(error).__name__}: {error}"[:200])
    failed.__cause__ = error
    return failed


def code_of(error: BaseException) -> str:
    """An error's code, or the name of its kind: what the journal says about a failure."""
    return error.code if isinstance(error, StudioError) else type(error).__name__
