from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.engines.diffusion import DiffusersLoader, DiffusionEngine, DiffusionRequest, Picture, Step
from studio.engines.diffusion.fake import ColourEngine, colour_of
from studio.engines.upscalers.fake import NearestUpscaler
from studio.errors import InvalidRequest, OutOfMemory, UnknownModel
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.registry import Registry
from tests.support.registries import fake_registry, spec, use
from tests.support.tiny_diffusion import save_tiny_stable_diffusion

DEFAULTS = {"steps": 3, "width": 96, "height": 64, "guidance_scale": 1.5}


def registry_of(engine: DiffusionEngine, folder: Path) -> Registry:
    entries = spec("colours", task="image", defaults=DEFAULTS), spec("writer"), spec("nearest", task="upscale")
    engines = {"nearest": NearestUpscaler(tile=32)}
    return fake_registry(
        *entries, loader=lambda entry, *_: engines.get(entry.id, engine), cache=folder / "cache", host=10**8
    )


def finished(illustrator: Illustrator, **fields: object) -> Drawn:
    last = list(illustrator.draw(PictureRequest.of(**fields)))[-1]
    assert isinstance(last, Drawn)
    return last


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "outputs").rglob("*") if path.is_file())


@pytest.fixture
def engine() -> ColourEngine:
    return ColourEngine()


@pytest.fixture
def illustrator(engine: ColourEngine, tmp_path: Path) -> Illustrator:
    return Illustrator(registry_of(engine, tmp_path), tmp_path / "outputs")


def test_a_picture_is_drawn_step_by_step_and_kept_with_its_settings(illustrator: Illustrator, tmp_path: Path) -> None:
    events = list(
        illustrator.draw(PictureRequest.of(prompt="一只猫, 水彩", negative_prompt="dog", width=64, steps=5, seed=3))
    )
    steps = [event for event in events if isinstance(event, DrawingProgress)]
    assert [(event.step, event.total) for event in steps] == [(i, 5) for i in range(1, 6)]
    assert steps[-1].seconds_left == 0
    assert steps[0].preview is not None
    result = events[-1]
    assert isinstance(result, Drawn)
    assert result.seed == 3
    assert result.infotext == (
        "一只猫, 水彩\nNegative prompt: dog\n"
        "Steps: 5, Sampler: Euler, CFG scale: 1.5, Seed: 3, Size: 64x64, Model: colours"
    )
    assert list(result.files) == kept(tmp_path)
    with Image.open(result.files[0]) as image:
        assert image.info["parameters"] == result.infotext
        wanted = DiffusionRequest("一只猫, 水彩", "dog", seed=3)
        assert image.getcolors() == [(64 * 64, colour_of(wanted))]


def test_what_is_left_open_takes_the_models_defaults(illustrator: Illustrator, engine: ColourEngine) -> None:
    finished(illustrator, prompt="a cat")
    request = engine.requests[0]
    assert (request.steps, request.width, request.height, request.guidance_scale) == (3, 96, 64, 1.5)


def test_a_new_seed_each_time_unless_asked_for(illustrator: Illustrator, tmp_path: Path) -> None:
    seeds = [finished(illustrator, prompt="a cat").seed for _ in range(5)]
    assert len(set(seeds)) == 5
    again = finished(illustrator, prompt="a cat", seed=seeds[0])
    assert again.seed == seeds[0]
    assert len(kept(tmp_path)) == 6


def test_stopping_leaves_no_file_and_frees_the_model(engine: ColourEngine, tmp_path: Path) -> None:
    registry = registry_of(engine, tmp_path)
    events = Illustrator(registry, tmp_path / "outputs").draw(PictureRequest.of(prompt="a cat", steps=100))
    while not isinstance(next(events), DrawingProgress):
        pass
    events.close()  # type: ignore[attr-defined]
    assert engine.drawn < 3
    assert kept(tmp_path) == []
    assert use(registry, "colours") is engine


def test_each_of_several_pictures_is_what_its_seed_alone_would_give(illustrator: Illustrator, tmp_path: Path) -> None:
    events = list(illustrator.draw(PictureRequest.of(prompt="a {red|blue|green} cat", seed=2**32 - 2, count=3)))
    told = [event for event in events if isinstance(event, Drawn)]
    assert [len(event.files) for event in told] == [1, 2, 3]
    assert told[-1].seeds == (2**32 - 2, 2**32 - 1, 0)
    places = [(event.picture, event.pictures) for event in events if isinstance(event, DrawingProgress)]
    assert places == [(number, 3) for number in (1, 2, 3) for _ in range(3)]
    for file, infotext, seed in zip(told[-1].files, told[-1].infotexts, told[-1].seeds, strict=True):
        alone = finished(illustrator, prompt="a {red|blue|green} cat", seed=seed)
        assert infotext == alone.infotext
        with Image.open(file) as one, Image.open(alone.files[0]) as other:
            assert one.getcolors() == other.getcolors()


