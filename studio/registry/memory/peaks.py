"""How much working memory requests really take, watched once for each shape."""

import threading

from studio.registry.catalogue.spec import ModelId
from studio.registry.memory.ledger import Ledger
from studio.registry.memory.measurements import Measurements
from studio.registry.models.entry import Entry
from studio.registry.models.loaded import Placement, Shape
from studio.registry.waiter import Waiter


class PeakWatch:
    """Watches the first undisturbed request of every shape in this run of the studio, where working memory matters.

    Asking a device for its peak costs more than a lease on a loaded model, so it is not done for each. A model's very
    first request is not watched: files that are mapped into memory are only then really read.
    """

    def __init__(self, ledger: Ledger, measurements: Measurements) -> None:
        self._ledger = ledger
        self._measurements = measurements
        self._seen: set[tuple[ModelId, Placement, Shape]] = set()
        self._lock = threading.Lock()

    def begin(self, waiter: Waiter, entry: Entry) -> None:
        """Start to watch a granted request, if it is worth it. Called by its own thread, without the lock."""
        if waiter.shape is None or waiter.watched is not None or entry.placement is None or not waiter.undisturbed:
            return
        if waiter.reserved is None or not entry.warm:
            return
        key = (entry.spec.id, entry.placement, waiter.shape)
        if key not in self._seen:
            waiter.watched = self._ledger.device(entry.placement.device).mark()

    def end(self, waiter: Waiter, entry: Entry) -> None:
        """Remember what a watched request took. Called before its release, without the registry's lock."""
        mark, waiter.watched = waiter.watched, None
        if mark is None or waiter.shape is None or entry.placement is None or not waiter.undisturbed:
            return
        peak = self._ledger.device(entry.placement.device).peak(mark)
        with self._lock:
            self._seen.add((entry.spec.id, entry.placement, waiter.shape))
        # Never nothing, which would not be measured again.
        self._measurements.worked(entry.spec, entry.placement, waiter.shape, max(peak, 1))

    def start_over(self) -> None:
        """Go on in a forked child, with a lock that no thread of the parent can be holding."""
        self._lock = threading.Lock()
