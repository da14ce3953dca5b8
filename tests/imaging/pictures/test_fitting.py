import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.imaging.pictures.fitting import LEAST_SIDE, STEP, fitted, middle, shaped_like

SIDES = st.integers(8, 96)


def flag(width: int, height: int) -> Image.Image:
    """Red on the left, green in the middle half, blue on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 4, 0] = 255
    pixels[:, width // 4 : -(width // 4), 1] = 255
    pixels[:, -(width // 4) :, 2] = 255
    return Image.fromarray(pixels)


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(["stretch", "crop", "pad"]))
def test_any_picture_comes_to_any_size(width: int, height: int, wide: int, high: int, mode: str) -> None:
    assert fitted(flag(width, height), (wide, high), mode).size == (wide, high)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "target"), [((9, 23), (8, 21)), ((15, 1), (145, 1)), ((1, 15), (1, 145)), ((1, 20000), (4096, 64))]
)
def test_a_side_that_stays_whole_is_not_made_longer_by_rounding(
    source: tuple[int, int], target: tuple[int, int]
) -> None:
    assert fitted(Image.new("RGB", source), target, "crop").size == target


@given(SIDES, SIDES, SIDES, SIDES)
def test_what_is_cut_has_the_proportions_asked_for_and_one_side_whole(
    width: int, height: int, wide: int, high: int
) -> None:
    left, top, right, bottom = middle((width, height), (wide, high))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (left, right) == (0, width) or (top, bottom) == (0, height)
    if min(right - left, bottom - top) > 1:  # what would be thinner is a whole pixel, and keeps no proportions
        assert (right - left) * high == pytest.approx((bottom - top) * wide)


def test_cropping_keeps_the_middle_and_stretching_everything() -> None:
    cropped = np.asarray(fitted(flag(80, 40), (40, 40), "crop"))
    assert (cropped[:, 2:-2] == (0, 255, 0)).all()
    stretched = np.asarray(fitted(flag(80, 40), (40, 40), "stretch"))
    assert tuple(stretched[20, 2]) == (255, 0, 0)
    assert tuple(stretched[20, -3]) == (0, 0, 255)


def test_padding_keeps_the_whole_picture_and_carries_its_border_on() -> None:
    padded = np.asarray(fitted(flag(80, 40), (80, 80), "pad"))
    assert np.array_equal(padded[20:60], np.asarray(flag(80, 40)))
    assert (padded[0] == padded[20]).all()
    assert (padded[-1] == padded[59]).all()
    beside = np.asarray(fitted(flag(40, 40), (80, 40), "pad"))
    assert (beside[:, :20] == (255, 0, 0)).all()
    assert (beside[:, 60:] == (0, 0, 255)).all()


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_a_size_like_a_source_has_its_proportions_and_about_the_area(width: int, height: int) -> None:
    wide, high = shaped_like((width, height), 512 * 512)
    assert wide % STEP == high % STEP == 0
    assert min(wide, high) >= LEAST_SIDE
    if max(width, height) < 8 * min(width, height):
        assert wide / high == pytest.approx(width / height, rel=0.1)
        assert wide * high == pytest.approx(512 * 512, rel=0.1)
