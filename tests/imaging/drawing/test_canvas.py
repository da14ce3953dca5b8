from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.errors import InvalidRequest, UnreadablePicture
from studio.imaging.drawing.canvas import Canvas, _around, canvas
from studio.imaging.drawing.requests import PictureRequest
from tests.support.properties import examples

OWN = (64, 64)
RED = Image.new("RGB", OWN, (255, 0, 0))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Noise, so that nothing that moves or changes goes unseen."""
    pixels = np.random.default_rng(1).integers(0, 256, (96, 128, 3), np.uint8)
    file = tmp_path / "source.png"
    Image.fromarray(pixels).save(file)
    return file


def mask_file(folder: Path, box: tuple[int, int, int, int], size: tuple[int, int] = (128, 96)) -> Path:
    mask = Image.new("L", size)
    mask.paste(255, box)
    mask.save(folder / "mask.png")
    return folder / "mask.png"


def begun(image: Path | None = None, **fields: object) -> Canvas:
    made = canvas(PictureRequest.of(prompt="a cat", image=image, **fields), OWN, 10**6)
    assert made is not None
    return made


def arrays(*images: Image.Image | None) -> list[np.ndarray]:
    return [np.asarray(image).astype(int) for image in images if image is not None]


def test_words_alone_begin_from_nothing() -> None:
    assert canvas(PictureRequest.of(prompt="a cat"), OWN, 10**6) is None


def test_without_a_size_the_source_keeps_its_proportions(source: Path) -> None:
    assert begun(source).size == (88, 64)
    assert begun(source, width=128, height=64).image.size == (128, 64)


def test_what_is_not_masked_stays_to_the_pixel(source: Path, tmp_path: Path) -> None:
    made = begun(source, mask=mask_file(tmp_path, (40, 20, 80, 60)), width=128, height=96, mask_blur=4)
    drawn, before = arrays(made.finished(Image.new("RGB", (128, 96), (255, 0, 0))), Image.open(source))
    assert (drawn[30:50, 50:70] == (255, 0, 0)).all()
    far = np.ones((96, 128), bool)
    far[0:80, 20:100] = False
    assert np.array_equal(drawn[far], before[far])


def test_only_the_masked_part_is_drawn_at_full_size_and_put_back(source: Path, tmp_path: Path) -> None:
    made = begun(source, mask=mask_file(tmp_path, (50, 30, 60, 40)), inpaint_area="masked", mask_blur=0)
    assert made.size == OWN
    drawn, before = arrays(made.finished(RED), Image.open(source))
    assert drawn.shape == before.shape
    assert np.abs(drawn[34:36, 54:56] - (255, 0, 0)).max() < 5
    drawn[30:40, 50:60] = before[30:40, 50:60]
    assert np.array_equal(drawn, before)


def test_the_masked_part_may_begin_as_noise(source: Path, tmp_path: Path) -> None:
    fields = {"mask": mask_file(tmp_path, (40, 20, 80, 60)), "width": 128, "height": 96, "mask_blur": 0, "seed": 3}
    noisy, plain = (begun(source, inpaint_fill=fill, **fields) for fill in ("noise", "original"))
    inside, (there, here) = np.s_[20:60, 40:80], arrays(noisy.image, plain.image)
    assert (there[inside] != here[inside]).mean() > 0.9
    there[inside] = here[inside]
    assert np.array_equal(there, here)


def test_the_noise_is_no_matter_of_the_seed_so_that_each_of_many_is_what_it_is_alone(
    source: Path, tmp_path: Path
) -> None:
    fields = {"mask": mask_file(tmp_path, (40, 20, 80, 60)), "width": 128, "height": 96, "inpaint_fill": "noise"}
    one, other = (begun(source, seed=seed, **fields) for seed in (-1, 7))
    assert np.array_equal(*arrays(one.image, other.image))


def test_a_mask_may_be_painted_on_a_transparent_layer(source: Path, tmp_path: Path) -> None:
    layer = Image.new("RGBA", (128, 96))
    layer.paste((236, 72, 153, 178), (40, 20, 80, 60))
    layer.save(tmp_path / "layer.png")
    painted = begun(source, mask=tmp_path / "layer.png", width=128, height=96)
    white = begun(source, mask=mask_file(tmp_path, (40, 20, 80, 60)), width=128, height=96)
    assert np.array_equal(*arrays(painted.mask, white.mask))


def test_a_mask_over_everything_is_drawn_and_said(source: Path, tmp_path: Path) -> None:
    made = begun(source, mask=mask_file(tmp_path, (0, 0, 128, 96)), inpaint_area="masked")
    assert made.notice == "imaging.notice.mask_full"
    assert made.box is None
    (drawn,) = arrays(made.finished(Image.new("RGB", made.size, (255, 0, 0))))
    assert (drawn == (255, 0, 0)).all()


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    Image.new("RGBA", OWN, (0, 0, 0, 0)).save(tmp_path / "glass.png")
    assert begun(tmp_path / "glass.png").image.getcolors() == [(64 * 64, (255, 255, 255))]


@pytest.mark.parametrize(
    ("box", "size", "code"),
    [((0, 0, 0, 0), (128, 96), "draw.mask_empty"), ((0, 0, 9, 9), (96, 128), "draw.mask_size")],
)
def test_masks_that_do_not_fit_are_refused(
    source: Path, tmp_path: Path, box: tuple[int, int, int, int], size: tuple[int, int], code: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        begun(source, mask=mask_file(tmp_path, box, size))
    assert refused.value.code == code


def test_a_mask_alone_and_a_file_that_is_no_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="needs a picture"):
        begun(mask=mask_file(tmp_path, (0, 0, 9, 9)))
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(UnreadablePicture):
        begun(tmp_path / "notes.png")


@settings(max_examples=examples(200))
@given(st.data())
def test_the_part_that_is_drawn_holds_the_mask_and_lies_inside(data: st.DataObject) -> None:
    width, height = data.draw(st.tuples(st.integers(8, 200), st.integers(8, 200)))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    soft = Image.new("L", (width, height))
    soft.paste(255, (left, top, right, bottom))
    wanted = data.draw(st.sampled_from([(64, 64), (128, 64), (64, 192)]))
    box = _around(soft, data.draw(st.integers(0, 40)), wanted)
    assert 0 <= box[0] <= left
    assert 0 <= box[1] <= top
    assert right <= box[2] <= width
    assert bottom <= box[3] <= height
    wide, high = box[2] - box[0], box[3] - box[1]
    if wide < width and high < height:
        assert abs(wide - high * wanted[0] / wanted[1]) <= max(1, wanted[0] / wanted[1])
