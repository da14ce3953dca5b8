"""The size field of the Image tab."""

import pytest

from studio.registry import ModelSpec
from studio.ui.tabs.image.sizes import choices, sides, suited
from tests.support.registries import spec


def model(side: int) -> ModelSpec:
    return spec("model", task="image", defaults={"width": side, "height": side})


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", (None, None)),
        ("  ", (None, None)),
        ("512x768", ("512", "768")),
        ("640 × 448", ("640", "448")),
        ("640X448", ("640", "448")),
        ("96*64", ("96", "64")),
        ("512", ("512", "512")),
        ("wide", ("wide", "wide")),
        ("1x2x3", ("1", "2x3")),
    ],
)
def test_a_size_is_read_as_people_type_it(typed: str, read: tuple[str | None, str | None]) -> None:
    assert sides(typed) == read


def test_a_model_that_draws_small_is_offered_small_sizes() -> None:
    assert [size for _, size in choices(model(64))] == ["", "64x64", "64x96", "96x64", "96x96", "128x128"]
    assert "1024x1024" in [size for _, size in choices(model(1024))]


def test_another_model_keeps_a_size_of_ones_own_and_drops_one_that_was_offered_for_larger_models() -> None:
    assert suited(model(64), "1024x1024")["value"] == ""
    assert suited(model(64), "72x104")["value"] == "72x104"
    assert suited(model(512), "512x768")["value"] == "512x768"
