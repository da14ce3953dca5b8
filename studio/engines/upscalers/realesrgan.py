"""Real-ESRGAN and its kin through spandrel: from ncnn, safetensors or torch files."""

from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from studio.engines.memory import nbytes, ran_out, release
from studio.engines.upscalers.base import Pixels
from studio.engines.upscalers.ncnn import NcnnConversions
from studio.engines.upscalers.precision import PLAIN, Precision, PrecisionNotes
from studio.errors import EngineFailed, OutOfMemory, WeightsUnavailable
from studio.registry import DeviceName, ModelSpec, Rung, Sharing

if TYPE_CHECKING:
    import torch

CPU_TILE: Final = 160
"""Less than a second of work for the largest network, which is as long as a Stop should take."""
CUDA_TILE: Final = 512


class RealEsrganLoader:
    """Loads super-resolution weights; `cache` keeps converted files and what was measured about this machine."""

    def __init__(self, cache: Path) -> None:
        self._conversions = NcnnConversions(cache / "converted")
        self._notes = PrecisionNotes(cache / "precision.json")

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole") -> "RealEsrgan":
        if weights is None:
            raise WeightsUnavailable("weights.missing_part", file=spec.name)
        descriptor = _network(_state_dict(weights, self._conversions), weights.name)
        try:
            engine = RealEsrgan(descriptor, weights.name, self._notes)
            engine.move(device)
            engine.prepare()
        except Exception as error:
            if ran_out(error):
                release()
                raise OutOfMemory("upscale.load_memory", model=spec.name) from error
            raise
        return engine


class RealEsrgan:
    """One super-resolution network in memory: fp16 on CUDA, whatever proved fastest on a CPU."""

    sharing: Sharing = "exclusive"
    movable = True

    def __init__(self, descriptor: Any, name: str, notes: PrecisionNotes) -> None:
        from studio.engines.upscalers.layers import fit_for_autocast

        fit_for_autocast(descriptor.model)
        self.scale: int = descriptor.scale
        self._descriptor = descriptor
        self._network: torch.nn.Module = descriptor.model.eval().requires_grad_(False)
        self._half_is_safe: bool = descriptor.supports_half
        self._identity = f"{name} {descriptor.architecture.id}"
        self._notes = notes
        self._device: DeviceName = "cpu"
        self._precision: Precision | None = None

    @property
    def nbytes(self) -> int:
        return nbytes(self._network)

    @property
    def tile(self) -> int:
        return CPU_TILE if self._device == "cpu" else CUDA_TILE

    def enlarge(self, tile: Pixels) -> Pixels:
        height, width = tile.shape[:2]
        try:
            return self.enlarge_in(tile, self.prepare())
        except Exception as error:
            if ran_out(error):
                release()
                raise OutOfMemory("upscale.memory", width=width, height=height) from error
            raise EngineFailed("upscale.engine", reason=str(error)) from error

    def prepare(self) -> Precision:
        """Decide how this machine runs the network, measuring if it was never measured here."""
        if self._precision is None:
            on_cpu = self._device == "cpu"
            self._precision = self._notes.choose(self._identity, self.enlarge_in) if on_cpu else PLAIN
        return self._precision

    def move(self, device: DeviceName) -> None:
        import torch

        half = device != "cpu" and self._half_is_safe
        layout = torch.contiguous_format if device == "cpu" else torch.channels_last
        self._network.to(device=device, dtype=torch.float16 if half else torch.float32)
        self._network.to(memory_format=layout)
        self._device, self._precision = device, None

    def close(self) -> None:
        self._descriptor, self._network = None, _nothing()

    def enlarge_in(self, tile: Pixels, precision: Precision) -> Pixels:
        """Enlarge a tile in the arithmetic given, where the network is on a CPU."""
        import torch

        first = next(self._network.parameters())
        on_cpu = first.device.type == "cpu"
        layout = torch.contiguous_format if on_cpu and precision == "fp32" else torch.channels_last
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=on_cpu and precision == "bf16-channels-last")
        with torch.inference_mode(), autocast:
            if on_cpu:
                self._network.to(memory_format=layout)
            picture = torch.from_numpy(np.array(tile)).to(first.device)
            batch = picture.permute(2, 0, 1)[None].to(first.dtype).div(255).contiguous(memory_format=layout)
            enlarged = self._descriptor(batch)[0].float().clamp(0, 1).mul(255).round().to(torch.uint8)
            result: Pixels = np.ascontiguousarray(enlarged.permute(1, 2, 0).cpu().numpy())
            return result


def _nothing() -> "torch.nn.Module":
    import torch

    return torch.nn.Identity()


def _state_dict(weights: Path, conversions: NcnnConversions) -> "dict[str, torch.Tensor]":
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if weights.suffix == ".bin" and weights.with_suffix(".param").exists():
        return conversions.state_dict(weights)
    try:
        if weights.suffix == ".safetensors":
            return load_file(weights)
        loaded: dict[str, torch.Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
        return loaded
    except (OSError, EOFError, RuntimeError, ValueError, SafetensorError, UnpicklingError) as error:
        raise WeightsUnavailable("weights.damaged", file=weights.name, reason=str(error)) from error


def _network(state: "dict[str, torch.Tensor]", name: str) -> Any:
    from spandrel import ImageModelDescriptor, ModelLoader, UnsupportedModelError, canonicalize_state_dict

    try:
        descriptor = ModelLoader().load_from_state_dict(canonicalize_state_dict(state))
    except UnsupportedModelError as error:
        raise EngineFailed("upscale.unsupported", file=name) from error
    except Exception as error:  # tensors of the wrong shape or kind fail deep inside each architecture
        raise WeightsUnavailable("weights.damaged", file=name, reason=str(error)) from error
    colours = (getattr(descriptor, "input_channels", 0), getattr(descriptor, "output_channels", 0))
    if not isinstance(descriptor, ImageModelDescriptor) or colours != (3, 3):
        raise EngineFailed("upscale.unsupported", file=name)
    return descriptor
