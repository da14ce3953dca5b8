"""The registry's numbers for Prometheus: what is in memory, and what became of it."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from studio.registry.registry import Registry
from studio.registry.reporting.journal import Event, Record

LOAD_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
WAIT_BUCKETS: Final = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600)
REASONS: Final[dict[Event, str]] = {
    "evicted": "room",
    "expired": "idle",
    "spilled": "pressure",
    "offloaded": "offloaded",
    "dropped": "dropped",
}
"""Why a model left a memory: another one needed the room, nobody used it, memory was short, or it was told to."""


class Metrics:
    """One studio's metrics in a collection of their own, so that several studios fit into one process.

    What happens is counted from the journal, what is there now is read when somebody asks. Labels are models, devices
    and reasons; nothing of a request is in them.
    """

    def __init__(self, registry: Registry) -> None:
        self._collection = CollectorRegistry()
        self._collection.register(_Holdings(registry))
        self._loads = Histogram(
            "studio_registry_load_seconds",
            "Time to bring a model to its device, from disk or from main memory.",
            ("model", "device"),
            buckets=LOAD_BUCKETS,
            registry=self._collection,
        )
        self._waits = Histogram(
            "studio_registry_wait_seconds",
            "Time that requests which had to wait for their models waited, by how the wait ended.",
            ("outcome",),
            buckets=WAIT_BUCKETS,
            registry=self._collection,
        )
        self._evictions = Counter(
            "studio_registry_evictions",
            "Times that a model left a memory.",
            ("model", "reason"),
            registry=self._collection,
        )
        self._exhausted = Counter(
            "studio_registry_out_of_memory",
            "Times that a model ran out of memory, recovered from or not.",
            ("model",),
            registry=self._collection,
        )
        self._failures = Counter(
            "studio_registry_failures",
            "Times that a model could not be loaded, by the error's code.",
            ("model", "reason"),
            registry=self._collection,
        )
        registry.journal.listen(self._count)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """All metrics in the text format that an `Accept` header asks for, and the content type of it."""
        encode, kind = choose_encoder(accept)
        return encode(self._collection), kind

    def _count(self, record: Record) -> None:
        match record.event:
            case "loaded":
                # A rung in brackets may follow the device's name.
                self._loads.labels(record.model, record.device.partition(" ")[0]).observe(record.seconds)
            case "served" | "refused":
                self._waits.labels(record.event).observe(record.seconds)
            case "evicted" | "expired" | "spilled" | "offloaded" | "dropped":
                self._evictions.labels(record.model, REASONS[record.event]).inc()
            case "ran_out":
                self._exhausted.labels(record.model).inc()
            case "failed" | "stuck":
                self._failures.labels(record.model, record.why or record.event).inc()


class _Holdings:
    """Gauges of what is in memory at the moment of the question."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def describe(self) -> tuple[Metric, ...]:
        """Nothing: without it, prometheus_client would collect once just to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        held = GaugeMetricFamily(
            "studio_registry_resident_bytes", "Bytes that a model holds in a memory.", labels=("device", "model")
        )
        in_use = GaugeMetricFamily(
            "studio_registry_in_use", "Requests that use a model in memory now.", labels=("model",)
        )
        for status in self._registry.statuses():
            for device, size in status.holds.items():
                held.add_metric((device, status.id), size)
            if status.holds:
                in_use.add_metric((status.id,), status.in_use)
        budget = GaugeMetricFamily(
            "studio_registry_budget_bytes", "Bytes that models and requests may take.", labels=("device",)
        )
        reserved = GaugeMetricFamily(
            "studio_registry_reserved_bytes", "Bytes promised to requests beside the weights.", labels=("device",)
        )
        for memory in self._registry.devices():
            budget.add_metric((memory.name,), memory.budget)
            reserved.add_metric((memory.name,), memory.reserved)
        yield from (held, in_use, budget, reserved)
