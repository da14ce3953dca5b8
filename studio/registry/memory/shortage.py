"""Why a model has no room, with the numbers and the names that help to mend it."""

from collections.abc import Iterable

from studio.errors import OutOfMemory
from studio.messages import data_size
from studio.registry.catalogue.spec import ModelSpec
from studio.registry.memory.ledger import Ledger
from studio.registry.memory.placement import Option
from studio.registry.models.entry import Entry


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


def _held(entry: Entry, device: str) -> str:
    return f"{entry.spec.id} {data_size(entry.holds.get(device, 0))}"
