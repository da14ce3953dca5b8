import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.errors import Busy, Cancelled, EngineFailed, OutOfMemory, UnknownModel
from studio.registry import LoadProgress, Registry
from studio.registry.models.fake import FakeLoader, out_of_memory
from tests.support.registries import FakeClock, fake_registry, in_thread, spec, use, wait_until


def states(registry: Registry) -> dict[str, str]:
    return {status.id: status.state for status in registry.statuses()}


def test_a_model_is_loaded_once_for_many_users_at_the_same_time(tmp_path: Path) -> None:
    loader = FakeLoader()
    loader.gate.clear()
    registry = fake_registry(spec("a"), loader=loader, cache=tmp_path)
    users = [in_thread(lambda: use(registry, "a")) for _ in range(8)]
    loader.started.acquire()
    loader.gate.set()
    assert len({id(user()) for user in users}) == 1
    assert loader.loads == ["a"]
    assert registry.statuses()[0].in_use == 0


def test_the_least_recently_used_model_makes_room(tmp_path: Path) -> None:
    clock = FakeClock()
    registry = fake_registry(
        spec("a"), spec("b"), spec("c"), loader=FakeLoader(), cache=tmp_path, host=250, clock=clock
    )
    for name in ("a", "b", "a", "c"):
        clock.now += 1
        use(registry, name)
    assert states(registry) == {"a": "device", "b": "absent", "c": "device"}
    assert [(r.model, r.why) for r in registry.journal.records() if r.event == "evicted"] == [("b", "c")]


def test_what_leaves_the_accelerator_stays_in_main_memory_and_comes_back_without_a_load(tmp_path: Path) -> None:
    loader = FakeLoader(movable=True)
    registry = fake_registry(spec("a"), spec("b"), loader=loader, cache=tmp_path, device=150)
    first = use(registry, "a")
    use(registry, "b")
    assert states(registry) == {"a": "host", "b": "device"}
    assert first.device == "cpu"
    assert use(registry, "a") is first
    assert first.device == "cuda:0"
    assert loader.loads == ["a", "b"]


def test_a_model_in_use_is_never_evicted_and_the_next_one_waits_for_it(tmp_path: Path) -> None:
    registry = fake_registry(spec("a"), spec("b"), loader=FakeLoader(), cache=tmp_path, host=150)
    with registry.lease("a") as lease:
        held = lease.model
        waiting = in_thread(lambda: use(registry, "b"))
        wait_until(lambda: [r for r in registry.journal.records() if r.model == "b"])
        time.sleep(0.05)
        assert not held.closed
        assert states(registry)["b"] == "absent"
    assert waiting().spec.id == "b"
    assert held.closed


def test_a_request_that_waits_for_room_is_not_overtaken_for_ever(tmp_path: Path) -> None:
    registry = fake_registry(spec("small"), spec("large", 140), loader=FakeLoader(), cache=tmp_path, host=150)
    first = registry.lease("small")
    with first:
        _ = first.model
        large = in_thread(lambda: use(registry, "large"))
        wait_until(lambda: any(r.model == "large" for r in registry.journal.records()))
        # It is known by now to need room; before that, whoever needs none may go first.
        wait_until(lambda: not any(status.busy for status in registry.statuses()))
        late = in_thread(lambda: use(registry, "small"))
    large()
    late()
    loaded = [r.model for r in registry.journal.records() if r.event == "loaded"]
    assert loaded == ["small", "large", "small"]


def test_exclusive_models_serve_one_request_at_a_time_in_order(tmp_path: Path) -> None:
    registry = fake_registry(spec("a"), loader=FakeLoader(sharing="exclusive"), cache=tmp_path)
    served: list[int] = []
    at_once: list[int] = []

    def request(number: int) -> None:
        with registry.lease("a") as lease:
            _ = lease.model
            at_once.append(registry.statuses()[0].in_use)
            served.append(number)

    with registry.lease("a") as lease:
        _ = lease.model
        waiting = []
        for number in range(5):
            waiting.append(in_thread(lambda number=number: request(number)))
            wait_until(
                lambda number=number: len([r for r in registry.journal.records() if r.event == "asked"]) > number + 1
            )
    for join in waiting:
        join()
    assert served == [0, 1, 2, 3, 4]
    assert set(at_once) == {1}


def test_a_wait_past_its_deadline_says_who_holds_the_room(tmp_path: Path) -> None:
    clock = FakeClock()
    registry = fake_registry(
        spec("a"), spec("b"), loader=FakeLoader(), cache=tmp_path, host=150, clock=clock, deadline=5
    )
    with registry.lease("a") as lease:
        _ = lease.model
        waiting = in_thread(lambda: use(registry, "b"))
        wait_until(lambda: any(r.model == "b" for r in registry.journal.records()))
        clock.now += 6
        with pytest.raises(Busy, match="in use now: a"):
            waiting()
    assert use(registry, "b").spec.id == "b"


def test_a_model_larger_than_the_budget_is_refused_with_the_numbers(tmp_path: Path) -> None:
    registry = fake_registry(spec("a", 5 * 2**30), loader=FakeLoader(), cache=tmp_path, host=2 * 2**30)
    with pytest.raises(OutOfMemory, match=r"needs 5.4 GB, and cpu may hold 2.1 GB"):
        use(registry, "a")


def test_out_of_memory_while_loading_clears_what_is_idle_and_tries_once_more(tmp_path: Path) -> None:
    loader = FakeLoader(failures={"b": [out_of_memory("b")]})
    registry = fake_registry(spec("a"), spec("b"), loader=loader, cache=tmp_path)
    idle = use(registry, "a")
    assert use(registry, "b").spec.id == "b"
    assert idle.closed
    assert loader.loads == ["a", "b", "b"]


