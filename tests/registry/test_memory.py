"""Working memory, what is remembered of it, memory that becomes short, and models that wait or leave in part."""

import json
from pathlib import Path

import pytest

from studio.errors import OutOfMemory
from studio.registry import HostMemory, Measurements, Placement, Shape
from studio.registry.memory.measurements import MARGIN
from tests.support.registries import Scene, in_thread, spec, use, wait_until

PARTS = {"base": {"unet": 300, "text_encoder": 150, "vae": 50}}


def test_a_request_reserves_what_it_needs_beside_the_weights_and_gives_it_back(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 500))
    with scene.registry.lease("a", shape=Shape(20, 15)) as lease:
        assert lease.model
        assert [device.reserved for device in scene.registry.devices() if device.name == "cuda:0"] == [300]
    assert all(device.reserved == 0 for device in scene.registry.devices())


def test_room_for_a_large_request_is_made_although_the_model_is_there(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 400), spec("idle", 400))
    use(scene.registry, "idle")
    use(scene.registry, "a")
    with scene.registry.lease("a", shape=Shape(20, 20)) as lease:
        assert lease.model
        assert scene.states() == {"a": "cuda:0", "idle": "host"}


def test_two_requests_whose_working_memory_does_not_fit_together_take_turns(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 100), spec("b", 100), rungs=("whole",))
    with scene.registry.lease("a", shape=Shape(20, 20)) as lease:
        assert lease.model
        other = in_thread(lambda: lease_with(scene, "b", Shape(25, 20)))
        wait_until(lambda: ("b", "asked") in scene.events())
        assert scene.status("b").in_use == 0
    assert other()
    assert all(memory.most <= memory.size for memory in scene.memories.values())


def lease_with(scene: Scene, model: str, shape: Shape) -> bool:
    with scene.registry.lease(model, shape=shape) as lease:
        return bool(lease.model)


def test_what_a_request_really_took_is_measured_and_counts_the_next_time(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 500), measurements=Measurements(tmp_path / "measurements.json"))
    shape = Shape(10, 10)
    memory = scene.memories["cuda:0"]
    use(scene.registry, "a")
    with scene.registry.lease("a", shape=shape) as lease:
        assert lease.model
        memory.take(250)
        memory.take(-250)
    later = Scene(tmp_path, spec("a", 500), measurements=Measurements(tmp_path / "measurements.json"))
    with later.registry.lease("a", shape=shape) as lease:
        assert lease.model
        assert {d.name: d.reserved for d in later.registry.devices()} == {"cpu": 0, "cuda:0": int(250 * MARGIN)}


def test_what_was_measured_while_others_were_at_work_is_not_believed(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 300), spec("b", 300), measurements=Measurements())
    use(scene.registry, "a")
    with scene.registry.lease("a", shape=Shape(10, 10)) as lease, scene.registry.lease("b") as other:
        assert lease.model
        assert other.model
        scene.memories["cuda:0"].take(200)
        scene.memories["cuda:0"].take(-200)
    with scene.registry.lease("a", shape=Shape(10, 10)) as lease:
        assert lease.model
        assert max(device.reserved for device in scene.registry.devices()) == 100


def test_the_first_request_after_a_load_is_not_measured_because_it_reads_what_was_mapped(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 300), measurements=Measurements())
    for _ in range(2):
        with scene.registry.lease("a", shape=Shape(10, 10)) as lease:
            assert lease.model
            assert max(device.reserved for device in scene.registry.devices()) == 100
            scene.memories["cuda:0"].take(250)
            scene.memories["cuda:0"].take(-250)
    with scene.registry.lease("a", shape=Shape(10, 10)) as lease:
        assert lease.model
        assert max(device.reserved for device in scene.registry.devices()) == int(250 * MARGIN)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        json.dumps({"version": 0, "models": {"a": {}}}),
        json.dumps({"version": 1, "models": {"a": 3}}),
        json.dumps({"a": {"peak": 17}}),
    ],
)
def test_a_measurements_file_that_is_damaged_or_older_is_measured_anew(tmp_path: Path, content: str) -> None:
    file = tmp_path / "measurements.json"
    file.write_text(content, encoding="utf-8")
    scene = Scene(tmp_path, spec("a", 500), measurements=Measurements(file))
    use(scene.registry, "a")
    footprint = Measurements(file).footprint(spec("a", 500), Placement("cuda:0"))
    assert footprint is not None
    assert footprint.device == 500
    assert Measurements(file).footprint(spec("a", 501), Placement("cuda:0")) is None


def test_what_cannot_be_remembered_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    scene = Scene(tmp_path, spec("a", 500), measurements=Measurements(tmp_path / "file" / "measurements.json"))
    assert use(scene.registry, "a")


def test_a_part_of_a_model_leaves_where_that_is_enough(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("base", 500), spec("writer", 600), loader={"parts": PARTS})
    base = use(scene.registry, "base")
    use(scene.registry, "writer")
    assert scene.status("base").holds == {"cuda:0": 350, "cpu": 150}
    assert base.parts == {"unet": 300, "vae": 50}
    scene.registry.drop("writer")
    assert use(scene.registry, "base") is base
    assert scene.status("base").holds == {"cuda:0": 500}
    assert scene.loader.loads == ["base", "writer"]


