import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.engines.upscalers.base import Pixels
from studio.engines.upscalers.precision import CANDIDATES, Precision, PrecisionNotes, fastest, psnr, sample


class Machine:
    """A processor on which each arithmetic takes its own seconds and makes its own error."""

    def __init__(self, seconds: dict[Precision, float], error: dict[Precision, int] | None = None) -> None:
        self.seconds = seconds
        self.error = error or {}
        self.runs: list[Precision] = []
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    def run(self, tile: Pixels, precision: Precision) -> Pixels:
        self.runs.append(precision)
        self.now += self.seconds[precision]
        return np.clip(tile.astype(int) + self.error.get(precision, 0), 0, 255).astype(np.uint8)


QUICK: dict[Precision, float] = {"fp32": 4.0, "fp32-channels-last": 3.0, "bf16-channels-last": 0.5}


def test_a_quick_and_close_one_is_taken_at_once() -> None:
    machine = Machine(QUICK)
    assert fastest(machine.run, machine.clock) == "bf16-channels-last"
    assert machine.now == 2 * 4 + 2 * 0.5


def test_a_quick_one_with_visible_errors_is_not() -> None:
    machine = Machine(QUICK, {"bf16-channels-last": 3})
    assert fastest(machine.run, machine.clock) == "fp32-channels-last"


@given(st.tuples(*[st.floats(0.1, 10)] * 3), st.tuples(*[st.integers(0, 4)] * 2))
def test_never_slower_than_fp32_and_never_visibly_different(
    seconds: tuple[float, float, float], errors: tuple[int, int]
) -> None:
    work = dict(zip(CANDIDATES, seconds, strict=True))
    machine = Machine(work, dict(zip(CANDIDATES[1:], errors, strict=True)))
    chosen = fastest(machine.run, machine.clock)
    assert work[chosen] <= work["fp32"] + 1e-6
    assert machine.error.get(chosen, 0) == 0


def test_it_is_measured_once_and_may_be_deleted(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "precision.json"
    machine = Machine(QUICK)

    def choice() -> Precision:
        return PrecisionNotes(file, machine.clock).choose("net", machine.run)

    assert choice() == "bf16-channels-last"
    measured = len(machine.runs)
    assert choice() == "bf16-channels-last"
    assert len(machine.runs) == measured
    for damage in ("", "[1]", json.dumps(dict.fromkeys(json.loads(file.read_text()), "fp4"))):
        file.write_text(damage)
        assert choice() == "bf16-channels-last"
    file.unlink()
    choice()
    assert len(machine.runs) == measured * 5


@given(st.integers(1, 60))
def test_psnr_falls_with_the_error(error: int) -> None:
    picture = sample(16) // 2
    assert psnr(picture, picture) == float("inf")
    assert psnr((picture + error).astype(np.uint8), picture) == pytest.approx(20 * np.log10(255 / error))
