from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.engines.diffusion import DiffusersLoader
from studio.engines.diffusion.fake import ColourEngine, colour_of
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import LATENT, Drawn, PictureRequest
from studio.imaging.infotext.text import format_infotext, read_infotext
from studio.imaging.reuse import picture_text, reuse
from studio.registry import Registry, Source
from tests.support.registries import fake_registry, spec
from tests.support.tiny_diffusion import save_tiny_stable_diffusion

MOST_PIXELS = 100_000
DEFAULTS = {"steps": 3, "width": 96, "height": 64, "guidance_scale": 1.5}
WEIGHTS = Source(hub="someone/sd", file="sd.safetensors", sha256="ab" * 32)
MODELS = (
    spec("sd-1.5", task="image", sources=(WEIGHTS,)).model_copy(update={"name": "Stable Diffusion 1.5"}),
    spec("sdxl", task="image"),
)
COLOURS = spec("colours", task="image")


def registry_of(engine: object, folder: Path) -> Registry:
    entry = spec("colours", task="image", defaults=DEFAULTS)
    return fake_registry(entry, loader=lambda *_: engine, cache=folder / "cache", host=10**8)


def finished(illustrator: Illustrator, request: PictureRequest) -> Path:
    *_, last = illustrator.draw(request)
    assert isinstance(last, Drawn)
    return last.files[0]


def again(file: Path) -> PictureRequest:
    return PictureRequest.of(**reuse(read_infotext(picture_text(file, MOST_PIXELS)), [MODELS[1], COLOURS]).fields)


@pytest.mark.parametrize(("kind", "suffix"), [("png", ".png"), ("jpeg", ".jpg"), ("webp", ".webp")])
def test_a_picture_of_any_format_leads_back_to_its_request(kind: str, suffix: str, tmp_path: Path) -> None:
    engine = ColourEngine()
    illustrator = Illustrator(registry_of(engine, tmp_path), tmp_path / "outputs")
    asked = PictureRequest.of(
        prompt="一只猫,\nin (ink:1.2)",
        negative_prompt="dog: a, b",
        width=64,
        guidance_scale=7.123456789,
        sampler="Euler",
        format=kind,
    )
    file = finished(illustrator, asked)
    assert file.suffix == suffix
    finished(illustrator, again(file))
    assert engine.requests[0] == engine.requests[1]
    assert colour_of(engine.requests[0]) == colour_of(engine.requests[1])


def test_the_same_settings_draw_the_same_pixels_with_stable_diffusion(tmp_path: Path) -> None:
    folder = save_tiny_stable_diffusion(tmp_path / "tiny")
    engine = DiffusersLoader()(spec("tiny", task="image"), folder, "cpu")
    illustrator = Illustrator(registry_of(engine, tmp_path), tmp_path / "outputs")
    first = finished(illustrator, PictureRequest.of(prompt="a cat, a hat", negative_prompt="a dog", width=64, steps=2))
    second = finished(illustrator, again(first))
    with Image.open(first) as one, Image.open(second) as other:
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_second_pass_and_a_variation_lead_back_to_the_same_pixels(tmp_path: Path) -> None:
    folder = save_tiny_stable_diffusion(tmp_path / "tiny")
    engine = DiffusersLoader()(spec("tiny", task="image"), folder, "cpu")
    illustrator = Illustrator(registry_of(engine, tmp_path), tmp_path / "outputs")
    asked = {"width": 64, "steps": 2, "hires_scale": 1.5, "hires_strength": 0.6, "variation_strength": 0.3}
    first = finished(illustrator, PictureRequest.of(prompt="a cat", **asked))
    read = again(first)
    assert (read.hires_scale, read.hires_strength, read.variation_strength) == (1.5, 0.6, 0.3)
    second = finished(illustrator, read)
    with Image.open(first) as one, Image.open(second) as other:
        assert one.size == (96, 96)
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.parametrize(
    ("told", "fields", "left"),
    [
        ("Hires upscale: 2, Hires upscaler: Latent (nearest-exact)", {"hires_scale": 2, "hires_upscaler": LATENT}, ()),
        ("Hires upscale: 2, Hires upscaler: Fast", {"hires_scale": 2, "hires_upscaler": "fast"}, ()),
        ("Hires upscale: 2, Hires upscaler: SwinIR", {"hires_scale": 2}, ("Hires upscaler",)),
        ("Hires resize: 768x1024", {"hires_scale": 1.5}, ()),
        ("Hires upscale: 9", {}, ("Hires upscale",)),
    ],
)
def test_second_passes_of_other_studios_are_taken_as_far_as_there_are_the_means(
    told: str, fields: dict[str, object], left: tuple[str, ...]
) -> None:
    text = f"x\nSteps: 9, Size: 512x512, Denoising strength: 0.5, {told}"
    answer = reuse(read_infotext(text), MODELS, [spec("fast", task="upscale")])
    expected = {"hires_strength": 0.5, **fields}
    assert {name: value for name, value in answer.fields.items() if name.startswith("hires")} == expected
    assert answer.left == left


@pytest.mark.parametrize(
    ("model", "digest", "found"),
    [
        ("sdxl", "", "sdxl"),
        ("stable diffusion 1.5", "", "sd-1.5"),
        ("v1-5-pruned", "ababababab", "sd-1.5"),
        ("v1-5-pruned", "cdcdcdcdcd", None),
        ("v1-5-pruned", "ab", None),
    ],
)
def test_a_model_is_known_by_its_id_its_name_or_its_hash(model: str, digest: str, found: str | None) -> None:
    text = format_infotext("x", "", {"Steps": 2, "Model": model, "Model hash": digest})
    answer = reuse(read_infotext(text), MODELS)
    assert answer.fields.get("model") == found
    assert ("Model" in answer.left) == (found is None)


def test_what_cannot_be_taken_over_is_named() -> None:
    line = {
        "Steps": 4000,
        "CFG scale": 5,
        "Seed": 2**40,
        "Size": "513x512",
        "Hires upscale": 2,
        "Hires upscaler": "SwinIR",
        "ControlNet 0": "Module: canny, Weight: 1",
        "ADetailer model": "face",
        "Version": "1",
    }
    answer = reuse(read_infotext(format_infotext("x", "y", line)), MODELS)
    assert answer.fields == {"prompt": "x", "negative_prompt": "y", "guidance_scale": 5, "hires_scale": 2}
    assert answer.left == ("Steps", "Seed", "Size", "ControlNet", "Hires upscaler", "ADetailer model")
