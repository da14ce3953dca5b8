"""The endpoints about the models themselves: what there is, where it is now, and moving it."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import Field

from studio.studio import Studio
from studio.ui.api.answers import answers
from studio.validation import Line, Request

Json = dict[str, Any]


class ModelRequest(Request):
    """One model, by its id."""

    model: Line


class BudgetRequest(Request):
    """What a memory may hold, in bytes; None measures it."""

    device: Line
    bytes: int | None = None


class MemoryRequest(Request):
    """The journal after a record, in a language."""

    since: int = Field(0, ge=0)
    language: Literal["en", "zh"] = "en"


class Upkeep:
    """One method per endpoint; all but `models` are generators that give one answer."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def models(self) -> list[Json]:
        """The catalogue: [{id, task, engine, state, bytes, present, licence}]."""
        return self._studio.models()

    def load_model(self, model: str) -> Iterator[Json | None]:
        """Bring a model into memory; answers with its entry of /models."""

        def steps() -> Iterator[Json | None]:
            request = ModelRequest.of(model=model)
            for _ in self._studio.load(request.model):
                yield None
            yield self._entry(request.model)

        yield from answers(steps, None)

    def offload_model(self, model: str) -> Iterator[Json | None]:
        """Take a model off its device, to main memory where it can wait there; answers with its entry of /models."""

        def work(model: str) -> Json:
            self._studio.offload(model)
            return self._entry(model)

        yield from self._told(model, work)

    def drop_model(self, model: str) -> Iterator[Json | None]:
        """Free all memory of a model, now or when its last user is done; answers with its entry of /models."""

        def work(model: str) -> Json:
            self._studio.drop(model)
            return self._entry(model)

        yield from self._told(model, work)

    def pin_model(self, model: str) -> Iterator[Json | None]:
        """Keep a model in memory once it is there: {id, pinned}."""

        def work(model: str) -> Json:
            self._studio.pin(model)
            return {"id": model, "pinned": True}

        yield from self._told(model, work)

    def unpin_model(self, model: str) -> Iterator[Json | None]:
        """Let a model leave memory again: {id, pinned}."""

        def work(model: str) -> Json:
            self._studio.pin(model, False)
            return {"id": model, "pinned": False}

        yield from self._told(model, work)

    def set_budget(self, device: str, bytes: int | None = None) -> Iterator[Json | None]:
        """Change what models may hold in a memory; null measures it: {name, budget, held, reserved}."""

        def steps() -> Iterator[Json | None]:
            request = BudgetRequest.of(device=device, bytes=bytes)
            self._studio.set_budget(request.device, request.bytes)
            yield next(memory for memory in self._studio.memory()["devices"] if memory["name"] == request.device)

        yield from answers(steps, None)

    def memory(self, since: int = 0, language: str = "en") -> Iterator[Json | None]:
        """What is where now, and the journal after record `since`: {devices, models, journal}."""

        def steps() -> Iterator[Json | None]:
            request = MemoryRequest.of(since=since, language=language)
            yield self._studio.memory(request.since, "zh-CN" if request.language == "zh" else "en")

        yield from answers(steps, None)

    def _told(self, model: str, work: Callable[[str], Json]) -> Iterator[Json | None]:
        def steps() -> Iterator[Json | None]:
            yield work(ModelRequest.of(model=model).model)

        yield from answers(steps, None)

    def _entry(self, model: str) -> Json:
        return next(entry for entry in self._studio.models() if entry["id"] == model)
