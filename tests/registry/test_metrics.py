"""What Prometheus is told about the registry."""

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from studio.errors import EngineFailed, OutOfMemory
from studio.registry import Metrics, Registry
from studio.registry.models.fake import FakeLoader
from tests.support.registries import fake_registry, spec, use

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(metrics: Metrics) -> Samples:
    text, kind = metrics.exposition()
    assert kind.startswith("text/plain")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return samples(metrics).get((f"studio_registry_{name}", tuple(sorted(labels.items()))))


def registry(folder: Path, **options: object) -> Registry:
    loader = FakeLoader(movable=True, failures={"bad": [EngineFailed("registry.failed", model="bad", reason="x")]})
    models = (spec("a", 600), spec("b", 600), spec("bad", 100))
    return fake_registry(*models, loader=loader, cache=folder, device=1000, **options)


def test_what_is_in_memory_is_read_when_asked(tmp_path: Path) -> None:
    models = registry(tmp_path)
    metrics = Metrics(models)
    assert value(metrics, "resident_bytes", device="cuda:0", model="a") is None
    use(models, "a")
    assert value(metrics, "resident_bytes", device="cuda:0", model="a") == 600
    assert value(metrics, "budget_bytes", device="cuda:0") == 1000
    assert value(metrics, "in_use", model="a") == 0
    with models.lease("a") as lease:
        assert lease.model
        assert value(metrics, "in_use", model="a") == 1


def test_what_happens_is_counted(tmp_path: Path) -> None:
    models = registry(tmp_path)
    metrics = Metrics(models)
    use(models, "a")
    use(models, "b")
    assert value(metrics, "load_seconds_count", device="cuda:0", model="a") == 1
    assert value(metrics, "wait_seconds_count", outcome="served") == 2
    assert value(metrics, "evictions_total", model="a", reason="room") == 1
    assert value(metrics, "resident_bytes", device="cpu", model="a") == 600
    models.offload("b")
    assert value(metrics, "evictions_total", model="b", reason="offloaded") == 1
    models.drop("b")
    assert value(metrics, "evictions_total", model="b", reason="dropped") == 1


def test_what_goes_wrong_is_counted_by_its_code(tmp_path: Path) -> None:
    models = registry(tmp_path)
    metrics = Metrics(models)
    with pytest.raises(EngineFailed):
        use(models, "bad")
    assert value(metrics, "failures_total", model="bad", reason="registry.failed") == 1
    assert value(metrics, "wait_seconds_count", outcome="refused") == 1


def test_running_out_of_memory_is_counted(tmp_path: Path) -> None:
    full = OutOfMemory("memory.model", model="a", need="?", budget="?", device="?")
    models = fake_registry(spec("a"), loader=FakeLoader(failures={"a": [full]}), cache=tmp_path, device=1000)
    metrics = Metrics(models)
    use(models, "a")
    assert (value(metrics, "out_of_memory_total", model="a") or 0) >= 1


def test_two_studios_in_one_process_count_for_themselves(tmp_path: Path) -> None:
    first, second = registry(tmp_path), registry(tmp_path)
    mine, theirs = Metrics(first), Metrics(second)
    use(first, "a")
    assert value(mine, "wait_seconds_count", outcome="served") == 1
    assert value(theirs, "wait_seconds_count", outcome="served") is None


def test_a_collector_that_asks_for_open_metrics_gets_them(tmp_path: Path) -> None:
    text, kind = Metrics(registry(tmp_path)).exposition("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")
