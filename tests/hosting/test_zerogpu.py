import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spaces
from PIL import Image

from studio.engines.diffusion import DiffusionRequest, Picture, Step
from studio.engines.diffusion.fake import ColourEngine
from studio.engines.text.echo import EchoEngine
from studio.errors import EngineFailed, OutOfMemory, UnknownModel
from studio.hosting.fake import ForkingGpu
from studio.hosting.gpu_seconds import MOST
from studio.hosting.zerogpu import on_gpu, zerogpu
from studio.imaging.drawing.requests import SEEDS, DrawingProgress, Drawn, PictureRequest
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest
from studio.studio import Studio
from studio.writing.requests import Outline, Section, SectionRequest, SectionText
from tests.support.hosting import MEGABYTE, fake_studio, loads
from tests.support.registries import PATIENCE, drain, in_thread

OUTLINE = Outline(title="Cats", sections=(Section(heading="Why", target_words=100),))
RESIDENT = {"policy": "resident", "resident": ("colours", "nearest")}


@pytest.fixture(params=[True, False], ids=["kept children", "new children"])
def gpu(request: pytest.FixtureRequest) -> Iterator[ForkingGpu]:
    lender = ForkingGpu(keep=request.param, patience=PATIENCE)
    yield lender
    lender.close()


@pytest.fixture
def studio(gpu: ForkingGpu, tmp_path: Path) -> Iterator[Studio]:
    with fake_studio(tmp_path, gpu=gpu, **RESIDENT) as made:
        yield made


def draw(studio: Studio, **fields: Any) -> Drawn:
    last = drain(studio.illustrator.draw(PictureRequest.of(**{"prompt": "a cat", **fields})))[-1]
    assert isinstance(last, Drawn)
    return last


def in_use(studio: Studio) -> dict[str, int]:
    return {status.id: status.in_use for status in studio.registry.statuses() if status.in_use}


def test_pictures_are_drawn_in_children_with_the_model_that_the_parent_loaded(
    studio: Studio, gpu: ForkingGpu, tmp_path: Path
) -> None:
    events = drain(studio.illustrator.draw(PictureRequest.of(prompt="a cat", steps=4, seed=3)))
    assert [event.step for event in events if isinstance(event, DrawingProgress)] == [1, 2, 3, 4]
    assert all(event.preview is not None for event in events if isinstance(event, DrawingProgress))
    with Image.open(events[-1].files[0]) as picture:
        assert picture.size == (64, 64)
        assert "Seed: 3" in picture.info["parameters"]
    assert gpu.forked
    assert loads(tmp_path) == [(os.getpid(), "colours", "cuda:0"), (os.getpid(), "nearest", "cuda:0")]


def test_many_requests_in_a_row_leave_no_trace_in_the_parent(studio: Studio, gpu: ForkingGpu, tmp_path: Path) -> None:
    before = studio.registry.journal.records()
    files = [draw(studio, seed=seed).files[0] for seed in range(4)]
    assert len(set(files)) == 4
    assert in_use(studio) == {}
    assert studio.registry.journal.records() == before
    assert len(loads(tmp_path)) == 2
    assert len(gpu.asked) == 4


def test_an_exclusive_model_draws_for_several_people_at_once_in_children_of_their_own(
    studio: Studio, gpu: ForkingGpu
) -> None:
    waits = [in_thread(lambda seed=seed: draw(studio, seed=seed, steps=30)) for seed in range(6)]
    assert sorted(wait().seed for wait in waits) == [0, 1, 2, 3, 4, 5]
    assert in_use(studio) == {}


