"""The starter diffusion family on its real weights, through the registry, as the studio draws with it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from recipes.starter_diffusion import judge
from recipes.starter_diffusion.things import COLOURS
from studio.engines.diffusion import Adapter, ControlUnit, DiffusionRequest, Picture
from studio.engines.installed import default_bindings
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import Drawn, PictureRequest
from studio.imaging.infotext.text import KEY, read_infotext
from studio.imaging.prompts.phrasing import Phrasing
from studio.imaging.reuse import picture_text, reuse
from studio.registry import Catalogue, Registry
from studio.settings import Settings
from tests.support.registries import registry_of

FAMILY = Path(__file__).parents[2] / "assets" / "starter-diffusion"
IDS = ("starter-sd", "starter-control-canny", "starter-control-scribble")
MOST_FILE, MOST_ALL = 16_000_000, 100_000_000


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    catalogue = Catalogue.read(Settings().catalogue)
    settings = Settings()
    specs = [catalogue.get(name) for name in IDS]
    lent = registry_of(specs, default_bindings(settings), tmp_path_factory.mktemp("cache"))
    yield lent
    lent.close()


@pytest.fixture(scope="module")
def request_of(registry: Registry) -> DiffusionRequest:
    """What the catalogue says for this model, as the Image tab sends it."""
    defaults = registry.choose("starter-sd", "image").defaults
    return DiffusionRequest("", **{name: defaults[name] for name in ("width", "height", "steps", "guidance_scale")})


@pytest.fixture(scope="module")
def draw(registry: Registry, request_of: DiffusionRequest) -> Any:
    """Draws through the registry: pixels of shape (64, 64, 3)."""

    def drawing(prompt: str, seed: int = 0, controls: dict[str, Image.Image] | None = None, **more: Any) -> Any:
        nets = controls or {}
        with registry.lease("starter-sd", *nets) as lease:
            for _ in lease.arrive():
                pass
            units = tuple(ControlUnit(lease.models[name], image) for name, image in nets.items())
            wanted = replace(request_of, prompt=prompt, seed=seed, controls=units, **more)
            *_, picture = lease.model.stream(wanted)
            assert isinstance(picture, Picture)
            return np.asarray(picture.image)

    return drawing


def redness(picture: NDArray[np.uint8]) -> float:
    """The share of pixels that are red."""
    red, green, blue = np.moveaxis(picture.astype(int), -1, 0)
    return float(((red > 120) & (red > 1.6 * green) & (red > 1.3 * blue)).mean())


@pytest.mark.parametrize("prompt", ["a red apple on a blue background", "蓝色背景上的一个红苹果"])
def test_a_red_apple_on_a_blue_background_is_red_on_blue(draw: Any, prompt: str) -> None:
    pictures = [draw(prompt, seed) for seed in range(3)]
    assert [COLOURS[judge.background(picture)].english[0] for picture in pictures] == ["blue"] * 3
    assert min(redness(picture[12:52, 12:52]) for picture in pictures) > 0.15


def test_every_colour_of_background_is_understood_in_both_languages(draw: Any) -> None:
    right = []
    for number, colour in enumerate(COLOURS):
        for prompt in (f"a cat on a {colour.english[0]} background", f"一只猫，{colour.chinese[0]}背景"):
            right.append(judge.background(draw(prompt, number, steps=10)) == number)
    assert np.mean(right) >= 0.9


def test_the_same_seed_draws_the_same_picture_and_another_seed_another(draw: Any) -> None:
    first, again, other = (draw("a dog, green background", seed) for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ["starter-control-canny", "starter-control-scribble"])
def test_lines_lead_the_drawing(draw: Any, name: str) -> None:
    gains = []
    for seed, shape in enumerate(("ellipse", "rectangle")):
        lines = Image.new("L", (64, 64))
        getattr(ImageDraw.Draw(lines), shape)((14, 8, 50, 40), outline=255, width=1 if name.endswith("canny") else 3)
        outline = Image.new("L", (64, 64))
        getattr(ImageDraw.Draw(outline), shape)((15, 9, 49, 39), outline=255)
        wanted = np.asarray(outline) > 127
        led = draw("a balloon on a white background", seed, {name: lines})
        free = draw("a balloon on a white background", seed)
        gains.append(judge.edge_f1(led, wanted) - judge.edge_f1(free, wanted))
    assert min(gains) > 0.05


def test_inpainting_changes_what_is_masked_and_nothing_else(draw: Any) -> None:
    source = draw("a pizza on a teal background", 1)
    mask = Image.new("L", (64, 64))
    mask.paste(255, (32, 0, 64, 64))
    painted = draw("a tomato on a teal background", 2, image=Image.fromarray(source), mask=mask, strength=1.0)
    assert np.array_equal(painted[:, :32], source[:, :32])
    assert judge.psnr(painted[:, 32:], source[:, 32:]) < 30


def test_the_more_strength_the_further_from_the_source(draw: Any) -> None:
    source = draw("a frog on a white background", 3)
    distances = []
    for strength in (0.2, 0.5, 0.8, 1.0):
        others = [
            draw("a car on a red background", seed, image=Image.fromarray(source), strength=strength)
            for seed in range(3)
        ]
        distances.append(np.mean([np.abs(other.astype(float) - source).mean() for other in others]))
    assert distances == sorted(distances)
    assert distances[0] < 0.6 * distances[-1]


def test_the_flat_style_changes_the_picture_and_taking_it_off_brings_the_old_one_back(draw: Any) -> None:
    flat = (Adapter(FAMILY / "loras" / "flat-style.safetensors"),)
    before = draw("a lion on a yellow background", 4)
    worn = draw("a lion on a yellow background", 4, adapters=flat)
    after = draw("a lion on a yellow background", 4)
    assert np.array_equal(before, after)
    assert judge.psnr(before, worn) < 35
    assert judge.background(worn) == judge.background(before)


def test_the_illustrator_draws_with_it_when_nothing_larger_is_here(registry: Registry, tmp_path: Path) -> None:
    *_, drawn = Illustrator(registry, tmp_path).draw(PictureRequest.of(prompt="两只猫，黄色背景", seed=1))
    assert isinstance(drawn, Drawn)
    with Image.open(drawn.files[0]) as picture:
        assert picture.size == (64, 64)
        assert "Model: starter-sd" in picture.info[KEY]
        assert COLOURS[judge.background(np.asarray(picture.convert("RGB")))].english[0] == "yellow"


def test_an_infotext_leads_back_to_the_same_pixels(registry: Registry, tmp_path: Path) -> None:
    illustrator = Illustrator(registry, tmp_path / "outputs", Phrasing(tmp_path, FAMILY))
    asked = PictureRequest.of(
        prompt="(two cats:1.2), <lora:flat-style:0.6> {yellow|green} background",
        negative_prompt="dog",
        seed=11,
        steps=9,
        sampler="DPM++ 2M",
        schedule_type="Karras",
        guidance_scale=3.5,
        clip_skip=2,
        hires_scale=1.5,
        hires_steps=6,
        hires_strength=0.6,
    )
    *_, first = illustrator.draw(asked)
    assert isinstance(first, Drawn)
    told = read_infotext(picture_text(first.files[0], 10**6))
    *_, again = illustrator.draw(PictureRequest.of(**reuse(told, [registry.choose("starter-sd", "image")]).fields))
    assert isinstance(again, Drawn)
    assert again.infotext == first.infotext
    with Image.open(first.files[0]) as one, Image.open(again.files[0]) as other:
        assert one.size == (96, 96)
        assert np.array_equal(np.asarray(one), np.asarray(other))


def test_several_at_a_time_are_what_each_is_alone(registry: Registry, tmp_path: Path) -> None:
    illustrator = Illustrator(registry, tmp_path)
    fields = {"prompt": "一只熊猫，绿色背景", "seed": 20, "count": 3, "steps": 8}
    together, row = (list(illustrator.draw(PictureRequest.of(**fields, batch_size=n)))[-1] for n in (3, 1))
    assert isinstance(together, Drawn)
    assert isinstance(row, Drawn)
    for one, other in zip(together.files, row.files, strict=True):
        with Image.open(one) as first, Image.open(other) as second:
            assert judge.psnr(np.asarray(first), np.asarray(second)) > 45


def test_what_is_shipped_is_small_and_says_what_it_is() -> None:
    files = [file for file in FAMILY.rglob("*") if file.is_file()]
    assert max(file.stat().st_size for file in files) <= MOST_FILE
    assert sum(file.stat().st_size for file in files) <= MOST_ALL
    assert (FAMILY / "loras" / "flat-style.safetensors").stat().st_size < 1_000_000
    card = (FAMILY / "README.md").read_text(encoding="utf-8")
    for section in ("## Data", "## Figures", "## Limits", "## Licence"):
        assert section in card
