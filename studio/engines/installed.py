"""The engines that are installed: those of the studio, and whatever other packages bring.

An engine is one entry point of the group `studio.engines`: the name that `models.yaml` calls it by, and a function that
takes an `EngineContext` and returns a `Binding`. `docs/adding-an-engine.md` shows one.
"""

import logging
from collections.abc import Callable, Collection
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import NoReturn

from studio.engines.beside import Beside
from studio.engines.context import EngineContext
from studio.errors import EngineFailed
from studio.registry import ENGINE_GROUP, Binding, DeviceName, ModelSpec, Rung
from studio.settings import Settings

Bind = Callable[[EngineContext], Binding]

_log = logging.getLogger("studio.engines")


class _Broken:
    """The loader of an engine that cannot be imported: it says so when a model of it is needed."""

    def __init__(self, engine: str, error: Exception) -> None:
        self._engine = engine
        self._reason = f"{type(error).__name__}: {error}"[:200]

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole") -> NoReturn:
        raise EngineFailed("engine.broken", engine=self._engine, model=spec.name, reason=self._reason)


def default_bindings(
    settings: Settings, beside: Beside | None = None, engines: Collection[str] | None = None
) -> dict[str, Binding]:
    """How the models of each engine are loaded, by the engine's name; only of `engines`, where they are named.

    `beside` are the browsers on this machine. An engine that cannot be imported is bound all the same, so that the
    others work; its models fail with the reason.
    """
    context = EngineContext(settings, beside or Beside())
    found = entry_points(group=ENGINE_GROUP)
    return {each.name: _bound(each, context) for each in found if engines is None or each.name in engines}


def _bound(engine: EntryPoint, context: EngineContext) -> Binding:
    try:
        bind: Bind = engine.load()
        return bind(context)
    except Exception as error:  # whatever another's package does when it is imported
        _log.exception("the engine %s cannot be used", engine.name)
        return Binding(_Broken(engine.name, error), accelerated=lambda: False, alone=False)
