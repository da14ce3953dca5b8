"""The registry as a state machine: whatever happens in whatever order, its promises hold."""

import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from studio.errors import EngineFailed, OutOfMemory, StudioError
from studio.registry import (
    Binding,
    Books,
    Catalogue,
    Estimate,
    Footprint,
    Lease,
    Ledger,
    Placement,
    Registry,
    Shape,
    WeightsStore,
)
from studio.registry.models.fake import FakeLoader, FakeMemory, FakeModel, out_of_memory
from studio.registry.reporting.journal import Journal, replay
from tests.support.properties import examples
from tests.support.registries import FakeClock, spec

DEADLINE = 100
SPECS = [
    spec("text", 40, device="cpu"),
    spec("base", 60),
    spec("control", 20, base="base"),
    spec("large", 90),
    spec("upscaler", 10, engine="movable"),
    spec("wrong", 15),
    spec("other-card", 50, device="cuda:1"),
]
NAMES = [one.id for one in SPECS]
REAL_SIZES = {"wrong": 70}
"""The catalogue is wrong about this one."""
DEVICES = {"cpu": 200, "cuda:0": 110, "cuda:1": 80}


class Costs(Estimate):
    """Weights as the catalogue says, and a byte of working memory for each pixel."""

    def working(self, placement: Placement, shape: Shape) -> int:
        return shape.width * shape.height * shape.batch

    def footprint(self, placement: Placement) -> Footprint:
        return Footprint(self.nbytes)


