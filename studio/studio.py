"""The composition root: settings become a catalogue, a registry and the crafts."""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any, Final, Self

from studio.coding.coder import TASKS as CODING
from studio.coding.coder import Coder
from studio.engines.diffusion import Abilities, abilities_of
from studio.engines.installed import default_bindings
from studio.engines.text import Beside
from studio.errors import InvalidRequest, StudioError
from studio.hosting.crafts import Host
from studio.hosting.home_thread import HomeThread
from studio.hosting.zerogpu import Gpu, zerogpu
from studio.identity.identity import Identity
from studio.identity.owners import LOCAL
from studio.illustrating.article import ArticleIllustrator
from studio.imaging.adapters.hub import AdapterHub
from studio.imaging.adapters.library import AdapterLibrary
from studio.imaging.control.annotations import Annotations
from studio.imaging.control.images import ControlImages
from studio.imaging.drawing.controlnets import fits
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.plan import TASKS as DRAWING
from studio.imaging.drawing.safety_checker import SafetyChecker
from studio.imaging.enlarging.enlarger import Enlarger
from studio.imaging.pictures.storage import sweep
from studio.imaging.plots.plotter import Plotter
from studio.imaging.prompts.phrasing import Phrasing
from studio.keeping.intake import outputs_taken
from studio.keeping.keeper import Keeper
from studio.library.library import Library
from studio.messages import Locale, assets
from studio.registry import (
    Binding,
    Books,
    Catalogue,
    Device,
    HostMemory,
    Ledger,
    LoadProgress,
    Measurements,
    Metrics,
    ModelSpec,
    Record,
    Registry,
    WeightsStore,
    expect_room,
    find_accelerators,
    in_thread,
)
from studio.settings import Settings, on_zerogpu
from studio.writing.writer import TASKS as WRITING
from studio.writing.writer import Writer

