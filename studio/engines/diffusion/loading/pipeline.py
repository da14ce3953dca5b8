"""Image models through diffusers: a folder in its format, or one Stable Diffusion checkpoint file."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from studio.engines.diffusion.adapters import CatalogueAdapter
from studio.engines.diffusion.engine import DiffusersEngine
from studio.engines.diffusion.loading.controlnet import controlnet
from studio.engines.diffusion.loading.helpers import Helper, autoencoder, tiny_autoencoder
from studio.engines.diffusion.loading.speed import Speed
from studio.engines.memory import first_line, ran_out, release
from studio.errors import EngineFailed, OutOfMemory, StudioError, WeightsUnavailable
from studio.registry import DeviceName, ModelSpec, Rung

XL_KEY: Final = "conditioner.embedders."
"""Tensors that only the checkpoints of Stable Diffusion XL have begin like this."""
HELPERS: Final[Mapping[str, Callable[[ModelSpec, Path, Any], Helper]]] = MappingProxyType(
    {"controlnet": controlnet, "preview": tiny_autoencoder, "vae": autoencoder}
)
"""By an entry's task."""


class DiffusersLoader:
    """Loads image models, their helpers and LoRAs of the catalogue, in fp16 on CUDA and in fp32 on a CPU."""

    def __init__(self, speed: Speed | None = None) -> None:
        self._speed = speed or Speed()

    def __call__(
        self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole"
    ) -> DiffusersEngine | Helper | CatalogueAdapter:
        """See `studio.registry.models.loaded.Loader`. A helper has no rungs: it is one component."""
        import torch

        if weights is None:
            raise WeightsUnavailable("weights.missing_part", file=spec.name)
        if spec.task == "adapter":
            return CatalogueAdapter(weights)
        _hush()
        dtype = torch.float32 if device == "cpu" else torch.float16
        try:
            if spec.task in HELPERS:
                helper = HELPERS[spec.task](spec, weights, dtype)
                helper.move(device)
                return helper
            pipe = _from_folder(weights, dtype) if weights.is_dir() else _from_file(spec, weights, dtype)
            self._speed.apply(pipe, device)
            engine = DiffusersEngine(pipe, name=spec.name, rung=rung, device=device)
            if rung == "whole":
                engine.move(device)
        except StudioError:
            raise
        except Exception as error:
            if ran_out(error):
                release()
                raise OutOfMemory("draw.load_memory", model=spec.name) from error
            raise EngineFailed("draw.unsupported", model=spec.name, reason=first_line(error)) from error
        return engine


def _hush() -> None:
    """Keep the libraries from writing progress bars to the terminal, and the ends of long prompts to the log."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _from_folder(folder: Path, dtype: Any) -> Any:
    from diffusers import DiffusionPipeline

    index = folder / "model_index.json"
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsUnavailable("weights.missing_part", file=index.name) from error
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*.*")}
    halves = any(name.endswith(".fp16.safetensors") for name in files)
    options: dict[str, Any] = {"variant": "fp16"} if halves else {}
    if any(name.endswith(".safetensors") for name in files):
        options["use_safetensors"] = True
    if "safety_checker" in parts:
        options |= {"safety_checker": None, "requires_safety_checker": False}
    return DiffusionPipeline.from_pretrained(str(folder), dtype=dtype, local_files_only=True, **options)


def _from_file(spec: ModelSpec, file: Path, dtype: Any) -> Any:
    from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as tensors:
            names = list(tensors.keys())
    except (OSError, SafetensorError) as error:
        raise WeightsUnavailable("weights.damaged", file=file.name, reason=first_line(error)) from error
    kind = StableDiffusionXLPipeline if any(name.startswith(XL_KEY) for name in names) else StableDiffusionPipeline
    options = {"config": spec.defaults["config"]} if "config" in spec.defaults else {}
    return kind.from_single_file(str(file), dtype=dtype, **options)
