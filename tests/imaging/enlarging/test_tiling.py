from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.engines.upscalers.fake import NearestUpscaler
from studio.errors import OutOfMemory
from studio.imaging.enlarging.tiling import HalvingTiles, Pixels, enlarged_rows, ramp, spans, tile_count
from tests.support.pictures import photo

sides = st.integers(1, 90)
tiles = st.integers(8, 64)
overlaps = st.integers(0, 40)


@given(length=st.integers(1, 5000), tile=st.integers(4, 300), overlap=overlaps)
def test_spans_cover_everything_in_order_and_never_three_at_once(length: int, tile: int, overlap: int) -> None:
    found = spans(length, tile, overlap)
    assert found[0].start == 0
    assert found[-1].stop == length
    assert all(0 < span.stop - span.start <= tile for span in found)
    least = min(overlap, tile // 4)
    for earlier, later in pairwise(found):
        assert earlier.stop - later.start >= least
        assert later.start > earlier.start
    for earlier, later in zip(found, found[2:], strict=False):
        assert earlier.stop <= later.start


@given(length=st.integers(1, 200))
def test_cross_fade_adds_up_to_one(length: int) -> None:
    np.testing.assert_allclose(ramp(length) + ramp(length)[::-1], 1, atol=1e-6)


@given(height=sides, width=sides, tile=tiles, overlap=overlaps, scale=st.sampled_from([1, 2, 4]))
def test_tiles_of_a_nearest_upscaler_make_the_whole(
    height: int, width: int, tile: int, overlap: int, scale: int
) -> None:
    picture = photo(height, width, seed=height * width)
    upscaler = NearestUpscaler(scale)
    pieces = list(enlarged_rows(picture, scale, upscaler.enlarge, tile=tile, overlap=overlap))
    assert len(pieces) == tile_count(height, width, tile=tile, overlap=overlap) == len(upscaler.tiles)
    assert max(max(size) for size in upscaler.tiles) <= tile
    np.testing.assert_array_equal(np.concatenate(pieces), NearestUpscaler(scale).enlarge(picture))


@given(height=sides, width=sides, tile=st.integers(40, 64))
def test_tiles_of_a_linear_upscaler_show_no_seam(height: int, width: int, tile: int) -> None:
    def linear(pixels: Pixels) -> Pixels:
        size = (pixels.shape[1] * 2, pixels.shape[0] * 2)
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BILINEAR))

    picture = photo(height, width)
    tiled = np.concatenate(list(enlarged_rows(picture, 2, linear, tile=tile)))
    difference = tiled.astype(int) - linear(picture).astype(int)
    assert np.abs(difference).max() <= 1


@given(height=st.integers(20, 150), width=st.integers(20, 150), most=st.integers(32 * 32, 100 * 100))
def test_what_does_not_fit_is_done_in_smaller_tiles(height: int, width: int, most: int) -> None:
    picture = photo(height, width)
    upscaler = NearestUpscaler(2, most_pixels=most)
    enlarge = HalvingTiles(upscaler.enlarge, 2, 128)
    rows = np.concatenate(list(enlarged_rows(picture, 2, enlarge, tile=128)))
    np.testing.assert_array_equal(rows, NearestUpscaler(2).enlarge(picture))


def test_room_is_made_once_and_then_smaller_tiles_are_remembered() -> None:
    attempts: list[int] = []
    made: list[int] = []
    upscaler = NearestUpscaler(2, most_pixels=64 * 64, on_tile=lambda tile: attempts.append(tile.shape[0]))
    enlarge = HalvingTiles(upscaler.enlarge, 2, 128, lambda: made.append(len(attempts)))
    list(enlarged_rows(photo(500, 500), 2, enlarge, tile=128))
    assert sum(side > 64 for side in attempts) == 2
    assert made == [1]


def test_no_memory_at_all_is_an_error() -> None:
    enlarge = HalvingTiles(NearestUpscaler(2, most_pixels=10).enlarge, 2, 128)
    with pytest.raises(OutOfMemory):
        enlarge(photo(100, 100))


def test_only_one_row_of_tiles_is_held() -> None:
    given: list[int] = []
    for rows in enlarged_rows(photo(800, 40), 2, NearestUpscaler(2).enlarge, tile=64):
        given.append(len(rows))
    assert sum(given) == 1600
    assert max(given) <= 64 * 2
