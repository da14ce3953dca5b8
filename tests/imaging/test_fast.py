"""Few steps, by an adapter of the catalogue."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.engines.diffusion import DiffusersLoader
from studio.errors import InvalidRequest
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest
from studio.imaging.infotext.text import read_infotext
from studio.imaging.reuse import reuse
from studio.registry import DeviceName, ModelSpec
from tests.support.registries import fake_registry, spec
from tests.support.tiny_diffusion import save_tiny_lora, save_tiny_stable_diffusion

SPECS = (
    spec("tiny", task="image", defaults={"steps": 8, "width": 64, "height": 64, "guidance_scale": 5}),
    spec("few", task="adapter", base="tiny", defaults={"steps": 3, "guidance_scale": 1.5, "scheduler": "LCM"}),
    spec("other", task="image"),
)


@pytest.fixture
def illustrator(tmp_path: Path) -> Illustrator:
    base = save_tiny_stable_diffusion(tmp_path / "tiny")
    folders = {"tiny": base, "few": save_tiny_lora(tmp_path / "few.safetensors", base)}
    loader = DiffusersLoader()

    def load(entry: ModelSpec, _: object, device: DeviceName, *rest: object) -> object:
        return loader(entry, folders[entry.id], device)

    registry = fake_registry(*SPECS, loader=load, cache=tmp_path / "cache", host=10**9)  # type: ignore[arg-type]
    return Illustrator(registry, tmp_path / "outputs")


def test_the_switch_wears_the_adapter_and_takes_its_habits(illustrator: Illustrator) -> None:
    def drawn(**fields: object) -> tuple[int, Drawn]:
        *steps, last = illustrator.draw(PictureRequest.of(prompt="a cat", model="tiny", seed=3, **fields))
        assert isinstance(last, Drawn)
        return sum(isinstance(step, DrawingProgress) for step in steps), last

    taken, fast = drawn(fast=True)
    assert taken == 3
    assert "Steps: 3, Sampler: LCM, CFG scale: 1.5, Seed: 3" in fast.infotext
    assert "Fast: few" in fast.infotext
    _, bare = drawn(steps=3, guidance_scale=1.5, sampler="LCM")
    pictures = [np.asarray(Image.open(done.files[0])) for done in (fast, bare)]
    assert not np.array_equal(*pictures)
    taken, own = drawn(fast=True, steps=5, sampler="DDIM")
    assert taken == 5
    assert "Sampler: DDIM" in own.infotext
    _, again = drawn(steps=3, guidance_scale=1.5, sampler="LCM")
    assert np.array_equal(np.asarray(Image.open(again.files[0])), pictures[1])


def test_its_infotext_leads_back_to_it(illustrator: Illustrator) -> None:
    *_, first = illustrator.draw(PictureRequest.of(prompt="a cat", model="tiny", seed=3, fast=True))
    assert isinstance(first, Drawn)
    fields = reuse(read_infotext(first.infotext), SPECS).fields
    assert fields["fast"] is True
    *_, again = illustrator.draw(PictureRequest.of(**fields))
    assert isinstance(again, Drawn)
    pictures = [np.asarray(Image.open(done.files[0])) for done in (first, again)]
    assert np.array_equal(*pictures)


def test_a_model_without_an_adapter_says_so(illustrator: Illustrator) -> None:
    with pytest.raises(InvalidRequest, match="no few-step adapter"):
        list(illustrator.draw(PictureRequest.of(prompt="a cat", model="other", fast=True)))
