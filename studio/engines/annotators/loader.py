"""Loads the networks of annotators: torch files and safetensors of the small ones, folders of transformers' own."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from studio.engines.annotators.engine import NetworkAnnotator
from studio.engines.loading import SAFE, reading
from studio.errors import EngineFailed
from studio.registry import DeviceName, ModelSpec, Rung


class AnnotatorLoader:
    """Loads an entry by the `annotator` of its defaults, which says what the network is for."""

    def __call__(
        self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole"
    ) -> NetworkAnnotator:
        read = READERS.get(str(spec.defaults.get("annotator")))
        if read is None:
            raise EngineFailed("control.network", model=spec.name, known=", ".join(READERS))
        with reading(spec, weights, "control.load_memory") as files:
            annotator = read(files)
            annotator.move(device)
        return annotator


def _soft_edges(weights: Path) -> NetworkAnnotator:
    from studio.engines.annotators.lines import draw_soft_edges
    from studio.engines.annotators.networks import SoftEdgeNetwork

    return NetworkAnnotator(_filled(SoftEdgeNetwork(), weights), draw_soft_edges)


def _lines(weights: Path) -> NetworkAnnotator:
    from studio.engines.annotators.lines import draw_lines
    from studio.engines.annotators.networks import LineArtNetwork

    return NetworkAnnotator(_filled(LineArtNetwork(), weights), draw_lines)


def _depth(weights: Path) -> NetworkAnnotator:
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    from studio.engines.annotators.depth import draw_depth

    processor = AutoImageProcessor.from_pretrained(weights, **SAFE)
    return NetworkAnnotator(
        _transformer(AutoModelForDepthEstimation, weights), partial(draw_depth, processor=processor)
    )


def _pose(weights: Path) -> NetworkAnnotator:
    from transformers import VitPoseForPoseEstimation

    from studio.engines.annotators.pose import draw_pose

    return NetworkAnnotator(_transformer(VitPoseForPoseEstimation, weights), draw_pose)


def _people(weights: Path) -> NetworkAnnotator:
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    from studio.engines.annotators.pose import find_people

    processor = AutoImageProcessor.from_pretrained(weights, **SAFE)
    network = _transformer(AutoModelForObjectDetection, weights)
    return NetworkAnnotator(network, partial(find_people, processor=processor))


READERS: Final[Mapping[str, Callable[[Path], NetworkAnnotator]]] = MappingProxyType(
    {"softedge": _soft_edges, "lineart": _lines, "depth": _depth, "openpose": _pose, "people": _people}
)
"""By what a network is for."""


def _transformer(kind: Any, weights: Path) -> Any:
    import torch

    return kind.from_pretrained(weights, dtype=torch.float32, use_safetensors=True, **SAFE)


def _filled(network: Any, weights: Path) -> Any:
    """The network with the numbers of a file, of which none may be missing or left over."""
    import torch
    from safetensors.torch import load_file

    if weights.suffix == ".safetensors":
        state = load_file(weights)
    else:
        # What is not plain numbers, such as code, is refused.
        state = torch.load(weights, map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    return network.float()
