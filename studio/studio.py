"""The composition root: settings become a catalogue, a registry and the crafts."""

import threading
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from studio.coding.coder import Coder
from studio.engines.diffusion.pipeline import DiffusersLoader
from studio.engines.text.hf import TransformersLoader
from studio.engines.text.llamacpp import LlamaCppLoader
from studio.engines.text.openai import OpenAILoader
from studio.engines.upscalers.realesrgan import RealEsrganLoader
from studio.imaging.enlarger import Enlarger
from studio.imaging.illustrator import Illustrator
from studio.registry.catalog import Catalogue
from studio.registry.devices import HostMemory, find_accelerator
from studio.registry.entry import Binding
from studio.registry.lease import LoadProgress
from studio.registry.registry import Registry
from studio.registry.residency import Residency
from studio.registry.sources import WeightsStore
from studio.settings import Settings
from studio.writing.writer import Writer

SWEEP_SECONDS: Final = 5.0
MODEL_FIELDS: Final = ("id", "task", "engine", "state", "bytes", "present", "licence")


class Studio:
    """Everything the studio can do, ready to use from Python.

    >>> from studio import Studio
    >>> from studio.coding.requests import ScoreRequest
    >>> with Studio() as studio:
    ...     studio.coder.score(ScoreRequest.of(code="def add(a, b):\\n    return a + b\\n")).syntax
    'ok'
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        catalogue: Catalogue | None = None,
        bindings: Mapping[str, Binding] | None = None,
    ) -> None:
        """`catalogue` and `bindings` replace what the settings name; tests pass shipped fakes here.

        Raises:
            CatalogueError: `models.yaml` breaks its schema.
        """
        self.settings = settings or Settings()
        self.catalogue = catalogue or Catalogue.read(self.settings.catalogue)
        self.registry = Registry(
            self.catalogue,
            WeightsStore(self.settings.cache),
            bindings or default_bindings(self.settings),
            Residency(
                HostMemory(self.settings.host_budget),
                lambda: find_accelerator(self.settings.device, self.settings.device_budget),
            ),
            configured=lambda spec: bool(self.settings.openai_base_url and self.settings.openai_model),
            keep_alive=self.settings.keep_alive,
            deadline=self.settings.lease_deadline,
        )
        self.writer = Writer(self.registry)
        self.coder = Coder(self.registry)
        self.illustrator = Illustrator(self.registry, self.settings.outputs)
        self.enlarger = Enlarger(self.registry, self.settings.outputs, self.settings.max_pixels)
        self._closing = threading.Event()
        threading.Thread(target=self._sweep, name="keep-alive", daemon=True).start()

    def models(self) -> list[dict[str, Any]]:
        """The catalogue with each model's state, as plain data; `bytes` is None where nothing is known."""
        return [{name: getattr(status, name) for name in MODEL_FIELDS} for status in self.registry.statuses()]

    def load(self, model: str) -> Iterator[LoadProgress]:
        """Bring a model to its device, reporting on the way."""
        return self.registry.load(model)

    def offload(self, model: str) -> bool:
        """Free a model's memory, at once or when its last user is done. Returns whether it is gone already."""
        return self.registry.offload(model)

    def close(self) -> None:
        """Free everything that is idle."""
        self._closing.set()
        self.registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _sweep(self) -> None:
        while not self._closing.wait(SWEEP_SECONDS):
            self.registry.sweep()


def default_bindings(settings: Settings) -> dict[str, Binding]:
    """The loaders of every engine that `models.yaml` may name."""
    return {
        "llamacpp": Binding(LlamaCppLoader(settings.threads, settings.text_slots), accelerated=lambda: False),
        "transformers": Binding(TransformersLoader()),
        "openai": Binding(
            OpenAILoader(settings.openai_base_url, settings.openai_api_key, settings.openai_model),
            accelerated=lambda: False,
        ),
        "diffusers": Binding(DiffusersLoader()),
        "spandrel": Binding(RealEsrganLoader(settings.cache)),
    }
