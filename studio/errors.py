"""The error family: everything a user can cause, with a message and a hint in their language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError

from studio.messages import Locale, known, message


@dataclass(frozen=True)
class Reason:
    """One cause of a failure; `code` names the sentence `errors.<code>` in the locale tables."""

    code: str
    details: Mapping[str, object] = field(default_factory=dict)

    def text(self, locale: Locale = "en") -> str:
        """The cause in one sentence."""
        return message(f"errors.{self.code}", locale, **self.details)


class StudioError(Exception):
    """Something a user can cause or mend.

    `code` names the sentence `errors.<code>` in the locale tables, and `errors.<code>.hint` the advice that goes with
    it; `details` fill their fields. Raise a subclass, never this class.
    """

    def __init__(self, code: str, /, **details: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details

    @classmethod
    def of(cls, reason: Reason, **more: object) -> Self:
        """The error that says what a reason says; `more` goes before its details."""
        return cls(reason.code, **{**reason.details, **more})

    @property
    def title(self) -> str:
        """The name of its public kind, the nearest class of this family: what a program may tell errors apart by."""
        return next(kind.__name__ for kind in type(self).__mro__ if kind.__module__ == __name__)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are remade from what `__init__` was given, which for most of this family is more than `args` holds.
        return _remade, (type(self), self.code), self.__dict__

    def text(self, locale: Locale = "en") -> str:
        """What went wrong, in one sentence."""
        return message(f"errors.{self.code}", locale, **self.details)

    def hint(self, locale: Locale = "en") -> str:
        """What to do about it; empty where the sentence says it all."""
        key = f"errors.{self.code}.hint"
        return message(key, locale, **self.details) if known(key) else ""

    def explain(self, locale: Locale = "en") -> str:
        """The sentence and its hint."""
        return f"{self.text(locale)} {self.hint(locale)}".strip()

    def __str__(self) -> str:
        return self.explain()


class InvalidRequest(StudioError):
    """What was asked for is out of bounds, empty or contradictory."""

    @classmethod
    def from_validation(cls, error: ValidationError) -> Self:
        """The first finding of pydantic in plain words, naming the field as the user knows it."""
        return cls.from_details(error.errors())

    @classmethod
    def from_details(cls, findings: Sequence[Any]) -> Self:
        """The same from pydantic's list of findings; request types come from `errors.invalid.<type>`."""
        first = findings[0]
        kind, context = str(first["type"]), whole_numbers(first.get("ctx") or {})
        context.pop("error", None)
        field = ".".join(str(part) for part in first["loc"]) or "request"
        if known(f"errors.invalid.{kind}"):
            return cls(f"invalid.{kind}", field=field, **context)
        return cls("invalid.other", field=field, reason=str(first["msg"]))


def whole_numbers(details: Mapping[str, Any]) -> dict[str, Any]:
    """Details of an error, with bounds such as 0.0 as people write them."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in details.items()
    }


class UnknownModel(StudioError):
    """No catalogue entry has this id, or it cannot do what was asked."""


class CatalogueError(StudioError):
    """`models.yaml` breaks its schema."""


class WeightsUnavailable(StudioError):
    """No source of a model could deliver its weights, or what was delivered is damaged."""


class Busy(StudioError):
    """A deadline passed while others held the room."""


class OutOfMemory(StudioError):
    """A model does not fit, even after everything idle was moved away."""


class EngineFailed(StudioError):
    """A model's library or remote endpoint refused or broke off."""


class UnreadablePicture(StudioError):
    """A file that is no picture, or one that cannot be worked on."""


class Forbidden(StudioError):
    """Whoever asks is not known, or may not do this."""


class TooMuch(StudioError):
    """Whoever asks has had as much as one may for now; `seconds` says when to come back."""


class StorageFailed(StudioError):
    """The disk refused a write."""


class ServerFailed(StudioError):
    """The web server cannot start."""


class Cancelled(StudioError):
    """The user stopped it; never shown as an error."""

    def __init__(self) -> None:
        super().__init__("cancelled")


def _remade(kind: type[StudioError], code: str) -> StudioError:
    return kind.__new__(kind, code)
