import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.engines.diffusion import DiffusersLoader, DiffusionRequest
from studio.engines.diffusion.engine import DiffusersEngine
from studio.errors import EngineFailed, StudioError, WeightsUnavailable
from tests.support.drawing import CAT, SPEC, drawn, loaded, same
from tests.support.tiny_diffusion import save_tiny_stable_diffusion


def test_steps_come_one_by_one_and_then_the_picture(engine: DiffusersEngine) -> None:
    *steps, picture = engine.stream(CAT)
    assert [(step.index, step.total) for step in steps] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert steps[0].preview is not None
    assert steps[0].preview.size == (8, 8)
    assert picture.image.size == (64, 64)
    assert (picture.seed, picture.sampler, picture.schedule, picture.notice) == (7, "DPM++ 2M", "Karras", None)


class TooLarge:
    """A decoder of previews for which there is no memory."""

    def picture(self, latents: Any) -> None:
        raise torch.OutOfMemoryError


def test_a_preview_that_has_no_room_costs_nobody_the_picture(engine: DiffusersEngine) -> None:
    *steps, picture = engine.stream(replace(CAT, preview=TooLarge()))
    assert [step.preview for step in steps] == [None] * 4
    assert same(picture, drawn(engine))


def test_a_seed_is_a_picture(engine: DiffusersEngine, folder: Path) -> None:
    first = drawn(engine)
    drawn(engine, steps=9, seed=1)
    assert same(first, drawn(engine)), "nothing of the request before is left"
    assert same(first, drawn(loaded(folder)))
    assert not same(first, drawn(engine, seed=8))
    assert not same(first, drawn(engine, prompt="zebra"))
    assert not same(first, drawn(engine, negative_prompt="zebra"))


@pytest.mark.parametrize("size", [(64, 96), (96, 64), (72, 80)])
def test_the_size_is_what_was_asked_for(engine: DiffusersEngine, size: tuple[int, int]) -> None:
    assert drawn(engine, width=size[0], height=size[1], steps=1).image.size == size


def test_closing_stops_at_once_and_the_next_request_is_whole(engine: DiffusersEngine) -> None:
    expected = drawn(engine)
    events = engine.stream(DiffusionRequest(**{**vars(CAT), "steps": 100_0}))
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert same(expected, drawn(engine))


def test_no_guidance_and_one_step_work(engine: DiffusersEngine) -> None:
    assert drawn(engine, guidance_scale=0.0, steps=1, negative_prompt="").image.size == (64, 64)


def test_its_memory_is_counted_and_given_back(folder: Path) -> None:
    engine = loaded(folder)
    on_disk = sum(file.stat().st_size for file in folder.rglob("*.safetensors"))
    assert engine.nbytes == pytest.approx(on_disk, rel=0.05)
    engine.move("cpu")
    assert drawn(engine).image.size == (64, 64)
    engine.close()


def test_half_precision_weights_of_the_xl_kind_are_drawn_on_a_cpu(tmp_path: Path) -> None:
    folder = save_tiny_stable_diffusion(tmp_path, xl=True, half=True)
    assert list(folder.rglob("*.fp16.safetensors"))
    engine = loaded(folder)
    assert same(drawn(engine), drawn(engine))


def test_a_library_error_is_told_in_one_line(engine: DiffusersEngine) -> None:
    with pytest.raises(EngineFailed) as caught:
        drawn(engine, width=65)
    assert "65" in caught.value.text()
    assert "\n" not in caught.value.text()


def test_weights_that_are_missing_or_damaged_are_told(folder: Path, tmp_path: Path) -> None:
    def refused(weights: Path) -> StudioError:
        with pytest.raises(StudioError) as caught:
            DiffusersLoader()(SPEC, weights, "cpu")
        assert caught.value.explain("zh-CN")
        return caught.value

    assert isinstance(refused(tmp_path), WeightsUnavailable)
    file = tmp_path / "checkpoint.safetensors"
    file.write_bytes(b"not a checkpoint")
    assert isinstance(refused(file), WeightsUnavailable)
    copy = shutil.copytree(folder, tmp_path / "copy")
    unet = copy / "unet" / "diffusion_pytorch_model.safetensors"
    unet.write_bytes(unet.read_bytes()[:10_000])
    assert refused(copy).details["model"] == "Tiny"
    index = copy / "model_index.json"
    parts = json.loads(index.read_text())
    index.write_text(json.dumps({**parts, "_class_name": "NoSuchPipeline"}))
    assert isinstance(refused(copy), EngineFailed)