def test_a_failed_load_is_told_to_all_who_waited_and_the_next_request_tries_again(tmp_path: Path) -> None:
    loader = FakeLoader(failures={"a": [EngineFailed("cancelled")]})
    loader.gate.clear()
    registry = fake_registry(spec("a"), loader=loader, cache=tmp_path)
    waiting = [in_thread(lambda: use(registry, "a")) for _ in range(3)]
    loader.started.acquire()
    wait_until(lambda: len([r for r in registry.journal.records() if r.event == "asked"]) == 3)
    loader.gate.set()
    for join in waiting:
        with pytest.raises(EngineFailed):
            join()
    assert loader.loads == ["a"]
    assert use(registry, "a").spec.id == "a"


def test_closing_a_generator_while_its_model_loads_leaves_no_use_behind(tmp_path: Path) -> None:
    loader = FakeLoader()
    loader.gate.clear()
    registry = fake_registry(spec("a"), loader=loader, cache=tmp_path)
    loading = registry.load("a")
    progress = next(loading)
    assert isinstance(progress, LoadProgress)
    loading.close()
    loader.gate.set()
    wait_until(lambda: not any(status.in_use or status.busy for status in registry.statuses()))
    assert use(registry, "a").spec.id == "a"


def test_a_cancelled_wait_leaves_the_queue_to_the_others(tmp_path: Path) -> None:
    registry = fake_registry(spec("a"), loader=FakeLoader(sharing="exclusive"), cache=tmp_path)
    with registry.lease("a") as lease:
        _ = lease.model
        gone = registry.load("a")
        assert next(gone).stage == "waiting"
        patient = in_thread(lambda: use(registry, "a"))
        gone.close()
    assert patient().spec.id == "a"


def test_progress_says_how_many_are_before_me(tmp_path: Path) -> None:
    registry = fake_registry(spec("a"), loader=FakeLoader(sharing="exclusive"), cache=tmp_path)
    with registry.lease("a") as lease:
        _ = lease.model
        first = registry.load("a")
        assert next(first).ahead == 1
        second = registry.load("a")
        assert next(second).ahead == 2
        second.close()
        first.close()


def test_idle_models_leave_after_keep_alive_and_used_ones_stay(tmp_path: Path) -> None:
    clock = FakeClock()
    registry = fake_registry(spec("a"), spec("b"), loader=FakeLoader(), cache=tmp_path, keep_alive=60, clock=clock)
    use(registry, "a")
    with registry.lease("b") as lease:
        _ = lease.model
        clock.now += 61
        registry.sweep()
        assert states(registry) == {"a": "absent", "b": "device"}
    registry.sweep()
    assert states(registry)["b"] == "device"
    assert [r.model for r in registry.journal.records() if r.event == "expired"] == ["a"]


def test_offloading_a_model_in_use_takes_effect_when_it_is_free(tmp_path: Path) -> None:
    registry = fake_registry(spec("a"), loader=FakeLoader(), cache=tmp_path)
    with registry.lease("a") as lease:
        model = lease.model
        assert registry.offload("a") is False
        assert not model.closed
    assert model.closed
    assert registry.offload("a") is True


def test_a_wrong_estimate_is_corrected_by_what_was_measured(tmp_path: Path) -> None:
    loader = FakeLoader(sizes={"a": 1000})
    registry = fake_registry(spec("a", 10), spec("b", 100), loader=loader, cache=tmp_path, host=1050)
    use(registry, "a")
    use(registry, "b")
    assert states(registry) == {"a": "absent", "b": "device"}


def test_the_choice_prefers_what_is_present_and_larger_than_a_starter(tmp_path: Path) -> None:
    weights = tmp_path / "weights.gguf"
    missing = {"sources": [{"path": str(weights)}]}
    starter = spec("starter", starter=True)
    registry = fake_registry(starter, spec("large", **missing), loader=FakeLoader(), cache=tmp_path)
    assert registry.choose(None, "text").id == "starter"
    weights.write_bytes(b"x")
    assert registry.choose(None, "text").id == "large"
    assert registry.choose("starter", "text").id == "starter"
    with pytest.raises(UnknownModel, match="made for text"):
        registry.choose("starter", "image")


def test_many_threads_and_models_end_with_nothing_in_use_and_the_budget_kept(tmp_path: Path) -> None:
    names = [f"m{number}" for number in range(6)]
    over: list[int] = []
    begun: list[threading.Thread] = []

    def executor(job: Callable[[], None], name: str) -> None:
        begun.append(threading.Thread(target=job, name=name, daemon=True))
        begun[-1].start()

    loader = FakeLoader(failures={"m3": [out_of_memory("m3") for _ in range(20)]}, movable=True)
    registry = fake_registry(
        *[spec(name) for name in names], loader=loader, cache=tmp_path, host=400, device=250, executor=executor
    )

    def watch() -> None:
        resident = sum(status.holds.get("cuda:0", 0) for status in registry.statuses())
        if resident > 250:
            over.append(resident)

    def work(seed: int) -> None:
        for turn in range(40):
            name = names[(seed * 7 + turn * 5) % len(names)]
            try:
                if turn % 9 == 0:
                    registry.load(name).close()
                elif turn % 11 == 0:
                    registry.offload(name)
                else:
                    use(registry, name)
            except (OutOfMemory, Cancelled):
                pass
            watch()

    for join in [in_thread(lambda seed=seed: work(seed)) for seed in range(8)]:
        join(240)
    wait_until(lambda: not any(s.in_use or s.busy for s in registry.statuses()))
    assert over == []
    # Nobody is left behind by the loads and moves; the process's other threads are not the registry's.
    wait_until(lambda: not any(thread.is_alive() for thread in begun))
    assert begun
