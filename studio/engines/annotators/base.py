"""The kinds of annotators: what each is called, what can be set, and which ControlNets it goes with."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, Protocol

from PIL import Image

from studio.engines.annotators import edges, resampling
from studio.errors import InvalidRequest


class Annotator(Protocol):
    """Draws what a ControlNet reads. With weights it implements `studio.registry.models.loaded.Loaded` as well."""

    def annotate(self, image: Image.Image, resolution: int, **parameters: Any) -> Image.Image:
        """The control image of a picture, both mode RGB; its shorter side is `resolution` pixels, its aspect the same.

        `parameters` are those of its kind, and the networks that help it by their names.

        Raises:
            OutOfMemory: the picture is too large for the device.
            EngineFailed: the library below refused it.
        """
        ...


@dataclass(frozen=True)
class Parameter:
    """One number that can be set."""

    name: str
    default: float
    least: float
    most: float
    step: float

    @property
    def whole(self) -> bool:
        return self.step == int(self.step)


@dataclass(frozen=True)
class Kind:
    """One kind of annotator."""

    id: str
    module: str
    """Its name in infotexts."""
    modules: tuple[str, ...] = ()
    """Other names that infotexts use for what is, near enough, the same."""
    parameters: tuple[Parameter, ...] = ()
    """In the order of an infotext's `Threshold A` and `Threshold B`."""
    words: tuple[str, ...] = ()
    """What the names of ControlNets hold that were trained on it."""
    networks: tuple[str, ...] = ()
    """What it needs of the catalogue: the `annotator` in the defaults of entries for the task `annotate`. The first
    one draws, the others help it. Empty for those without weights."""
    draw: Callable[..., Image.Image] | None = None
    """How those without weights work: (picture, resolution, **parameters)."""

    def complete(self, parameters: Mapping[str, object]) -> dict[str, float]:
        """All parameters, those not given at their defaults.

        Raises:
            InvalidRequest: one is unknown, no number or out of its bounds.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        strange = next((name for name in parameters if name not in known), None)
        if strange is not None:
            code = "control.parameter_unknown" if known else "control.parameter_none"
            raise InvalidRequest(code, name=str(strange)[:60], annotator=self.id, known=", ".join(known))
        return {name: _checked(known[name], parameters.get(name)) for name in known}


def _checked(parameter: Parameter, value: object) -> float:
    if value is None:
        value = parameter.default
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequest("control.parameter_number", name=parameter.name, value=str(value)[:60])
    if not parameter.least <= value <= parameter.most:
        bounds = {"least": f"{parameter.least:g}", "most": f"{parameter.most:g}"}
        raise InvalidRequest("control.parameter_bounds", name=parameter.name, value=f"{value:g}", **bounds)
    return round(value) if parameter.whole else float(value)


_KINDS: Final = (
    Kind("none", "none", modules=("invert",), draw=resampling.untouched),
    Kind(
        "canny",
        "canny",
        parameters=(Parameter("low_threshold", 100, 1, 255, 1), Parameter("high_threshold", 200, 1, 255, 1)),
        words=("canny", "edges", "edge"),
        draw=edges.canny,
    ),
    Kind(
        "softedge",
        "softedge_hed",
        modules=("hed", "softedge_hedsafe", "hed_safe", "softedge_pidinet", "softedge_pidisafe", "softedge_teed"),
        words=("softedge", "hed", "pidinet", "pidi"),
        networks=("softedge",),
    ),
    Kind(
        "lineart",
        "lineart_realistic",
        modules=("lineart", "lineart_coarse", "lineart_anime", "lineart_anime_denoise"),
        words=("lineart", "lineart_anime"),
        networks=("lineart",),
    ),
    Kind(
        "lineart_standard",
        "lineart_standard",
        modules=("lineart_standard (from white bg & black line)",),
        parameters=(Parameter("sigma", 6, 0.1, 32, 0.1), Parameter("intensity_threshold", 8, 0, 16, 1)),
        draw=edges.lineart_standard,
    ),
    Kind(
        "scribble",
        "scribble_xdog",
        modules=("scribble_hed", "scribble_pidinet", "fake_scribble", "scribble_thr"),
        parameters=(Parameter("threshold", 32, 1, 64, 1),),
        words=("scribble", "sketch", "xdog"),
        draw=edges.scribble,
    ),
    Kind(
        "openpose",
        "openpose",
        modules=("openpose_full", "openpose_hand", "openpose_face", "openpose_faceonly", "dw_openpose_full"),
        parameters=(Parameter("confidence", 0.3, 0.05, 0.95, 0.05),),
        words=("openpose", "pose"),
        networks=("openpose", "people"),
    ),
    Kind(
        "depth",
        "depth_anything_v2",
        modules=(
            *("depth_midas", "depth", "depth_leres", "depth_leres++", "depth_zoe", "depth_anything"),
            *("depth_hand_refiner", "zoe_depth"),
        ),
        words=("depth", "midas", "zoe"),
        networks=("depth",),
    ),
    Kind(
        "tile",
        "tile_resample",
        modules=("tile_colorfix", "tile_colorfix+sharp"),
        parameters=(Parameter("down_sampling", 1, 1, 8, 0.01),),
        words=("tile",),
        draw=resampling.tile,
    ),
)
ANNOTATORS: Final[Mapping[str, Kind]] = MappingProxyType({kind.id: kind for kind in _KINDS})
"""Every kind by its id, in the order in which people look for them."""
_WORDS: Final = {word: kind for kind in _KINDS for word in kind.words}
_MODULES: Final = {name: kind for kind in _KINDS for name in (kind.module, *kind.modules)}


def kind(annotator: str) -> Kind:
    """The kind with this id.

    Raises:
        InvalidRequest: there is none.
    """
    if annotator not in ANNOTATORS:
        raise InvalidRequest("control.annotator", annotator=annotator[:60], known=", ".join(ANNOTATORS))
    return ANNOTATORS[annotator]


def annotator_of(module: str | None) -> str | None:
    """The id for what an infotext calls a module; None for one that has no likeness here."""
    found = _MODULES.get((module or "").strip().casefold())
    return found.id if found else None


def suggested(*names: str) -> str:
    """The annotator that goes with a ControlNet, by the words of its id, name or file; `none` where they do not say."""
    for name in names:
        # `control_v11p_sd15_softedge` and `Soft edge` are the same words.
        words = re.split(r"[^a-z]+", name.casefold())
        joined = [*words, *("".join(pair) for pair in pairwise(words))]
        found = next((_WORDS[word] for word in reversed(joined) if word in _WORDS), None)
        if found:
            return found.id
    return "none"