class Leases(RuleBasedStateMachine):
    """Threads and time are rules here: every interleaving is one that hypothesis chose and can repeat."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.memories = {name: FakeMemory(name, size, size * 2) for name, size in DEVICES.items()}
        self.jobs: list[Callable[[], None]] = []
        self.failures: dict[str, list[Exception]] = {name: [] for name in NAMES}
        options = {"failures": self.failures, "memories": self.memories, "sizes": REAL_SIZES}
        self.loaders = {
            "fake": FakeLoader(sharing="exclusive", movable=True, **options),
            "movable": FakeLoader(movable=True, **options),
        }
        self.cache = tempfile.TemporaryDirectory()
        accelerators = [self.memories["cuda:0"], self.memories["cuda:1"]]
        self.ledger = Ledger(self.memories["cpu"], lambda: accelerators, clock=self.clock)
        self.books = Books(self.ledger, journal=Journal(10**6), clock=self.clock)
        bindings = {
            name: Binding(loader, costs=lambda spec, _: Costs(spec.memory or 0), alone=name == "fake")
            for name, loader in self.loaders.items()
        }
        self.registry = Registry(
            Catalogue(SPECS),
            bindings,
            self.books,
            WeightsStore(Path(self.cache.name)),
            configured=lambda _: True,
            keep_alive=50,
            deadline=DEADLINE,
            executor=lambda work, name: self.jobs.append(work),
        )
        self.waiting: list[tuple[Lease, tuple[str, ...]]] = []
        self.held: list[tuple[Lease, tuple[str, ...]]] = []
        self.told: list[StudioError] = []

    def teardown(self) -> None:
        """Everyone who still waits is served, or told why not, once the others are done."""
        for _ in range(400):
            if not (self.waiting or self.jobs or self.held):
                break
            if self.jobs:
                self.jobs.pop(0)()
            elif self.held:
                self.held.pop()[0].__exit__(None, None, None)
            self.look()
        assert not self.waiting, "someone waits for ever"
        assert all(status.in_use == 0 and not status.busy for status in self.registry.statuses())
        assert all(status.reserved == 0 for status in self.registry.devices())
        assert all(self.ledger.promised(name) == 0 for name in DEVICES)
        self.registry.close()
        assert all(memory.taken == 0 for memory in self.memories.values())
        self.cache.cleanup()

    def look(self) -> None:
        """Every waiter asks once whether it was served."""
        for lease, models in tuple(self.waiting):
            try:
                if not lease.poll():
                    continue
                self.held.append((lease, models))
            except StudioError as error:
                self.told.append(error)
            self.waiting.remove((lease, models))

    @rule(
        models=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True),
        side=st.sampled_from([0, 0, 3, 6, 9]),
        deadline=st.sampled_from([5, DEADLINE * 3]),
    )
    def ask(self, models: list[str], side: int, deadline: float) -> None:
        shape = Shape(side, side) if side else None
        self.waiting.append((self.registry.lease(*models, shape=shape, deadline=deadline), tuple(models)))
        self.look()

    @precondition(lambda self: self.jobs)
    @rule(which=st.integers(0, 5))
    def finish_a_job(self, which: int) -> None:
        self.jobs.pop(which % len(self.jobs))()
        self.look()

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 5))
    def give_back(self, which: int) -> None:
        self.held.pop(which % len(self.held))[0].__exit__(None, None, None)
        self.look()

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 5))
    def cancel(self, which: int) -> None:
        self.waiting.pop(which % len(self.waiting))[0].__exit__(None, None, None)
        self.look()

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 5))
    def run_out_of_memory_in_use(self, which: int) -> None:
        lease, models = self.held.pop(which % len(self.held))
        try:
            lease.recover(out_of_memory(models[0]))
        except OutOfMemory:
            lease.__exit__(None, None, None)
        else:
            self.waiting.append((lease, models))
        self.look()

    @rule(model=st.sampled_from(NAMES), memory=st.booleans(), times=st.integers(1, 3))
    def make_loads_fail(self, model: str, memory: bool, times: int) -> None:
        failure = out_of_memory(model) if memory else EngineFailed("text.broke", reason="broken")
        self.failures[model].extend([failure] * times)

    @rule(seconds=st.sampled_from([1, 30, 60, DEADLINE + 1]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.registry.sweep()
        self.look()

    @rule(model=st.sampled_from(NAMES), wish=st.sampled_from(["offload", "drop", "pin", "unpin"]))
    def control(self, model: str, wish: str) -> None:
        if wish in ("pin", "unpin"):
            self.registry.pin(model, wish == "pin")
        else:
            getattr(self.registry, wish)(model)
        self.look()

    @rule(device=st.sampled_from(sorted(DEVICES)), limit=st.sampled_from([None, 1, 50, 100, 150]))
    def change_budget(self, device: str, limit: int | None) -> None:
        if self.ledger.knows(device):
            self.registry.set_budget(device, limit)
            self.look()

    @rule(device=st.sampled_from(sorted(DEVICES)), share=st.sampled_from([0.5, 1]))
    def others_take_memory(self, device: str, share: float) -> None:
        self.memories[device].size = int(DEVICES[device] * share)
        self.time_passes(1)

    @invariant()
    def nothing_in_use_was_taken_away(self) -> None:
        users: Counter[str] = Counter(model for _, models in self.held for model in models)
        for status in self.registry.statuses():
            assert status.in_use == users[status.id]
        for lease, models in self.held:
            for model in models:
                engine: FakeModel = lease.again(model)
                assert not engine.closed
                assert status_of(self.registry, model).state == "device"
                assert engine.sharing == "shared" or users[model] == 1

    @invariant()
    def the_budget_is_kept(self) -> None:
        """Only what is in use, pinned or being moved may exceed a budget that shrank."""
        for device in self.registry.devices():
            idle = [
                status
                for status in self.registry.statuses()
                if status.holds.get(device.name) and not (status.in_use or status.pinned or status.busy)
            ]
            assert device.held <= device.budget or not idle

    @invariant()
    def the_books_are_true(self) -> None:
        for name, memory in self.memories.items():
            assert self.ledger.held(name) == memory.taken

    @invariant()
    def a_model_is_in_memory_once(self) -> None:
        alive = Counter(
            model.spec.id for loader in self.loaders.values() for model in loader.models if not model.closed
        )
        assert all(count == 1 for count in alive.values())

    @invariant()
    def the_journal_replays_to_the_same_state(self) -> None:
        residents = {status.id: dict(status.holds) for status in self.registry.statuses() if status.holds}
        assert {model: dict(holds) for model, holds in replay(self.registry.journal.records()).items()} == residents

    @invariant()
    def no_wake_up_was_lost(self) -> None:
        """Looking again finds nothing that could have been done before."""
        before = len(self.jobs)
        self.registry.sweep()
        assert len(self.jobs) == before
        assert not any(lease._waiter.decided.is_set() for lease, _ in self.waiting)


def status_of(registry: Registry, model: str):  # type: ignore[no-untyped-def]
    return next(status for status in registry.statuses() if status.id == model)


Leases.TestCase.settings = settings(
    max_examples=examples(150), stateful_step_count=40, suppress_health_check=list(HealthCheck)
)
TestLeases = pytest.mark.timeout(examples(900))(Leases.TestCase)
