"""The ControlNets of a request: which networks, and what each of them reads."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from studio.engines.diffusion import UNION_MODES, ControlUnit, base_make
from studio.errors import InvalidRequest
from studio.imaging.control.images import ControlImages
from studio.imaging.control.units import ControlUnitRequest
from studio.imaging.drawing.canvas import Canvas, flat
from studio.imaging.drawing.requests import PictureRequest
from studio.imaging.pictures.fitting import Size, fitted
from studio.registry import LoadProgress, ModelSpec, Registry


@dataclass(frozen=True)
class ChosenUnit:
    """One unit and the ControlNet that it names."""

    unit: ControlUnitRequest
    spec: ModelSpec
    source: Path
    """The picture that steers, or that its control image is made of."""

    @property
    def mode(self) -> int:
        """Which of a union model's kinds of picture it is; single ControlNets know but one."""
        return UNION_MODES.get(self.unit.annotator, 0)


@dataclass(frozen=True)
class ControlledUnit:
    """A unit with its control image."""

    steering: ChosenUnit
    image: Image.Image
    notice: str | None

    def ready(self, network: Callable[[str], Any]) -> ControlUnit:
        """What the engine takes; `network` gives a loaded ControlNet by its id."""
        unit = self.steering.unit
        return ControlUnit(
            network(self.steering.spec.id),
            self.image,
            scale=unit.scale,
            start=unit.start,
            end=unit.end,
            mode=self.steering.mode,
            emphasis=unit.mode,
        )


def steering(request: PictureRequest, spec: ModelSpec, registry: Registry) -> tuple[ChosenUnit, ...]:
    """The units of a request, checked against the image model that is to be steered.

    Raises:
        UnknownModel: there is no such ControlNet.
        InvalidRequest: it steers other models, or there is no picture for it.
    """
    return tuple(_checked(unit, request, spec, registry) for unit in request.controls)


class ControlImageSet:
    """Makes the control images of one request's units, once for every size that is drawn."""

    def __init__(self, units: Iterable[ChosenUnit], canvas: Canvas | None, control_images: ControlImages) -> None:
        self._units, self._canvas, self._control_images = tuple(units), canvas, control_images
        self._made: dict[Size, tuple[ControlledUnit, ...]] = {}

    def at(self, size: Size) -> Generator[LoadProgress, None, tuple[ControlledUnit, ...]]:
        """The units for a picture of `size`; raises what `ControlImages.control_image` does."""
        if size not in self._made:
            made = []
            for unit in self._units:
                made.append((yield from self._controlled(unit, size)))
            self._made[size] = tuple(made)
        return self._made[size]

    def _controlled(self, each: ChosenUnit, size: Size) -> Generator[LoadProgress, None, ControlledUnit]:
        picture: Path | Image.Image = each.source
        canvas = self._canvas
        if canvas is not None and canvas.box is not None and canvas.under is not None:
            # What is drawn is a part of the picture, and so is what steers it.
            whole = flat(each.source, self._control_images.max_pixels)
            picture = fitted(whole, canvas.under.size, each.unit.resize_mode).crop(canvas.box)
        made = yield from self._control_images.asked(picture, each.unit, size)
        return ControlledUnit(each, made.image, made.notice)


def _checked(unit: ControlUnitRequest, request: PictureRequest, spec: ModelSpec, registry: Registry) -> ChosenUnit:
    controlnet = registry.choose(unit.model, "controlnet")
    source = unit.image or request.image
    if source is None:
        raise InvalidRequest("control.no_image", controlnet=controlnet.name)
    if not fits(controlnet, spec, registry):
        raise InvalidRequest("control.base", controlnet=controlnet.name, base=controlnet.base, model=spec.name)
    return ChosenUnit(unit, controlnet, source)


def fits(helper: ModelSpec, spec: ModelSpec, registry: Registry) -> bool:
    """Whether a ControlNet or an adapter goes with a model: the one its entry names, or another of the same family."""
    if helper.base in (None, spec.id):
        return True
    bases = (registry.weights(each) for each in (registry.catalogue.get(str(helper.base)), spec))
    families = [base_make(weights).family for weights in bases if weights is not None]
    return len(families) == 2 and families[0] == families[1] and families[0] is not None