def test_the_same_seed_gives_the_same_picture_as_without_a_fork(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with fake_studio(tmp_path / "plain", **RESIDENT) as plain:
        pictures = [Image.open(draw(made, seed=9).files[0]).tobytes() for made in (studio, plain)]
    assert pictures[0] == pictures[1]


def test_pictures_are_enlarged_in_children(studio: Studio, gpu: ForkingGpu, tmp_path: Path) -> None:
    Image.new("RGB", (300, 20), "red").save(tmp_path / "red.png")
    last = drain(studio.enlarger.enlarge(EnlargeRequest.of(file=tmp_path / "red.png")))[-1]
    assert isinstance(last, Enlarged)
    assert (last.width, last.height) == (1200, 80)
    assert len(gpu.forked) == 1


def test_models_of_the_cpu_stay_in_the_parent(studio: Studio, gpu: ForkingGpu, tmp_path: Path) -> None:
    request = SectionRequest.of(outline=OUTLINE, index=0, model="cpu-echo")
    last = drain(studio.writer.write_section(request))[-1]
    assert isinstance(last, SectionText)
    assert last.done
    assert gpu.forked == []
    assert (os.getpid(), "cpu-echo", "cpu") in loads(tmp_path)


def test_a_model_that_is_not_kept_ready_is_refused_before_a_gpu_is_asked_for(studio: Studio, gpu: ForkingGpu) -> None:
    with pytest.raises(UnknownModel, match="pastels") as refused:
        draw(studio, model="pastels")
    assert refused.value.code == "model.not_resident"
    with pytest.raises(UnknownModel, match="no model"):
        draw(studio, model="none")
    assert gpu.asked == []


class FailingEngine(ColourEngine):
    """Draws one step, then fails as it was told to."""

    def __init__(self, error: Exception) -> None:
        super().__init__(nbytes=40 * MEGABYTE)
        self._error = error

    def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
        yield next(iter(super().stream(request)))
        raise self._error


def failing_studio(folder: Path, gpu: ForkingGpu, error: Exception) -> Studio:
    return fake_studio(folder, gpu=gpu, engines={"colours": lambda: FailingEngine(error)}, **RESIDENT)


def test_an_error_of_the_child_arrives_as_it_was_raised(gpu: ForkingGpu, tmp_path: Path) -> None:
    error = EngineFailed("draw.nothing", model="Colours")
    with failing_studio(tmp_path, gpu, error) as studio:
        for _ in range(2):
            with pytest.raises(EngineFailed) as failed:
                draw(studio)
            assert (failed.value.code, failed.value.details) == (error.code, error.details)
            assert failed.value.explain("zh-CN") == error.explain("zh-CN")
        assert in_use(studio) == {}


@pytest.mark.parametrize(
    "error", [ValueError("a bug"), EngineFailed("draw.nothing", model=threading.Lock())], ids=["a bug", "not portable"]
)
def test_what_cannot_cross_is_told_all_the_same(gpu: ForkingGpu, tmp_path: Path, error: Exception) -> None:
    with failing_studio(tmp_path, gpu, error) as studio, pytest.raises(EngineFailed, match="No GPU") as failed:
        draw(studio)
    assert failed.value.code == "zerogpu.failed"


def test_a_child_that_dies_is_told_and_the_next_request_works(gpu: ForkingGpu, tmp_path: Path) -> None:
    class Fatal(ColourEngine):
        def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
            if request.prompt == "die":
                os._exit(1)
            return super().stream(request)

    engines = {"colours": lambda: Fatal(nbytes=40 * MEGABYTE)}
    with fake_studio(tmp_path, gpu=gpu, engines=engines, **RESIDENT) as studio:
        with pytest.raises(EngineFailed, match="aborted"):
            draw(studio, prompt="die")
        assert draw(studio).files[0].exists()


def test_closing_stops_the_child_and_leaves_no_file(studio: Studio, gpu: ForkingGpu, tmp_path: Path) -> None:
    events = studio.illustrator.draw(PictureRequest.of(prompt="a cat", steps=150))
    assert isinstance(next(iter(events)), DrawingProgress)
    events.close()  # type: ignore[attr-defined]
    assert not [file for file in (tmp_path / "outputs").rglob("*") if file.is_file()]
    assert draw(studio).files[0].exists()


def test_a_fork_while_others_wait_and_hold_the_lock_does_not_hang_the_child(studio: Studio, gpu: ForkingGpu) -> None:
    registry, stop = studio.registry, threading.Event()

    def churn() -> int:
        done = 0
        while not stop.is_set():
            with registry.lease("cpu-echo") as lease:
                assert lease.model
            registry.pin("cpu-echo", done % 2 == 0)
            registry.offload("cpu-echo")
            done += 1
        return done

    churning = [in_thread(churn) for _ in range(3)]
    with registry.lease("colours") as lease:
        assert lease.model
        # A second request for the exclusive model waits in the parent's queue while children use their own copies.
        waiting = in_thread(lambda: drain(registry.load("colours")))
        assert [draw(studio, seed=seed).seed for seed in range(8)] == list(range(8))
        assert in_use(studio)["colours"] == 1
    waiting()
    stop.set()
    assert all(join() for join in churning)


def test_text_on_the_card_crosses_word_by_word(gpu: ForkingGpu, tmp_path: Path) -> None:
    said = "Cats sleep for most of the day. They hunt at dusk."
    engines = {"echo": lambda: EchoEngine([said], nbytes=30 * MEGABYTE)}
    with fake_studio(tmp_path, gpu=gpu, engines=engines, policy="resident", resident=("echo",)) as studio:
        request = SectionRequest.of(outline=OUTLINE, index=0, model="echo")
        last = drain(studio.writer.write_section(request))[-1]
    assert last.text == said
    assert len(gpu.forked) == 1


def test_under_the_lazy_policy_every_child_loads_for_itself(gpu: ForkingGpu, tmp_path: Path) -> None:
    with fake_studio(tmp_path, gpu=gpu) as studio:
        assert draw(studio, model="pastels").files[0].exists()
        assert draw(studio, model="pastels").files[0].exists()
        assert in_use(studio) == {}
    assert os.getpid() not in {pid for pid, _, _ in loads(tmp_path)}


def test_without_zerogpu_a_task_stays_what_it_is() -> None:
    assert zerogpu() is None

    def task(request: int) -> Iterator[int]:
        yield request

    assert on_gpu(task, lambda request: 1, None) is task
    assert spaces.GPU(task, duration=lambda request: 1) is task


def test_the_spaces_package_outside_zerogpu_changes_nothing(tmp_path: Path) -> None:
    with fake_studio(tmp_path, gpu=spaces.GPU, **RESIDENT) as studio:
        assert draw(studio).files[0].exists()
        assert drain(studio.illustrator.draw(PictureRequest.of(prompt="a cat")))
        with pytest.raises(UnknownModel):
            draw(studio, model="pastels")


def test_a_hosted_craft_keeps_its_other_methods(studio: Studio) -> None:
    from studio.coding.requests import ScoreRequest

    assert studio.coder.score(ScoreRequest.of(code="x = 1\n")).syntax == "ok"
    with pytest.raises(AttributeError):
        _ = studio.coder.missing  # type: ignore[attr-defined]


def test_longer_work_asks_for_more_time(studio: Studio, gpu: ForkingGpu) -> None:
    draw(studio, steps=1)
    draw(studio, steps=150, width=1024, height=1024)
    assert gpu.asked[0] < gpu.asked[1]


def test_more_pictures_than_one_loan_has_time_for_are_drawn_in_several(
    studio: Studio, gpu: ForkingGpu, tmp_path: Path
) -> None:
    fields = {"prompt": "a cat", "steps": 150, "width": 1024, "height": 1024}
    draw(studio, **fields, seed=SEEDS - 3)
    alone = gpu.asked.pop()
    request = PictureRequest.of(**fields, count=30, batch_size=2, seed=SEEDS - 3)
    events = drain(studio.illustrator.draw(request))
    assert len(gpu.asked) > 1
    assert max(gpu.asked) <= MOST
    assert sum(gpu.asked) > 15 * alone
    drawn = [event for event in events if isinstance(event, Drawn)]
    assert [len(event.files) for event in drawn] == list(range(1, 31))
    assert {event.pictures for event in drawn} == {30}
    assert drawn[-1].seeds == (SEEDS - 3, SEEDS - 2, SEEDS - 1, *range(27))
    told = [event for event in events if isinstance(event, DrawingProgress)]
    assert {event.pictures for event in told} == {30}
    assert [event.picture for event in told] == sorted(event.picture for event in told)
    left = [event.seconds_left for event in told if event.seconds_left is not None]
    assert left[-1] < left[0]
    (tmp_path / "here").mkdir()
    with fake_studio(tmp_path / "here") as here:
        whole = drain(here.illustrator.draw(request))[-1]
    for mine, theirs in zip(drawn[-1].files, whole.files, strict=True):
        assert mine.read_bytes() == theirs.read_bytes()


def test_a_child_that_runs_out_of_memory_tells_the_numbers_and_leaves_the_model_where_it_is(
    gpu: ForkingGpu, tmp_path: Path
) -> None:
    error = OutOfMemory("draw.memory", width=64, height=64)
    with failing_studio(tmp_path, gpu, error) as studio:
        for _ in range(2):
            with pytest.raises(OutOfMemory) as failed:
                draw(studio)
            assert failed.value.details["device"] == "cuda:0"
            assert "100 MB" in failed.value.explain()
    assert len(loads(tmp_path)) == 2
