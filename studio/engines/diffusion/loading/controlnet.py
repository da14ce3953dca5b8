"""ControlNets: networks that steer a base model, loaded once and lent to any number of its pictures."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from studio.engines.diffusion.loading.helpers import Helper
from studio.engines.heads import read_json
from studio.errors import WeightsUnavailable
from studio.registry import ModelSpec

UNION_MODES: Final[Mapping[str, int]] = MappingProxyType(
    {"openpose": 0, "depth": 1, "softedge": 2, "scribble": 2, "canny": 3, "lineart": 3, "lineart_standard": 3}
)
"""Which of its kinds of picture a union model (xinsir's order) takes an annotator's for."""


class ControlNetEngine(Helper):
    """One ControlNet (Zhang et al. 2023) in memory."""


def controlnet(spec: ModelSpec, weights: Path, dtype: Any) -> ControlNetEngine:
    """Load a ControlNet or union ControlNet into main memory, from a folder of diffusers or a single file.

    Raises:
        WeightsUnavailable: the folder has no `config.json`.
    """
    from diffusers import ControlNetModel, ControlNetUnionModel

    if weights.is_file():
        options = {"config": spec.defaults["config"]} if "config" in spec.defaults else {}
        kind = ControlNetUnionModel if spec.defaults.get("union") else ControlNetModel
        return ControlNetEngine(kind.from_single_file(str(weights), dtype=dtype, **options).eval(), name=spec.name)
    config = read_json(weights / "config.json")
    if not config:
        raise WeightsUnavailable("weights.missing_part", file="config.json")
    union = config.get("_class_name") == ControlNetUnionModel.__name__
    names = [file.name for file in weights.iterdir()]
    options = {"variant": "fp16"} if any(name.endswith(".fp16.safetensors") for name in names) else {}
    if any(name.endswith(".safetensors") for name in names):
        options["use_safetensors"] = True
    kind = ControlNetUnionModel if union else ControlNetModel
    module = kind.from_pretrained(str(weights), dtype=dtype, local_files_only=True, **options)
    return ControlNetEngine(module.eval(), name=spec.name)
