"""Styles: what a prompt is wrapped in by choosing a name."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import InvalidRequest, StorageFailed
from studio.messages import LOCALES, Locale

PLACE: Final = "{prompt}"
"""Where the prompt goes; a style without it is added at the end."""
MOST: Final = 1000
"""Styles of one's own."""


class Style(BaseModel):
    """A style as it stands in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=80)
    name: dict[Locale, str] = {}
    """What the page calls it; its id where a language is missing."""
    prompt: str = Field(default="", max_length=5000)
    negative_prompt: str = Field(default="", max_length=5000)

    def title(self, locale: Locale = "en") -> str:
        """Its name in a language."""
        return self.name.get(locale) or self.id

    def known_as(self, word: str) -> bool:
        """Whether this is its id, or its name in any language."""
        return word.casefold() in {self.id.casefold(), *(self.title(locale).casefold() for locale in LOCALES)}


class Styles:
    """The styles that come along, and the user's own in a file that is kept; of two with one id the own one counts."""

    def __init__(self, built_in: Path, own: Path) -> None:
        self._built_in = _read(built_in)
        self._own = own
        self._lock = threading.Lock()

    def all(self) -> tuple[Style, ...]:
        """Every style, those that come along first.

        Raises:
            InvalidRequest: the user's file breaks its form.
        """
        return tuple({style.id: style for style in (*self._built_in, *_read(self._own))}.values())

    def find(self, word: str) -> Style:
        """The style with this id or name.

        Raises:
            InvalidRequest: there is none.
        """
        styles = self.all()
        found = next((style for style in styles if style.known_as(word)), None)
        if found is None:
            raise InvalidRequest("style.unknown", name=word, known=", ".join(style.id for style in styles))
        return found

    def apply(self, prompt: str, negative_prompt: str, names: Iterable[str]) -> tuple[str, str]:
        """Both prompts in these styles, one after the other.

        Raises:
            InvalidRequest: there is no such style.
        """
        for name in names:
            style = self.find(name)
            prompt = _wrapped(prompt, style.prompt)
            negative_prompt = _wrapped(negative_prompt, style.negative_prompt)
        return prompt, negative_prompt

    def keep(self, style: Style) -> None:
        """Write one of the user's own, in place of one with the same id.

        Raises:
            InvalidRequest: there are too many, or the file breaks its form.
            StorageFailed: the disk refuses.
        """
        with self._lock:
            kept = {known.id: known for known in _read(self._own)} | {style.id: style}
            if len(kept) > MOST:
                raise InvalidRequest("style.many", most=MOST)
            self._write(kept.values())

    def forget(self, style_id: str) -> None:
        """Remove one of the user's own; one that comes along is as it was again.

        Raises:
            InvalidRequest: none of the user's own has this id.
        """
        with self._lock:
            kept = _read(self._own)
            rest = [style for style in kept if style.id != style_id]
            if len(rest) == len(kept):
                raise InvalidRequest("style.unknown", name=style_id, known=", ".join(style.id for style in kept))
            self._write(rest)

    def _write(self, styles: Iterable[Style]) -> None:
        entries = [style.model_dump(exclude_defaults=True) for style in styles]
        partial = self._own.with_name(f".{self._own.name}-{uuid4().hex}.part")
        try:
            self._own.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False), encoding="utf-8")
            partial.replace(self._own)
        except OSError as error:
            partial.unlink(missing_ok=True)
            reason = error.strerror or str(error)
            raise StorageFailed("storage.write", file=self._own.name, reason=reason) from error


def _wrapped(prompt: str, style: str) -> str:
    if PLACE in style:
        return style.replace(PLACE, prompt)
    return ", ".join(filter(None, (prompt.strip(), style.strip())))


def _read(file: Path) -> tuple[Style, ...]:
    try:
        entries: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRequest("style.file", file=file.name, reason=str(error).splitlines()[0]) from error
    try:
        return tuple(Style.model_validate(entry) for entry in entries or ())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InvalidRequest("style.file", file=file.name, reason=f"{where}: {first['msg']}") from error
    except TypeError as error:
        raise InvalidRequest("style.file", file=file.name, reason="no list") from error
