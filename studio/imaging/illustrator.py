"""Drawing a picture from a prompt, and from another picture."""

import secrets
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from studio.engines.diffusion import DiffusionEngine, DiffusionRequest, Picture, Step
from studio.engines.diffusion.tokens import TokenCount, token_counter
from studio.errors import EngineFailed
from studio.imaging.canvas import Canvas, canvas
from studio.imaging.carriers import SUFFIXES, save
from studio.imaging.fitting import Size
from studio.imaging.infotext import format_infotext
from studio.imaging.phrasing import Phrase, Phrasing
from studio.imaging.requests import SEEDS, Drawing, Drawn, PictureRequest
from studio.imaging.storage import PictureStore
from studio.registry.lease import LoadProgress
from studio.registry.loaded import Shape
from studio.registry.registry import Registry
from studio.registry.spec import ModelSpec

SIDE: Final = 512
STEPS: Final = 20
GUIDANCE_SCALE: Final = 7.0
MOST_PIXELS: Final = 100_000_000
NO_ORIGIN: Final[Mapping[str, object]] = MappingProxyType({})

Number = TypeVar("Number", int, float)


class Part(NamedTuple):
    """Which of several pictures."""

    picture: int
    pictures: int


class Illustrator:
    """Draws pictures with the image models of a registry and keeps them in `outputs`."""

    def __init__(
        self, registry: Registry, outputs: Path, phrasing: Phrasing | None = None, max_pixels: int = MOST_PIXELS
    ) -> None:
        """Without `phrasing`, what prompts name is looked for beside `outputs`; larger sources are refused."""
        self._registry = registry
        self._max_pixels = max_pixels
        self._phrasing = phrasing or Phrasing(outputs.parent)
        self._store = PictureStore(outputs)

    def draw(self, request: PictureRequest) -> Iterator[LoadProgress | Drawing | Drawn]:
        """Draw pictures one after the other and write each with its infotext; others get their turn in between.

        After each one comes what is finished so far. Closing the iterator stops within one step, and keeps that.

        Raises:
            UnknownModel: no such image model, or none at all.
            InvalidRequest: a style, wildcard or LoRA that the prompts name is not here, or the mask does not fit.
            UnreadablePicture: the picture to begin from, or its mask, is none.
            OutOfMemory: the picture is too large for this machine.
            EngineFailed: the model broke off.
            StorageFailed: the picture cannot be written.
        """
        spec = self._registry.choose(request.model, "image")
        begun = canvas(request, _own_size(spec), self._max_pixels)
        first = request.seed if request.seed >= 0 else secrets.randbelow(SEEDS)
        files: tuple[Path, ...] = ()
        infotexts: tuple[str, ...] = ()
        for number in range(request.count):
            seed = (first + number) % SEEDS
            phrase = self._phrasing.phrase(request.prompt, request.negative_prompt, request.styles, seed)
            wanted = _filled(request, spec, phrase, seed, begun)
            picture = yield from self._drawn(wanted, spec, Part(number + 1, request.count))
            file, infotext, notice = self._kept(picture, wanted, spec, request, begun)
            files, infotexts = (*files, file), (*infotexts, infotext)
            yield Drawn(files, first, infotexts, request.count, notice)

    def _drawn(
        self, wanted: DiffusionRequest, spec: ModelSpec, part: Part
    ) -> Generator[LoadProgress | Drawing, None, Picture]:
        picture: Picture | None = None

        def start(engine: DiffusionEngine) -> Iterator[Step | Picture]:
            return engine.stream(wanted)

        with self._registry.lease(spec.id, shape=Shape(wanted.width, wanted.height)) as lease:
            begun = monotonic()
            # Steps are no output: a drawing that ran out of memory begins again where there is more.
            with closing(lease.stream(start, spoken=lambda event: isinstance(event, Picture))) as events:
                for event in events:
                    if isinstance(event, Step):
                        yield _progress(event, monotonic() - begun, part)
                    elif isinstance(event, Picture):
                        picture = event
                    else:
                        begun = monotonic()
                        yield event
        if picture is None:
            raise EngineFailed("draw.nothing", model=spec.name)
        return picture

    def count(self, prompt: str, styles: Sequence[str] = (), model: str | None = None) -> TokenCount | None:
        """Tokens of a prompt that is being written; None where the model's tokenizer is not here to count them.

        Raises:
            UnknownModel: no such image model, or none at all.
            InvalidRequest: there is no such style, or a LoRA's weight is no number.
        """
        count = token_counter(self._registry.weights(self._registry.choose(model, "image")))
        return count(self._phrasing.words(prompt, styles)) if count else None

    def _kept(
        self,
        picture: Picture,
        wanted: DiffusionRequest,
        spec: ModelSpec,
        request: PictureRequest,
        begun: Canvas | None,
    ) -> tuple[Path, str, str | None]:
        """The file of a picture, its infotext, and a message key for what should be known."""
        image = begun.finished(picture.image) if begun else picture.image
        infotext = describe(picture, wanted, spec, _origin(request, begun))
        with self._store.new(f"picture-{picture.seed}", SUFFIXES[request.format]) as draft:
            whole = save(image, draft, request.format, infotext)
        notice = picture.notice or (begun.notice if begun else None)
        return draft.path, infotext, notice or (None if whole else "imaging.notice.infotext_long")


def describe(
    picture: Picture, wanted: DiffusionRequest, spec: ModelSpec, origin: Mapping[str, object] = NO_ORIGIN
) -> str:
    """The infotext of a picture that `spec` drew; `origin` tells of the picture it began from."""
    digest = next((source.sha256 for source in spec.sources if source.sha256), None)
    parameters = {
        "Steps": wanted.steps,
        "Sampler": picture.sampler,
        "Schedule type": picture.schedule,
        "CFG scale": wanted.guidance_scale,
        "Seed": picture.seed,
        "Size": f"{wanted.width}x{wanted.height}",
        "Model hash": digest[:10] if digest else None,
        "Model": spec.id,
        "Clip skip": wanted.clip_skip if wanted.clip_skip != 1 else None,
        **origin,
    }
    return format_infotext(wanted.prompt, wanted.negative_prompt, parameters)


def _origin(request: PictureRequest, begun: Canvas | None) -> dict[str, object]:
    """How a picture came from another, in A1111's words."""
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


def _own_size(spec: ModelSpec) -> Size:
    return int(spec.defaults.get("width", SIDE)), int(spec.defaults.get("height", SIDE))


def _filled(
    request: PictureRequest, spec: ModelSpec, phrase: Phrase, seed: int, begun: Canvas | None
) -> DiffusionRequest:
    def default(name: str, asked: Number | None, otherwise: Number) -> Number:
        return asked if asked is not None else type(otherwise)(spec.defaults.get(name, otherwise))

    own = _own_size(spec)
    width, height = begun.size if begun else (request.width or own[0], request.height or own[1])
    return DiffusionRequest(
        **vars(phrase),
        width=width,
        height=height,
        steps=default("steps", request.steps, STEPS),
        guidance_scale=default("guidance_scale", request.guidance_scale, GUIDANCE_SCALE),
        seed=seed,
        clip_skip=request.clip_skip,
        scheduler=request.sampler,
        schedule=request.schedule_type,
        image=begun.image if begun else None,
        mask=begun.mask if begun else None,
        strength=request.strength,
    )


def _progress(step: Step, seconds: float, part: Part) -> Drawing:
    after = (part.pictures - part.picture) * step.total
    left = seconds / step.index * (step.total - step.index + after) if step.index else None
    return Drawing(step.index, step.total, left, step.preview, part.picture, part.pictures)
