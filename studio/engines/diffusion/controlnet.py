"""ControlNets: networks that steer a base model, loaded once and lent to any number of its pictures."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from studio.engines.heads import read_json
from studio.engines.memory import nbytes, ran_out
from studio.engines.shuttle import Shuttle
from studio.errors import OutOfMemory, WeightsUnavailable
from studio.registry.loaded import DeviceName, Sharing
from studio.registry.spec import ModelSpec

UNION_MODES: Final[Mapping[str, int]] = MappingProxyType(
    {"openpose": 0, "depth": 1, "softedge": 2, "scribble": 2, "canny": 3, "lineart": 3, "lineart_standard": 3}
)
"""Which of its kinds of picture a union model (xinsir's order) takes an annotator's for."""


class ControlNetEngine:
    """One ControlNet (Zhang et al. 2023) in memory. Implements `Control` and `studio.registry.loaded.Loaded`.

    It keeps nothing from one step to the next, so several pictures may be steered at once.
    """

    sharing: Sharing = "shared"
    movable = True

    def __init__(self, module: Any, *, name: str) -> None:
        self._module, self._name = module, name
        self._shuttle = Shuttle(module)

    @property
    def module(self) -> Any:
        return self._module

    @property
    def nbytes(self) -> int:
        return nbytes(self._module)

    def move(self, device: DeviceName) -> None:
        import torch

        try:
            if device == "cpu":
                # Parked in the precision it has; a picture drawn on the CPU widens it.
                self._shuttle.park()
            else:
                self._shuttle.bring(device, torch.float16)
        except Exception as error:
            self._module.to("cpu")
            if ran_out(error):
                raise OutOfMemory("draw.load_memory", model=self._name) from error
            raise

    def close(self) -> None:
        del self._shuttle
        self._module = None


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
