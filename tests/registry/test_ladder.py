"""Whole on the device, then a part at a time, then the CPU: chosen from the numbers, or found by running out."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.errors import OutOfMemory
from studio.registry import Estimate, LoadProgress, Measurements, Shape
from studio.registry.models.fake import FakeModel, out_of_memory
from tests.support.registries import Scene, spec, use

RUNGS = ["cuda:0", "cuda:0 (model_offload)", "cuda:0 (group_offload)", "cpu"]


@pytest.mark.parametrize(("budget", "expected"), list(zip([1000, 600, 200, 50], RUNGS, strict=True)))
def test_the_rung_is_chosen_from_the_numbers_before_anything_is_loaded(
    tmp_path: Path, budget: int, expected: str
) -> None:
    scene = Scene(tmp_path, spec("a", 1000), gpus=(budget,))
    use(scene.registry, "a")
    assert scene.states() == {"a": expected}
    assert scene.loader.loads == ["a"]
    assert all(memory.most <= memory.size for memory in scene.memories.values())


def test_what_a_lower_rung_keeps_in_main_memory_is_counted_there(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 1000), gpus=(600,), cpu=1200)
    use(scene.registry, "a")
    assert scene.status("a").holds == {"cuda:0": 500, "cpu": 1000}
    assert {device.name: device.held for device in scene.registry.devices()} == {"cpu": 1000, "cuda:0": 500}


def test_a_larger_picture_moves_the_model_to_a_lower_rung_and_a_small_one_leaves_it_there(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 700), gpus=(1000,))
    with scene.registry.lease("a", shape=Shape(10, 10)) as lease:
        assert lease.model.rung == "whole"
    with scene.registry.lease("a", shape=Shape(20, 30)) as lease:
        assert lease.model.rung == "model_offload"
    with scene.registry.lease("a", shape=Shape(10, 10)) as lease:
        assert lease.model.rung == "model_offload"
    assert scene.loader.loads == ["a", "a"]


def test_a_model_that_stoops_for_nothing_gets_up_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 700), gpus=(1000,))
    rungs = []
    for side in (10, 20, *[10] * 7, 20, 20):
        with scene.registry.lease("a", shape=Shape(side, side)) as lease:
            rungs.append(lease.model.rung)
    assert rungs == ["whole", *["model_offload"] * 6, "whole", "whole", "model_offload", "model_offload"]
    assert scene.loader.loads == ["a"] * 4


def test_a_load_that_runs_out_twice_takes_the_next_rung_and_remembers_it(tmp_path: Path) -> None:
    measurements = Measurements(tmp_path / "measurements.json")
    failures = {"a": [out_of_memory("a"), out_of_memory("a")]}
    scene = Scene(tmp_path, spec("a", 500), loader={"failures": failures}, measurements=measurements)
    use(scene.registry, "a")
    assert scene.states() == {"a": "cuda:0 (model_offload)"}
    assert scene.events("ran_out", "recovered", "loaded") == [
        ("a", "ran_out"),
        ("a", "ran_out"),
        ("a", "loaded"),
        ("a", "recovered"),
    ]
    again = Scene(tmp_path, spec("a", 500), measurements=Measurements(tmp_path / "measurements.json"))
    use(again.registry, "a")
    assert again.states() == {"a": "cuda:0 (model_offload)"}
    larger = Scene(tmp_path, spec("a", 500), gpus=(2000,), measurements=Measurements(tmp_path / "measurements.json"))
    use(larger.registry, "a")
    assert larger.states() == {"a": "cuda:0"}


def test_an_estimate_ten_times_too_small_is_corrected_and_the_budget_kept(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path, spec("a", 100), spec("idle", 300), gpus=(600,), spare=600, loader={"sizes": {"a": 1000, "idle": 300}}
    )
    use(scene.registry, "idle")
    use(scene.registry, "a")
    assert scene.states() == {"a": "cuda:0 (model_offload)", "idle": "host"}
    assert all(device.held <= device.budget for device in scene.registry.devices())


def test_an_estimate_ten_times_too_large_is_corrected_by_the_files(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 5000), costs=lambda *_: Estimate(500), loader={"sizes": {"a": 500}})
    use(scene.registry, "a")
    assert scene.states() == {"a": "cuda:0"}


class Run:
    """A request that runs out of memory the first few times, after some output."""

    def __init__(self, times: int, after: int) -> None:
        self.times, self.after = times, after
        self.models: list[tuple[str, str]] = []

    def __call__(self, model: FakeModel) -> Iterator[str]:
        self.models.append((model.device, model.rung))
        for word in range(5):
            if word == self.after and len(self.models) <= self.times:
                raise out_of_memory(model.spec.id)
            yield f"word {word}"


def running_out(times: int, *, after: int = 0) -> Run:
    """A request that fails `times` before it gets through."""
    return Run(times, after)


def streamed(scene: Scene, run: Run, shape: Shape | None = None) -> list[str]:
    with scene.registry.lease("a", shape=shape) as lease:
        return [item for item in lease.stream(run) if not isinstance(item, LoadProgress)]


def test_running_out_in_use_first_evicts_what_is_idle(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 400), spec("idle", 400))
    use(scene.registry, "idle")
    run = running_out(1)
    assert streamed(scene, run) == [f"word {n}" for n in range(5)]
    assert run.models == [("cuda:0", "whole")] * 2
    assert scene.states() == {"a": "cuda:0", "idle": "host"}
    assert scene.memories["cuda:0"].reclaimed >= 1


def test_running_out_again_takes_the_next_rung_and_the_next_request_of_that_shape_starts_there(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 400))
    run = running_out(3)
    shape = Shape(16, 16)
    assert streamed(scene, run, shape) == [f"word {n}" for n in range(5)]
    assert run.models == [
        ("cuda:0", "whole"),
        ("cuda:0", "whole"),
        ("cuda:0", "model_offload"),
        ("cuda:0", "group_offload"),
    ]
    scene.registry.drop("a")
    again = running_out(0)
    streamed(scene, again, shape)
    assert again.models == [("cuda:0", "group_offload")]
    scene.registry.drop("a")
    smaller = running_out(0)
    streamed(scene, smaller, Shape(8, 8))
    assert smaller.models == [("cuda:0", "whole")]


def test_when_nothing_is_left_to_try_the_error_has_the_numbers_and_the_next_request_works(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 400), spec("b", 100, engine="cpu"))
    use(scene.registry, "b")
    with pytest.raises(OutOfMemory) as caught:
        streamed(scene, running_out(99))
    assert caught.value.code == "memory.use"
    assert "it holds 0 kB of 10 kB there; b 0 kB" in caught.value.explain()
    assert "内存不足" in caught.value.explain("zh-CN")
    assert scene.status("a").in_use == 0
    assert streamed(scene, running_out(0)) == [f"word {n}" for n in range(5)]


def test_a_request_that_has_shown_something_is_not_started_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 400))
    run = running_out(1, after=2)
    with scene.registry.lease("a") as lease:
        stream = lease.stream(run)
        assert [next(stream), next(stream)] == ["word 0", "word 1"]
        with pytest.raises(OutOfMemory):
            next(stream)
    assert len(run.models) == 1
    assert scene.status("a").in_use == 0


def test_a_model_that_others_use_is_not_moved_from_under_them(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 400), sharing="shared")
    with scene.registry.lease("a") as other:
        held = other.model
        with pytest.raises(OutOfMemory):
            streamed(scene, running_out(99))
        assert not held.closed
    assert scene.states() == {"a": "cuda:0"}
