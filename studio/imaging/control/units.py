"""One ControlNet's part in a picture: as it is asked for, and as infotexts tell of it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from studio.engines.annotators import ANNOTATORS, annotator_of, kind
from studio.engines.diffusion import Emphasis
from studio.errors import InvalidRequest
from studio.imaging.control.sizes import LEAST_RESOLUTION, MOST_RESOLUTION
from studio.imaging.infotext.control_settings import ControlSettings
from studio.imaging.infotext.pairs import quoted
from studio.imaging.pictures.fitting import ResizeMode
from studio.validation import Request

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""Of the steps."""
Scale = Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)]
Resolution = Annotated[int, Field(ge=LEAST_RESOLUTION, le=MOST_RESOLUTION)]
MODES: Final[Mapping[Emphasis, str]] = MappingProxyType(
    {
        "balanced": "Balanced",
        "prompt": "My prompt is more important",
        "control": "ControlNet is more important",
    }
)
RESIZES: Final[Mapping[ResizeMode, str]] = MappingProxyType(
    {"stretch": "Just Resize", "crop": "Crop and Resize", "pad": "Resize and Fill"}
)
THRESHOLDS: Final = ("Threshold A", "Threshold B")
"""What infotexts call the parameters of any module, in their order."""


class ControlUnitRequest(Request):
    """Steer a picture with a control image."""

    model: str
    """The id of a ControlNet."""
    image: Path | None = None
    """None takes the picture that the request begins from."""
    annotator: str = "none"
    """What makes the control image of the picture; `none` where it is one already."""
    parameters: Mapping[str, float] = Field(default_factory=dict)
    """Of the annotator; those left out are at their defaults."""
    scale: Scale = 1.0
    """Conditioning scale; 0 leaves the ControlNet without effect."""
    start: Share = 0.0
    """The share of the steps after which it begins."""
    end: Share = 1.0
    mode: Emphasis = "balanced"
    resize_mode: ResizeMode = "crop"
    pixel_perfect: bool = True
    """Annotate at just the resolution that the picture needs."""
    resolution: Resolution = 512
    """Pixels of the shorter side while it is annotated, where that is not left to `pixel_perfect`."""

    @model_validator(mode="after")
    def _sound(self) -> Self:
        # Errors of the studio's own pass through pydantic as they are, with their sentences.
        kind(self.annotator).complete(self.parameters)
        if self.start >= self.end:
            raise InvalidRequest("control.span", start=f"{self.start:g}", end=f"{self.end:g}")
        return self


def infotext_units(units: Iterable[ControlUnitRequest]) -> dict[str, str]:
    """Settings for an infotext's last line, one for each unit: `ControlNet 0` and so on."""
    return {f"ControlNet {number}": _told(unit) for number, unit in enumerate(units)}


def _told(unit: ControlUnitRequest) -> str:
    annotator = kind(unit.annotator)
    numbers = annotator.complete(unit.parameters).values()
    told: dict[str, object] = {"Module": annotator.module, "Model": unit.model, "Weight": unit.scale}
    told["Resize Mode"] = RESIZES[unit.resize_mode]
    if annotator.id != "none":
        told["Processor Res"] = unit.resolution
    told |= dict(zip(THRESHOLDS, numbers, strict=False))
    told |= {"Guidance Start": unit.start, "Guidance End": unit.end}
    told |= {"Pixel Perfect": unit.pixel_perfect, "Control Mode": MODES[unit.mode]}
    return ", ".join(f"{name}: {_written(value)}" for name, value in told.items())


def _written(value: object) -> str:
    return str(value) if isinstance(value, float) else quoted(value)


def unit_extras(number: int, unknown: Mapping[str, str]) -> dict[str, str]:
    """What an infotext tells of one unit beyond its `ControlSettings`, by the names there."""
    prefix = f"ControlNet {number} "
    return {name.removeprefix(prefix): value for name, value in unknown.items() if name.startswith(prefix)}


def unit_fields(settings: ControlSettings, extras: Mapping[str, str]) -> dict[str, Any]:
    """The fields of a `ControlUnitRequest` that an infotext fills; what it cannot say, or says wrongly, is left out.

    `model` is what the infotext calls it, which need not be an id of the catalogue.
    """
    fields: dict[str, Any] = {"model": settings.model, "annotator": annotator_of(settings.module)}
    if settings.weight is not None and settings.weight <= 2:
        fields["scale"] = settings.weight
    start, end = settings.start or 0.0, 1.0 if settings.end is None else settings.end
    if start < end:
        fields |= {"start": start, "end": end}
    fields["mode"] = next((mode for mode, name in MODES.items() if name == settings.mode), None)
    resize = extras.get("Resize Mode")
    fields["resize_mode"] = next((mode for mode, name in RESIZES.items() if name == resize), None)
    fields["pixel_perfect"] = {"True": True, "False": False}.get(extras.get("Pixel Perfect", ""))
    resolution = _number(extras.get("Processor Res", ""))
    if resolution is not None and LEAST_RESOLUTION <= resolution <= MOST_RESOLUTION:
        fields["resolution"] = round(resolution)
    if fields["annotator"] is not None:
        fields["parameters"] = _parameters(fields["annotator"], extras)
    return {name: value for name, value in fields.items() if value is not None}


def _parameters(annotator: str, extras: Mapping[str, str]) -> dict[str, float]:
    named = zip(ANNOTATORS[annotator].parameters, THRESHOLDS, strict=False)
    told = {parameter: _number(extras.get(name, "")) for parameter, name in named}
    return {p.name: value for p, value in told.items() if value is not None and p.least <= value <= p.most}


def _number(text: str) -> float | None:
    try:
        return float(text) if len(text) <= 32 else None
    except ValueError:
        return None
