"""Every sentence a person reads, by key and language, from `assets/locales`."""

import json
from functools import cache
from pathlib import Path
from typing import Final, Literal

Locale = Literal["en", "zh-CN"]
LOCALES: Final[tuple[Locale, ...]] = ("en", "zh-CN")


@cache
def assets() -> Path:
    """The folder of templates, locales and styles: inside the wheel when installed, beside it in a checkout."""
    packaged = Path(__file__).parent / "assets"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "assets"


@cache
def table(locale: Locale) -> dict[str, str]:
    """All messages of one locale; keys are `file.name`, one file per room of the house."""
    merged: dict[str, str] = {}
    for file in sorted((assets() / "locales" / locale).glob("*.json")):
        entries: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
        merged.update({f"{file.stem}.{key}": text for key, text in entries.items()})
    return merged


def message(key: str, locale: Locale = "en", **details: object) -> str:
    """The sentence for `key`, with `{name}` fields filled in from `details`.

    Raises:
        KeyError: the key is in no table, which is a bug that a test finds.
    """
    return table(locale)[key].format(**details)


def known(key: str) -> bool:
    """Whether `key` has a sentence."""
    return key in table("en")


def data_size(count: float | None) -> str:
    """Bytes for people: `98 MB`, `4.2 GB`; an em dash where nothing is known."""
    if count is None:
        return "—"
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{max(count / 1e6, 0.1):.0f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"