class NarrowEngine(ColourEngine):
    """Has memory for two pictures at the same time."""

    def stream(self, request: DiffusionRequest) -> Iterator[Step | Picture]:
        if len(request.seeds) > 2:
            raise OutOfMemory("draw.memory", width=request.width, height=request.height)
        return super().stream(request)


@pytest.mark.parametrize("fields", [{}, {"hires_scale": 1.5}, {"variation_strength": 0.2, "variation_seed": 4}])
def test_pictures_drawn_together_are_those_drawn_in_a_row(
    illustrator: Illustrator, engine: ColourEngine, fields: dict[str, object]
) -> None:
    wanted = {"prompt": "a cat", "seed": 2**32 - 2, "count": 5, **fields}
    row = finished(illustrator, **wanted)
    engine.requests.clear()
    together = finished(illustrator, **wanted, batch_size=3)
    assert (together.seeds, together.infotexts) == (row.seeds, row.infotexts)
    assert [len(request.seeds) for request in engine.requests if request.latents is None][:1] == [3]
    for one, other in zip(together.files, row.files, strict=True):
        with Image.open(one) as first, Image.open(other) as second:
            assert first.getcolors() == second.getcolors()


def test_pictures_whose_words_differ_by_chance_are_not_drawn_together(
    illustrator: Illustrator, engine: ColourEngine
) -> None:
    wanted = {"prompt": "a {red|blue} cat", "seed": 1, "count": 12}
    together = finished(illustrator, **wanted, batch_size=4)
    sizes = [len(request.seeds) for request in engine.requests]
    assert sum(sizes) == 12
    assert 1 < max(sizes) <= 4
    assert together.infotexts == finished(illustrator, **wanted).infotexts


def test_a_round_too_large_for_memory_is_drawn_in_smaller_ones(tmp_path: Path) -> None:
    engine = NarrowEngine()
    illustrator = Illustrator(registry_of(engine, tmp_path), tmp_path / "outputs")
    done = finished(illustrator, prompt="a cat", seed=3, count=7, batch_size=7)
    assert done.seeds == (3, 4, 5, 6, 7, 8, 9)
    assert max(len(request.seeds) for request in engine.requests) == 2


def test_the_time_left_of_a_round_is_that_of_all_pictures_to_come(illustrator: Illustrator) -> None:
    request = PictureRequest.of(prompt="a cat", count=4, batch_size=2, hires_scale=1.5, hires_strength=1)
    events = list(illustrator.draw(request))
    places = [(event.picture, event.step, event.total) for event in events if isinstance(event, DrawingProgress)]
    assert {total for *_, total in places} == {3 + 2 * 3}
    assert [step for picture, step, _ in places if picture == 1] == list(range(1, 10))
    assert {picture for picture, *_ in places} == {1, 3}
    lefts = [event.seconds_left for event in events if isinstance(event, DrawingProgress)]
    assert lefts[-1] == 0
    assert all(left > 0 for left in lefts[:-1])


def test_stopping_in_the_middle_of_several_keeps_those_that_are_finished(
    illustrator: Illustrator, tmp_path: Path
) -> None:
    events = illustrator.draw(PictureRequest.of(prompt="a cat", seed=1, count=5))
    for event in events:
        if isinstance(event, Drawn) and len(event.files) == 2:
            break
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert kept(tmp_path) == sorted(event.files)


def test_the_time_left_counts_the_pictures_that_are_still_to_come(illustrator: Illustrator) -> None:
    events = list(illustrator.draw(PictureRequest.of(prompt="a cat", count=2)))
    first, second = ([e for e in events if isinstance(e, DrawingProgress) and e.picture == number] for number in (1, 2))
    assert first[-1].seconds_left > 0
    assert second[-1].seconds_left == 0


def test_sampler_and_schedule_reach_the_engine(illustrator: Illustrator, engine: ColourEngine) -> None:
    finished(illustrator, prompt="a cat", sampler="DPM++ 2M", schedule_type="Karras")
    assert (engine.requests[0].scheduler, engine.requests[0].schedule) == ("DPM++ 2M", "Karras")


def test_variations_keep_the_seed_and_go_on_in_the_other(illustrator: Illustrator, engine: ColourEngine) -> None:
    done = finished(illustrator, prompt="a cat", seed=5, variation_seed=8, variation_strength=0.25, count=3)
    assert done.seeds == (5, 5, 5)
    assert [(each.seed, each.variation_seed, each.variation) for each in engine.requests] == [
        (5, 8, 0.25),
        (5, 9, 0.25),
        (5, 10, 0.25),
    ]
    assert "Seed: 5, Variation seed: 10, Variation seed strength: 0.25" in done.infotexts[2]
    finished(illustrator, prompt="a cat", variation_strength=0.25)
    assert engine.requests[3].variation_seed != engine.requests[3].seed


