"""Bounds that every request shares: what counts as text, an identifier, a language."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from studio.errors import InvalidRequest

KEPT_CONTROLS = frozenset("\n\t")


def _cleaned(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in KEPT_CONTROLS:
            raise PydanticCustomError(
                "control_character", "holds the control character {code}", {"code": repr(character)}
            )
    return text


def _bounded(least: int, most: int, *, verbatim: bool = False) -> Callable[[str], str]:
    def check(text: str) -> str:
        text = _cleaned(text) if verbatim else _cleaned(text).strip()
        if len(text) < least:
            raise PydanticCustomError("empty", "is empty")
        if len(text) > most:
            raise PydanticCustomError("too_long", "is too long", {"length": len(text), "most": most})
        return text

    return check


def one_of(choices: Sequence[str]) -> Callable[[str], str]:
    """A check that a text is one of several."""

    def check(text: str) -> str:
        if text not in choices:
            raise PydanticCustomError("choice", "must be one of {choices}", {"choices": ", ".join(choices)})
        return text

    return check


Line = Annotated[str, AfterValidator(_bounded(0, 500))]
"""A short text that may be empty, at most 500 characters."""
Prompt = Annotated[str, AfterValidator(_bounded(1, 20_000))]
"""A text that must say something, at most 20,000 characters."""
OptionalPrompt = Annotated[str, AfterValidator(_bounded(0, 20_000))]
Document = Annotated[str, AfterValidator(_bounded(0, 500_000))]
"""A long text, such as an article or a source file, at most 500,000 characters."""
Verbatim = Annotated[str, AfterValidator(_bounded(0, 500_000, verbatim=True))]
"""A long text that keeps the space at its ends."""


class Request(BaseModel):
    """A frozen request; everything in it is checked when it is made."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def of(cls, **fields: Any) -> Self:
        """Make one from what a user typed.

        Raises:
            InvalidRequest: the first field that is out of bounds, in plain words.
        """
        try:
            return cls(**fields)
        except ValidationError as error:
            raise InvalidRequest.from_validation(error) from error
