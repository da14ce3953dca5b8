"""A studio of shipped fakes whose pictures and texts are made on a card of pretend bytes."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.engines.diffusion.fake import ColourEngine
from studio.engines.text.echo import EchoEngine
from studio.engines.upscalers.fake import NearestUpscaler
from studio.hosting.zerogpu import Gpu
from studio.registry import Binding, Catalogue, DeviceName, Ledger, ModelId, ModelSpec, Rung, Source
from studio.registry.models.fake import FakeMemory
from studio.settings import Settings
from studio.studio import Studio

MEGABYTE = 10**6
SIZES = {"colours": 40, "pastels": 50, "echo": 30, "nearest": 10, "cpu-echo": 30}


class Recorded:
    """A loader that writes down, in a file, which process loaded what: a child's memory is not seen from here."""

    def __init__(self, make: Callable[[], Any], log: Path) -> None:
        self._make = make
        self._log = log

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole") -> Any:
        with self._log.open("a", encoding="ascii") as log:
            log.write(f"{os.getpid()} {spec.id} {device}\n")
        return self._make()


def loads(folder: Path) -> list[tuple[int, str, str]]:
    """Process id, model and device of every load, in order."""
    log = folder / "loads"
    lines = log.read_text(encoding="ascii").splitlines() if log.exists() else []
    return [(int(pid), model, device) for pid, model, device in (line.split() for line in lines)]


def fake_studio(
    folder: Path,
    *,
    gpu: Gpu | None = None,
    card: int = 100 * MEGABYTE,
    engines: dict[str, Callable[[], Any]] | None = None,
    **settings: Any,
) -> Studio:
    """A studio with its files in `folder` and one card of `card` bytes; `engines` replace the fakes."""
    makers: dict[str, Callable[[], Any]] = {
        "colours": lambda: ColourEngine(nbytes=40 * MEGABYTE),
        "pastels": lambda: ColourEngine(nbytes=50 * MEGABYTE),
        "echo": lambda: EchoEngine(nbytes=30 * MEGABYTE),
        "nearest": lambda: NearestUpscaler(nbytes=10 * MEGABYTE),
        "cpu-echo": lambda: EchoEngine(nbytes=30 * MEGABYTE),
        **(engines or {}),
    }
    weights = folder / "weights"
    weights.touch()
    specs = [_spec(name, weights) for name in makers]
    bindings = {
        name: Binding(Recorded(make, folder / "loads"), accelerated=lambda name=name: name != "cpu-echo")
        for name, make in makers.items()
    }
    return Studio(
        Settings(cache=folder / "cache", outputs=folder / "outputs", **settings),
        catalogue=Catalogue(specs),
        bindings=bindings,
        ledger=Ledger(FakeMemory("cpu", 1000 * MEGABYTE), lambda: (FakeMemory("cuda:0", card),)),
        gpu=gpu,
    )


def _spec(name: str, weights: Path) -> ModelSpec:
    task = {"nearest": "upscale", "echo": "text", "cpu-echo": "text"}.get(name, "image")
    return ModelSpec(
        id=ModelId(name),
        name=name.title(),
        task=task,
        engine=name,
        licence="none",
        memory=SIZES[name] * MEGABYTE,
        sources=(Source(path=str(weights)),),
        defaults={"width": 64, "height": 64, "steps": 3} if task == "image" else {},
    )
