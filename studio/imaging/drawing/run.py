"""One request being drawn: its passes, in rounds of as many pictures as fit."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from time import monotonic

from studio.engines.diffusion import Adapter, DiffusionEngine, DiffusionRequest, Picture, Step
from studio.errors import EngineFailed, OutOfMemory
from studio.imaging.control.images import ControlImages
from studio.imaging.drawing.controlnets import ControlImageSet, ControlledUnit
from studio.imaging.drawing.plan import Plan
from studio.imaging.drawing.requests import DrawingProgress
from studio.imaging.enlarging.in_memory import InMemoryEnlarger
from studio.imaging.enlarging.requests import EnlargingProgress
from studio.registry import LoadProgress, Registry, Shape

Events = Generator[LoadProgress | DrawingProgress | EnlargingProgress, None, list[Picture]]


@dataclass(frozen=True)
class Round:
    """Which of several pictures, and which of its passes."""

    picture: int
    pictures: int
    together: int = 1
    """How many of them are drawn at the same time, from `picture` on."""
    before: int = 0
    """Steps of the passes behind."""
    after: int = 0
    """Steps of the passes to come."""
    heavier: float = 1.0
    """How much longer a step of those takes."""

    def of(self, number: int, together: int) -> "Round":
        """Some of the pictures of this round."""
        return replace(self, picture=self.picture + number, together=together)


class Run:
    """Draws the pictures of one plan."""

    def __init__(self, plan: Plan, registry: Registry, control_images: ControlImages, *, previews: bool) -> None:
        """Without `previews` nothing is shown of a picture before it is finished, so that nothing makes any."""
        self._plan = plan if previews else replace(plan, preview=None)
        self._registry, self._previews = registry, previews
        self._control_images = ControlImageSet(plan.steering, plan.canvas, control_images)
        self._upscalers = InMemoryEnlarger(registry)

    def pictures(self, wanted: DiffusionRequest, part: Round) -> Events:
        """The pictures of one round as they will be kept; where memory is too small for all, in smaller rounds.

        Raises:
            OutOfMemory: it is too small for one.
            EngineFailed: the model broke off.
            StudioError: whatever making a control image raises.
        """
        try:
            drawn = yield from self._passes(wanted, part)
        except OutOfMemory:
            count = len(wanted.seeds)
            if count == 1:
                raise
            half = count // 2
            ahead = replace(wanted, beside=wanted.seeds[1:half])
            rest = replace(wanted.alone(half), beside=wanted.seeds[half + 1 :])
            begun = yield from self.pictures(ahead, part.of(0, half))
            return begun + (yield from self.pictures(rest, part.of(half, count - half)))
        canvas = self._plan.canvas
        return [replace(each, image=canvas.finished(each.image)) if canvas else each for each in drawn]

    def _passes(self, wanted: DiffusionRequest, part: Round) -> Events:
        second = self._plan.second
        if second is None:
            return (yield from self._drawn(wanted, part))
        # The second pass is the larger one, so that its pictures are drawn one by one.
        count, taken = len(wanted.seeds), second.taken
        ahead = replace(part, after=count * taken, heavier=second.scale**2 / count)
        finished = []
        for number, first in enumerate((yield from self._drawn(wanted, ahead))):
            again = yield from second.begun(first, wanted.alone(number), self._upscalers)
            place = replace(part, before=wanted.steps + number * taken, after=(count - number - 1) * taken)
            finished += yield from self._drawn(again, place)
        return finished

    def _drawn(self, wanted: DiffusionRequest, part: Round) -> Events:
        plan, pictures = self._plan, list[Picture]()
        size = wanted.width, wanted.height
        units = yield from self._control_images.at(size)
        fast = plan.fast

        def start(engine: DiffusionEngine) -> Iterator[Step | Picture]:
            worn = (Adapter(lease.again(fast.id).path),) if fast else ()
            controls = tuple(unit.ready(lease.again) for unit in units)
            vae, preview = (lease.again(spec.id) if spec else None for spec in (plan.vae, plan.preview))
            helped = replace(wanted, controls=controls, vae=vae, preview=preview)
            return engine.stream(replace(helped, adapters=(*wanted.adapters, *worn)))

        shape = Shape(*size, batch=len(wanted.seeds))
        with self._registry.lease(plan.spec.id, *plan.models, shape=shape) as lease:
            begun = monotonic()
            # Steps are no output: a drawing that ran out of memory begins again where there is more.
            with closing(lease.stream(start, spoken=lambda event: isinstance(event, Picture))) as events:
                for event in events:
                    if isinstance(event, Step):
                        yield _progress(self._shown(event), monotonic() - begun, part)
                    elif isinstance(event, Picture):
                        pictures.append(replace(event, notice=event.notice or next(_notices(units), None)))
                    else:
                        begun = monotonic()
                        yield event
        if len(pictures) < len(wanted.seeds):
            raise EngineFailed("draw.nothing", model=plan.spec.name)
        return pictures

    def _shown(self, step: Step) -> Step:
        """A step as it may be seen."""
        return step if self._previews else replace(step, preview=None)


def _notices(units: Iterable[ControlledUnit]) -> Iterator[str]:
    return (unit.notice for unit in units if unit.notice)


def _progress(step: Step, seconds: float, part: Round) -> DrawingProgress:
    total = part.before + step.total + part.after
    rounds = (part.pictures - part.picture - part.together + 1) / part.together
    ahead = step.total - step.index + part.after * part.heavier + rounds * total
    left = seconds / step.index * ahead if step.index else None
    return DrawingProgress(part.before + step.index, total, left, step.preview, part.picture, part.pictures)
