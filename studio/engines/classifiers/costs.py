"""What a classifier will take, told from the heads of its files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.engines.heads import read_safetensors
from studio.registry import Costs, Footprint, ModelSpec, Placement, Shape, estimate

WIDTH: Final = 4
"""Bytes of a number; classifiers are fp32 on every device."""
PIXEL: Final = 3 * (1 + 2 * WIDTH)
"""Bytes of a pixel while a picture is brought to the network's size: as it came, and as numbers before and after."""
FEATURES: Final = 64_000_000
"""Of one picture inside a network the size of ViT-B, with room to spare; the networks see every picture at one size."""


@dataclass(frozen=True)
class ClassifierCosts:
    """Weights, and one picture on its way through."""

    nbytes: int

    def footprint(self, placement: Placement) -> Footprint:
        return Footprint(self.nbytes) if placement.rung == "whole" else Footprint(self.nbytes, self.nbytes)

    def working(self, placement: Placement, shape: Shape) -> int:
        """What one picture of this shape takes; nothing for a shape without pixels."""
        area = shape.width * shape.height
        return area * PIXEL + FEATURES if area else 0


def classifier_costs(spec: ModelSpec, weights: Path | None) -> Costs:
    """The costs of a classifier; the catalogue's number where its files cannot be read."""
    try:
        files = sorted(weights.glob("*.safetensors")) if weights else []
        return ClassifierCosts(sum(map(_nbytes, files))) if files else estimate(spec, weights)
    except (OSError, ValueError):
        return estimate(spec, weights)


def _nbytes(file: Path) -> int:
    return sum(tensor.nbytes(WIDTH) for tensor in read_safetensors(file).values())
