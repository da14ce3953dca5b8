from io import BytesIO
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.imaging.pictures.png import PngWriter


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([3, 4]),
    cuts=st.lists(st.integers(0, 40), max_size=5),
    seed=st.integers(0, 99),
    smooth=st.booleans(),
)
def test_any_rows_in_any_portions_are_read_back(
    height: int, width: int, channels: int, cuts: list[int], seed: int, smooth: bool
) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, channels))
    slope = np.add.outer(np.arange(height) * 3, np.arange(width) * 5)[..., None] + np.arange(channels)
    pixels = (slope if smooth else noise).astype(np.uint8)
    file = BytesIO()
    writer = PngWriter(file.write, width, height, channels)
    writer.text("parameters", "猫, Steps: 1\nline")
    edges = sorted({0, height, *(min(cut, height) for cut in cuts)})
    for top, bottom in pairwise(edges):
        writer.rows(pixels[top:bottom])
    writer.close()
    file.seek(0)
    with Image.open(file) as read:
        assert read.info["parameters"] == "猫, Steps: 1\nline"
        np.testing.assert_array_equal(np.asarray(read), pixels)


def test_a_smooth_picture_becomes_small() -> None:
    slope = np.add.outer(np.arange(256), np.arange(256))[..., None].repeat(3, axis=2).astype(np.uint8)
    file = BytesIO()
    writer = PngWriter(file.write, 256, 256, 3)
    writer.rows(slope)
    writer.close()
    assert len(file.getvalue()) < slope.nbytes / 50
