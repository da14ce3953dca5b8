from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.engines.annotators.edges import canny
from studio.engines.diffusion import DiffusersLoader
from studio.errors import InvalidRequest, UnknownModel
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.requests import Drawn, PictureRequest
from studio.registry import DeviceName, ModelSpec
from tests.support.drawing import half
from tests.support.registries import fake_registry, spec
from tests.support.tiny_diffusion import save_tiny_controlnet, save_tiny_stable_diffusion

DEFAULTS = {"steps": 4, "width": 64, "height": 64, "guidance_scale": 5}
SPECS = (
    spec("tiny", task="image", defaults=DEFAULTS),
    spec("edges", task="controlnet", base="tiny"),
    spec("twins", task="controlnet", base="other"),
    spec("foreign", task="controlnet", base="other"),
    spec("other", task="image"),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {"tiny": save_tiny_stable_diffusion(folder / "tiny"), "edges": save_tiny_controlnet(folder / "edges")}


@pytest.fixture
def illustrator(folders: dict[str, Path], tmp_path: Path) -> Illustrator:
    loader = DiffusersLoader()

    def load(entry: ModelSpec, _: object, device: DeviceName, *rest: object) -> object:
        return loader(entry, folders[entry.id], device)

    registry = fake_registry(*SPECS, loader=load, cache=tmp_path / "cache", host=10**9)  # type: ignore[arg-type]
    return Illustrator(registry, tmp_path / "outputs")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    half(128).save(tmp_path / "half.png")
    return tmp_path / "half.png"


def drawn(illustrator: Illustrator, *units: dict[str, object], **fields: object) -> tuple[np.ndarray, str]:
    *_, last = illustrator.draw(
        PictureRequest.of(**{"prompt": "a cat", "model": "tiny", "seed": 3, "controls": units} | fields)
    )
    assert isinstance(last, Drawn)
    with Image.open(last.files[0]) as image:
        return np.asarray(image.convert("RGB")), last.infotext


def test_a_unit_steers_and_is_told_of(illustrator: Illustrator, picture: Path) -> None:
    plain, _ = drawn(illustrator)
    unit = {"model": "edges", "image": picture, "annotator": "canny", "scale": 0.8, "end": 0.9}
    steered, told = drawn(illustrator, unit)
    assert not np.array_equal(plain, steered)
    assert 'ControlNet 0: "Module: canny, Model: edges, Weight: 0.8, Resize Mode: Crop and Resize' in told
    assert "Guidance End: 0.9" in told
    again, _ = drawn(illustrator, unit)
    assert np.array_equal(steered, again)
    two, told = drawn(illustrator, unit, unit | {"annotator": "none", "mode": "prompt"})
    assert not np.array_equal(two, steered)
    assert "Control Mode: My prompt is more important" in told


def test_a_made_control_image_does_what_the_annotator_does(
    illustrator: Illustrator, picture: Path, tmp_path: Path
) -> None:
    lines = canny(half(64), 64, low_threshold=100, high_threshold=200)
    lines.save(tmp_path / "lines.png")
    half(64).save(tmp_path / "small.png")
    made, _ = drawn(illustrator, {"model": "edges", "image": tmp_path / "lines.png"})
    annotated, _ = drawn(illustrator, {"model": "edges", "image": tmp_path / "small.png", "annotator": "canny"})
    assert np.array_equal(made, annotated)


def test_without_its_own_picture_a_unit_follows_the_one_that_is_drawn_from(
    illustrator: Illustrator, picture: Path
) -> None:
    unit = {"model": "edges", "annotator": "canny"}
    own, _ = drawn(illustrator, unit, image=picture)
    named, _ = drawn(illustrator, unit | {"image": picture}, image=picture)
    assert np.array_equal(own, named)
    with pytest.raises(InvalidRequest) as refused:
        drawn(illustrator, unit)
    assert refused.value.code == "control.no_image"


def test_a_repainted_part_is_steered_by_its_part_of_the_picture(
    illustrator: Illustrator, picture: Path, tmp_path: Path
) -> None:
    mask = Image.new("L", (128, 128))
    mask.paste(255, (10, 10, 30, 30))
    mask.save(tmp_path / "mask.png")
    fields = {"image": picture, "mask": tmp_path / "mask.png", "inpaint_area": "masked", "inpaint_padding": 8}
    plain, _ = drawn(illustrator, **fields)
    # All of what steers lies far from the part, where there is nothing to follow.
    empty = tmp_path / "empty.png"
    Image.new("RGB", (128, 128)).save(empty)
    far, _ = drawn(illustrator, {"model": "edges", "image": picture, "annotator": "canny"}, **fields)
    nothing, _ = drawn(illustrator, {"model": "edges", "image": empty}, **fields)
    assert np.array_equal(far, nothing)
    assert np.array_equal(far[40:], plain[40:])


@pytest.mark.parametrize(
    ("unit", "kind", "code"),
    [
        ({"model": "foreign"}, InvalidRequest, "control.base"),
        ({"model": "tiny"}, UnknownModel, "model.task"),
        ({"model": "nothing"}, UnknownModel, None),
        ({"model": "edges", "annotator": "oracle"}, InvalidRequest, "control.annotator"),
        ({"model": "edges", "start": 0.5, "end": 0.5}, InvalidRequest, "control.span"),
        ({"model": "edges", "scale": -1}, InvalidRequest, None),
        ({"model": "edges", "parameters": {"low_threshold": 1}}, InvalidRequest, "control.parameter_none"),
    ],
)
def test_units_that_cannot_steer_are_refused_in_words(
    illustrator: Illustrator, picture: Path, unit: dict[str, object], kind: type[Exception], code: str | None
) -> None:
    with pytest.raises(kind) as refused:
        drawn(illustrator, {"image": picture} | unit)
    assert refused.value.explain("zh-CN")  # type: ignore[attr-defined]
    assert code in (None, refused.value.code)  # type: ignore[attr-defined]


def test_more_units_than_anybody_needs_are_refused(picture: Path) -> None:
    with pytest.raises(InvalidRequest):
        PictureRequest.of(prompt="a cat", controls=[{"model": "edges", "image": picture}] * 11)
