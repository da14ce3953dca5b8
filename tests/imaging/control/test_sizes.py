import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from studio.imaging.control.sizes import ResizeMode, perfect_resolution, placed

SIZES = st.tuples(st.integers(1, 300), st.integers(1, 300))
MODES: tuple[ResizeMode, ...] = ("stretch", "crop", "pad")


@pytest.mark.parametrize(
    ("source", "target", "mode", "resolution"),
    [
        ((512, 512), (512, 512), "stretch", 512),
        ((1024, 1024), (512, 768), "crop", 768),
        ((1024, 1024), (512, 768), "pad", 512),
        ((1920, 1080), (512, 512), "crop", 512),
        ((1920, 1080), (512, 512), "pad", 288),
        ((1920, 1080), (512, 512), "stretch", 512),
        ((300, 900), (1024, 1024), "crop", 1024),
        ((300, 900), (1024, 1024), "pad", 341),
        ((4000, 3000), (64, 64), "pad", 64),
        ((100, 100), (4096, 4096), "crop", 2048),
    ],
)
def test_pixel_perfect_is_the_resolution_that_resizing_would_give(
    source: tuple[int, int], target: tuple[int, int], mode: ResizeMode, resolution: int
) -> None:
    assert perfect_resolution(source, target, mode) == resolution


@given(SIZES, SIZES, st.sampled_from(MODES))
def test_what_is_placed_has_the_size_of_the_picture(
    source: tuple[int, int], target: tuple[int, int], mode: ResizeMode
) -> None:
    image = Image.effect_noise(source, 60).convert("RGB")
    assert placed(image, target, mode).size == target


@pytest.mark.parametrize(
    ("source", "target"),
    [((15, 1), (145, 1)), ((1, 15), (1, 145)), ((1, 20000), (4096, 1)), ((20000, 1), (1, 4096)), ((7, 3), (49, 21))],
)
def test_a_side_that_stays_whole_is_not_made_longer_by_rounding(
    source: tuple[int, int], target: tuple[int, int]
) -> None:
    image = Image.effect_noise(source, 60).convert("RGB")
    assert placed(image, target, "crop").size == target


def test_what_is_cut_is_the_middle() -> None:
    image = Image.new("RGB", (300, 100), "blue")
    image.paste("red", (100, 0, 200, 100))
    assert placed(image, (50, 50), "crop").getcolors() == [(2500, (255, 0, 0))]
    assert placed(image.rotate(90, expand=True), (50, 50), "crop").getcolors() == [(2500, (255, 0, 0))]


def test_a_wide_picture_is_stretched_cut_or_gets_margins() -> None:
    image = Image.new("RGB", (200, 100), (10, 20, 30))
    ImageDraw.Draw(image).rectangle((50, 25, 149, 74), fill=(200, 100, 50))
    stretched, cut, fitted = (np.asarray(placed(image, (100, 100), mode)) for mode in MODES)
    assert tuple(stretched[50, 50]) == tuple(cut[50, 50]) == tuple(fitted[50, 50]) == (200, 100, 50)
    # Stretched, the thing is half as wide; cut, it fills the width; with margins, it is half as large.
    assert (stretched[50, :, 0] > 100).sum() == 50
    assert (stretched[:, 50, 0] > 100).sum() == 50
    assert (cut[50, :, 0] > 100).all()
    assert (fitted[:, 50, 0] > 100).sum() == pytest.approx(25, abs=1)
    assert tuple(fitted[2, 50]) == (10, 20, 30)


def test_thin_lines_stay_white_lines_when_they_shrink_or_grow() -> None:
    image = Image.new("RGB", (300, 300))
    ImageDraw.Draw(image).line((150, 0, 150, 299), fill="white")
    for side in (120, 600):
        lines = np.asarray(placed(image, (side, side), "crop"))
        assert set(np.unique(lines)) == {0, 255}
        assert (lines[:, :, 0] == 255).any(axis=1).all()
