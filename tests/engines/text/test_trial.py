import json
import sys
from pathlib import Path

import pytest

from studio.engines.text.trial import Trial
from studio.errors import WeightsUnavailable
from studio.registry import ModelId, ModelSpec, Source
from tests.support.text import smollm2

ABORTS = (sys.executable, "-c", "import os; os.abort()")


def spec_of(file: Path, **source: str) -> ModelSpec:
    given = Source(path=str(file), **source)
    return ModelSpec(id=ModelId("x"), name="X", task="text", engine="llamacpp", licence="none", sources=(given,))


def test_a_file_that_ends_its_process_ends_another_one(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(WeightsUnavailable) as caught:
        Trial(tmp_path, ABORTS).expect(spec_of(file), file)
    assert caught.value.code == "weights.untried"
    assert not (tmp_path / "tried.json").exists()
    with pytest.raises(WeightsUnavailable):
        Trial(tmp_path).expect(spec_of(file), file)


def test_one_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(WeightsUnavailable, match="timeout"):
        Trial(tmp_path, (sys.executable, "-c", "import time; time.sleep(60)"), 0.5).expect(spec_of(file), file)


def test_what_was_loaded_once_is_not_tried_again_until_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(b"GGUF")
    Trial(tmp_path, (sys.executable, "-c", "")).expect(spec_of(file), file)
    Trial(tmp_path, ABORTS).expect(spec_of(file), file)
    file.write_bytes(b"GGUF and more")
    with pytest.raises(WeightsUnavailable):
        Trial(tmp_path, ABORTS).expect(spec_of(file), file)


def test_a_digest_of_the_catalogue_vouches_for_a_file(tmp_path: Path) -> None:
    Trial(tmp_path, ABORTS).expect(spec_of(tmp_path / "absent", sha256="0" * 64), tmp_path / "absent")


def test_real_weights_pass(tmp_path: Path) -> None:
    file = smollm2()
    Trial(tmp_path).expect(spec_of(file), file)
    assert str(file) in json.loads((tmp_path / "tried.json").read_text())
