"""One request's own pipeline over the weights that all requests share, and what it is called with."""

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any, Final

from PIL import Image

from studio.engines.diffusion.base import ControlUnit, DiffusionRequest, plain
from studio.engines.diffusion.emphasis import emphasised
from studio.engines.diffusion.noise import varied
from studio.engines.diffusion.schedulers import chosen
from studio.errors import InvalidRequest

TILED_DECODE_PIXELS: Final = 1024 * 1024
"""Larger pictures are decoded in tiles: a VAE's working memory grows with the area, 4.6 GB at this size in fp16."""
UNION: Final = "ControlNetUnionModel"


class Tokenizers:
    """Tokenizers carry settings from call to call, so each request under way has its own.

    One request after the other uses the pipeline's; only those that run at the same time cost a copy.
    """

    def __init__(self, pipe: Any) -> None:
        names = [name for name in pipe.components if name.startswith("tokenizer") and pipe.components[name] is not None]
        self._spare: list[dict[str, Any]] = [{name: pipe.components[name] for name in names}]
        self._pattern = copy.deepcopy(self._spare[0])

    @contextmanager
    def lent(self) -> Iterator[dict[str, Any]]:
        """Tokenizers by component name, nobody else's for as long."""
        try:
            own = self._spare.pop()
        except IndexError:
            own = copy.deepcopy(self._pattern)
        try:
            yield own
        finally:
            self._spare.append(own)


def derived(base: Any, request: DiffusionRequest, own: dict[str, Any]) -> Any:
    """A pipeline of the kind the request needs, over `base`'s weights, with a scheduler and `own` parts of its own.

    Raises:
        InvalidRequest: there is no such sampler, or the parts of the request do not go together.
    """
    if request.mask is not None and request.image is None:
        raise InvalidRequest("draw.mask_alone")
    if request.variation and (_begins(request) or "unet" not in base.components):
        raise InvalidRequest("draw.variation")
    parts = own | {"scheduler": chosen(base.scheduler, request.scheduler, request.schedule)}
    if "vae" in base.components:
        # Shallow: the same weights, but whether it works in tiles is this request's affair.
        parts["vae"] = copy.copy(request.vae.module if request.vae else base.vae)
    pipe = _pipeline(base, request, parts)
    pipe.set_progress_bar_config(disable=True)
    if "vae" in parts and request.width * request.height > TILED_DECODE_PIXELS:
        pipe.vae.enable_tiling()
    return pipe


def arguments(pipe: Any, request: DiffusionRequest) -> dict[str, Any]:
    """What to call `pipe` with, apart from what is the engine's own business."""
    import torch

    size = request.width, request.height
    wanted: dict[str, Any] = {
        "prompt": plain(request.said),
        "negative_prompt": plain(request.unsaid) or None,
        "width": request.width,
        "height": request.height,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance_scale,
    }
    # On the CPU whatever the device is, so that a seed means the same picture everywhere.
    generators = [torch.Generator("cpu").manual_seed(seeds.seed) for seeds in request.seeds]
    if len(generators) > 1:
        wanted |= {"generator": generators, "num_images_per_prompt": len(generators)}
    else:
        wanted["generator"] = generators[0]
    if request.variation:
        wanted["latents"] = varied(pipe, request, generators)
    accepted = inspect.signature(pipe.__call__).parameters
    if request.controls:
        wanted |= _steering(request.controls, size, "control_image" if "control_image" in accepted else "image")
    if _begins(request):
        start = _enlarged(pipe, request) if request.image is None else _fitted(request.image, size)
        wanted |= {"image": start, "strength": request.strength}
        if request.strength > 0:
            # That share of the steps is taken, and none at all would be an error in diffusers.
            wanted["num_inference_steps"] = max(request.steps, ceil(1 / request.strength))
    if request.mask is not None:
        # As many as pictures: each is encoded by the chance of its own seed, as it is alone.
        count = len(generators)
        masked = {"image": wanted["image"], "mask_image": _fitted(request.mask, size, "L")}
        wanted |= masked if count == 1 else {key: [value] * count for key, value in masked.items()}
    return {key: value for key, value in wanted.items() if key in accepted}


def finished(image: Image.Image, request: DiffusionRequest) -> Image.Image:
    """The picture, with what the mask does not cover as it was: a VAE changes every pixel a little."""
    if request.mask is None or request.image is None:
        return image
    size = image.size
    return Image.composite(image, _fitted(request.image, size), _fitted(request.mask, size, "L"))


def _begins(request: DiffusionRequest) -> bool:
    """Whether it begins from a picture."""
    return request.image is not None or request.latents is not None


def _enlarged(pipe: Any, request: DiffusionRequest) -> Any:
    """The latents to begin from, at the size asked for."""
    import torch

    size = request.height // pipe.vae_scale_factor, request.width // pipe.vae_scale_factor
    return torch.nn.functional.interpolate(request.latents.float(), size, mode="bilinear").to(pipe.dtype)


def _pipeline(base: Any, request: DiffusionRequest, parts: dict[str, Any]) -> Any:
    import diffusers

    task = "Inpaint" if request.mask is not None else "Img2Img" if _begins(request) else ""
    controls = _controls(request.controls, request.guidance_scale > 1)
    if type(controls).__name__ == UNION:
        kind = getattr(diffusers, f"StableDiffusionXLControlNetUnion{task}Pipeline")
        return kind.from_pipe(base, dtype=base.dtype, controlnet=controls, **parts)
    if not task and controls is None:
        return type(base).from_pipe(base, dtype=base.dtype, **parts)
    auto = {
        "Inpaint": diffusers.AutoPipelineForInpainting,
        "Img2Img": diffusers.AutoPipelineForImage2Image,
        "": diffusers.AutoPipelineForText2Image,
    }[task]
    if controls is not None:
        parts["controlnet"] = controls
    return auto.from_pipe(base, **parts)


def _controls(units: tuple[ControlUnit, ...], guided: bool) -> Any:
    """One network, or a list of several; a union model steers by several pictures at once."""
    modules = [emphasised(unit.model.module, unit.emphasis, guided) for unit in units]
    if any(type(module).__name__ == UNION for module in modules):
        first = units[0]
        if any((unit.model, unit.emphasis) != (first.model, first.emphasis) for unit in units):
            raise InvalidRequest("draw.controls_mixed")
        return modules[0]
    return modules if len(modules) > 1 else modules[0] if modules else None


def _steering(units: tuple[ControlUnit, ...], size: tuple[int, int], key: str) -> dict[str, Any]:
    lists: dict[str, list[Any]] = {
        key: [_fitted(unit.image, size) for unit in units],
        "controlnet_conditioning_scale": [float(unit.scale) for unit in units],
        "control_guidance_start": [unit.start for unit in units],
        "control_guidance_end": [unit.end for unit in units],
    }
    if type(units[0].model.module).__name__ == UNION:
        return lists | {"control_mode": [unit.mode for unit in units]}
    return lists if len(units) > 1 else {name: values[0] for name, values in lists.items()}


def _fitted(image: Image.Image, size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    converted = image.convert(mode)
    return converted if converted.size == size else converted.resize(size, Image.Resampling.LANCZOS)
