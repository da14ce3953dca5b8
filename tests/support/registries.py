"""Registries of pretend models, for tests."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from studio.registry import (
    Binding,
    Books,
    Catalogue,
    Costs,
    Device,
    Estimate,
    Footprint,
    HostMemory,
    Ledger,
    Measurements,
    ModelId,
    ModelSpec,
    Placement,
    Registry,
    Rung,
    Shape,
    Sharing,
    Status,
    WeightsStore,
)
from studio.registry.models.fake import FakeLoader, FakeMemory, fake_footprint


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


def registry_of(
    specs: Iterable[ModelSpec],
    bindings: Mapping[str, Binding],
    cache: Path,
    *,
    host: Device | None = None,
    accelerators: Sequence[Device] = (),
    clock: Callable[[], float] = time.monotonic,
    measurements: Measurements | None = None,
    environ: Mapping[str, str] = os.environ,
    **options: Any,
) -> Registry:
    """A registry of these models over these memories; without `host`, the machine's own."""
    ledger = Ledger(host or HostMemory(), lambda: accelerators, clock=clock)
    books = Books(ledger, clock=clock, measurements=measurements or Measurements())
    store = WeightsStore(cache, environ)
    return Registry(Catalogue(specs), bindings, books, store, configured=lambda _: True, **options)


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
    options.setdefault("clock", FakeClock())
    return registry_of(
        specs, {"fake": Binding(loader)}, cache, host=FakeMemory("cpu", host), accelerators=accelerators, **options
    )


PATIENCE: Final = 60
"""Seconds until what should happen at once is taken for something that never will, on however busy a machine."""
LADDER: Final[tuple[Rung, ...]] = ("whole", "model_offload", "group_offload")


class PretendCosts(Estimate):
    """Weights as the catalogue says, a byte of working memory for a pixel or a token."""

    def footprint(self, placement: Placement) -> Footprint:
        return fake_footprint(self.nbytes, placement.rung)

    def working(self, placement: Placement, shape: Shape) -> int:
        return shape.width * shape.height * shape.batch + shape.tokens


class Scene:
    """A registry over pretend memories in which pretend models really take their bytes."""

    def __init__(
        self,
        folder: Path,
        *specs: ModelSpec,
        cpu: int = 10_000,
        gpus: Sequence[int] = (1000,),
        spare: int = 0,
        rungs: tuple[Rung, ...] = LADDER,
        sharing: Sharing = "exclusive",
        loader: Mapping[str, Any] | None = None,
        costs: Callable[[ModelSpec, Path | None], Costs] = lambda spec, _: PretendCosts(spec.memory or 0),
        **options: Any,
    ) -> None:
        """`spare` is what each memory really has beyond its budget; `loader` are options of `FakeLoader`."""
        sizes = {"cpu": cpu, **{f"cuda:{number}": size for number, size in enumerate(gpus)}}
        self.memories = {name: FakeMemory(name, size, size + spare) for name, size in sizes.items()}
        self.loader = FakeLoader(memories=self.memories, movable=True, sharing=sharing, **(loader or {}))
        self.clock = FakeClock()
        self.registry = registry_of(
            specs,
            {
                "fake": Binding(self.loader, rungs=rungs, costs=costs),
                "cpu": Binding(self.loader, accelerated=lambda: False, costs=costs, alone=False),
            },
            folder,
            host=self.memories["cpu"],
            accelerators=[memory for name, memory in self.memories.items() if name != "cpu"],
            clock=self.clock,
            **options,
        )

    def status(self, model: str) -> Status:
        return next(status for status in self.registry.statuses() if status.id == model)

    def states(self) -> dict[str, str]:
        """Where each model is: its device and rung, `host`, or nothing."""
        return {
            status.id: "host" if status.state == "host" else str(Placement(status.device, status.rung))
            for status in self.registry.statuses()
            if status.holds and status.rung
        }

    def events(self, *wanted: str) -> list[tuple[str, str]]:
        """Model and event of the journal's records."""
        return [(r.model, r.event) for r in self.registry.journal.records() if not wanted or r.event in wanted]


def use(registry: Registry, *models: str) -> Any:
    """Lease models for a moment, and return the first."""
    with registry.lease(*models) as lease:
        return lease.model


def in_thread(work: Callable[[], Any]) -> Callable[..., Any]:
    """Run `work` on a thread; the function returned waits for it and gives its result or raises its error."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append((work(), None))
        except Exception as error:
            outcome.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def join(seconds: float = PATIENCE) -> Any:
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


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something that another thread is about to do."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)
