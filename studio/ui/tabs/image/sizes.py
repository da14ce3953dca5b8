"""The size of a picture: those that suit the model that will draw, and any other that is typed."""

import re
from typing import Any, Final

import gradio as gr

from studio.imaging.drawing.plan import own_size
from studio.imaging.pictures.fitting import USUAL_SIDE
from studio.registry import ModelSpec
from studio.ui.words import word

SIZES: Final = ("512x512", "512x768", "768x512", "768x768", "1024x1024", "832x1216", "1216x832")
SMALL: Final = ((1, 1), (1, 1.5), (1.5, 1), (1.5, 1.5), (2, 2))
"""Sizes for models that draw smaller than that, in sides of their own square."""
BETWEEN: Final = re.compile(r"\s*[x×*]\s*", re.IGNORECASE)


def size_choice(spec: ModelSpec) -> gr.Dropdown:
    """The field, offering what suits a model; other sizes are typed as 640x448."""
    return gr.Dropdown(
        choices(spec),
        value="",
        label=word("image.size"),
        info=word("image.size.info"),
        allow_custom_value=True,
        elem_id="image-size",
    )


def choices(spec: ModelSpec) -> list[tuple[Any, str]]:
    """What is offered for a model: its own size first."""
    return [(word("image.size.auto"), ""), *((size.replace("x", " × "), size) for size in _offered(spec))]


def suited(spec: ModelSpec, chosen: str) -> Any:
    """The field for another model: what was chosen stays, unless it was offered for models of another kind."""
    offered = _offered(spec)
    foreign = chosen in SIZES and chosen not in offered
    return gr.update(choices=choices(spec), value="" if foreign else chosen)


def sides(size: str) -> tuple[str | None, str | None]:
    """Width and height as they were typed, to be checked by the request; None for the model's own."""
    if not size.strip():
        return None, None
    width, *rest = BETWEEN.split(size.strip(), maxsplit=1)
    return width, rest[0] if rest else width


def _offered(spec: ModelSpec) -> tuple[str, ...]:
    side, _ = own_size(spec)
    return SIZES if side >= USUAL_SIDE else tuple(f"{round(side * wide)}x{round(side * high)}" for wide, high in SMALL)
