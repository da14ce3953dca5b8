"""Generation settings as text inside a picture, in the form AUTOMATIC1111's web UI writes and reads."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final

from studio.errors import InvalidRequest
from studio.imaging.infotext.control_settings import ControlSettings, ControlUnits
from studio.imaging.infotext.other_programs import maker_of_text
from studio.imaging.infotext.pairs import pairs, quoted

KEY: Final = "parameters"
"""The PNG text chunk that holds it."""
NEGATIVE: Final = "Negative prompt:"
LONGEST: Final = 500_000
"""Characters that are read; the two longest prompts and all settings take a tenth of that."""
FEWEST_PAIRS: Final = 3
"""A last line with fewer is the end of the prompt."""
FIRST_KEY: Final = re.compile(r"\s*Steps: *\d", re.ASCII)
"""How every parameter line begins that this studio or A1111 wrote, whatever follows it."""
SCHEDULES: Final = ("Karras", "Exponential", "Polyexponential", "SGM Uniform")
"""What old versions wrote at the end of the sampler's name."""
WHOLE: Final = re.compile(r"\d{1,20}", re.ASCII)
NUMBER: Final = re.compile(r"\d{1,20}(\.\d{0,40})?(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
SIZE: Final = re.compile(r"(\d{1,5}) *[x×] *(\d{1,5})", re.ASCII | re.IGNORECASE)
MOST_READ_SIDE: Final = 65_535

Reader = Callable[[str], Any]
"""Reads a value; None where it is not what the key stands for."""


def format_infotext(prompt: str, negative_prompt: str, parameters: Mapping[str, object]) -> str:
    """The prompt, the negative prompt if there is one, and one line of `Key: value` pairs; None and "" are left out.

    The form has no way to carry white space around a prompt, nor a prompt in which a line begins with
    `Negative prompt:`, and it knows a parameter line by at least three pairs or by `Steps` coming first.
    """
    line = ", ".join(f"{key}: {quoted(value)}" for key, value in parameters.items() if value not in (None, ""))
    negative = [f"{NEGATIVE} {negative_prompt}"] if negative_prompt else []
    return "\n".join([prompt, *negative, line])


@dataclass(frozen=True)
class Hires:
    """A second pass at a higher resolution."""

    upscale: float | None = None
    """How many times larger each side is."""
    steps: int | None = None
    """0 takes as many as the first pass."""
    upscaler: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Infotext:
    """What a picture tells about how it was made; what it does not tell is None or empty."""

    prompt: str = ""
    negative_prompt: str = ""
    steps: int | None = None
    sampler: str | None = None
    schedule_type: str | None = None
    guidance_scale: float | None = None
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    strength: float | None = None
    """Denoising strength, 0 to 1: of image to image, or of the second pass where there is one."""
    clip_skip: int | None = None
    model: str | None = None
    hires: Hires | None = None
    controlnet: tuple[ControlSettings, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Everything else, and every value that is out of its bounds, as it was written."""

    def plain(self) -> dict[str, Any]:
        """As JSON holds it, with what is absent left out."""
        told = {name: value for name, value in vars(self).items() if value not in (None, "", ()) and name != "unknown"}
        if self.hires:
            told["hires"] = _present(asdict(self.hires))
        if self.controlnet:
            told["controlnet"] = [_present(asdict(unit)) for unit in self.controlnet]
        return {**told, "unknown": dict(self.unknown)} if self.unknown else told


def read_infotext(text: str) -> Infotext:
    """Read any text that A1111, its relatives or this studio wrote; one without settings is a prompt.

    Raises:
        InvalidRequest: it is empty, too long, has a thousand settings, or holds another program's.
    """
    if len(text) > LONGEST:
        raise InvalidRequest("infotext.too_long", most=LONGEST)
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    if not text:
        raise InvalidRequest("infotext.empty")
    maker = maker_of_text(text)
    if maker is not None:
        raise other_tool(maker)
    said, settings = _parted(text.split("\n"))
    prompt, negative = _prompts(said)
    return Infotext(prompt, negative, **_fields(settings))


def other_tool(maker: str) -> InvalidRequest:
    """The answer to settings in another program's form."""
    return InvalidRequest("infotext.other_tool", tool=maker) if maker else InvalidRequest("infotext.foreign")


def _parted(lines: list[str]) -> tuple[list[str], dict[str, str]]:
    """The lines of the prompts, and the settings."""
    settings = pairs(lines[-1])
    if len(settings) >= FEWEST_PAIRS or (settings and FIRST_KEY.match(lines[-1])):
        return lines[:-1], dict(settings)
    # Dynamic Prompts writes its templates on lines of their own after the settings.
    place = next((index for index in range(len(lines) - 1, -1, -1) if FIRST_KEY.match(lines[index])), None)
    if place is None or len(settings := pairs(lines[place])) < FEWEST_PAIRS:
        return lines, {}
    after = [line.partition(":") for line in lines[place + 1 :] if ":" in line]
    return lines[:place], dict(settings) | {key.strip(): value.strip() for key, _, value in after}


def _prompts(lines: list[str]) -> tuple[str, str]:
    for index, line in enumerate(lines):
        if line.strip().startswith(NEGATIVE):
            negative = [line.strip().removeprefix(NEGATIVE), *lines[index + 1 :]]
            return "\n".join(lines[:index]).strip(), "\n".join(negative).strip()
    return "\n".join(lines).strip(), ""


def _fields(settings: Mapping[str, str]) -> dict[str, Any]:
    """The fields of an `Infotext` beside its prompts."""
    fields: dict[str, Any] = {}
    hires: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    units = ControlUnits()
    for key, text in settings.items():
        name, read = READERS.get(key.casefold(), ("", _text))
        second, read_second = HIRES_READERS.get(key.casefold(), ("", _text))
        if name and (value := read(text)) is not None:
            fields |= value if name == "size" else {name: value}
        elif second and (value := read_second(text)) is not None:
            hires |= value if second == "size" else {second: value}
        elif not units.take(key, text, unknown):
            unknown[key] = text
    if "sampler" in fields and "schedule_type" not in fields:
        fields |= _sampler(fields["sampler"])
    if hires:
        fields["hires"] = Hires(**hires)
    return {**fields, "controlnet": units.units(), "unknown": MappingProxyType(unknown)}


def _sampler(name: str) -> dict[str, str]:
    """The schedule that an old version wrote behind the sampler, apart from it."""
    schedule = next((schedule for schedule in SCHEDULES if name.endswith(f" {schedule}")), None)
    return {"sampler": name.removesuffix(f" {schedule}"), "schedule_type": schedule} if schedule else {}


def _text(text: str) -> str | None:
    return text or None


def _whole(least: int, most: int) -> Reader:
    def read(text: str) -> int | None:
        value = int(text) if WHOLE.fullmatch(text) else -1
        return value if least <= value <= most else None

    return read


def _number(least: float, most: float) -> Reader:
    def read(text: str) -> float | None:
        value = float(text) if NUMBER.fullmatch(text) else math.nan
        return value if least <= value <= most else None

    return read


def _size(text: str) -> dict[str, int] | None:
    found = SIZE.fullmatch(text)
    width, height = (int(found[1]), int(found[2])) if found else (0, 0)
    return {"width": width, "height": height} if all(0 < side <= MOST_READ_SIDE for side in (width, height)) else None


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


READERS: Final[Mapping[str, tuple[str, Reader]]] = MappingProxyType(
    {
        "steps": ("steps", _whole(1, 10_000)),
        "sampler": ("sampler", _text),
        "schedule type": ("schedule_type", _text),
        "cfg scale": ("guidance_scale", _number(0, 1000)),
        "seed": ("seed", _whole(0, 2**64 - 1)),
        "size": ("size", _size),
        "denoising strength": ("strength", _number(0, 1)),
        "clip skip": ("clip_skip", _whole(1, 32)),
        "model": ("model", _text),
    }
)
HIRES_READERS: Final[Mapping[str, tuple[str, Reader]]] = MappingProxyType(
    {
        "hires upscale": ("upscale", _number(0, 64)),
        "hires steps": ("steps", _whole(0, 10_000)),
        "hires upscaler": ("upscaler", _text),
        "hires resize": ("size", _size),
    }
)
