"""What is decided before the first step of a picture: its model, what it begins from, its passes, its settings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from studio.engines.diffusion import Abilities, DiffusionRequest, Picture, Seeds, abilities_of
from studio.errors import InvalidRequest
from studio.imaging.control.units import infotext_units
from studio.imaging.drawing.canvas import Canvas, canvas
from studio.imaging.drawing.controlnets import ChosenUnit, fits, steering
from studio.imaging.drawing.requests import SEEDS, PictureRequest
from studio.imaging.drawing.second_pass import SecondPass, second_pass
from studio.imaging.infotext.text import format_infotext
from studio.imaging.pictures.fitting import USUAL_SIDE, Size
from studio.imaging.prompts.phrasing import Phrase
from studio.registry import ModelSpec, Registry, Task

STEPS: Final = 20
GUIDANCE_SCALE: Final = 7.0
TASKS: Final[tuple[Task, ...]] = ("image",)
"""What the models that draw are for."""

Number = TypeVar("Number", int, float)


def seeds_after(first: Seeds, number: int, varying: bool) -> Seeds:
    """Of the picture that many further on. Variations of one picture keep its seed."""
    if varying:
        return Seeds(first.seed, (first.variation + number) % SEEDS)
    return Seeds((first.seed + number) % SEEDS, first.variation)


@dataclass(frozen=True)
class Plan:
    """One request, with everything in it decided that does not change from picture to picture."""

    request: PictureRequest
    spec: ModelSpec
    canvas: Canvas | None
    second: SecondPass | None
    steering: tuple[ChosenUnit, ...] = ()
    fast: ModelSpec | None = None
    """The adapter that makes few steps enough."""
    vae: ModelSpec | None = None
    """A VAE in place of the model's own."""
    preview: ModelSpec | None = None
    """What makes the previews."""

    @property
    def _habits(self) -> ModelSpec:
        """Whose defaults hold for steps and guidance."""
        return self.fast or self.spec

    @property
    def models(self) -> tuple[str, ...]:
        """The ids of all models that a picture needs beside the one that draws it."""
        helpers = (*(each.spec for each in self.steering), self.fast, self.vae, self.preview)
        return tuple(dict.fromkeys(spec.id for spec in helpers if spec is not None))

    @property
    def notice(self) -> str | None:
        """A message key for something the user should know."""
        return self.canvas.notice if self.canvas else None

    def wanted(self, phrase: Phrase, seeds: Sequence[Seeds]) -> DiffusionRequest:
        """What the model is asked for, with its own defaults where the request leaves them open."""
        request, begun = self.request, self.canvas
        width, height = begun.size if begun else size(request, self.spec)
        return DiffusionRequest(
            **vars(phrase),
            width=width,
            height=height,
            steps=steps(request, self._habits),
            guidance_scale=_default(self._habits, "guidance_scale", request.guidance_scale, GUIDANCE_SCALE),
            seed=seeds[0].seed,
            variation_seed=seeds[0].variation,
            beside=tuple(seeds[1:]),
            variation=request.variation_strength,
            clip_skip=request.clip_skip,
            scheduler=request.sampler or (str(self.fast.defaults["scheduler"]) if self.fast else None),
            schedule=request.schedule_type,
            image=begun.image if begun else None,
            mask=begun.mask if begun else None,
            strength=request.strength,
            keep_latents=self.second is not None and self.second.upscaler is None,
        )

    def described(self, picture: Picture, wanted: DiffusionRequest) -> str:
        """The infotext of a picture that was drawn as `wanted`."""
        digest = next((source.sha256 for source in self.spec.sources if source.sha256), None)
        parameters = {
            "Steps": wanted.steps,
            "Sampler": picture.sampler,
            "Schedule type": picture.schedule,
            "CFG scale": wanted.guidance_scale,
            "Seed": wanted.seed,
            "Variation seed": wanted.variation_seed if wanted.variation else None,
            "Variation seed strength": wanted.variation or None,
            "Size": f"{wanted.width}x{wanted.height}",
            "Model hash": digest[:10] if digest else None,
            "Model": self.spec.id,
            "Clip skip": wanted.clip_skip if wanted.clip_skip != 1 else None,
            "VAE": self.vae.id if self.vae else None,
            "Fast": self.fast.id if self.fast else None,
            **(self.second.told if self.second else self._beginning()),
            **infotext_units(each.unit for each in self.steering),
        }
        return format_infotext(wanted.prompt, wanted.negative_prompt, parameters)

    def _beginning(self) -> Mapping[str, object]:
        """How a picture came from another, in A1111's words."""
        request, begun = self.request, self.canvas
        if begun is None:
            return {}
        if begun.mask is None:
            return {"Denoising strength": request.strength}
        masked = begun.box is not None
        return {
            "Denoising strength": request.strength,
            "Mask blur": request.mask_blur or None,
            "Inpaint area": "Only masked" if masked else None,
            "Masked area padding": request.inpaint_padding if masked else None,
            "Masked content": "latent noise" if request.inpaint_fill == "noise" else None,
        }


