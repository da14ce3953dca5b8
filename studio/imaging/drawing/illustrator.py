"""Drawing a picture from a prompt, and from another picture."""

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Final

from studio.engines.diffusion import DiffusionRequest, Picture, Seeds, TokenCount, token_counter
from studio.errors import InvalidRequest
from studio.imaging.adapters.library import AdapterLibrary
from studio.imaging.control.images import ControlImages
from studio.imaging.drawing.plan import TASKS, Plan, plan_picture, seeds_after
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest, fixed_seed
from studio.imaging.drawing.run import Round, Run
from studio.imaging.drawing.safety_checker import SafetyChecker
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.imaging.infotext.carriers import SUFFIXES, save
from studio.imaging.pictures.storage import PictureStore
from studio.imaging.prompts.phrasing import Phrase, Phrasing
from studio.registry import LoadProgress, Registry

MOST_PIXELS: Final = 100_000_000


class Illustrator:
    """Draws pictures with the image models of a registry and keeps them in `outputs`."""

    def __init__(
        self,
        registry: Registry,
        outputs: Path,
        phrasing: Phrasing | None = None,
        control_images: ControlImages | None = None,
        adapters: AdapterLibrary | None = None,
        checker: SafetyChecker | None = None,
    ) -> None:
        """Without `phrasing` and `adapters`, what prompts name is looked for beside `outputs`.

        With a `checker`, a picture that does not pass is neither written nor yielded, and none is previewed while it is
        drawn: what a check has not seen yet is not shown.
        """
        self._registry = registry
        self._phrasing = phrasing or Phrasing(outputs.parent)
        self._control_images = control_images or ControlImages(registry, registry.catalogue, MOST_PIXELS)
        self._adapters = adapters or AdapterLibrary(outputs.parent, registry)
        self._checker = checker
        self._store = PictureStore(outputs)

    def draw(self, request: PictureRequest) -> Iterator[LoadProgress | DrawingProgress | EnlargingProgress | Drawn]:
        """Draw pictures in rounds and write each with its infotext; others get their turn in between.

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
        plan = plan_picture(request, self._registry, self._control_images.max_pixels)
        if self._checker is not None:
            yield from self._checker.ready()
        run = Run(plan, self._registry, self._control_images, previews=self._checker is None)
        done = Drawn((), (), (), request.count, before=plan.canvas.before if plan.canvas else None)
        for wanted in self._rounds(plan):
            behind = len(done.files) + done.refused
            pictures = yield from run.pictures(wanted, Round(behind + 1, request.count, len(wanted.seeds)))
            for number, picture in enumerate(pictures):
                if (yield from self._allowed(picture)):
                    file, infotext, notice = self._kept(picture, wanted.alone(number), plan)
                    done = done.and_one(file, picture.seed, infotext, notice)
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
        count = token_counter(self._registry.weights(self._registry.choose(model, *TASKS)))
        return count(self._phrasing.words(prompt, styles)) if count else None

    def _rounds(self, plan: Plan) -> Iterator[DiffusionRequest]:
        """What the model is asked for, one time after the other: pictures that differ in their seeds alone together."""
        request = plan.request
        varying = request.variation_strength > 0
        first = Seeds(fixed_seed(request.seed), fixed_seed(request.variation_seed) if varying else 0)
        seeds = [seeds_after(first, number, varying) for number in range(request.count)]
        while seeds:
            together = seeds[: request.batch_size]
            phrases = [self._phrase(request, each) for each in together]
            # Chance may have chosen other words for some of them.
            alike = next((place for place, each in enumerate(phrases) if each != phrases[0]), len(phrases))
            self._adapters.check(phrases[0].adapters, plan.spec)
            yield plan.wanted(phrases[0], together[:alike])
            del seeds[:alike]

    def _phrase(self, request: PictureRequest, seeds: Seeds) -> Phrase:
        return self._phrasing.phrase(request.prompt, request.negative_prompt, request.styles, seeds.seed)

    def _allowed(self, picture: Picture) -> Generator[LoadProgress, None, bool]:
        return self._checker is None or (yield from self._checker.passes(picture.image))

    def _kept(self, picture: Picture, wanted: DiffusionRequest, plan: Plan) -> tuple[Path, str, str | None]:
        """The file of a picture, its infotext, and a message key for what should be known."""
        infotext, kind = plan.described(picture, wanted), plan.request.format
        with self._store.new(f"picture-{picture.seed}", SUFFIXES[kind]) as draft:
            whole = save(picture.image, draft, kind, infotext)
        notice = picture.notice or plan.notice
        return draft.path, infotext, notice or (None if whole else "imaging.notice.infotext_long")
