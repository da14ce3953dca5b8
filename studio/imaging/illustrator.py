"""Drawing a picture from a prompt, and from another picture."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Final

from studio.engines.diffusion import Adapter, DiffusionEngine, DiffusionRequest, Picture, Step
from studio.engines.diffusion.tokens import TokenCount, token_counter
from studio.errors import EngineFailed, InvalidRequest
from studio.imaging.adapters import AdapterLibrary
from studio.imaging.carriers import SUFFIXES, save
from studio.imaging.control import Controls
from studio.imaging.magnifier import Magnifier
from studio.imaging.phrasing import Phrasing
from studio.imaging.plan import Plan, Seeds, plan
from studio.imaging.requests import Drawing, Drawn, Enlarging, PictureRequest, settled_seed
from studio.imaging.safety_checker import SafetyChecker
from studio.imaging.steering import Steered, Steersman
from studio.imaging.storage import PictureStore
from studio.registry.lease import LoadProgress
from studio.registry.loaded import Shape
from studio.registry.registry import Registry

MOST_PIXELS: Final = 100_000_000


@dataclass(frozen=True)
class Part:
    """Which of several pictures, and which of its passes."""

    picture: int
    pictures: int
    before: int = 0
    """Steps of the passes behind."""
    after: int = 0
    """Steps of the passes to come."""
    heavier: float = 1.0
    """How much longer a step of those takes."""


class Illustrator:
    """Draws pictures with the image models of a registry and keeps them in `outputs`."""

    def __init__(
        self,
        registry: Registry,
        outputs: Path,
        phrasing: Phrasing | None = None,
        controls: Controls | None = None,
        adapters: AdapterLibrary | None = None,
        checker: SafetyChecker | None = None,
    ) -> None:
        """Without `phrasing` and `adapters`, what prompts name is looked for beside `outputs`.

        With a `checker`, a picture that does not pass is neither written nor yielded, and none is previewed while it is
        drawn: what a check has not seen yet is not shown.
        """
        self._registry = registry
        self._phrasing = phrasing or Phrasing(outputs.parent)
        self._controls = controls or Controls(registry, registry.catalogue, MOST_PIXELS)
        self._adapters = adapters or AdapterLibrary(outputs.parent, registry)
        self._checker = checker
        self._magnifier = Magnifier(registry)
        self._store = PictureStore(outputs)

    def draw(self, request: PictureRequest) -> Iterator[LoadProgress | Drawing | Enlarging | Drawn]:
        """Draw pictures one after the other and write each with its infotext; others get their turn in between.

        After each one comes what is finished so far. Closing the iterator stops within one step, and keeps that. A
        picture that the content check refuses is left out and counted.

        Raises:
            UnknownModel: no such image model, or none at all.
            InvalidRequest: a style, wildcard or LoRA that the prompts name is not here, parts do not fit together, or
                the content check refuses every picture.
            UncheckedError: the content check cannot be made; nothing is drawn then.
            UnreadablePicture: the picture to begin from, its mask or a control image is none.
            OutOfMemory: the picture is too large for this machine.
            EngineFailed: the model broke off.
            StorageFailed: the picture cannot be written.
        """
        settled = plan(request, self._registry, self._controls.max_pixels)
        if self._checker is not None:
            yield from self._checker.ready()
        varying = request.variation_strength > 0
        first = Seeds(settled_seed(request.seed), settled_seed(request.variation_seed) if varying else 0)
        steersman = Steersman(settled.steering, settled.canvas, self._controls)
        done = Drawn((), (), (), request.count, before=settled.canvas.before if settled.canvas else None)
        for number in range(request.count):
            seeds = first.after(number, varying)
            phrase = self._phrasing.phrase(request.prompt, request.negative_prompt, request.styles, seeds.seed)
            self._adapters.check(phrase.adapters, settled.spec)
            wanted = settled.wanted(phrase, seeds)
            picture = yield from self._finished(wanted, settled, steersman, Part(number + 1, request.count))
            if (yield from self._allowed(picture)):
                file, infotext, notice = self._kept(picture, wanted, settled)
                done = done.and_one(file, seeds.seed, infotext, notice)
            else:
                done = done.without_one()
            if done.files:
                yield done
        if not done.files:
            raise InvalidRequest("nsfw.refused_all" if request.count > 1 else "nsfw.refused", pictures=request.count)

    def count(self, prompt: str, styles: Sequence[str] = (), model: str | None = None) -> TokenCount | None:
        """Tokens of a prompt that is being written; None where the model's tokenizer is not here to count them.

        Raises:
            UnknownModel: no such image model, or none at all.
            InvalidRequest: there is no such style, or a LoRA's weight is no number.
        """
        count = token_counter(self._registry.weights(self._registry.choose(model, "image")))
        return count(self._phrasing.words(prompt, styles)) if count else None

    def _allowed(self, picture: Picture) -> Generator[LoadProgress, None, bool]:
        return self._checker is None or (yield from self._checker.passes(picture.image))

    def _finished(
        self, wanted: DiffusionRequest, settled: Plan, steersman: Steersman, part: Part
    ) -> Generator[LoadProgress | Drawing | Enlarging, None, Picture]:
        """The picture as it will be kept, in whatever it was drawn into."""
        picture = yield from self._passes(wanted, settled, steersman, part)
        return replace(picture, image=settled.canvas.finished(picture.image)) if settled.canvas else picture

    def _passes(
        self, wanted: DiffusionRequest, settled: Plan, steersman: Steersman, part: Part
    ) -> Generator[LoadProgress | Drawing | Enlarging, None, Picture]:
        second = settled.second
        if second is None:
            return (yield from self._drawn(wanted, settled, steersman, part))
        ahead = replace(part, after=second.taken, heavier=second.scale**2)
        first = yield from self._drawn(wanted, settled, steersman, ahead)
        again = yield from second.begun(first, wanted, self._magnifier)
        return (yield from self._drawn(again, settled, steersman, replace(part, before=wanted.steps)))

    def _drawn(
        self, wanted: DiffusionRequest, settled: Plan, steersman: Steersman, part: Part
    ) -> Generator[LoadProgress | Drawing, None, Picture]:
        picture: Picture | None = None
        size = wanted.width, wanted.height
        units = yield from steersman.at(size)
        fast = settled.fast

        def start(engine: DiffusionEngine) -> Iterator[Step | Picture]:
            worn = (Adapter(lease.again(fast.id).path),) if fast else ()
            controls = tuple(unit.ready(lease.again) for unit in units)
            vae, preview = (lease.again(spec.id) if spec else None for spec in (settled.vae, settled.preview))
            helped = replace(wanted, controls=controls, vae=vae, preview=preview)
            return engine.stream(replace(helped, adapters=(*wanted.adapters, *worn)))

        with self._registry.lease(settled.spec.id, *settled.models, shape=Shape(*size)) as lease:
            begun = monotonic()
            # Steps are no output: a drawing that ran out of memory begins again where there is more.
            with closing(lease.stream(start, spoken=lambda event: isinstance(event, Picture))) as events:
                for event in events:
                    if isinstance(event, Step):
                        yield _progress(self._shown(event), monotonic() - begun, part)
                    elif isinstance(event, Picture):
                        picture = replace(event, notice=event.notice or next(_notices(units), None))
                    else:
                        begun = monotonic()
                        yield event
        if picture is None:
            raise EngineFailed("draw.nothing", model=settled.spec.name)
        return picture

    def _shown(self, step: Step) -> Step:
        """A step as it may be seen."""
        return step if self._checker is None else replace(step, preview=None)

    def _kept(self, picture: Picture, wanted: DiffusionRequest, settled: Plan) -> tuple[Path, str, str | None]:
        """The file of a picture, its infotext, and a message key for what should be known."""
        infotext, kind = settled.described(picture, wanted), settled.request.format
        with self._store.new(f"picture-{picture.seed}", SUFFIXES[kind]) as draft:
            whole = save(picture.image, draft, kind, infotext)
        notice = picture.notice or settled.notice
        return draft.path, infotext, notice or (None if whole else "imaging.notice.infotext_long")


def _notices(units: Iterable[Steered]) -> Iterator[str]:
    return (unit.notice for unit in units if unit.notice)


def _progress(step: Step, seconds: float, part: Part) -> Drawing:
    total = part.before + step.total + part.after
    others = (part.pictures - part.picture) * total
    ahead = step.total - step.index + part.after * part.heavier + others
    left = seconds / step.index * ahead if step.index else None
    return Drawing(part.before + step.index, total, left, step.preview, part.picture, part.pictures)
