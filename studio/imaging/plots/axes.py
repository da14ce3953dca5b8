"""What a plot of pictures varies along one side, and the values it takes there."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import permutations
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import ValidationError, ValidationInfo, field_validator

from studio.engines.diffusion import OFFERED, OFFERED_SCHEDULES
from studio.errors import InvalidRequest, whole_numbers
from studio.imaging.drawing.requests import PictureRequest
from studio.imaging.plots.ranges import MOST_VALUES, joined_values, range_numbers, shortened, split_values, too_many
from studio.imaging.reuse import AUTOMATIC
from studio.messages import known
from studio.validation import Request

AxisName = Literal[
    "seed",
    "steps",
    "guidance_scale",
    "sampler",
    "schedule_type",
    "prompt",
    "order",
    "model",
    "styles",
    "size",
    "strength",
    "clip_skip",
    "variation_seed",
    "variation_strength",
    "hires_scale",
    "hires_steps",
    "hires_strength",
    "hires_upscaler",
]
"""Fields of a `PictureRequest`; but `size` is both sides, `prompt` search and replace, `order` that of its parts."""
LABELS: Final[Mapping[AxisName, str]] = MappingProxyType(
    {
        "seed": "Seed",
        "steps": "Steps",
        "guidance_scale": "CFG Scale",
        "sampler": "Sampler",
        "schedule_type": "Schedule type",
        "prompt": "Prompt S/R",
        "order": "Prompt order",
        "model": "Checkpoint name",
        "styles": "Styles",
        "size": "Size",
        "strength": "Denoising",
        "clip_skip": "Clip skip",
        "variation_seed": "Var. seed",
        "variation_strength": "Var. strength",
        "hires_scale": "Hires upscale",
        "hires_steps": "Hires steps",
        "hires_strength": "Hires denoising",
        "hires_upscaler": "Hires upscaler",
    }
)
"""What A1111 calls them, where it has them."""
WHOLE: Final = frozenset({"seed", "steps", "clip_skip", "variation_seed", "hires_steps"})
DECIMAL: Final = frozenset({"guidance_scale", "strength", "variation_strength", "hires_scale", "hires_strength"})
WORDY: Final = frozenset({"prompt", "order", "styles", "model"})
"""Axes whose values say by themselves what they are."""
CHOICES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "sampler": {name.casefold(): name for name in OFFERED},
        "schedule_type": {name.casefold(): name for name in (AUTOMATIC, *OFFERED_SCHEDULES)},
    }
)
"""Names by how they are typed in any case."""
MOST_ORDERED: Final = 3
"""Parts of a prompt; four have 24 orders."""
LONGEST: Final = 20_000
"""Characters of an axis' values."""
SIZE: Final = re.compile(r"(\d{1,5})(?:\s*[x×*]\s*(\d{1,5}))?", re.ASCII | re.IGNORECASE)


class Axis(Request):
    """What varies, and its values: a text such as `7, 9, 11`, `1-5 (+2)` or `1-10 [4]`, or a list.

    Ranges are for numbers, step `(+2)` or count `[4]` as A1111 reads them. The first value of `prompt` is what is
    searched for in both prompts. Values that are the same are kept once.
    """

    vary: AxisName
    values: tuple[str, ...]
    """Each as it was understood."""

    @field_validator("values", mode="before")
    @classmethod
    def _understood(cls, values: Any, info: ValidationInfo) -> Any:
        vary = info.data.get("vary")
        if vary is None or not isinstance(values, str | list | tuple):
            return values
        texts = split_values(_bounded(values, vary)) if isinstance(values, str) else [str(value) for value in values]
        _bounded("".join(texts), vary)
        understood = _once(vary, _values(vary, texts))
        if not understood:
            raise InvalidRequest("plot.none", field=vary)
        if vary == "order" and len(understood) > MOST_ORDERED:
            raise InvalidRequest("plot.order", count=len(understood), most=MOST_ORDERED)
        if len(understood) > MOST_VALUES:
            raise too_many(vary)
        return tuple(understood)

    @property
    def points(self) -> tuple[str, ...]:
        """What each picture along the axis has."""
        if self.vary == "order":
            return tuple(joined_values(order) for order in permutations(self.values))
        return self.values

    def label(self, point: str) -> str:
        """What is written beside the pictures of a point."""
        return (point or "–") if self.vary in WORDY else f"{LABELS[self.vary]}: {point}"

    def fixed(self, values: Sequence[str]) -> "Axis":
        """The same with other values, such as seeds that were left to chance."""
        return self.model_copy(update={"values": tuple(values)})

    def check(self, picture: PictureRequest) -> None:
        """See that there is something to vary in `picture`.

        Raises:
            InvalidRequest: the prompts do not hold what is searched for.
        """
        wanted = self.values if self.vary == "order" else self.values[:1] if self.vary == "prompt" else ()
        texts = (picture.prompt,) if self.vary == "order" else (picture.prompt, picture.negative_prompt)
        for value in wanted:
            if not value or not any(value in text for text in texts):
                raise InvalidRequest("plot.search", value=shortened(value))

    def changed(self, picture: PictureRequest, point: str) -> PictureRequest:
        """The request of the picture that has `point`.

        Raises:
            InvalidRequest: with it, a prompt is empty, too long, or its parts overlap.
        """
        return PictureRequest.of(**{**dict(picture), **self._fields(picture, point)})

    def _fields(self, picture: PictureRequest, point: str) -> Mapping[str, Any]:
        if self.vary == "prompt":
            search = self.values[0]
            return {name: getattr(picture, name).replace(search, point) for name in ("prompt", "negative_prompt")}
        if self.vary == "order":
            return {"prompt": _ordered(picture.prompt, self.values, split_values(point))}
        return _plain(self.vary, point)


