from pathlib import Path

import pytest

from studio.engines.diffusion.engine import DiffusersEngine
from tests.support.drawing import loaded
from tests.support.tiny_diffusion import save_tiny_stable_diffusion


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny, random Stable Diffusion, read-only."""
    return save_tiny_stable_diffusion(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def engine(folder: Path) -> DiffusersEngine:
    return loaded(folder)
