"""The whole training at the smallest size: every stage runs, goes on where it was, and leaves what diffusers reads."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from recipes.starter_diffusion import autoencoder, control, loop, profiles, text, train
from recipes.starter_diffusion.export import ADAPTER
from recipes.starter_diffusion.profiles import Stage
from recipes.starter_diffusion.sprites import Sprites
from studio.engines.diffusion import Adapter, ControlUnit, DiffusersLoader, DiffusionRequest
from studio.registry import ModelSpec

STAGE = Stage(samples=16, batch=8, rate=1e-3)
TINY = replace(
    profiles.CPU,
    name="tiny",
    vae_channels=(16, 16, 32),
    unet_channels=(32, 32, 64),
    text_width=64,
    text_layers=1,
    scenes=32,
    autoencoder=STAGE,
    text=STAGE,
    things=STAGE,
    denoiser=STAGE,
    control=STAGE,
    lora=STAGE,
)


@pytest.fixture(scope="module", autouse=True)
def uncompiled() -> None:
    """Compiling takes minutes, and these networks are used for seconds."""
    torch._dynamo.config.disable = True


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, shapes: Sprites) -> Path:
    """A folder in which every stage has run."""
    folder = tmp_path_factory.mktemp("training")
    np.savez(folder / f"sprites-{TINY.size}.npz", pixels=shapes.pixels)
    for stage in train.STAGES:
        train.run(stage, TINY, folder, folder / "family")
    return folder


def spec(task: str) -> ModelSpec:
    source = {"path": "here"}
    return ModelSpec.model_validate(
        {"id": "tiny", "name": "Tiny", "task": task, "engine": "diffusers", "sources": [source], "licence": "MIT"}
    )


def test_the_family_is_read_and_draws_with_every_part(work: Path) -> None:
    family = work / "family"
    engine = DiffusersLoader()(spec("image"), family, "cpu")
    net = DiffusersLoader()(spec("controlnet"), family / "control-scribble", "cpu")
    lines = control.to_condition([np.zeros((64, 64), np.uint8)])
    assert lines.shape == (1, 3, 64, 64)

    request = DiffusionRequest(
        "a cat, blue background",
        width=64,
        height=64,
        steps=2,
        controls=(ControlUnit(net, Image.new("RGB", (64, 64))),),
        adapters=(Adapter(family / ADAPTER),),
    )
    *_, picture = engine.stream(request)
    assert picture.image.size == (64, 64)
    engine.close()
    net.close()


def test_files_stay_small_enough_for_a_repository_and_hold_half_precision(work: Path) -> None:
    from safetensors import safe_open

    weights = list((work / "family").rglob("*.safetensors"))
    assert len(weights) >= 6
    for file in weights:
        with safe_open(file, "pt") as tensors:
            assert {tensors.get_tensor(name).dtype for name in tensors.keys()} == {torch.float16}  # noqa: SIM118


def test_training_that_was_stopped_comes_to_the_same_weights(work: Path, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    half = replace(TINY, text=Stage(32, 8, 1e-3))
    once, twice = tmp_path / "once", tmp_path / "twice"
    for folder in (once, twice):
        shutil.copytree(work / "tokenizer", folder / "tokenizer")
        shutil.copy(work / f"sprites-{TINY.size}.npz", folder)
    train.run("text", half, once, once)
    losses = loop.Loop._losses
    steps = 0

    def stopping(self: loop.Loop, drawn: object) -> loop.Losses:
        nonlocal steps
        if steps == 2:
            self.save()
            raise Stopped
        steps += 1
        return losses(self, drawn)  # type: ignore[arg-type]

    loop.Loop._losses = stopping  # type: ignore[method-assign]
    try:
        with pytest.raises(Stopped):
            train.run("text", half, twice, twice)
    finally:
        loop.Loop._losses = losses  # type: ignore[method-assign]
    train.run("text", half, twice, twice)
    whole, halves = (loop.trained_state(folder, "text") for folder in (once, twice))
    for name, value in whole.items():
        assert torch.equal(value, halves[name]), name


def test_the_log_tells_every_step_once(work: Path) -> None:
    lines = list(loop.curve(work, "autoencoder"))
    assert [line["step"] for line in lines] == [2]
    assert lines[-1]["of"] == 2
    assert {"loss", "psnr", "per_second"} <= set(lines[-1])


def test_latents_have_a_variance_of_one(work: Path, shapes: Sprites) -> None:
    vae = autoencoder.trained(TINY, shapes, work, train.SEED)
    latents = np.load(work / "latents.npy").astype(np.float32)
    assert latents.shape == (TINY.scenes, 4, 16, 16)
    assert latents.std() == pytest.approx(1.0, abs=0.25)
    assert vae.config.scaling_factor != 1.0


@pytest.mark.parametrize(
    "sentence", ["a red apple on a blue background", "蓝色背景上的一个红苹果", "UNKNOWN words 你好 🍎"]
)
def test_the_tokenizer_cuts_every_text_and_gives_it_back(work: Path, sentence: str) -> None:
    tokenizer = text.tokenizer_of(work, train.SEED)
    ids = tokenizer(sentence, padding="max_length")["input_ids"]
    assert len(ids) == tokenizer.model_max_length == text.LENGTH
    assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == sentence.lower().replace(" ", "")


def test_names_of_things_are_few_tokens_in_both_languages(work: Path) -> None:
    tokenizer = text.tokenizer_of(work, train.SEED)
    for name in ("apple", "watermelon", "苹果", "猫头鹰", "蓝色"):
        assert len(tokenizer(name)["input_ids"]) - 2 == 1, name


def test_profiles_fit_what_is_shipped() -> None:
    from recipes.starter_diffusion import denoiser

    for profile in (profiles.CPU, profiles.CUDA):
        unet = denoiser.build(profile)
        parts = [autoencoder.build(profile), unet, *(control.build(profile, unet) for _ in control.KINDS)]
        parameters = sum(weight.numel() for part in parts for weight in part.parameters())
        assert 2 * parameters < 90e6  # the text encoder and the tokenizer take under ten million bytes more


def test_the_profile_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert profiles.profile().name == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert profiles.profile().name == "cpu"
    assert profiles.profile("cuda").name == "cuda"