def _bounded(text: str, vary: str) -> str:
    if len(text) > LONGEST:
        raise InvalidRequest("plot.long", field=vary, most=LONGEST)
    return text


def _values(vary: str, texts: Sequence[str]) -> Iterator[str]:
    """Each value in the one way it is written, ranges taken apart."""
    for text in texts:
        if vary in ("prompt", "order"):
            yield text
        elif vary in WHOLE or vary in DECIMAL:
            yield from (_checked(vary, number) for number in range_numbers(vary, text, whole=vary in WHOLE))
        else:
            yield _checked(vary, CHOICES.get(vary, {}).get(text.casefold(), text))


def _once(vary: str, values: Iterator[str]) -> list[str]:
    """Without repetitions, but for seeds that are left to chance each."""
    kept: dict[tuple[str, int], None] = {}
    for number, value in enumerate(values):
        kept[value, number if vary in ("seed", "variation_seed") and value == "-1" else -1] = None
    return [value for value, _ in kept]


def _checked(vary: str, value: str) -> str:
    """A value that the request takes, as it is written.

    Raises:
        InvalidRequest: it does not, and why, with the axis and the value.
    """
    if vary == "size" and not SIZE.fullmatch(value.strip()):
        raise InvalidRequest("plot.size", value=shortened(value))
    try:
        made = PictureRequest(prompt="-", **_plain(vary, value))
    except ValidationError as error:
        raise _refused(vary, value, error) from error
    if vary in WHOLE or vary in DECIMAL:
        number = getattr(made, vary)
        return str(number) if vary in WHOLE else f"{Decimal(str(number)).normalize():f}"
    return f"{made.width}x{made.height}" if vary == "size" else value


def _refused(vary: str, value: str, error: ValidationError) -> InvalidRequest:
    first = error.errors()[0]
    details = whole_numbers(first.get("ctx") or {}) | {"field": vary, "value": shortened(value)}
    details.pop("error", None)
    kind = f"plot.value.{first['type']}"
    return InvalidRequest(kind if known(f"errors.{kind}") else "plot.value", **details)


def _plain(vary: str, value: str) -> Mapping[str, Any]:
    """The fields of a request that a value stands for."""
    if vary == "size":
        found = SIZE.fullmatch(value.strip())
        width, height = found.groups() if found else (value, value)
        return {"width": width, "height": height or width}
    if vary == "styles":
        return {"styles": tuple(split_values(value))}
    return {vary: None if (vary, value) == ("schedule_type", AUTOMATIC) else value}


def _ordered(prompt: str, parts: Sequence[str], order: Sequence[str]) -> str:
    """The prompt with `order` in the places of `parts`."""
    made: list[str] = []
    rest = prompt
    for part, instead in zip(sorted(parts, key=prompt.find), order, strict=True):
        before, found, rest = rest.partition(part)
        if not found:
            raise InvalidRequest("plot.overlap", value=shortened(part))
        made += [before, instead]
    return "".join([*made, rest])
