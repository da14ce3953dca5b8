"""A whole studio over pretend memories, so that a page can show several accelerators on any machine."""

from pathlib import Path
from typing import Any

from studio.registry import Binding, Catalogue, Ledger, ModelId, ModelSpec
from studio.registry.models.fake import FakeLoader, FakeMemory
from studio.settings import Settings
from studio.studio import Studio

GB = 10**9


def model(name: str, title: str, size: int, task: Any, device: str) -> ModelSpec:
    """A catalogue entry without weights of its own."""
    return ModelSpec(
        id=ModelId(name), name=title, task=task, engine="fake", licence="none", memory=size, device=device, chat=True
    )


MODELS = (
    model("writer", "Writer 7B", 6 * GB, "text", "cuda:0"),
    model("coder", "Coder 3B", 3 * GB, "code", "cuda:0"),
    model("base", "Stable Diffusion <XL>", 5 * GB, "image", "cuda:1"),
    model("edges", "ControlNet edges", GB, "controlnet", "cuda:1"),
    model("upscaler", "Real-ESRGAN", GB // 20, "upscale", "cpu"),
)


def pretend_studio(folder: Path, **settings: Any) -> Studio:
    """Two accelerators of 8 and 12 GB, 32 GB of main memory, and models that are loaded at once."""
    memories = {name: FakeMemory(name, size * GB) for name, size in (("cpu", 32), ("cuda:0", 8), ("cuda:1", 12))}
    ledger = Ledger(memories["cpu"], lambda: (memories["cuda:0"], memories["cuda:1"]))
    loader = FakeLoader(movable=True, memories=memories)
    return Studio(
        Settings(cache=folder / "cache", outputs=folder / "outputs", openai_base_url="x", openai_model="x", **settings),
        catalogue=Catalogue(MODELS),
        bindings={"fake": Binding(loader)},
        ledger=ledger,
    )
