"""Real weights through one registry: hundreds of switches, and many threads on one base."""

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from studio.engines.diffusion import DiffusersLoader, DiffusionRequest, Picture, diffusion_costs
from studio.engines.text import LlamaCppLoader, TextRequest
from studio.engines.upscalers import RealEsrganLoader
from studio.registry import Binding, Catalogue, DeviceName, Footprint, HostMemory, ModelSpec, Registry, Rung, Shape
from studio.registry.models.loaded import Loader
from studio.settings import Settings
from tests.support.registries import in_thread, registry_of, spec
from tests.support.tiny_diffusion import save_tiny_stable_diffusion

TEXT = "smollm2-135m"
UPSCALERS = ("realesrgan-x4plus", "realesrgan-x4plus-anime", "realesr-animevideo-x4")
TURNS = (TEXT, "tiny", *UPSCALERS)
SWITCHES, WARMED_UP = 200, 20
BUDGET = 10**9


class Alone:
    """A real model that claims more than half of the budget, so that no other one fits beside it."""

    def __init__(self, loaded: Any) -> None:
        self._loaded = loaded
        self.nbytes = BUDGET * 6 // 10
        self.footprint = Footprint(self.nbytes)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loaded, name)


def alone(loader: Loader) -> Loader:
    def load(spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole") -> Any:
        return Alone(loader(spec, weights, device, rung))

    return load


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelSpec:
    folder = save_tiny_stable_diffusion(tmp_path_factory.mktemp("tiny"))
    return spec("tiny", 10**7, task="image", engine="diffusers", sources=[{"path": str(folder)}])


@pytest.fixture
def registry(tiny: ModelSpec, tmp_path: Path) -> Iterator[Registry]:
    catalogue = Catalogue.read(Settings().catalogue)
    loaders = {
        "llamacpp": LlamaCppLoader(threads=1, slots=1),
        "diffusers": DiffusersLoader(),
        "spandrel": RealEsrganLoader(tmp_path),
    }
    bindings = {name: Binding(alone(loader), accelerated=lambda: False) for name, loader in loaders.items()}
    specs = [tiny, *(catalogue.get(name) for name in (TEXT, *UPSCALERS))]
    lent = registry_of(specs, bindings, tmp_path, host=HostMemory(BUDGET))
    yield lent
    lent.close()


def work(model: Any, name: str) -> None:
    """A little of what the model is for."""
    if name == TEXT:
        assert any(chunk.finish for chunk in model.stream(TextRequest(prompt="Bees", max_tokens=3, seed=1)))
    elif name == "tiny":
        assert drawn(model, DiffusionRequest("a hive", width=64, height=64, steps=1)).size
    else:
        assert model.enlarge(np.zeros((16, 16, 3), np.uint8)).shape == (64, 64, 3)


def drawn(model: Any, request: DiffusionRequest) -> np.ndarray[Any, Any]:
    image = next(event.image for event in model.stream(request) if isinstance(event, Picture))
    assert isinstance(image, Image.Image)
    return np.asarray(image)


@pytest.mark.timeout(900)
def test_after_two_hundred_switches_the_process_is_no_larger_than_after_twenty(registry: Registry) -> None:
    process, sizes = psutil.Process(), []
    # What the libraries keep for ever is not looked through at each of the switches: half of their time.
    gc.freeze()
    for turn in range(SWITCHES):
        name = TURNS[turn % len(TURNS)]
        with registry.lease(name) as lease:
            work(lease.model, name)
        sizes.append(process.memory_info().rss)
    gc.unfreeze()
    events = [record.event for record in registry.journal.records()]
    assert events.count("evicted") == SWITCHES - 1
    # The same model is resident at both times.
    assert sizes[SWITCHES - 1] <= 1.05 * sizes[WARMED_UP - 1], [size // 2**20 for size in sizes[WARMED_UP - 1 :: 20]]


def test_four_threads_on_one_base_draw_what_each_draws_alone(tiny: ModelSpec, tmp_path: Path) -> None:
    bindings = {"diffusers": Binding(DiffusersLoader(), costs=diffusion_costs)}
    lent = registry_of([tiny], bindings, tmp_path, host=HostMemory(BUDGET))
    samplers = ("Euler a", "DPM++ 2M", "DDIM", "UniPC")
    requests = [
        DiffusionRequest("a hive", width=64, height=64, steps=3, seed=seed, scheduler=name)
        for seed, name in enumerate(samplers)
    ]

    def draw(request: DiffusionRequest) -> np.ndarray[Any, Any]:
        with lent.lease("tiny", shape=Shape(request.width, request.height)) as lease:
            return drawn(lease.model, request)

    alone_each = [draw(request) for request in requests]
    joins = [in_thread(lambda request=request: [draw(request) for _ in range(3)]) for request in requests]
    for join, expected in zip(joins, alone_each, strict=True):
        for picture in join(60):
            np.testing.assert_array_equal(picture, expected)
    assert [record.event for record in lent.journal.records()].count("loaded") == 1
    lent.close()
