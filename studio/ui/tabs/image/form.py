"""The form of a picture: which component holds which field, and the request that all of them make."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block
from gradio.i18n import I18nData

from studio.imaging.drawing.requests import PictureRequest, default
from studio.ui.tabs.image.sizes import sides
from studio.ui.words import word

Reader = Callable[..., Mapping[str, Any]]
"""Fields of a `PictureRequest` from the values of some components."""


class PictureForm:
    """Components and how their values are read, in the order in which the browser sends them."""

    def __init__(self) -> None:
        self._parts: list[tuple[tuple[Block, ...], Reader]] = []
        self._shared: list[tuple[tuple[Block, ...], Reader]] = []

    def add(self, reader: Reader, *components: Block, shared: bool = False) -> None:
        """Take fields from components; what is `shared` holds for pictures of other words as well."""
        self._parts.append((components, reader))
        if shared:
            self._shared.append((components, reader))

    def field(self, name: str, component: Block) -> None:
        """Take one field from one component; what is empty there is left to the model or the default."""
        self.add(lambda value: {} if _empty(value) else {name: value}, component, shared=True)

    @property
    def components(self) -> list[Block]:
        """The inputs of the event that draws."""
        return [component for components, _ in self._parts for component in components]

    def settings(self) -> "PictureForm":
        """The part of the form that other pictures can have, too: no prompt, no picture to begin from, no control."""
        form = PictureForm()
        form._parts = form._shared = self._shared
        return form

    def fields(self, values: Sequence[Any]) -> dict[str, Any]:
        """Fields of a `PictureRequest`, unchecked."""
        left = list(values)
        fields: dict[str, Any] = {}
        for components, reader in self._parts:
            fields |= reader(*left[: len(components)])
            del left[: len(components)]
        return fields

    def request(self, values: tuple[Any, ...]) -> PictureRequest:
        """What the form asks for.

        Raises:
            InvalidRequest: something in it is out of bounds or missing.
            UnreadablePicture: a picture in it cannot be read.
        """
        return PictureRequest.of(**self.fields(values))


def whole_number(name: str, least: int, most: int, info: I18nData | None = None) -> gr.Number:
    """A number field of a `PictureRequest`, half a line wide."""
    return gr.Number(
        default(name),
        label=word(f"image.{name}"),
        info=info,
        precision=0,
        minimum=least,
        maximum=most,
        min_width=96,
        elem_id=f"image-{name.replace('_', '-')}",
    )


def prompt_field(value: str | None) -> Mapping[str, Any]:
    """A prompt is sent even when it is empty, so that the refusal names it."""
    return {"prompt": value or ""}


def size_fields(size: str | None) -> Mapping[str, Any]:
    """Width and height as they were typed or chosen."""
    width, height = sides(size or "")
    return {name: side for name, side in (("width", width), ("height", height)) if side is not None}


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
