"""What goes wrong outside the registry: budgets, estimates, files and loaders."""

from pathlib import Path

import pytest

from studio.errors import Busy, EngineFailed, InvalidRequest, OutOfMemory, UnknownModel, WeightsUnavailable
from studio.registry.models.fake import FakeModel
from tests.support.registries import Scene, in_thread, spec, use, wait_until


def filed(folder: Path, name: str, file: str, size: int = 100, **fields: object):  # type: ignore[no-untyped-def]
    path = folder / file
    path.write_bytes(b"weights")
    return spec(name, size, sources=[{"path": str(path)}], **fields)


def test_a_budget_smaller_than_any_model_refuses_each_with_the_numbers(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 500), spec("b", 400), gpus=(1,), cpu=1)
    for name in ("a", "b"):
        with pytest.raises(OutOfMemory, match="and cpu may hold 0 kB") as caught:
            use(scene.registry, name)
        assert "raise the budget of cpu" in caught.value.hint()
    assert scene.loader.loads == []


@pytest.mark.parametrize("budget", [0, -1, -(10**30)])
def test_a_budget_of_nothing_or_less_is_refused(tmp_path: Path, budget: int) -> None:
    scene = Scene(tmp_path, spec("a"))
    with pytest.raises(InvalidRequest, match="leaves no room"):
        scene.registry.set_budget("cpu", budget)
    with pytest.raises(InvalidRequest, match=r"no device .gpu.*there is cpu"):
        scene.registry.set_budget("gpu", 1000)
    assert use(scene.registry, "a")


def test_an_absurdly_large_budget_does_no_harm(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 800), spec("b", 800), rungs=("whole",))
    use(scene.registry, "a")
    scene.registry.set_budget("cuda:0", 10**30)
    use(scene.registry, "b")
    assert scene.states() == {"a": "host", "b": "cuda:0"}


def test_a_model_larger_than_every_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("giant", 10**6))
    with pytest.raises(OutOfMemory, match="it needs 1 MB, and cpu may hold 10 kB"):
        use(scene.registry, "giant")
    assert scene.loader.loads == []


def test_two_ids_with_one_file_are_two_models_and_counted_twice(tmp_path: Path) -> None:
    scene = Scene(tmp_path, filed(tmp_path, "one", "weights.bin"), filed(tmp_path, "other", "weights.bin"))
    assert use(scene.registry, "one") is not use(scene.registry, "other")
    assert {device.name: device.held for device in scene.registry.devices()}["cuda:0"] == 200


def test_weights_deleted_while_resident_serve_until_the_model_leaves(tmp_path: Path) -> None:
    scene = Scene(tmp_path, filed(tmp_path, "a", "weights.bin"))
    use(scene.registry, "a")
    (tmp_path / "weights.bin").unlink()
    assert use(scene.registry, "a")
    assert scene.registry.drop("a")
    assert scene.status("a").state == "absent"
    with pytest.raises(WeightsUnavailable):
        use(scene.registry, "a")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    assert use(scene.registry, "a")


def test_a_loader_that_hangs_ends_in_an_error_and_others_go_on(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("stuck"), spec("fine"), deadline=60)
    scene.loader.gate.clear()
    waiting = in_thread(lambda: use(scene.registry, "stuck"))
    patient = in_thread(lambda: lease_for(scene, "fine", 600))
    scene.loader.started.acquire()
    scene.clock.now += 61
    with pytest.raises(Busy, match=r"“stuck” (is still being loaded after|has been loading for) 61 s"):
        waiting()
    wait_until(lambda: scene.events("stuck") == [("stuck", "stuck")])
    with pytest.raises(Busy, match="has been loading for 61 s without an end"):
        use(scene.registry, "stuck")
    wait_until(lambda: scene.loader.loads == ["stuck", "fine"])
    scene.loader.gate.set()
    assert patient().spec.id == "fine"
    wait_until(lambda: not scene.status("stuck").busy)
    assert use(scene.registry, "stuck").spec.id == "stuck"


def lease_for(scene: Scene, model: str, deadline: float) -> FakeModel:
    with scene.registry.lease(model, deadline=deadline) as lease:
        engine: FakeModel = lease.model
        return engine


def test_an_error_that_no_loader_should_raise_is_still_a_sentence(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a"), loader={"failures": {"a": [ZeroDivisionError("oops")]}})
    with pytest.raises(EngineFailed, match="“a” could not be loaded: ZeroDivisionError: oops"):
        use(scene.registry, "a")
    assert use(scene.registry, "a")


def test_a_model_that_cannot_be_moved_or_closed_cleanly_still_leaves(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a", 600), spec("b", 600))
    model = use(scene.registry, "a")
    model.move = None
    use(scene.registry, "b")
    assert scene.states() == {"b": "cuda:0"}
    assert model.closed
    broken = use(scene.registry, "b")
    broken.close = None
    assert scene.registry.drop("b")
    assert scene.states() == {}


def test_only_residents_are_admitted_to_an_accelerator_under_their_policy(tmp_path: Path) -> None:
    scene = Scene(tmp_path, spec("a"), spec("b"), spec("text", engine="cpu"), residents=("a",))
    scene.registry.load_residents()
    assert scene.status("a").pinned
    assert use(scene.registry, "text")
    with pytest.raises(UnknownModel, match="not among the models that this studio keeps ready"):
        scene.registry.lease("b")
