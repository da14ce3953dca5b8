"""Loads the classifiers of transformers from their folders."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from studio.engines.classifiers.engine import NetworkClassifier
from studio.engines.memory import first_line, ran_out, release
from studio.errors import OutOfMemory, StudioError, WeightsUnavailable
from studio.registry.loaded import DeviceName, Rung
from studio.registry.spec import ModelSpec

SAFE: Final[Mapping[str, Any]] = MappingProxyType({"local_files_only": True, "trust_remote_code": False})
"""Nothing is fetched while a model is loaded, and no code that comes with it is run."""


class ClassifierLoader:
    """Loads folders with a `config.json`, a `preprocessor_config.json` and safetensors."""

    def __call__(
        self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole"
    ) -> NetworkClassifier:
        if weights is None or not weights.exists():
            raise WeightsUnavailable("weights.missing", model=spec.name)
        try:
            classifier = _read(spec, weights)
            classifier.move(device)
        except StudioError:
            raise
        except Exception as error:  # every reader of a file format has its own
            if ran_out(error):
                release()
                raise OutOfMemory("nsfw.load_memory", model=spec.name) from error
            raise WeightsUnavailable("weights.damaged", file=weights.name, reason=first_line(error)) from error
        return classifier


def _read(spec: ModelSpec, weights: Path) -> NetworkClassifier:
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    processor = AutoImageProcessor.from_pretrained(weights, **SAFE)
    network, told = AutoModelForImageClassification.from_pretrained(
        weights, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **SAFE
    )
    # Layers that the files lack would be filled with chance, and a check by chance is none.
    lacking = [*told["missing_keys"], *told["mismatched_keys"]]
    if lacking:
        raise WeightsUnavailable("weights.corrupt", model=spec.name, reason=str(lacking[0]))
    return NetworkClassifier(network, processor)
