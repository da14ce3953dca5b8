"""How an engine binds its models: what loads them, and what they cost."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from studio.registry.catalogue.spec import ModelSpec
from studio.registry.models.loaded import Costs, Footprint, Loader, Placement, Rung, Shape


def _always() -> bool:
    return True


@dataclass(frozen=True)
class Estimate:
    """Costs where only the catalogue's number is known."""

    nbytes: int

    def footprint(self, placement: Placement) -> Footprint:
        return Footprint(self.nbytes) if placement.rung == "whole" else Footprint(self.nbytes, self.nbytes)

    def working(self, placement: Placement, shape: Shape) -> int:
        return 0


def estimate(spec: ModelSpec, weights: Path | None) -> Costs:
    """The catalogue's number, whatever the files say."""
    return Estimate(spec.memory or 0)


@dataclass(frozen=True)
class Binding:
    """How the models of one engine are loaded, and what they cost."""

    loader: Loader
    accelerated: Callable[[], bool] = _always
    """Whether this engine can use an accelerator; asked when a model is first needed. False keeps it on the CPU."""
    rungs: tuple[Rung, ...] = ("whole",)
    """The ways its models can be placed on an accelerator, best first; the CPU always comes last."""
    costs: Callable[[ModelSpec, Path | None], Costs] = estimate
    """Reads what a model will take from the head of its files; called without any lock."""
    alone: bool = True
    """Whether nothing else may be loaded or moved meanwhile: building a torch model patches torch for all threads."""
