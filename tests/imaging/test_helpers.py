"""A VAE in place of a model's own, and a tiny decoder for previews: used when they are here."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from PIL import Image

from studio.engines.diffusion import DiffusersLoader, DiffusionRequest, Picture, Step
from studio.engines.diffusion.loading.helpers import LARGEST_PREVIEW, TinyAutoencoder
from studio.errors import WeightsUnavailable
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest
from studio.registry import DeviceName, ModelSpec
from tests.support.registries import fake_registry, spec
from tests.support.tiny_diffusion import save_tiny_stable_diffusion

DEFAULTS = {"steps": 3, "width": 64, "height": 64, "guidance_scale": 5}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("helpers")
    torch.manual_seed(3)
    AutoencoderTiny(encoder_block_out_channels=(16,) * 4, decoder_block_out_channels=(16,) * 4).save_pretrained(
        root / "quick"
    )
    base = save_tiny_stable_diffusion(root / "tiny")
    torch.manual_seed(4)
    vae = DiffusersLoader()(spec("tiny", task="image"), base, "cpu")._pipe.vae  # type: ignore[union-attr]
    for weights in vae.decoder.parameters():
        weights.data += 0.05 * torch.randn_like(weights)
    vae.save_pretrained(root / "other-vae")
    return {"tiny": base, "quick": root / "quick", "other-vae": root / "other-vae"}


def illustrator_of(folders: dict[str, Path], folder: Path, *helpers: ModelSpec) -> Illustrator:
    loader = DiffusersLoader()

    def load(entry: ModelSpec, _: object, device: DeviceName, *rest: object) -> object:
        return loader(entry, folders[entry.id], device)

    entries = (spec("tiny", task="image", defaults=DEFAULTS), spec("other", task="image"), *helpers)
    registry = fake_registry(*entries, loader=load, cache=folder / "cache", host=10**9)  # type: ignore[arg-type]
    return Illustrator(registry, folder / "outputs")


def drawn(illustrator: Illustrator) -> tuple[list[Image.Image], np.ndarray, str]:
    *steps, last = illustrator.draw(PictureRequest.of(prompt="a cat", model="tiny", seed=3))
    assert isinstance(last, Drawn)
    previews = [step.preview for step in steps if isinstance(step, DrawingProgress) and step.preview is not None]
    with Image.open(last.files[0]) as image:
        return previews, np.asarray(image), last.infotext


def test_a_tiny_decoder_shows_every_pixel_and_changes_none(folders: dict[str, Path], tmp_path: Path) -> None:
    rough, plain, _ = drawn(illustrator_of(folders, tmp_path / "without"))
    fine, same, _ = drawn(illustrator_of(folders, tmp_path / "with", spec("quick", task="preview", base="tiny")))
    assert rough[0].size == (8, 8)
    assert fine[0].size == (64, 64)
    assert np.array_equal(plain, same)


def test_a_decoder_for_another_model_is_left_alone(folders: dict[str, Path], tmp_path: Path) -> None:
    previews, *_ = drawn(illustrator_of(folders, tmp_path, spec("quick", task="preview", base="other")))
    assert previews[0].size == (8, 8)


def test_large_previews_are_made_small_and_strange_latents_are_passed_over(folders: dict[str, Path]) -> None:
    decoder = DiffusersLoader()(spec("quick", task="preview", base="tiny"), folders["quick"], "cpu")
    assert isinstance(decoder, TinyAutoencoder)
    shown = decoder.picture(torch.randn(1, 4, 96, 128))
    assert shown is not None
    assert shown.size == (LARGEST_PREVIEW, LARGEST_PREVIEW * 3 // 4)
    assert decoder.picture(torch.randn(1, 16, 8, 8)) is None
    assert decoder.picture(torch.randn(1, 64, 4)) is None


def test_a_vae_stands_in_for_the_models_own(folders: dict[str, Path]) -> None:
    engine = DiffusersLoader()(spec("tiny", task="image"), folders["tiny"], "cpu")
    vae = DiffusersLoader()(spec("other-vae", task="vae", base="tiny"), folders["other-vae"], "cpu")
    request = {"prompt": "a cat", "width": 64, "height": 64, "steps": 2, "seed": 1}

    def picture(**more: object) -> np.ndarray:
        events: list[Step | Picture] = list(engine.stream(DiffusionRequest(**request, **more)))  # type: ignore[union-attr, arg-type]
        assert isinstance(events[-1], Picture)
        return np.asarray(events[-1].image)

    own, other, again = picture(), picture(vae=vae), picture()
    assert not np.array_equal(own, other)
    assert np.array_equal(own, again)


def test_without_half_precision_a_vae_is_left_alone(folders: dict[str, Path], tmp_path: Path) -> None:
    *_, infotext = drawn(illustrator_of(folders, tmp_path, spec("other-vae", task="vae", base="tiny")))
    assert "VAE" not in infotext


def test_a_folder_without_a_config_is_named(tmp_path: Path) -> None:
    for task in ("preview", "vae"):
        with pytest.raises(WeightsUnavailable, match=r"config\.json"):
            DiffusersLoader()(spec("empty", task=task, base="tiny"), tmp_path, "cpu")
