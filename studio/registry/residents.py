"""Whether the models of the `resident` policy will fit, by all that is known before anything is loaded."""

from collections.abc import Mapping, Sequence

from studio.errors import OutOfMemory
from studio.messages import data_size
from studio.registry.books import Books
from studio.registry.catalogue.spec import ModelSpec
from studio.registry.models.binding import Binding
from studio.registry.models.loaded import Placement
from studio.registry.weights.store import WeightsStore


def expect_room(
    residents: Sequence[ModelSpec], bindings: Mapping[str, Binding], books: Books, store: WeightsStore
) -> int:
    """Bytes that these models will take on accelerators, all together; 0 where there are none.

    What was measured goes before what the files say, and that before the catalogue's estimate.

    Raises:
        OutOfMemory: more than the accelerators may hold.
        EngineFailed: an accelerator was demanded and there is none.
    """
    wanting = [spec for spec in residents if spec.device != "cpu" and bindings[spec.engine].accelerated()]
    if not wanting:
        return 0
    ledger = books.ledger
    ledger.discover()
    devices = ledger.accelerators
    if not devices:
        return 0
    need = sum(_nbytes(spec, bindings[spec.engine], books, store, Placement(devices[0])) for spec in wanting)
    with books.lock:
        budget = sum(ledger.budget(device) for device in devices)
    if need > budget:
        names = ", ".join(devices)
        raise OutOfMemory("resident.budget", need=data_size(need), budget=data_size(budget), device=names)
    return need


def _nbytes(spec: ModelSpec, binding: Binding, books: Books, store: WeightsStore, placement: Placement) -> int:
    measured = books.measurements.footprint(spec, placement)
    if measured is None:
        weights = None if spec.remote else store.find(spec.sources)
        measured = binding.costs(spec, weights).footprint(placement)
    return measured.device
