"""Memory that really runs out: torch's own allocator refuses, in the middle of a real network."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.errors import OutOfMemory
from studio.imaging.enlarging.requests import Enlarged, EnlargeRequest
from studio.settings import Settings
from studio.studio import Studio
from tests.support.upscalers import cat

TEXT, UPSCALER = "smollm2-135m", "realesr-animevideo-x4"
IMPOSSIBLE = 2**50


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with Studio(Settings(cache=tmp_path / "cache", outputs=tmp_path / "outputs", threads=1)) as studio:
        for model in (TEXT, UPSCALER):
            for _ in studio.load(model):
                pass
        yield studio


def exhaust(studio: Studio, times: int) -> None:
    """The next passes through the network ask for more memory than there is."""
    left = [times]

    def greedy(*_: object) -> None:
        if left[0]:
            left[0] -= 1
            torch.empty(IMPOSSIBLE)

    with studio.registry.lease(UPSCALER) as lease:
        lease.model._network.register_forward_pre_hook(greedy)


def enlarged(studio: Studio, folder: Path) -> np.ndarray:  # type: ignore[type-arg]
    photo = folder / "cat.png"
    Image.fromarray(cat(40, 40, 64)).save(photo)
    *_, last = studio.enlarger.enlarge(EnlargeRequest.of(file=photo, model=UPSCALER))
    assert isinstance(last, Enlarged)
    return np.asarray(Image.open(last.file))


def events(studio: Studio) -> list[tuple[str, str, str]]:
    return [(record.model, record.event, record.why) for record in studio.registry.journal.records()]


def test_an_enlargement_that_runs_out_gets_the_room_of_an_idle_model(studio: Studio, tmp_path: Path) -> None:
    expected = enlarged(studio, tmp_path)
    exhaust(studio, 1)
    np.testing.assert_array_equal(enlarged(studio, tmp_path), expected)
    assert events(studio)[-2:] == [(UPSCALER, "ran_out", ""), (TEXT, "evicted", UPSCALER)]


def test_when_no_tile_is_small_enough_it_is_told_and_the_next_picture_is_enlarged(
    studio: Studio, tmp_path: Path
) -> None:
    expected = enlarged(studio, tmp_path)
    exhaust(studio, 100)
    with pytest.raises(OutOfMemory):
        enlarged(studio, tmp_path)
    studio.drop(UPSCALER)
    np.testing.assert_array_equal(enlarged(studio, tmp_path), expected)
    assert all(status.in_use == 0 for status in studio.registry.statuses())
