"""Sixteen threads that do everything at once, with every kind of fault, and a registry that is whole afterwards."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.errors import EngineFailed, OutOfMemory, StudioError
from studio.registry import Binding, DeviceName, Estimate, Footprint, ModelSpec, Placement, Registry, Rung, Shape
from studio.registry.models.fake import FakeLoader, FakeMemory, FakeModel, out_of_memory
from studio.registry.reporting.journal import replay
from tests.support.registries import in_thread, registry_of, spec, wait_until

THREADS = 16
OPERATIONS = 20_000
GPU = 250
PIXEL = 5
"""Bytes of working memory for a request of one pixel, the only shape asked for here."""


class FaultyLoader(FakeLoader):
    """Loads that are slow, fail, or run out of memory, each now and then."""

    chance = random.Random(0)

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole") -> FakeModel:
        fate = self.chance.random()
        if fate < 0.05:
            time.sleep(0.01)
        elif fate < 0.10:
            raise EngineFailed("text.broke", reason="broken")
        elif fate < 0.20:
            raise out_of_memory(spec.id)
        return super().__call__(spec, weights, device, rung)


class Costs(Estimate):
    """Working memory by the pixel."""

    def working(self, placement: Placement, shape: Shape) -> int:
        return PIXEL * shape.width * shape.height

    def footprint(self, placement: Placement) -> Footprint:
        return Footprint(self.nbytes)


class Crowd:
    """What each thread does, again and again."""

    def __init__(self, registry: Registry, names: list[str], memories: dict[str, FakeMemory]) -> None:
        self.registry = registry
        self.names = names
        self.memories = memories
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._at_work: Counter[str] = Counter()
        self._lock = threading.Lock()

    def work(self, seed: int) -> None:
        chance = random.Random(seed)
        deeds = [self.use] * 8 + [self.stream] * 4 + [self.cancel] * 3 + [self.abandon, self.several, self.control]
        for _ in range(OPERATIONS // THREADS):
            deed = chance.choice(deeds)
            try:
                deed(chance)
            except StudioError as error:
                with self._lock:
                    self.refused[error.code] += 1
            with self._lock:
                self.done[deed.__name__] += 1

    def use(self, chance: random.Random) -> None:
        with self.registry.lease(chance.choice(self.names), shape=Shape(1, 1)) as lease, self._working(lease.model):
            pass

    def several(self, chance: random.Random) -> None:
        with self.registry.lease(*chance.sample(self.names, 2)) as lease:
            first, second = lease.models.values()
            with self._working(first), self._working(second):
                pass

    def stream(self, chance: random.Random) -> None:
        """A request that runs out of memory in the middle, before or after the user has seen something."""
        fails, late = chance.choice([0, 0, 1, 2, 3]), chance.random() < 0.2
        tries = iter(range(10))

        def start(model: FakeModel) -> Iterator[int]:
            with self._working(model):
                if next(tries) < fails and not late:
                    raise out_of_memory(model.spec.id)
                yield 1
                if late and fails:
                    raise out_of_memory(model.spec.id)

        with self.registry.lease(chance.choice(self.names), shape=Shape(1, 1)) as lease:
            for _ in lease.stream(start):
                pass

    def cancel(self, chance: random.Random) -> None:
        arriving = self.registry.load(chance.choice(self.names))
        next(arriving, None)
        arriving.close()

    def abandon(self, chance: random.Random) -> None:
        """A caller whose thread is gone: nobody closes its generator but the garbage collector."""
        next(self.registry.load(chance.choice(self.names)), None)

    def control(self, chance: random.Random) -> None:
        model = chance.choice(self.names)
        chance.choice(
            [
                lambda: self.registry.offload(model),
                lambda: self.registry.drop(model),
                lambda: self.registry.pin(model, chance.random() < 0.3),
                lambda: self.registry.set_budget("cuda:0", chance.choice([None, GPU // 2])),
                self.registry.sweep,
            ]
        )()

    @contextmanager
    def _working(self, model: FakeModel) -> Iterator[None]:
        """What must hold while a model is leased."""
        name = model.spec.id
        with self._lock:
            self._at_work[name] += 1
        time.sleep(0)
        with self._lock:
            if model.closed or (model.sharing == "exclusive" and self._at_work[name] > 1):
                self.wrong.append(name)
        try:
            yield
        finally:
            with self._lock:
                self._at_work[name] -= 1


def test_a_crowd_with_every_fault_leaves_a_whole_registry(tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(8)]
    memories = {"cpu": FakeMemory("cpu", 400, 800), "cuda:0": FakeMemory("cuda:0", GPU, GPU * 2)}
    options: dict[str, Any] = {"memories": memories, "sizes": {"m3": 180, "m5": 20}}
    bindings = {
        "fake": Binding(FaultyLoader(sharing="exclusive", movable=True, **options), costs=lambda s, _: Costs(s.memory)),
        "text": Binding(FaultyLoader(**options), accelerated=lambda: False, alone=False),
    }
    specs = [spec(name, 60 + 10 * n, engine="text" if n % 4 == 0 else "fake") for n, name in enumerate(names)]
    registry = registry_of(
        specs, bindings, tmp_path, host=memories["cpu"], accelerators=[memories["cuda:0"]], keep_alive=0.05
    )
    crowd = Crowd(registry, names, memories)
    for join in [in_thread(lambda seed=seed: crowd.work(seed)) for seed in range(THREADS)]:
        join(240)
    wait_until(lambda: not any(status.in_use or status.busy for status in registry.statuses()))

    assert sum(crowd.done.values()) == OPERATIONS
    assert crowd.wrong == []
    assert set(crowd.refused) <= {"text.broke", "memory.model", "memory.held", "memory.use"}
    assert all(device.reserved == 0 for device in registry.devices())
    for device in registry.devices():
        assert device.held == memories[device.name].taken
    recorded = {model: dict(holds) for model, holds in replay(registry.journal.records()).items()}
    resident = {status.id: dict(status.holds) for status in registry.statuses() if status.holds}
    assert recorded.items() <= resident.items()
    for name in names:
        registry.pin(name, False)
    registry.set_budget("cuda:0", None)
    for name in names:
        serve(registry, name)
    registry.close()
    assert all(memory.taken == 0 for memory in memories.values())


def serve(registry: Registry, name: str) -> None:
    """Any model can still be used; its loader fails now and then by design."""
    for _ in range(20):
        try:
            with registry.lease(name) as lease:
                assert not lease.model.closed
                return
        except (EngineFailed, OutOfMemory):
            continue
    raise AssertionError(f"{name} is not served any more")
