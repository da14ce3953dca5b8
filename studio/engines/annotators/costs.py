"""What an annotator will take, told from the heads of its files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from studio.engines.heads import read_safetensors
from studio.registry import Costs, Footprint, ModelSpec, Placement, Shape, estimate

WIDTH: Final = 4
"""Bytes of a number; annotators are fp32 on every device."""
MAPS: Final = 64
"""Feature maps of the picture's size in the first block of the line networks, the widest place there is."""
LIVE: Final = 3
"""A layer's input, its output and what the kernel works in."""
WORKSPACE: Final = 1.25
"""What the edges at every depth and the copies of the picture take beside them."""
FIXED: Final = frozenset({"openpose", "people"})
"""Networks that bring every picture to a size of their own."""
FIXED_AREA: Final = 640 * 640


@dataclass(frozen=True)
class AnnotatorCosts:
    """Weights, and the feature maps of one picture."""

    nbytes: int
    fixed: bool = False

    def footprint(self, placement: Placement) -> Footprint:
        return Footprint(self.nbytes) if placement.rung == "whole" else Footprint(self.nbytes, self.nbytes)

    def working(self, placement: Placement, shape: Shape) -> int:
        """What one picture of this shape takes; nothing for a shape without pixels."""
        area = shape.width * shape.height
        return round(WORKSPACE * LIVE * MAPS * (min(area, FIXED_AREA) if self.fixed else area) * WIDTH)


def annotator_costs(spec: ModelSpec, weights: Path | None) -> Costs:
    """The costs of an annotator; the catalogue's number where its files cannot be read."""
    fixed = spec.defaults.get("annotator") in FIXED
    try:
        files = _files(weights)
        if not files:
            return estimate(spec, weights)
        if any(file.suffix != ".safetensors" for file in files):
            # torch's own files have no head that tells, and some are saved in fp16.
            return AnnotatorCosts(max(spec.memory or 0, *(file.stat().st_size for file in files)), fixed)
        return AnnotatorCosts(sum(map(_nbytes, files)), fixed)
    except (OSError, ValueError):
        return estimate(spec, weights)


def _files(weights: Path | None) -> list[Path]:
    if weights is None:
        return []
    return [weights] if weights.is_file() else sorted(weights.glob("*.safetensors"))


def _nbytes(file: Path) -> int:
    return sum(tensor.nbytes(WIDTH) for tensor in read_safetensors(file).values())