def plan_picture(request: PictureRequest, registry: Registry, max_pixels: int) -> Plan:
    """Plan a request with the pictures it begins from, or refuse it before anything is drawn.

    Raises:
        UnknownModel: no such image model, upscaler or ControlNet, or none at all.
        InvalidRequest: the mask does not fit, or the parts of the request do not go together.
        UnreadablePicture: the picture to begin from, or its mask, is none.
        OutOfMemory: that picture cannot be held in memory.
    """
    plan = plan_settings(request, registry)
    return replace(plan, canvas=canvas(request, own_size(plan.spec), max_pixels))


def plan_settings(request: PictureRequest, registry: Registry) -> Plan:
    """The same without reading a picture.

    Raises:
        UnknownModel: no such image model, upscaler or ControlNet, or none at all.
        InvalidRequest: the parts of the request do not go together.
    """
    spec = registry.choose(request.model, *TASKS)
    _check(request, spec, abilities_of(spec, registry.weights(spec)))
    fast = fast_adapter(spec, registry) if request.fast else None
    second = second_pass(request, size(request, spec), steps(request, fast or spec), registry)
    return Plan(
        request,
        spec,
        None,
        second,
        steering(request, spec, registry),
        fast,
        _helper("vae", spec, registry) if _accelerated(registry) else None,
        _helper("preview", spec, registry),
    )


def _helper(task: Task, spec: ModelSpec, registry: Registry) -> ModelSpec | None:
    """What helps a model in this way, if it is here: a comfort that nobody waits to fetch."""
    found = (
        each for each in registry.catalogue.for_task(task) if registry.present(each) and fits(each, spec, registry)
    )
    return next(found, None)


def _accelerated(registry: Registry) -> bool:
    """Whether anything runs in half precision, which is what VAEs are changed for."""
    return any(device.name != "cpu" for device in registry.devices())


def fast_adapter(spec: ModelSpec, registry: Registry) -> ModelSpec:
    """The catalogue's few-step adapter for a model.

    Raises:
        InvalidRequest: there is none.
    """
    found = next((each for each in registry.catalogue.for_task("adapter") if fits(each, spec, registry)), None)
    if found is None:
        raise InvalidRequest("draw.no_fast", model=spec.name)
    return found


def _check(request: PictureRequest, spec: ModelSpec, able: Abilities) -> None:
    """Refuse what the model's family does not know to do."""
    if request.mask is not None and not able.inpaint:
        raise InvalidRequest("draw.unable_repaint", model=spec.name)
    if request.image is not None and not able.pictures:
        raise InvalidRequest("draw.unable_picture", model=spec.name)


def own_size(spec: ModelSpec) -> Size:
    """What a model draws best."""
    return int(spec.defaults.get("width", USUAL_SIDE)), int(spec.defaults.get("height", USUAL_SIDE))


def size(request: PictureRequest, spec: ModelSpec) -> Size:
    """The size of the first pass, where the request begins from nothing."""
    own = own_size(spec)
    return request.width or own[0], request.height or own[1]


def steps(request: PictureRequest, spec: ModelSpec) -> int:
    """The steps of the first pass."""
    return _default(spec, "steps", request.steps, STEPS)


def _default(spec: ModelSpec, name: str, asked: Number | None, otherwise: Number) -> Number:
    return asked if asked is not None else type(otherwise)(spec.defaults.get(name, otherwise))
