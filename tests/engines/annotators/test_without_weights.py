import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage

from studio.engines.annotators import ANNOTATORS, working_size
from studio.engines.annotators.resampling import MOST_PIXELS
from tests.support.pictures import photo
from tests.support.properties import examples

OFFLINE = [name for name, kind in ANNOTATORS.items() if not kind.networks]
BOX = (60, 80, 190, 170)
"""Where the drawn thing is, in a picture of 256 x 256."""


def scene() -> Image.Image:
    image = Image.new("RGB", (256, 256), (225, 220, 210))
    ImageDraw.Draw(image).rectangle(BOX, fill=(60, 70, 150))
    return image


def outline(width: int) -> NDArray[np.bool_]:
    image = Image.new("L", (256, 256))
    ImageDraw.Draw(image).rectangle(BOX, outline=255, width=width)
    return np.asarray(image) > 0


def drawn(annotator: str, image: Image.Image, resolution: int = 256, **parameters: float) -> Image.Image:
    kind = ANNOTATORS[annotator]
    assert kind.draw is not None
    return kind.draw(image, resolution, **kind.complete(parameters))


def white(image: Image.Image, level: int = 127) -> NDArray[np.bool_]:
    return np.asarray(image.convert("L")) > level


def thick(lines: NDArray[np.bool_], size: int = 5) -> NDArray[np.bool_]:
    return np.asarray(Image.fromarray(lines.astype(np.uint8) * 255).filter(ImageFilter.MaxFilter(size))) > 0


def likeness(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


def test_canny_draws_the_outline_where_it_is_one_pixel_thin() -> None:
    edges = white(drawn("canny", scene()))
    assert likeness(ndimage.binary_fill_holes(edges), ndimage.binary_fill_holes(outline(1))) > 0.97
    assert not (edges & ~thick(outline(1), 3)).any()
    assert edges.sum() < 1.1 * outline(1).sum()


def test_higher_thresholds_leave_fewer_edges() -> None:
    picture = Image.fromarray(photo(256, 256))
    amounts = [
        white(drawn("canny", picture, low_threshold=low, high_threshold=high)).sum()
        for low, high in ((10, 30), (50, 100), (100, 200), (255, 255))
    ]
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[0] > 2 * amounts[-1]


def test_a_scribble_is_the_outline_in_thick_strokes() -> None:
    strokes = white(drawn("scribble", scene()))
    edges = white(drawn("canny", scene()))
    assert likeness(ndimage.binary_fill_holes(strokes), ndimage.binary_fill_holes(outline(1))) > 0.95
    assert strokes.sum() > 2.5 * edges.sum()
    # Far from any line there is nothing.
    assert not (strokes & ~thick(outline(1), 31)).any()


def test_a_scribble_takes_fainter_things_at_a_lower_threshold() -> None:
    picture = Image.fromarray(photo(256, 256))
    amounts = [white(drawn("scribble", picture, threshold=threshold)).sum() for threshold in (4, 16, 32, 64)]
    assert amounts == sorted(amounts, reverse=True)
    assert amounts[0] > amounts[-1]


def test_the_lines_of_a_drawing_come_out_white_on_black() -> None:
    page = Image.new("RGB", (256, 256), "white")
    ImageDraw.Draw(page).rectangle(BOX, outline="black", width=3)
    lines = drawn("lineart_standard", page)
    assert likeness(white(lines, 60), outline(3)) > 0.8
    assert np.asarray(lines)[:40, :40].max() == 0


def test_the_grain_of_an_empty_page_is_not_made_to_lines() -> None:
    grain = np.random.default_rng(1).normal(250, 1.5, (256, 256, 3)).clip(0, 255).astype(np.uint8)
    assert np.asarray(drawn("lineart_standard", Image.fromarray(grain))).max() < 80
    assert not white(drawn("lineart_standard", Image.new("RGB", (64, 64), "white")), 0).any()


def test_tile_keeps_size_and_colours_and_blurs() -> None:
    from skimage import data

    picture = Image.fromarray(data.chelsea()[:256, :256])
    detail = []
    for rate in (1, 2, 8):
        tile = drawn("tile", picture, down_sampling=rate)
        assert tile.size == picture.size
        assert np.abs(np.asarray(tile).mean((0, 1)) - np.asarray(picture).mean((0, 1))).max() < 1
        detail.append(np.abs(np.diff(np.asarray(tile).astype(float), axis=0)).mean())
    assert detail[0] > 1.2 * detail[1] > 1.2 * detail[2]
    assert np.array_equal(np.asarray(drawn("tile", picture)), np.asarray(picture))


def test_none_passes_a_picture_through() -> None:
    picture = scene()
    assert drawn("none", picture, 64) is picture


@pytest.mark.parametrize("annotator", OFFLINE)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (37, 91), (700, 501)])
def test_any_size_comes_out_at_the_resolution(annotator: str, size: tuple[int, int]) -> None:
    picture = Image.fromarray(photo(size[1], size[0]))
    made = drawn(annotator, picture, 128)
    assert made.mode == "RGB"
    assert made.size == (size if annotator == "none" else working_size(size, 128))


@given(st.integers(1, 65_535), st.integers(1, 65_535), st.integers(64, 2048))
@settings(max_examples=examples(300))
def test_the_working_size_keeps_the_aspect_and_is_bounded(width: int, height: int, resolution: int) -> None:
    across, down = working_size((width, height), resolution)
    assert across >= 1
    assert down >= 1
    assert across * down <= max(MOST_PIXELS, width, height)
    assert min(across, down) <= resolution
    if min(across, down) >= 64:
        assert math.isclose(across / down, width / height, rel_tol=0.02)