def test_a_second_pass_draws_again_larger_from_what_came_out_first(
    illustrator: Illustrator, engine: ColourEngine, tmp_path: Path
) -> None:
    request = PictureRequest.of(
        prompt="a cat", hires_scale=2, hires_upscaler="nearest", hires_steps=10, hires_strength=0.5
    )
    events = list(illustrator.draw(request))
    tiles = [event for event in events if isinstance(event, EnlargingProgress)]
    assert tiles[-1].tile == tiles[-1].total > 1
    steps = [event for event in events if isinstance(event, DrawingProgress)]
    assert [event.step for event in steps] == list(range(1, 14))
    assert steps[2].total == 3 + 5
    assert steps[2].seconds_left > 0
    first, second = engine.requests
    assert (first.width, first.height, first.image) == (96, 64, None)
    assert (second.width, second.height, second.strength, second.steps) == (192, 128, 0.5, 10)
    assert second.image is not None
    assert second.image.size == (192, 128)
    done = events[-1]
    assert isinstance(done, Drawn)
    assert len(kept(tmp_path)) == 1
    with Image.open(done.files[0]) as picture:
        assert picture.size == (192, 128)
    assert done.infotext.endswith(
        "Size: 96x64, Model: colours, Denoising strength: 0.5, "
        "Hires upscale: 2, Hires steps: 10, Hires upscaler: nearest"
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"hires_scale": 4, "width": 2048}, "draw.hires_size"),
        ({"hires_scale": 2, "image": "cat.png"}, "draw.hires_image"),
    ],
)
def test_second_passes_that_cannot_be_are_refused_before_anything_is_drawn(
    illustrator: Illustrator, engine: ColourEngine, tmp_path: Path, fields: dict[str, object], code: str
) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "cat.png")
    if "image" in fields:
        fields = fields | {"image": tmp_path / "cat.png"}
    with pytest.raises(InvalidRequest) as refused:
        finished(illustrator, prompt="a cat", **fields)
    assert refused.value.code == code
    with pytest.raises(UnknownModel):
        finished(illustrator, prompt="a cat", hires_scale=2, hires_upscaler="colours")
    assert engine.requests == []


def test_requests_out_of_bounds_are_told(illustrator: Illustrator) -> None:
    for fields in (
        {"prompt": " "},
        {"prompt": "x" * 1_000_000},
        {"prompt": "a\x00b"},
        {"prompt": "a", "width": 65},
        {"prompt": "a", "height": 8},
        {"prompt": "a", "steps": 0},
        {"prompt": "a", "seed": -2},
        {"prompt": "a", "seed": 2**32},
        {"prompt": "a", "count": 0},
        {"prompt": "a", "count": 10_000},
        {"prompt": "a", "batch_size": 0},
        {"prompt": "a", "batch_size": 100},
        {"prompt": "a", "sampler": "Euler b"},
        {"prompt": "a", "schedule_type": "Linear"},
        {"prompt": "a", "guidance_scale": float("nan")},
        {"prompt": "a", "strength": 0},
        {"prompt": "a", "strength": float("nan")},
        {"prompt": "a", "mask_blur": -1},
        {"prompt": "a", "inpaint_area": "all"},
        {"prompt": "a", "resize_mode": "fit"},
        {"prompt": "a", "hires_scale": 1},
        {"prompt": "a", "hires_scale": 100},
        {"prompt": "a", "variation_strength": 2},
        {"prompt": "a", "variation_seed": 2**40},
    ):
        with pytest.raises(InvalidRequest) as caught:
            PictureRequest.of(**fields)
        assert caught.value.explain("zh-CN")


@pytest.mark.parametrize("model", ["writer", "no-such"])
def test_models_that_cannot_draw_are_refused(illustrator: Illustrator, model: str) -> None:
    with pytest.raises(UnknownModel):
        finished(illustrator, prompt="a cat", model=model)


def test_stable_diffusion_draws_the_same_picture_for_the_same_infotext(tmp_path: Path) -> None:
    folder = save_tiny_stable_diffusion(tmp_path / "tiny")
    engine = DiffusersLoader()(spec("tiny", task="image"), folder, "cpu")
    illustrator = Illustrator(registry_of(engine, tmp_path), tmp_path / "outputs")
    first = finished(illustrator, prompt="a cat", seed=11, width=64)
    second = finished(illustrator, prompt="a cat", seed=11, width=64)
    assert "Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 1.5, Seed: 11, Size: 64x64" in first.infotext
    assert first.infotext == second.infotext
    with Image.open(first.files[0]) as one, Image.open(second.files[0]) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
