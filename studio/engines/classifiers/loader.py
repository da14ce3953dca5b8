"""Loads the classifiers of transformers from their folders."""

from pathlib import Path

from studio.engines.classifiers.engine import NetworkClassifier
from studio.engines.loading import SAFE, reading
from studio.errors import WeightsUnavailable
from studio.registry import DeviceName, ModelSpec, Rung


class ClassifierLoader:
    """Loads folders with a `config.json`, a `preprocessor_config.json` and safetensors."""

    def __call__(
        self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole"
    ) -> NetworkClassifier:
        with reading(spec, weights, "nsfw.load_memory") as files:
            classifier = _read(spec, files)
            classifier.move(device)
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
