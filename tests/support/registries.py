"""Registries of pretend models, for tests."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from studio.registry.catalog import Catalogue
from studio.registry.entry import Binding
from studio.registry.fake import FakeLoader, FakeMemory
from studio.registry.ledger import Ledger
from studio.registry.registry import Registry
from studio.registry.residency import Residency
from studio.registry.sources import WeightsStore
from studio.registry.spec import ModelId, ModelSpec


class FakeClock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def spec(name: str, size: int = 100, **fields: Any) -> ModelSpec:
    """A catalogue entry without weights of its own."""
    given = {"name": name, "task": "text", "engine": "fake", "licence": "none", "memory": size, **fields}
    return ModelSpec(id=ModelId(name), **given)


def fake_registry(
    *specs: ModelSpec,
    loader: FakeLoader,
    cache: Path,
    host: int = 10_000,
    device: int | None = None,
    **options: Any,
) -> Registry:
    """A registry over one fake loader; `device` adds an accelerator of that many bytes."""
    accelerators = () if device is None else (FakeMemory("cuda:0", device),)
    clock = options.pop("clock", None) or FakeClock()
    ledger = Ledger(FakeMemory("cpu", host), lambda: accelerators, clock=clock)
    residency = Residency(ledger, WeightsStore(cache), clock=clock)
    return Registry(Catalogue(specs), {"fake": Binding(loader)}, residency, configured=lambda _: True, **options)


def use(registry: Registry, model: str) -> Any:
    """Lease a model for a moment, and return it."""
    with registry.lease(model) as lease:
        return lease.model


def in_thread(work: Callable[[], Any]) -> Callable[[float], Any]:
    """Run `work` on a thread; the function returned waits for it and gives its result or raises its error."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except Exception as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def join(seconds: float = 10) -> Any:
        thread.join(seconds)
        assert outcome, "it is still running"
        result, error = outcome[0]
        if error is not None:
            raise error
        return result

    return join


def drain(events: Iterator[Any]) -> list[Any]:
    """All events of a generator."""
    return list(events)
