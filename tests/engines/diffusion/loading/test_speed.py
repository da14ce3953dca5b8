from pathlib import Path

import numpy as np
import pytest

from studio.engines.diffusion import DiffusersLoader, Speed
from studio.engines.diffusion.engine import DiffusersEngine
from studio.engines.upscalers.precision import psnr
from tests.support.drawing import SPEC, drawn, pixels, same


def fast(folder: Path, **options: object) -> DiffusersEngine:
    engine = DiffusersLoader(Speed(**options))(SPEC, folder, "cpu")  # type: ignore[arg-type]
    assert isinstance(engine, DiffusersEngine)
    return engine


def test_the_order_of_the_weights_changes_rounding_at_most(engine: DiffusersEngine, folder: Path) -> None:
    plain, ordered = drawn(engine), drawn(fast(folder, channels_last=True))
    assert psnr(pixels(plain), pixels(ordered)) > 40


def test_without_xformers_torchs_own_attention_draws(
    engine: DiffusersEngine, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert same(drawn(engine), drawn(fast(folder, attention="xformers")))
    assert "xformers is not to be had on cpu" in caplog.text


def test_a_compiled_network_draws_the_same(engine: DiffusersEngine, folder: Path) -> None:
    plain, compiled = drawn(engine, steps=2), drawn(fast(folder, compiled=True), steps=2)
    assert np.abs(pixels(plain).astype(int) - pixels(compiled)).max() <= 2
