import json
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.engines.classifiers import ClassifierLoader, classifier_costs
from studio.engines.classifiers.engine import NetworkClassifier
from studio.engines.diffusion import DiffusionRequest
from studio.engines.diffusion.fake import ColourEngine, colour_of
from studio.errors import EngineFailed, InvalidRequest, WeightsUnavailable
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import PictureRequest
from studio.imaging.drawing.safety_checker import SafetyChecker
from studio.registry import Binding, Footprint, ModelSpec, Placement, Registry, Shape
from tests.support.registries import registry_of, spec, use

CPU = Placement("cpu")
SIDE = 32


def save_classifier(folder: Path, *, seed: int = 0) -> Path:
    """A random ViT of a few thousand numbers, as the hub keeps such models."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    torch.manual_seed(seed)
    config = ViTConfig(
        image_size=SIDE,
        patch_size=8,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        id2label={0: "normal", 1: "nsfw"},
        label2id={"normal": 0, "nsfw": 1},
    )
    network = ViTForImageClassification(config)
    # Untrained ones answer nearly the same to every picture.
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    network.save_pretrained(folder)
    ViTImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def entry(weights: Path, **defaults: Any) -> ModelSpec:
    named = {"unsafe": ["nsfw"], **defaults}
    sources = [{"path": str(weights)}]
    return spec("checker", 10**6, task="classify", engine="classifiers", defaults=named, sources=sources)


def load(weights: Path) -> NetworkClassifier:
    return ClassifierLoader()(entry(weights), weights, "cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("weights") / "vit")


@pytest.fixture
def copy(weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(weights, tmp_path / "copy"))


@pytest.fixture
def registry(weights: Path, tmp_path: Path) -> Iterator[Registry]:
    bindings = {
        "classifiers": Binding(ClassifierLoader(), accelerated=lambda: False, costs=classifier_costs),
        "colours": Binding(lambda *_: ColourEngine(), accelerated=lambda: False),
    }
    colours = spec("colours", task="image", engine="colours", defaults={"steps": 2, "width": 64, "height": 64})
    made = registry_of([entry(weights), colours], bindings, tmp_path / "cache")
    yield made
    made.close()


def noise(width: int = 50, height: int = 40) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8))


def test_probabilities_are_the_networks_own(weights: Path) -> None:
    from transformers import ViTForImageClassification

    picture = noise()
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.float32)
    with torch.inference_mode():
        network = ViTForImageClassification.from_pretrained(weights)
        logits = network(torch.from_numpy(small / 127.5 - 1).permute(2, 0, 1)[None]).logits[0]
    found = load(weights).probabilities(picture)
    assert list(found) == ["normal", "nsfw"]
    assert sum(found.values()) == pytest.approx(1)
    assert found["nsfw"] == pytest.approx(float(logits.softmax(-1)[1]), abs=0.02)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "1", "P", "CMYK"])
def test_pictures_of_every_mode_and_shape_are_seen(weights: Path, mode: str) -> None:
    classifier = load(weights)
    for size in ((1, 1), (300, 2), (64, 64)):
        assert set(classifier.probabilities(Image.new(mode, size))) == {"normal", "nsfw"}


def test_it_is_kept_by_the_registry_like_any_other(registry: Registry, weights: Path) -> None:
    said = classifier_costs(entry(weights), weights)
    before = use(registry, "checker").probabilities(noise())
    status = next(status for status in registry.statuses() if status.id == "checker")
    assert (status.state, status.in_use) == ("device", 0)
    assert status.bytes == said.footprint(CPU).device
    assert registry.offload("checker")
    assert use(registry, "checker").probabilities(noise()) == before


def test_memory_is_foreseen(weights: Path, tmp_path: Path) -> None:
    said = classifier_costs(entry(weights), weights)
    assert said.working(CPU, Shape()) == 0
    assert said.working(CPU, Shape(1024, 1024)) > 2**20 * 12
    assert classifier_costs(entry(weights), None).footprint(CPU) == Footprint(10**6)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    assert classifier_costs(entry(weights), tmp_path).footprint(CPU) == Footprint(10**6)


def test_it_decides_which_pictures_are_kept(registry: Registry, weights: Path, tmp_path: Path) -> None:
    classifier = load(weights)
    shares = {
        seed: classifier.probabilities(Image.new("RGB", (64, 64), colour_of(DiffusionRequest("a cat", seed=seed))))
        for seed in range(6)
    }
    ranked = sorted(shares, key=lambda seed: shares[seed]["nsfw"])
    best, worst = ranked[0], ranked[-1]
    # Any threshold will do that lies between the two.
    threshold = (shares[best]["nsfw"] + shares[worst]["nsfw"]) / 2
    illustrator = Illustrator(registry, tmp_path / "outputs", checker=SafetyChecker(registry, threshold))
    drawn = list(illustrator.draw(PictureRequest.of(prompt="a cat", seed=best)))[-1]
    assert len(drawn.files) == 1
    with pytest.raises(InvalidRequest) as refused:
        list(illustrator.draw(PictureRequest.of(prompt="a cat", seed=worst)))
    assert refused.value.code == "nsfw.refused"
    assert [path for path in (tmp_path / "outputs").rglob("*") if path.is_file()] == list(drawn.files)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_code_in_a_weights_file_is_never_run(copy: Path, tmp_path: Path, name: str) -> None:
    marker = tmp_path / "marker"

    class Code:
        def __reduce__(self) -> Any:
            return Path.touch, (marker,)

    (copy / "model.safetensors").unlink()
    (copy / name).write_bytes(pickle.dumps({"vit": Code()}))
    with pytest.raises(WeightsUnavailable) as refused:
        load(copy)
    assert "copy" in refused.value.explain()
    assert not marker.exists()


def test_code_beside_the_weights_is_never_run(copy: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (copy / "own.py").write_text(f"open({str(marker)!r}, 'w')\nclass Own: pass\n", encoding="utf-8")
    for name, classes in (("config.json", ["AutoModelForImageClassification"]), ("preprocessor_config.json", [])):
        told = json.loads((copy / name).read_text(encoding="utf-8"))
        told["auto_map"] = dict.fromkeys([*classes, "AutoConfig", "AutoImageProcessor"], "own.Own")
        (copy / name).write_text(json.dumps(told), encoding="utf-8")
    assert load(copy).labels == ("normal", "nsfw")
    assert not marker.exists()


def test_a_model_whose_answer_would_be_left_to_chance_is_refused(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = copy / "model.safetensors"
    state = load_file(file)
    save_file({name: tensor for name, tensor in state.items() if "classifier" not in name}, file)
    with pytest.raises(WeightsUnavailable) as refused:
        load(copy)
    assert "classifier" in refused.value.explain()


def test_weights_that_are_something_else_are_refused_in_words(copy: Path, tmp_path: Path) -> None:
    file = copy / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    (tmp_path / "empty").mkdir()
    for folder in (copy, tmp_path / "empty", tmp_path / "missing", file):
        with pytest.raises(WeightsUnavailable):
            load(folder)


def test_an_answer_that_is_no_number_is_an_error(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    file = copy / "model.safetensors"
    save_file({name: torch.full_like(tensor, torch.nan) for name, tensor in load_file(file).items()}, file)
    with pytest.raises(EngineFailed, match="content check broke off"):
        load(copy).probabilities(noise())


def test_a_network_that_fails_is_an_error_with_its_reason(weights: Path) -> None:
    closed = load(weights)
    closed.close()
    assert closed.nbytes == 0
    with pytest.raises(EngineFailed, match="content check broke off"):
        closed.probabilities(noise())
