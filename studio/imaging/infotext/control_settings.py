"""ControlNet units as infotexts tell of them, in the three forms that sd-webui-controlnet has written."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from studio.imaging.infotext.pairs import pairs

UNIT: Final = re.compile(r"controlnet (\d{1,3})", re.ASCII | re.IGNORECASE)
"""One unit, all of it in the value."""
FLAT: Final = re.compile(r"controlnet(?:[- ](\d{1,3}))? (\D+)", re.ASCII | re.IGNORECASE)
"""One setting of one unit, as the first versions wrote them."""
SPAN: Final = re.compile(r"\(([\d.]{1,20}), *([\d.]{1,20})\)", re.ASCII)
NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "module": "module",
        "preprocessor": "module",
        "model": "model",
        "weight": "weight",
        "guidance strength": "weight",
        "guidance start": "start",
        "guidance end": "end",
        "control mode": "mode",
    }
)
MOST: Final[Mapping[str, float]] = MappingProxyType({"weight": 100.0, "start": 1.0, "end": 1.0})
"""Fields that are numbers from 0 up."""


@dataclass(frozen=True)
class ControlSettings:
    """One ControlNet's part in a picture; what was not told is None."""

    module: str | None = None
    """What made the control image: `canny`, `openpose_full`, `none`."""
    model: str | None = None
    weight: float | None = None
    start: float | None = None
    """The share of the steps after which it begins."""
    end: float | None = None
    mode: str | None = None
    """`Balanced`, `My prompt is more important` or `ControlNet is more important`."""


class ControlUnits:
    """Collects the units of one infotext."""

    def __init__(self) -> None:
        self._units: dict[int, dict[str, Any]] = {}

    def take(self, key: str, text: str, unknown: dict[str, str]) -> bool:
        """Whether the pair tells of a unit; what such a pair holds beyond the fields goes into `unknown`."""
        whole, flat = UNIT.fullmatch(key), FLAT.fullmatch(key)
        if whole:
            settings = pairs(text)
            for name, value in settings:
                if not self._set(int(whole[1]), name, value):
                    unknown[f"{key} {name}"] = value
            return bool(settings)
        if flat and flat[2].casefold() == "enabled":
            return True
        return bool(flat and self._set(int(flat[1] or 0), flat[2], text))

    def units(self) -> tuple[ControlSettings, ...]:
        """In the order of their numbers."""
        return tuple(ControlSettings(**self._units[number]) for number in sorted(self._units))

    def _set(self, number: int, name: str, text: str) -> bool:
        values = _values(name.casefold(), text)
        if values:
            self._units.setdefault(number, {}).update(values)
        return bool(values)


def _values(name: str, text: str) -> dict[str, Any]:
    """The fields that a setting fills; none where it is no known one, or out of bounds."""
    if name == "starting/ending":
        span = SPAN.fullmatch(text)
        return _values("guidance start", span[1]) | _values("guidance end", span[2]) if span else {}
    field = NAMES.get(name)
    if field is None or not text:
        return {}
    if field not in MOST:
        return {field: text}
    value = _number(text)
    return {field: value} if 0 <= value <= MOST[field] else {}


def _number(text: str) -> float:
    try:
        return float(text) if len(text) <= 32 else math.nan
    except ValueError:
        return math.nan
