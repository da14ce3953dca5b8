import os
import threading
from collections.abc import Iterator
from pathlib import Path

from studio.hosting.fake import ForkingGpu
from studio.registry import Binding, Books, Catalogue, Ledger, ModelId, Registry, WeightsStore
from studio.registry.models.fake import FakeLoader, FakeMemory
from studio.registry.reporting.journal import Journal
from tests.support.registries import PATIENCE, drain, in_thread, spec, use


def test_a_fork_while_a_thread_writes_the_journal_leaves_the_child_a_journal_of_its_own(tmp_path: Path) -> None:
    parent, writing, go_on = os.getpid(), threading.Event(), threading.Event()
    go_on.set()

    def clock() -> float:
        # The journal asks for the time while it holds its lock.
        if os.getpid() == parent:
            writing.set()
            go_on.wait(PATIENCE)
        return 0.0

    books = Books(Ledger(FakeMemory("cpu", 1000)), journal=Journal(clock=clock))
    bindings = {"fake": Binding(FakeLoader())}
    registry = Registry(Catalogue([spec("m")]), bindings, books, WeightsStore(tmp_path), configured=lambda _: True)
    registry.survive_forks()
    told: list[str] = []
    registry.journal.listen(lambda record: told.append(record.event))
    use(registry, "m")

    def task(request: str, /) -> Iterator[list[str]]:
        use(registry, request)
        registry.pin(request)
        yield [record.event for record in registry.journal.records()]
        yield told

    gpu = ForkingGpu(patience=PATIENCE)
    writing.clear()
    go_on.clear()
    blocked = in_thread(lambda: registry.journal.write(ModelId("m"), "expired"))
    assert writing.wait(PATIENCE)
    try:
        events, heard = drain(gpu(task, duration=lambda request: 1)("m"))
    finally:
        go_on.set()
        blocked()
        gpu.close()
    assert events[-1] == "pinned"
    assert "pinned" not in heard
    assert not registry.statuses()[0].pinned
    assert [record.event for record in registry.journal.records()][-1] == "expired"
