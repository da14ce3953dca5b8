import threading
from pathlib import Path

import pytest

from studio.engines.diffusion.fake import ColourEngine
from studio.errors import EngineFailed, InvalidRequest, OutOfMemory, UnknownModel
from studio.hosting.home_thread import HomeThread
from studio.registry import in_thread
from studio.settings import Settings
from tests.support.hosting import MEGABYTE, fake_studio, loads
from tests.support.registries import PATIENCE


def test_residents_are_in_place_and_pinned_when_the_studio_is_made(tmp_path: Path) -> None:
    with fake_studio(tmp_path, policy="resident", resident=("colours", "pastels")) as studio:
        there = {s.id: s for s in studio.registry.statuses() if s.state == "device"}
        assert set(there) == {"colours", "pastels"}
        assert all(status.pinned and status.device == "cuda:0" for status in there.values())
        studio.registry.sweep()
        assert len(loads(tmp_path)) == 2


def test_nobody_can_move_a_resident_away(tmp_path: Path) -> None:
    with fake_studio(tmp_path, policy="resident", resident=("colours",)) as studio:
        registry = studio.registry
        for move in (registry.offload, registry.drop, lambda model: registry.pin(model, False)):
            with pytest.raises(InvalidRequest) as refused:
                move("colours")
            assert refused.value.code == "model.resident"
        assert len(list(registry.load("colours"))) == 0
        with pytest.raises(UnknownModel):
            list(registry.load("pastels"))
        assert [status.pinned for status in registry.statuses() if status.id == "colours"] == [True]


def test_they_are_loaded_on_the_thread_that_makes_the_studio(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []

    def make() -> ColourEngine:
        threads.append(threading.current_thread())
        return ColourEngine(nbytes=40 * MEGABYTE)

    engines = {"colours": make, "cpu-echo": make}
    with fake_studio(tmp_path, engines=engines, policy="resident", resident=("colours",)) as studio:
        list(studio.registry.load("cpu-echo"))
    assert threads[0] is threading.current_thread()
    assert threads[1] is not threading.current_thread()


def test_residents_that_cannot_fit_are_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(OutOfMemory) as refused:
        fake_studio(tmp_path, card=80 * MEGABYTE, policy="resident", resident=("colours", "pastels"))
    assert refused.value.code == "resident.budget"
    assert "90 MB" in refused.value.explain()
    assert "80 MB" in refused.value.explain()
    assert "STUDIO_RESIDENT" in refused.value.hint()
    assert loads(tmp_path) == []


def test_a_resident_larger_than_its_estimate_is_noticed_while_loading(tmp_path: Path) -> None:
    engines = {"pastels": lambda: ColourEngine(nbytes=90 * MEGABYTE)}
    with pytest.raises(OutOfMemory) as refused:
        fake_studio(tmp_path, engines=engines, policy="resident", resident=("colours", "pastels"))
    assert refused.value.code == "resident.budget"
    assert "130 MB" in refused.value.explain()


def test_a_mistake_in_the_settings_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="colours"):
        fake_studio(tmp_path, policy="resident", resident=("colour",))
    with pytest.raises(InvalidRequest, match="STUDIO_RESIDENT"):
        fake_studio(tmp_path, policy="resident")
    assert loads(tmp_path) == []


def test_a_resident_that_fails_to_load_is_told_and_the_others_are_dropped(tmp_path: Path) -> None:
    def broken() -> ColourEngine:
        raise EngineFailed("draw.nothing", model="Pastels")

    made: list[ColourEngine] = []

    def colours() -> ColourEngine:
        made.append(ColourEngine(nbytes=40 * MEGABYTE))
        return made[-1]

    with pytest.raises(EngineFailed, match="Pastels"):
        fake_studio(
            tmp_path,
            engines={"colours": colours, "pastels": broken},
            policy="resident",
            resident=("colours", "pastels"),
        )
    assert [engine.closed for engine in made] == [True]


def test_residents_are_read_from_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_RESIDENT", "a, b,,c ")
    assert Settings().resident == ("a", "b", "c")
    assert Settings().policy == "lazy"
    monkeypatch.setenv("STUDIO_RESIDENT", "")
    assert Settings().resident == ()
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert Settings().policy == "resident"
    monkeypatch.setenv("STUDIO_POLICY", "lazy")
    assert Settings().policy == "lazy"


def test_jobs_come_home_only_while_someone_waits_for_them() -> None:
    home = HomeThread(in_thread)
    seen: list[tuple[str, threading.Thread]] = []
    done = threading.Event()

    def task() -> None:
        first = threading.Event()
        home(lambda: (seen.append(("first", threading.current_thread())), first.set()), "first")  # type: ignore[arg-type,func-returns-value]
        assert first.wait(PATIENCE)

    home.finish(task)
    home(lambda: (seen.append(("second", threading.current_thread())), done.set()), "second")  # type: ignore[arg-type,func-returns-value]
    assert done.wait(PATIENCE)
    assert seen[0] == ("first", threading.current_thread())
    assert seen[1][1] is not threading.current_thread()

    def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        home.finish(fails)
