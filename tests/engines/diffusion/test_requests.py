"""What one base model draws, on request: other samplers, from a picture, under a mask, steered, and all at once."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.engines.diffusion import OFFERED, DiffusionRequest, Picture, Seeds
from studio.engines.diffusion.derivation import derived
from studio.engines.diffusion.engine import DiffusersEngine
from studio.engines.diffusion.loading.controlnet import ControlNetEngine
from studio.engines.diffusion.noise import arc
from studio.errors import EngineFailed, InvalidRequest
from tests.support.drawing import CAT, control, drawn, half, loaded, pixels, same
from tests.support.properties import examples
from tests.support.tiny_diffusion import save_tiny_controlnet


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_controlnet(tmp_path_factory.mktemp("edges"))


def test_every_sampler_offered_draws_and_says_its_name(engine: DiffusersEngine) -> None:
    plain = drawn(engine)
    pictures = {name: drawn(engine, scheduler=name, steps=3) for name in OFFERED}
    assert {name: picture.sampler for name, picture in pictures.items()} == {name: name for name in OFFERED}
    assert {picture.schedule for picture in pictures.values()} == {""}
    assert not same(pictures["Euler"], pictures["Euler a"])
    assert same(plain, drawn(engine)), "no request's sampler stays for the next"


def test_schedules_belong_to_the_samplers_that_know_them(engine: DiffusersEngine) -> None:
    own, plain = drawn(engine), drawn(engine, scheduler="DPM++ 2M")
    karras = drawn(engine, scheduler="DPM++ 2M", schedule="Karras")
    assert (plain.schedule, karras.schedule) == ("", "Karras")
    assert same(own, karras)
    assert not same(karras, plain)
    assert drawn(engine, schedule="Exponential").schedule == "Exponential"
    for wrong in ({"scheduler": "DDIM", "schedule": "Karras"}, {"schedule": "Sideways"}, {"scheduler": "Fastest"}):
        with pytest.raises(InvalidRequest) as refused:
            drawn(engine, **wrong)
        assert refused.value.explain("zh-CN")


def test_a_picture_can_begin_from_another(engine: DiffusersEngine) -> None:
    start = half(96)
    far, near = drawn(engine, image=start, strength=1.0), drawn(engine, image=start, strength=0.25)
    assert far.image.size == near.image.size == (64, 64)
    assert not same(far, near)
    assert same(near, drawn(engine, image=start, strength=0.25))
    left, right = np.hsplit(pixels(near).astype(float), 2)
    assert abs(left.mean() - right.mean()) > 1, "little strength leaves something of where it began"
    assert drawn(engine, image=start, strength=0.01, steps=2).image.size == (64, 64)


def test_a_second_pass_begins_from_the_latents_of_the_first(engine: DiffusersEngine) -> None:
    first = drawn(engine, keep_latents=True)
    assert first.latents.shape == (1, 4, 8, 8)
    assert same(first, drawn(engine))
    larger = {"latents": first.latents, "width": 96, "height": 128}
    far, near = drawn(engine, **larger, strength=1.0), drawn(engine, **larger, strength=0.25)
    assert far.image.size == near.image.size == (96, 128)

    def distance(picture: Picture) -> float:
        return float(np.abs(pixels(picture).astype(float) - np.asarray(first.image.resize((96, 128)))).mean())

    assert distance(near) < distance(far)


def test_a_variation_lies_between_two_seeds(engine: DiffusersEngine) -> None:
    own, other = drawn(engine), drawn(engine, seed=99)
    assert same(own, drawn(engine, variation_seed=99, variation=0.0))
    slight, full = (drawn(engine, variation_seed=99, variation=share) for share in (0.1, 1.0))
    assert not same(slight, own)
    assert same(full, other)
    with pytest.raises(InvalidRequest, match="variation"):
        drawn(engine, image=half(64), variation=0.5)


TOGETHER: dict[str, dict[str, Any]] = {
    "words": {},
    "ancestral": {"scheduler": "Euler a"},
    "variations": {"variation": 0.3},
    "picture": {"image": half(64), "strength": 0.6},
    "mask": {"image": half(64), "mask": half(64)},
    "unguided": {"guidance_scale": 1.0},
}


def alike(engine: DiffusersEngine, request: DiffusionRequest) -> bool:
    """Whether pictures drawn together are what each is alone, but for rounding."""
    together = [event for event in engine.stream(request) if isinstance(event, Picture)]
    assert [picture.seed for picture in together] == [seeds.seed for seeds in request.seeds]
    alone = [drawn(engine, request.alone(number)) for number in range(len(together))]
    pairs = zip(together, alone, strict=True)
    return all(np.abs(pixels(one).astype(int) - pixels(other)).max() <= 2 for one, other in pairs)


@pytest.mark.parametrize("fields", TOGETHER.values(), ids=list(TOGETHER))
def test_pictures_drawn_together_are_what_each_is_alone(engine: DiffusersEngine, fields: dict[str, Any]) -> None:
    assert alike(engine, replace(CAT, variation_seed=1, beside=(Seeds(8, 2), Seeds(7, 3)), **fields))


@pytest.mark.parametrize("emphasis", ["balanced", "prompt", "control"])
@pytest.mark.parametrize("guidance_scale", [1.0, 5.0])
def test_a_controlnet_steers_pictures_drawn_together_as_each_alone(
    engine: DiffusersEngine, edges: Path, emphasis: Any, guidance_scale: float
) -> None:
    unit = control(edges, emphasis=emphasis)
    wanted = replace(CAT, beside=(Seeds(8),), controls=(unit,), guidance_scale=guidance_scale)
    assert alike(engine, wanted)
    assert alike(engine, replace(wanted, image=half(64), mask=half(64)))


@settings(max_examples=examples(30))
@given(st.floats(0, 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_the_noise_of_a_variation_is_as_strong_as_any(share: float, one: int, other: int) -> None:
    import torch

    noises = [torch.randn(1, 4, 32, 32, generator=torch.Generator().manual_seed(seed)) for seed in (one, other)]
    assert 0.9 < float(arc(noises[0], noises[1], share).std()) < 1.1


def test_only_what_the_mask_covers_is_repainted(engine: DiffusersEngine) -> None:
    start = drawn(engine).image
    picture = drawn(engine, image=start, mask=half(64), strength=1.0, seed=9)
    before, after = np.hsplit(np.asarray(start), 2), np.hsplit(pixels(picture), 2)
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])
    with pytest.raises(InvalidRequest):
        drawn(engine, mask=half(64))


def test_controlnets_steer_by_their_scale_and_share_of_the_steps(engine: DiffusersEngine, edges: Path) -> None:
    plain, steered = drawn(engine), drawn(engine, controls=(control(edges),))
    assert not same(plain, steered)
    assert same(plain, drawn(engine, controls=(control(edges, scale=0.0),)))
    assert not same(steered, drawn(engine, controls=(control(edges, end=0.5),)))
    twice = drawn(engine, controls=(control(edges), control(edges, scale=0.5)))
    assert not same(twice, steered)
    start = half(64)
    assert not same(drawn(engine, image=start), drawn(engine, image=start, controls=(control(edges),)))
    masked = drawn(engine, image=start, mask=start, controls=(control(edges),))
    assert np.array_equal(pixels(masked)[:, :32], np.asarray(start)[:, :32])
    assert same(plain, drawn(engine))


def test_the_emphasis_lies_between_the_prompt_and_the_control_image(engine: DiffusersEngine, edges: Path) -> None:
    def with_(**fields: object) -> Picture:
        return drawn(engine, controls=(control(edges, **fields),))

    plain, balanced = drawn(engine), with_()
    prompt, guided = with_(emphasis="prompt"), with_(emphasis="control")
    assert len({pixels(picture).tobytes() for picture in (plain, balanced, prompt, guided)}) == 4

    def distance(one: Picture, other: Picture) -> float:
        return float(np.abs(pixels(one).astype(float) - pixels(other)).mean())

    assert distance(prompt, plain) < distance(balanced, plain)
    assert same(with_(), balanced), "the network itself stays as it was"


def test_all_pipelines_share_every_weight(engine: DiffusersEngine, edges: Path) -> None:
    def addresses(pipe: object) -> set[int]:
        parts = (getattr(pipe, name) for name in ("unet", "vae", "text_encoder"))
        return {parameter.data_ptr() for part in parts for parameter in part.parameters()}

    base, size = engine._pipe, engine.nbytes
    start, unit = half(64), control(edges)
    forms = ({}, {"image": start}, {"image": start, "mask": start}, {"controls": (unit,)})
    kinds = set()
    for form in forms:
        pipe = derived(base, type(CAT)(**{**vars(CAT), **form}), {})
        kinds.add(type(pipe).__name__)
        assert addresses(pipe) == addresses(base)
        assert pipe.scheduler is not base.scheduler
    assert len(kinds) == 4
    assert engine.nbytes == size


def test_large_pictures_are_decoded_in_tiles_and_others_are_not(engine: DiffusersEngine) -> None:
    large = derived(engine._pipe, type(CAT)(prompt="x", width=1024, height=1032), {})
    small = derived(engine._pipe, CAT, {})
    assert (large.vae.use_tiling, small.vae.use_tiling, engine._pipe.vae.use_tiling) == (True, False, False)


def test_a_controlnet_is_a_model_of_its_own(edges: Path, engine: DiffusersEngine) -> None:
    unit = control(edges)
    model = unit.model
    assert isinstance(model, ControlNetEngine)
    assert (model.sharing, model.movable) == ("shared", True)
    assert model.nbytes == pytest.approx((edges / "diffusion_pytorch_model.safetensors").stat().st_size, rel=0.1)
    before = drawn(engine, controls=(unit,))
    model.module.half()
    model.move("cpu")
    assert np.abs(pixels(before).astype(int) - pixels(drawn(engine, controls=(unit,)))).mean() < 2
    model.close()


def test_a_controlnet_of_another_base_is_refused_in_one_line(engine: DiffusersEngine, edges: Path) -> None:
    unit = control(edges)
    unit.model.module.conv_in = type(unit.model.module.conv_in)(9, 32, 3, padding=1)
    with pytest.raises(EngineFailed) as failed:
        drawn(engine, controls=(unit,))
    assert "\n" not in failed.value.text()
    assert same(drawn(engine), drawn(engine))


def test_four_users_at_once_get_the_pictures_they_would_get_alone(folder: Path) -> None:
    engine = loaded(folder)
    wanted = [
        {"scheduler": "Euler a", "seed": 1, "prompt": "a red cat " * 40},
        {"scheduler": "DPM++ 2M", "schedule": "Karras", "seed": 2, "steps": 7},
        {"scheduler": "DDIM", "seed": 3, "width": 96},
        {"image": half(64), "scheduler": "UniPC", "seed": 4, "steps": 6},
    ]
    alone = [drawn(engine, **changes) for changes in wanted]
    start = threading.Barrier(len(wanted))
    found: dict[tuple[int, int], object] = {}

    def work(index: int) -> None:
        start.wait()
        for turn in range(3):
            found[index, turn] = drawn(engine, **wanted[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(wanted))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert [key for key, picture in found.items() if not same(alone[key[0]], picture)] == []  # type: ignore[arg-type]
