"""Networks that help a base model, loaded once and lent to any number of its pictures."""

from pathlib import Path
from typing import Any, Final

from PIL import Image

from studio.engines.memory import nbytes, ran_out
from studio.engines.shuttle import Shuttle
from studio.errors import OutOfMemory, WeightsUnavailable
from studio.registry import DeviceName, ModelSpec, Sharing

LARGEST_PREVIEW: Final = 512
"""Pixels along the longer side of a picture that is not finished."""


class Helper:
    """One network in memory. Implements `Network` and `studio.registry.models.loaded.Loaded`.

    It keeps nothing from one step to the next, so several pictures may use it at once.
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


class TinyAutoencoder(Helper):
    """A distilled decoder (TAESD, Bohan 2023), quick enough for previews. Implements `Preview`."""

    def picture(self, latents: Any) -> Image.Image | None:
        """The picture that latents (1, channels, h, w) stand for; None where they are not this decoder's."""
        import torch

        config, module = self._module.config, self._module
        if latents.ndim != 4 or latents.shape[1] != config.latent_channels:
            return None
        with torch.no_grad():
            weights = next(module.parameters())
            ready = latents[:1].to(weights.device, weights.dtype) / float(config.scaling_factor or 1)
            decoded = module.decode(ready).sample[0].float().cpu()
        pixels = ((decoded / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
        image = Image.fromarray(pixels)
        image.thumbnail((LARGEST_PREVIEW, LARGEST_PREVIEW))
        return image


def tiny_autoencoder(spec: ModelSpec, weights: Path, dtype: Any) -> TinyAutoencoder:
    """Load a tiny autoencoder into main memory, from a folder of diffusers.

    Raises:
        WeightsUnavailable: the folder has no `config.json`.
    """
    from diffusers import AutoencoderTiny

    return TinyAutoencoder(_from_folder(AutoencoderTiny, weights, dtype), name=spec.name)


def autoencoder(spec: ModelSpec, weights: Path, dtype: Any) -> Helper:
    """Load a VAE that stands in for a base model's own; the same otherwise."""
    from diffusers import AutoencoderKL

    return Helper(_from_folder(AutoencoderKL, weights, dtype), name=spec.name)


def _from_folder(kind: Any, folder: Path, dtype: Any) -> Any:
    if not (folder / "config.json").is_file():
        raise WeightsUnavailable("weights.missing_part", file="config.json")
    return kind.from_pretrained(str(folder), dtype=dtype, local_files_only=True, use_safetensors=True).eval()