SWEEP_SECONDS: Final = 5.0
TEND_SECONDS: Final = 3600.0
_log = logging.getLogger("studio.library")
HELPERS: Final = ("classify", "vae", "preview")
"""Tasks of small models that others bring with them."""
MODEL_FIELDS: Final = ("id", "task", "engine", "state", "bytes", "present", "licence")
MEMORY_FIELDS: Final = ("id", "state", "device", "rung", "in_use", "pinned", "busy")
RECORD_FIELDS: Final = ("seq", "at", "event", "model", "device", "bytes", "seconds", "why")


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
        ledger: Ledger | None = None,
        gpu: Gpu | None = None,
    ) -> None:
        """The others replace what the settings name or the machine has; tests pass shipped fakes here.

        Under the `resident` policy its models are loaded before this returns, on the calling thread.

        Raises:
            CatalogueError: `models.yaml` breaks its schema.
            UnknownModel: a default model is not in the catalogue, or made for another task.
            InvalidRequest, UnknownModel: the `resident` policy names no models, or one that is not in the catalogue.
            OutOfMemory: the resident models do not fit together; and whatever loading them raises.
        """
        gpu = gpu or zerogpu()  # before anything can touch CUDA
        self.settings = settings or Settings.read()
        self.identity = Identity(self.settings)
        self.library = Library.of(self.settings)
        self.catalogue = catalogue or Catalogue.read(self.settings.catalogue)
        self.beside = Beside()
        bindings = bindings or default_bindings(self.settings, self.beside, {spec.engine for spec in self.catalogue})
        store = WeightsStore(self.settings.cache)
        books = Books(
            ledger or Ledger(HostMemory(self.settings.host_budget), self._accelerators),
            measurements=Measurements(self.settings.cache / "measurements.json"),
        )
        residents, home = self._residents(), HomeThread(in_thread)
        self.registry = Registry(
            self.catalogue,
            bindings,
            books,
            store,
            configured=lambda spec: bool(self.settings.openai_base_url and self.settings.openai_model),
            residents=None if residents is None else [spec.id for spec in residents],
            fetchable=self._fetchable,
            defaults={task: model for task, model in self.settings.default_models.items()},
            keep_alive=self.settings.keep_alive,
            deadline=self.settings.lease_deadline,
            executor=home,
        )
        self.metrics = Metrics(self.registry)
        self.keeper = Keeper(self.library, lambda model, tasks: self.registry.choose(model, *tasks).id)
        self.writer = Writer(self.registry)
        self.coder = Coder(self.registry)
        self.phrasing = Phrasing(self.settings.data, assets() / "starter-diffusion")
        self.control_images = ControlImages(self.registry, self.catalogue, self.settings.max_pixels)
        self.annotations = Annotations(self.control_images, self.settings.outputs)
        self.adapters = self._library()
        self.illustrator = Illustrator(
            self.registry, self.settings.outputs, self.phrasing, self.control_images, self.adapters, self._checker()
        )
        self.enlarger = Enlarger(self.registry, self.settings.outputs, self.settings.max_pixels)
        resident_bytes = expect_room(residents or (), bindings, books, store)
        if gpu is not None:
            self._borrow(gpu, resident_bytes)
        self.article_illustrator = ArticleIllustrator(
            self.registry, self.writer, self.illustrator, self.keeper, self.library
        )
        self.plotter = Plotter(self.illustrator, self.registry, self.phrasing, self.settings.outputs)
        if residents is not None:
            self._load_residents(home)
        sweep(self.settings.outputs)
        self._closing = threading.Event()
        threading.Thread(target=self._sweep, name="keep-alive", daemon=True).start()

    def models(self) -> list[dict[str, Any]]:
        """The catalogue with each model's state, as plain data; `bytes` is None where nothing is known."""
        return [{name: getattr(status, name) for name in MODEL_FIELDS} for status in self.registry.statuses()]

    def load(self, model: str) -> Iterator[LoadProgress]:
        """Bring a model to its device, reporting on the way."""
        return self.registry.load(model)

    def prefetch(self) -> None:
        """Begin to fetch the embedded models that would do the work, where the settings want it."""
        if not self.settings.prefetch:
            return
        for tasks in (WRITING, CODING):
            if self.catalogue.for_task(*tasks):
                spec = self.registry.choose(None, *tasks)
                if spec.embedded and not self.registry.present(spec):
                    self.registry.prefetch(spec.id)

    def stop_prefetch(self) -> None:
        """Go on only with what requests wait for."""
        self.registry.stop_prefetch()

    def offload(self, model: str) -> bool:
        """Free a model's memory, at once or when its last user is done. Returns whether it is gone already."""
        return self.registry.offload(model)

    def drop(self, model: str) -> bool:
        """Free all memory of a model, as `offload` does for its device."""
        return self.registry.drop(model)

    def pin(self, model: str, pinned: bool = True) -> None:
        """Keep a model in memory once it is there, or let it go again."""
        self.registry.pin(model, pinned)

    def set_budget(self, device: str, limit: int | None) -> None:
        """Change what models may hold on a device, in bytes; None measures it again."""
        self.registry.set_budget(device, limit)

    def memory(self, since: int = 0, locale: Locale = "en") -> dict[str, Any]:
        """What is where now, and the journal after record number `since`, as plain data."""
        statuses = [status for status in self.registry.statuses() if status.holds or status.busy or status.pinned]
        return {
            "devices": [asdict(device) for device in self.registry.devices()],
            "models": [
                {name: getattr(status, name) for name in MEMORY_FIELDS} | {"holds": dict(status.holds)}
                for status in statuses
            ],
            "journal": [
                {name: getattr(record, name) for name in RECORD_FIELDS} | {"text": self.sentence(record, locale)}
                for record in self.registry.journal.records(since)
            ],
        }

    def sentence(self, record: Record, locale: Locale = "en") -> str:
        """A decision of the registry in plain words, with models by their names for people."""
        if any(spec.id == record.why for spec in self.catalogue):
            record = replace(record, why=self.name(record.why))
        return record.sentence(locale, self.name(record.model))

    def name(self, model: str) -> str:
        """A model's name for people; empty where a record is about no model."""
        return self.catalogue.get(model).name if model else ""

    def steers(self, controlnet: ModelSpec, base: ModelSpec) -> bool:
        """Whether a ControlNet goes with an image model."""
        return fits(controlnet, base, self.registry)

    def able(self, model: str | None) -> Abilities:
        """What an image model can do; None stands for the one that would draw."""
        spec = self.registry.choose(model, *DRAWING)
        return abilities_of(spec, self.registry.weights(spec))

    def tend_library(self) -> None:
        """From now on, keep the library in order beside everything else; at the first time, take in old pictures."""
        threading.Thread(target=self._tend, name="library", daemon=True).start()

    def close(self) -> None:
        """Free everything that is idle."""
        self._closing.set()
        self.registry.close()
        self.library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _library(self) -> AdapterLibrary:
        settings = self.settings
        hub = AdapterHub(settings.data, settings.cache, most_bytes=settings.max_adapter)
        return AdapterLibrary(settings.data, self.registry, hub, assets() / "starter-diffusion")

    def _checker(self) -> SafetyChecker | None:
        return SafetyChecker(self.registry, self.settings.nsfw_threshold) if self.settings.nsfw_check else None

    def _fetchable(self, spec: ModelSpec) -> bool:
        """Whether a model's weights are fetched for whoever asks for it."""
        listed = {*self.settings.default_models.values(), *self.settings.resident}
        wanted = spec.embedded or spec.task in HELPERS or spec.id in listed
        return self.settings.fetch == "ask" or (self.settings.fetch == "listed" and wanted)

    def _accelerators(self) -> Iterable[Device]:
        # On ZeroGPU there is no driver to be seen outside a request, only torch that pretends there is.
        wanted = "cuda" if self.settings.device == "auto" and on_zerogpu() else self.settings.device
        return find_accelerators(wanted, self.settings.device_budget)

    def _residents(self) -> tuple[ModelSpec, ...] | None:
        if self.settings.policy != "resident":
            return None
        if not self.settings.resident:
            raise InvalidRequest("resident.none")
        return tuple(self.catalogue.get(model) for model in dict.fromkeys(self.settings.resident))

    def _borrow(self, gpu: Gpu, resident_bytes: int) -> None:
        self.registry.survive_forks()
        host = Host(self.registry, self.catalogue, gpu, resident_bytes)
        self.writer, self.coder = host.writer(self.writer), host.coder(self.coder)
        self.illustrator, self.enlarger = host.illustrator(self.illustrator), host.enlarger(self.enlarger)

    def _load_residents(self, home: HomeThread) -> None:
        try:
            home.finish(self.registry.load_residents)
        except BaseException:
            self.registry.close()
            raise

    def _tend(self) -> None:
        settings = self.settings
        try:
            # Who made them is not known, and where several sign in they would be given to somebody else.
            if settings.auth == "none":
                outputs_taken(self.library, LOCAL.id, settings.outputs, settings.max_pixels)
        except (StudioError, OSError) as error:
            _log.warning("old pictures were not taken into the library: %s", error)
        while not self._closing.wait(TEND_SECONDS):
            self.library.tidy()

    def _sweep(self) -> None:
        while not self._closing.wait(SWEEP_SECONDS):
            self.registry.sweep()
