"""The `spaces` package itself in its ZeroGPU mode: only the service that lends GPUs, and the GPU, are missing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import CATALOGUE
from tests.support.device_api import DeviceApi, device_api
from tests.support.server import ROOT


@pytest.fixture
def api() -> Iterator[DeviceApi]:
    with device_api() as service:
        yield service


def space(scene: str, folder: Path, api: DeviceApi) -> dict[str, Any]:
    variables = {"SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": api.url}
    command = [sys.executable, "-m", "tests.support.space", scene, str(folder)]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=True, capture_output=True)
    found: dict[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


def test_pictures_are_drawn_in_the_children_that_spaces_forks(api: DeviceApi, tmp_path: Path) -> None:
    found = space("fakes", tmp_path, api)
    assert found["told"][:2] == ["1", "2"]
    assert found["told"][2].startswith("model.not_resident")
    assert found["first"] == 1
    assert found["pictures"] == 2
    assert found["in_use"] == 0
    assert found["loads"] == [True, True]
    assert len(api.paths("/schedule")) == 3
    assert [given["fail"] for given in api.paths("/release")] == ["false"] * 3
    assert len({given["pid"] for given in api.paths("/allow")}) == 3


def test_a_gpu_that_is_refused_is_told_in_the_words_of_who_refuses(api: DeviceApi, tmp_path: Path) -> None:
    api.left = 5
    found = space("fakes", tmp_path, api)
    assert found["told"][0].startswith("zerogpu.failed")
    assert "GPU limit" in found["told"][0]
    assert found["pictures"] == 0


def test_real_weights_are_put_on_the_card_before_there_is_one(api: DeviceApi, tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text(CATALOGUE, encoding="utf-8")
    Image.new("RGB", (32, 32), "red").save(tmp_path / "red.png")
    found = space("weights", tmp_path, api)
    assert found["device"] == "cuda:0"
    assert found["bytes"] == found["pretended"] > 10**6
    if "code" in found:  # where there is no CUDA, the child finds that out
        assert found["code"] == "zerogpu.failed"
