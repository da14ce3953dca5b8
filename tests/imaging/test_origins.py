from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.engines.diffusion.fake import ColourEngine, colour_of
from studio.engines.diffusion.pipeline import DiffusersLoader
from studio.imaging.illustrator import Illustrator
from studio.imaging.infotext import format_infotext, read_infotext
from studio.imaging.origins import picture_text, reuse
from studio.imaging.requests import Drawn, PictureRequest
from studio.registry.registry import Registry
from studio.registry.spec import Source
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
        "ControlNet 0": "Module: canny, Weight: 1",
        "ADetailer model": "face",
        "Version": "1",
    }
    answer = reuse(read_infotext(format_infotext("x", "y", line)), MODELS)
    assert answer.fields == {"prompt": "x", "negative_prompt": "y", "guidance_scale": 5}
    assert answer.left == ("Steps", "Seed", "Size", "Hires", "ControlNet", "ADetailer model")
