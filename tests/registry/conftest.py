from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.registry import WeightsStore
from tests.support.hub import LocalHub, local_hub
from tests.support.weights import REPOSITORIES


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with local_hub(REPOSITORIES) as served:
        yield served


@pytest.fixture
def environ(hub: LocalHub, tmp_path: Path) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.endpoint, "HF_HUB_CACHE": str(tmp_path / "shared")}


@pytest.fixture
def store(environ: dict[str, str], tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "cache", environ)
