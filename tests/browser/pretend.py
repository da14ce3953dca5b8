"""A studio over the fakes that ship with it, for a real browser: what is shown when, without waiting for a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from studio import Studio
from studio.engines.diffusion.fake import ColourEngine
from studio.engines.text.echo import EchoEngine
from studio.engines.upscalers.fake import NearestUpscaler
from studio.registry import Binding, Catalogue, ModelSpec
from studio.settings import Settings
from studio.ui.app import build, serve
from tests.support.registries import spec
from tests.support.server import free_port

SNIPPET: Final = "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```"
STEPS: Final = 8
SMALL: Final = {"width": 64, "height": 64, "steps": STEPS}
MODELS: Final = {
    "text": spec("echo", task="text", engine="echo"),
    "code": spec("coder", task="code", engine="coder"),
    "image": spec("colours", task="image", engine="colours", defaults=SMALL),
    "upscale": spec("nearest", task="upscale", engine="nearest"),
}


@contextmanager
def pretend_studio(folder: Path, *tasks: str, step: float = 0.0, snippet: str = SNIPPET) -> Iterator[str]:
    """The address of a studio with one pretend model for each of these tasks.

    `step` is how many seconds one step of drawing takes, `snippet` what the code model answers.
    """
    makers: dict[str, Any] = {
        "echo": lambda *_: EchoEngine(),
        "coder": lambda *_: EchoEngine([snippet] * 20),
        "colours": lambda *_: ColourEngine(seconds_per_step=step),
        "nearest": lambda *_: NearestUpscaler(),
    }
    folders: dict[str, Any] = {name: folder / name for name in ("cache", "outputs", "data")}
    # Models without sources count as present where an endpoint is set.
    settings = Settings(port=free_port(), prefetch=False, openai_base_url="x", openai_model="x", **folders)
    specs: list[ModelSpec] = [MODELS[task] for task in tasks]
    bindings = {name: Binding(make) for name, make in makers.items()}
    with Studio(settings, catalogue=Catalogue(specs), bindings=bindings) as studio:
        page = build(studio)
        try:
            yield serve(studio, page, block=False).address.rstrip("/")
        finally:
            page.close()
