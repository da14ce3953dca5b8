"""Requests that need several models at once, and machines with several devices."""

import threading
from pathlib import Path

import pytest

from studio.errors import OutOfMemory
from tests.support.registries import Scene, in_thread, spec, use, wait_until

BASE, CONTROL = spec("base", 500), spec("control", 200, base="base")


def test_a_request_gets_all_its_models_or_waits_for_all(tmp_path: Path) -> None:
    scene = Scene(tmp_path, BASE, CONTROL, spec("other", 600))
    with scene.registry.lease("other") as other:
        assert other.model
        together = in_thread(lambda: use(scene.registry, "base", "control"))
        wait_until(lambda: scene.events("asked") == [("other", "asked"), ("base", "asked")])
        assert scene.states() == {"other": "cuda:0"}
    assert together().spec.id == "base"
    assert scene.states() == {"base": "cuda:0", "control": "cuda:0", "other": "host"}


def test_two_requests_for_the_same_pair_in_opposite_order_do_not_block_each_other(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 400), spec("b", 400))
    gate = threading.Barrier(2)

    def request(first: str, second: str) -> int:
        served = 0
        gate.wait()
        for _ in range(50):
            with scene.registry.lease(first, second) as lease:
                served += len(lease.models)
        return served

    one, other = in_thread(lambda: request("a", "b")), in_thread(lambda: request("b", "a"))
    assert one() == other() == 100


def test_a_lease_gives_its_own_models_again_and_no_others(tmp_path: Path) -> None:
    scene = Scene(tmp_path, BASE, CONTROL, spec("other"))
    with scene.registry.lease("base", "control") as lease:
        assert lease.again("base") is lease.model if lease.model else False
        assert lease.again("control").spec.id == "control"
        with pytest.raises(ValueError, match="not part of this lease"):
            lease.again("other")


def test_a_group_that_cannot_fit_together_is_refused_with_the_numbers(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 700), spec("b", 700), cpu=900, rungs=("whole",))
    assert use(scene.registry, "a", "b")
    assert sorted(scene.states().values()) == ["cpu", "cuda:0"]
    scene = Scene(tmp_path, spec("a", 700), spec("b", 700), cpu=600, rungs=("whole",))
    with pytest.raises(OutOfMemory, match="does not fit: it needs 1 kB"):
        use(scene.registry, "a", "b")
    assert use(scene.registry, "b").spec.id == "b"


def test_a_controlnet_goes_to_the_device_of_its_base(tmp_path: Path) -> None:
    scene = Scene(tmp_path, BASE, CONTROL, spec("filler", 900), gpus=(600, 1000))
    use(scene.registry, "control")
    assert scene.states()["control"] == "cuda:1"
    with scene.registry.lease("base", "control", deadline=10) as lease:
        assert {model.device for model in lease.models.values()} == {"cuda:1"}


def test_a_model_goes_where_nothing_has_to_leave_for_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 700), spec("b", 700), spec("c", 200), gpus=(1000, 1000))
    for name in ("a", "b", "c"):
        use(scene.registry, name)
    assert scene.states()["a"] != scene.states()["b"]
    assert scene.events("evicted") == []


def test_a_model_pinned_to_a_device_by_the_catalogue_stays_there(tmp_path: Path) -> None:
    pinned = spec("pinned", 700, device="cuda:1")
    scene = Scene(tmp_path, pinned, spec("a", 700), gpus=(2000, 1000))
    use(scene.registry, "a")
    use(scene.registry, "pinned")
    assert scene.states() == {"a": "cuda:0", "pinned": "cuda:1"}
    scene.registry.set_budget("cuda:1", 300)
    use(scene.registry, "pinned")
    assert scene.states()["pinned"] == "cuda:1 (group_offload)"


def test_a_model_pinned_to_a_device_that_is_not_here_runs_where_it_can(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 700, device="cuda:7"))
    use(scene.registry, "a")
    assert scene.states() == {"a": "cuda:0"}


def test_no_accelerator_is_looked_for_before_a_model_needs_one(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("text", 100, engine="cpu"), spec("image", 100))
    use(scene.registry, "text")
    assert [device.name for device in scene.registry.devices()] == ["cpu"]
    use(scene.registry, "image")
    assert [device.name for device in scene.registry.devices()] == ["cpu", "cuda:0"]


def test_waiting_for_one_device_does_not_hold_up_requests_for_another(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("large", 900), spec("larger", 950), spec("text", 100, engine="cpu"), rungs=("whole",))
    with scene.registry.lease("large") as lease:
        assert lease.model
        blocked = in_thread(lambda: use(scene.registry, "larger"))
        wait_until(lambda: ("larger", "asked") in scene.events())
        assert use(scene.registry, "text").spec.id == "text"
        assert "larger" not in scene.states()
    assert blocked().spec.id == "larger"
