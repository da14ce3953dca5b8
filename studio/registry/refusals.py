"""Why a request is turned away, with the numbers and the names that help to mend it."""

from collections.abc import Iterable, Mapping

from studio.errors import Busy, EngineFailed, OutOfMemory, StudioError
from studio.messages import data_size
from studio.registry.catalogue.spec import ModelId, ModelSpec
from studio.registry.entry import Entry
from studio.registry.lease import Waiter
from studio.registry.ledger import Ledger
from studio.registry.placement import Option


def does_not_fit(spec: ModelSpec, option: Option, budget: int, holders: Iterable[Entry]) -> OutOfMemory:
    """A model cannot be placed: what it needs, what there is, and who holds it."""
    device, need = option.placement.device, option.take()[option.placement.device]
    held = ", ".join(sorted(_held(entry, device) for entry in holders))
    facts = {"model": spec.id, "need": data_size(need), "budget": data_size(budget), "device": device}
    return OutOfMemory("memory.held", held=held, **facts) if held else OutOfMemory("memory.model", **facts)


def ran_out(entry: Entry, entries: Iterable[Entry], ledger: Ledger) -> OutOfMemory:
    """A model ran out of memory while it worked, and there is nowhere else to put it."""
    device = entry.placement.device if entry.placement else "cpu"
    others = [_held(other, device) for other in entries if other is not entry and other.holds.get(device)]
    return OutOfMemory(
        "memory.use",
        model=entry.spec.id,
        device=device,
        need=data_size(entry.holds.get(device, 0)),
        budget=data_size(ledger.budget(device)),
        held="; " + ", ".join(sorted(others)) if others else "",
    )


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


def _held(entry: Entry, device: str) -> str:
    return f"{entry.spec.id} {data_size(entry.holds.get(device, 0))}"
