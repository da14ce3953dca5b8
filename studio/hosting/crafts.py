"""The crafts on a host that lends its GPU by the request: what runs there, and for how long it is asked for."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar, cast

from studio.coding.coder import LONGEST_ANSWER, Coder
from studio.coding.coder import TASKS as CODING
from studio.coding.requests import SnippetRequest
from studio.engines.diffusion import Seeds
from studio.errors import InvalidRequest
from studio.hosting.gpu_seconds import bounded, drawing, enlarging, portions, starting, writing
from studio.hosting.zerogpu import Gpu, Result, Task, on_gpu
from studio.imaging.drawing.illustrator import Illustrator
from studio.imaging.drawing.plan import TASKS as DRAWING
from studio.imaging.drawing.plan import seeds_after, size, steps
from studio.imaging.drawing.requests import DrawingProgress, Drawn, PictureRequest, fixed_seed
from studio.imaging.enlarging.enlarger import Enlarger
from studio.imaging.enlarging.in_memory import TASKS as ENLARGING
from studio.imaging.enlarging.requests import EnlargeRequest
from studio.registry import Catalogue, ModelSpec, Registry
from studio.registry import Task as Kind
from studio.writing.lengths import units
from studio.writing.passages import written_language
from studio.writing.requesting import PICTURE_TOKENS
from studio.writing.requests import (
    ArticleRequest,
    Brief,
    Outline,
    PicturePromptsRequest,
    ReplanRequest,
    RewriteRequest,
    SectionRequest,
)
from studio.writing.sections import TRIES
from studio.writing.writer import PENALTIES, Writer
from studio.writing.writer import TASKS as WRITING

Craft = TypeVar("Craft")
Seconds = Callable[[Any, ModelSpec], float]

TOKENS_PER_WORD: Final = 2
"""English takes about 1.4, and prompts have to be read, too."""
TOKENS_PER_HEADING: Final = 150
"""A section of an outline, as JSON with its key points."""
TILE: Final = 512
REFUSED: Final = ("nsfw.refused", "nsfw.refused_all")
"""What an illustrator answers where the content check keeps back all that it drew."""


class Hosted:
    """A craft of which some methods run elsewhere; everything else is its own."""

    def __init__(self, craft: object, methods: Mapping[str, Callable[[Any], Iterator[Any]]]) -> None:
        self._craft = craft
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods[name] if name in self._methods else getattr(self._craft, name)


class Host:
    """Sends requests whose model runs on an accelerator to a lent GPU; all others stay in this process.

    llama.cpp among them: it computes on threads of its own, which a forked child does not have.
    """

    def __init__(self, registry: Registry, catalogue: Catalogue, gpu: Gpu, resident_bytes: int = 0) -> None:
        """`resident_bytes` are put on the card before a request can begin."""
        self._registry = registry
        self._catalogue = catalogue
        self._gpu = gpu
        self._start = starting(resident_bytes)

    def writer(self, craft: Writer) -> Writer:
        """`craft`, writing on the lent GPU."""
        return _hosted(
            craft,
            outline=self._route(craft.outline, WRITING, _outline_seconds),
            replan=self._route(craft.replan, WRITING, _replan_seconds),
            picture_prompts=self._route(craft.picture_prompts, WRITING, _prompts_seconds),
            rewrite=self._route(craft.rewrite, WRITING, _rewrite_seconds),
            write_section=self._route(craft.write_section, WRITING, _section_seconds),
            write_article=self._route(craft.write_article, WRITING, _article_seconds),
        )

    def coder(self, craft: Coder) -> Coder:
        """`craft`, writing on the lent GPU and judging here."""
        return _hosted(craft, generate=self._route(craft.generate, CODING, _snippet_seconds))

    def illustrator(self, craft: Illustrator) -> Illustrator:
        """`craft`, drawing on the lent GPU: many pictures in several loans of it, each as long as may be asked for."""
        lent = self._route(craft.draw, DRAWING, _drawing_seconds)

        def draw(request: PictureRequest, /) -> Iterator[Any]:
            spec = self._registry.choose(request.model, *DRAWING)
            if not self._registry.accelerated(spec):
                return lent(request)
            each = _picture_seconds(request, spec)
            return _in_portions(lent, request, portions(request.count, request.batch_size, self._start, each))

        return _hosted(craft, draw=draw)

    def enlarger(self, craft: Enlarger) -> Enlarger:
        """`craft`, enlarging on the lent GPU."""
        return _hosted(craft, enlarge=self._route(craft.enlarge, ENLARGING, _enlarging_seconds))

    def _route(self, method: Task[Any, Result], kinds: tuple[Kind, ...], seconds: Seconds) -> Task[Any, Result]:
        def expected(request: Any) -> int:
            return bounded((self._start, seconds(request, self._catalogue.get(request.model))))

        lent = on_gpu(method, expected, self._gpu)

        def route(request: Any, /) -> Generator[Result, None, None]:
            spec = self._registry.choose(request.model, *kinds)
            if not self._registry.accelerated(spec):
                yield from method(request)
                return
            # Making a lease refuses a model that is not kept ready, before a GPU is asked for.
            self._registry.lease(spec.id)
            yield from lent(request.model_copy(update={"model": spec.id}))

        return route


def _hosted(craft: Craft, **methods: Callable[[Any], Iterator[Any]]) -> Craft:
    return cast(Craft, Hosted(craft, methods))


def _outline_seconds(brief: Brief, spec: ModelSpec) -> float:
    return writing(len(PENALTIES) * brief.sections * TOKENS_PER_HEADING, spec.memory or 0)


def _replan_seconds(request: ReplanRequest, spec: ModelSpec) -> float:
    return _outline_seconds(request.brief.model_copy(update={"sections": len(request.outline.sections)}), spec)


def _prompts_seconds(request: PicturePromptsRequest, spec: ModelSpec) -> float:
    return writing(PICTURE_TOKENS * len(request.texts), spec.memory or 0)


def _rewrite_seconds(request: RewriteRequest, spec: ModelSpec) -> float:
    return writing(2 * units(request.text, written_language(request)) * TOKENS_PER_WORD, spec.memory or 0)


def _section_seconds(request: SectionRequest, spec: ModelSpec) -> float:
    words = request.outline.sections[request.index].target_words
    return writing(TRIES * words * TOKENS_PER_WORD, spec.memory or 0)


def _article_seconds(request: ArticleRequest, spec: ModelSpec) -> float:
    return writing(TRIES * _words(request.outline) * TOKENS_PER_WORD, spec.memory or 0)


def _snippet_seconds(request: SnippetRequest, spec: ModelSpec) -> float:
    return writing(LONGEST_ANSWER, spec.memory or 0)


def _drawing_seconds(request: PictureRequest, spec: ModelSpec) -> float:
    return request.count * _picture_seconds(request, spec)


def _picture_seconds(request: PictureRequest, spec: ModelSpec) -> float:
    width, height = size(request, spec)
    once = drawing(steps(request, spec), width * height, spec.memory or 0)
    if request.hires_scale is None:
        return once
    larger = round(width * height * request.hires_scale**2)
    return once + drawing(request.hires_steps or steps(request, spec), larger, spec.memory or 0)


def _in_portions(
    draw: Callable[[PictureRequest], Iterator[Any]], request: PictureRequest, counts: Sequence[int]
) -> Iterator[Any]:
    """The pictures of a request, drawn as several requests whose seeds follow each other, told as one."""
    if len(counts) == 1:
        yield from draw(request)
        return
    varying = request.variation_strength > 0
    first = Seeds(fixed_seed(request.seed), fixed_seed(request.variation_seed) if varying else 0)
    done, behind = Drawn((), (), (), request.count), 0
    for count in counts:
        seeds = seeds_after(first, behind, varying)
        changed = {"count": count, "seed": seeds.seed} | ({"variation_seed": seeds.variation} if varying else {})
        latest = Drawn((), (), (), count)
        try:
            for event in draw(request.model_copy(update=changed)):
                if isinstance(event, Drawn):
                    latest = event
                    yield done.joined(latest)
                elif isinstance(event, DrawingProgress):
                    yield _placed(event, behind, count, request.count)
                else:
                    yield event
        except InvalidRequest as error:
            if error.code not in REFUSED:
                raise
            latest = replace(latest, refused=count)
        done, behind = done.joined(latest), behind + count
    if not done.files:
        raise InvalidRequest("nsfw.refused_all", pictures=request.count)


def _placed(event: DrawingProgress, behind: int, count: int, total: int) -> DrawingProgress:
    """A picture of a portion as one of all, with the time until the last of all is done."""
    left = event.seconds_left
    if left is not None:
        left += left / (count - event.picture + 1) * (total - behind - count)
    return replace(event, picture=behind + event.picture, pictures=total, seconds_left=left)


def _enlarging_seconds(request: EnlargeRequest, spec: ModelSpec) -> float:
    from PIL import Image

    try:
        with Image.open(request.file) as image:
            width, height = image.size
    except Exception:
        # Whatever is wrong with the file, the craft says it.
        return 0
    return enlarging(-(-width // TILE) * -(-height // TILE))


def _words(outline: Outline) -> int:
    return sum(section.target_words for section in outline.sections)
