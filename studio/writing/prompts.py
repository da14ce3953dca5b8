"""What is said to the model: Jinja templates in `assets/prompts/writing`, one set per language."""

import json
import re
from functools import cache
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from studio.messages import assets
from studio.writing.requests import Language, PieceKind

FENCES: Final = re.compile(r"<(/?(?:brief|outline|written|current|voice|passage))>", re.IGNORECASE)
"""The tags that mark the writer's material in a prompt."""


def data(text: str) -> str:
    """A user's words made unable to end their fence or to pose as a turn of the conversation.

    Chat templates know `<|…|>` as control tokens, also inside a message.
    """
    return FENCES.sub(r"‹\1›", text).replace("<|", "‹|").replace("|>", "|›")


def prompt(name: str, language: Language, **fields: Any) -> str:
    """The template `name` of a language, filled in; whitespace at its end is dropped."""
    return _environment().get_template(f"{language}/{name}.jinja").render(**fields).rstrip()


@cache
def example(language: Language) -> dict[str, Any]:
    """A short outline that shows the model the form: `brief`, `title`, `headings`, `key_points` and more.

    Of its `section`, counted from 1, there is a `text` of so many `words`, which tells its `facts`.
    """
    file = assets() / "prompts" / "writing" / language / "example.json"
    shown: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return shown


@cache
def worked_section(language: Language) -> tuple[str, str]:
    """How a section of the example's outline is asked for, and its text."""
    shown = example(language)
    index = shown["section"] - 1
    asked = prompt(
        "section",
        language,
        title=shown["title"],
        kind="",
        audience=shown["brief"]["audience"],
        tone=shown["brief"]["tone"],
        avoid="",
        voice="",
        headings=(),
        said=(),
        before="",
        current="",
        heading=shown["headings"][index],
        key_points=shown["key_points"][index],
        facts=shown["facts"],
        keywords=(),
        words=shown["words"],
        instruction="",
    )
    return asked, shown["text"]


@cache
def manner(kind: PieceKind, language: Language) -> tuple[str, bool]:
    """A kind of piece in the words of a prompt, empty for an ordinary article; and whether it is running prose."""
    file = assets() / "prompts" / "writing" / language / "kinds.json"
    shown = json.loads(file.read_text(encoding="utf-8"))[kind]
    return str(shown["manner"]), bool(shown["prose"])


@cache
def _environment() -> Environment:
    # Prompts are text: escaping would put HTML entities into them.
    environment = Environment(
        loader=FileSystemLoader(assets() / "prompts" / "writing"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
    )
    environment.filters["data"] = data
    return environment
