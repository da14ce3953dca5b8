"""Drawing a picture from a prompt."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

from PIL.PngImagePlugin import PngInfo

from studio.engines.diffusion import DiffusionEngine, DiffusionRequest, Picture, Step
from studio.errors import EngineFailed
from studio.imaging.infotext import KEY, format_infotext
from studio.imaging.requests import Drawing, Drawn, PictureRequest
from studio.imaging.storage import PictureStore
from studio.registry.lease import LoadProgress
from studio.registry.loaded import Shape
from studio.registry.registry import Registry
from studio.registry.spec import ModelSpec

SIDE: Final = 512
STEPS: Final = 20
GUIDANCE_SCALE: Final = 7.0

Number = TypeVar("Number", int, float)


class Illustrator:
    """Draws pictures with the image models of a registry and keeps them in `outputs`."""

    def __init__(self, registry: Registry, outputs: Path) -> None:
        self._registry = registry
        self._store = PictureStore(outputs)

    def draw(self, request: PictureRequest) -> Iterator[LoadProgress | Drawing | Drawn]:
        """Draw one picture and write it as PNG with its infotext. Closing the iterator stops within one step.

        Raises:
            UnknownModel: no such image model, or none at all.
            OutOfMemory: the picture is too large for this machine.
            EngineFailed: the model broke off.
            StorageFailed: the picture cannot be written.
        """
        spec = self._registry.choose(request.model, "image")
        wanted = _filled(request, spec)
        picture: Picture | None = None

        def start(engine: DiffusionEngine) -> Iterator[Step | Picture]:
            return engine.stream(wanted)

        with self._registry.lease(spec.id, shape=Shape(wanted.width, wanted.height)) as lease:
            begun = monotonic()
            # Steps are no output: a drawing that ran out of memory begins again where there is more.
            with closing(lease.stream(start, spoken=lambda event: isinstance(event, Picture))) as events:
                for event in events:
                    if isinstance(event, Step):
                        yield _progress(event, monotonic() - begun)
                    elif isinstance(event, Picture):
                        picture = event
                    else:
                        begun = monotonic()
                        yield event
        if picture is None:
            raise EngineFailed("draw.nothing", model=spec.name)
        yield self._kept(picture, wanted, spec)

    def _kept(self, picture: Picture, wanted: DiffusionRequest, spec: ModelSpec) -> Drawn:
        infotext = describe(picture, wanted, spec)
        chunks = PngInfo()
        chunks.add_text(KEY, infotext)
        with self._store.new(f"picture-{picture.seed}") as draft:
            picture.image.save(draft, format="PNG", pnginfo=chunks)  # type: ignore[arg-type]
        return Drawn(files=(draft.path,), seed=picture.seed, infotext=infotext, notice=picture.notice)


def describe(picture: Picture, wanted: DiffusionRequest, spec: ModelSpec) -> str:
    """The infotext of a picture that `spec` drew."""
    digest = next((source.sha256 for source in spec.sources if source.sha256), None)
    parameters = {
        "Steps": wanted.steps,
        "Sampler": picture.sampler,
        "Schedule type": picture.schedule,
        "CFG scale": wanted.guidance_scale,
        "Seed": picture.seed,
        "Size": f"{picture.image.width}x{picture.image.height}",
        "Model hash": digest[:10] if digest else None,
        "Model": spec.id,
    }
    return format_infotext(wanted.prompt, wanted.negative_prompt, parameters)


def _filled(request: PictureRequest, spec: ModelSpec) -> DiffusionRequest:
    def default(name: str, asked: Number | None, otherwise: Number) -> Number:
        return asked if asked is not None else type(otherwise)(spec.defaults.get(name, otherwise))

    return DiffusionRequest(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        width=default("width", request.width, SIDE),
        height=default("height", request.height, SIDE),
        steps=default("steps", request.steps, STEPS),
        guidance_scale=default("guidance_scale", request.guidance_scale, GUIDANCE_SCALE),
        seed=request.seed if request.seed >= 0 else secrets.randbelow(2**32),
    )


def _progress(step: Step, seconds: float) -> Drawing:
    left = seconds / step.index * (step.total - step.index) if step.index else None
    return Drawing(step=step.index, total=step.total, seconds_left=left, preview=step.preview)