def test_when_main_memory_is_short_what_waits_there_goes_to_disk(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 600), spec("b", 600), cpu=1000)
    use(scene.registry, "a")
    use(scene.registry, "b")
    assert scene.states() == {"a": "host", "b": "cuda:0"}
    scene.memories["cpu"].size = 400
    scene.clock.now += 1
    scene.registry.sweep()
    assert scene.states() == {"b": "cuda:0"}
    assert scene.events("spilled") == [("a", "spilled")]


def test_main_memory_that_is_full_of_waiting_models_lets_the_least_missed_go(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 600), spec("b", 600), spec("c", 600), cpu=1000)
    for name in ("a", "b", "c"):
        scene.clock.now += 60
        use(scene.registry, name)
    assert scene.states() == {"b": "host", "c": "cuda:0"}


def test_idle_models_go_to_main_memory_first_and_to_disk_later(tmp_path: Path) -> None:
    own = spec("patient", 100, keep_alive=1000)
    scene = Scene(tmp_path, spec("a", 500), own, spec("kept", 100, keep_alive=0), keep_alive=60)
    for name in ("a", "patient", "kept"):
        use(scene.registry, name)
    seen = []
    for _ in range(3):
        scene.clock.now += 61
        scene.registry.sweep()
        seen.append(scene.states().get("a", "disk"))
    assert seen == ["host", "disk", "disk"]
    assert scene.events("expired", "dropped") == [("a", "expired"), ("a", "expired")]
    scene.clock.now += 1000
    scene.registry.sweep()
    assert scene.states() == {"patient": "host", "kept": "cuda:0"}


def test_a_model_that_waits_in_main_memory_is_offloaded_already(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 500))
    model = use(scene.registry, "a")
    assert scene.registry.offload("a")
    assert scene.registry.offload("a")
    assert scene.states() == {"a": "host"}
    assert use(scene.registry, "a") is model


def test_an_offload_asked_for_during_a_load_happens_when_the_load_is_done(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 300), spec("b", 300))
    use(scene.registry, "a")
    scene.loader.gate.clear()
    loading = in_thread(lambda: use(scene.registry, "b"))
    wait_until(lambda: scene.status("b").busy == "loading")
    assert not scene.registry.offload("a")
    assert scene.states()["a"] == "cuda:0"
    scene.loader.gate.set()
    loading()
    wait_until(lambda: scene.states() == {"a": "host", "b": "cuda:0"})


def test_large_drops_give_memory_back_to_the_system(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("large", 2**26, engine="cpu"), spec("small", 100, engine="cpu"), cpu=2**30)
    for name in ("small", "large"):
        use(scene.registry, name)
        scene.registry.drop(name)
    assert scene.memories["cpu"].reclaimed == 1


def test_a_pinned_model_stays_whatever_comes(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 600), spec("b", 600), keep_alive=10, rungs=("whole",))
    use(scene.registry, "a")
    scene.registry.pin("a")
    use(scene.registry, "b")
    assert scene.states() == {"a": "cuda:0", "b": "cpu"}
    scene.clock.now += 100
    scene.registry.sweep()
    assert scene.states() == {"a": "cuda:0"}
    scene.registry.pin("a", False)
    use(scene.registry, "b")
    assert scene.states() == {"a": "host", "b": "cuda:0"}


def test_what_does_not_fit_beside_the_pinned_is_refused_and_says_so(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 600, engine="cpu"), spec("b", 600, engine="cpu"), cpu=1000)
    use(scene.registry, "a")
    scene.registry.pin("a")
    with pytest.raises(OutOfMemory, match="of which other models take a 1 kB") as caught:
        use(scene.registry, "b")
    assert "Unpin" in caught.value.hint()


def test_a_smaller_budget_takes_effect_when_the_model_is_free(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 600), rungs=("whole",))
    with scene.registry.lease("a") as lease:
        held = lease.model
        scene.registry.set_budget("cuda:0", 500)
        assert not held.closed
        assert scene.states() == {"a": "cuda:0"}
    assert scene.states() == {"a": "host"}
    scene.registry.set_budget("cuda:0", None)
    use(scene.registry, "a")
    assert scene.states() == {"a": "cuda:0"}


def test_the_budget_of_main_memory_follows_the_control_group_and_what_others_leave(tmp_path: Path) -> None:
    limit, used, stat = tmp_path / "max", tmp_path / "current", tmp_path / "stat"
    gib = 2**30
    limit.write_text(str(4 * gib), encoding="ascii")
    stat.write_text(f"anon 1\ninactive_file {gib}\n", encoding="ascii")
    memory = HostMemory(cgroups=[(limit, used, stat)])
    used.write_text(str(2 * gib), encoding="ascii")
    assert memory.budget(0) == int(0.95 * 4 * gib) - gib
    used.write_text(str(int(1.5 * gib)), encoding="ascii")
    assert memory.budget(0) == int(0.8 * 4 * gib)
    assert HostMemory(limit=gib).budget(0) == gib


def test_the_peak_of_main_memory_is_what_was_taken_meanwhile() -> None:
    memory = HostMemory()
    mark = memory.mark()
    if mark is None:
        pytest.skip("this system does not tell")
    block = bytearray(200 * 2**20)
    assert block
    del block
    assert 150 * 2**20 < memory.peak(mark) < 400 * 2**20
