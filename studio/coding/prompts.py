"""What the model is told, from the templates in `assets/prompts/coding`."""

import re
from collections.abc import Callable
from functools import cache
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from studio.coding.languages import CodeLanguage
from studio.engines.text import Message
from studio.messages import assets

CHINESE: Final = re.compile(r"[㐀-䶿一-鿿豈-﫿]")


@cache
def _environment() -> Environment:
    # Prompts are plain text for a model, never HTML, so nothing is escaped.
    return Environment(
        loader=FileSystemLoader(assets() / "prompts" / "coding"),
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        keep_trailing_newline=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def written_in_chinese(description: str) -> bool:
    """Whether a description holds Chinese characters."""
    return CHINESE.search(description) is not None


def fence_for(text: str) -> str:
    """A row of quotation marks that does not occur in `text`, to set it apart as data."""
    longest = max((len(run) for run in re.findall(r'"{3,}', text)), default=2)
    return '"' * (longest + 1)


def conversation(description: str, language: CodeLanguage, *, solved: bool = True) -> tuple[Message, ...]:
    """The turns that ask a chat model for a snippet, in the language of the description.

    With `solved`, a task done beforehand shows the form, where there is one in the programming language.
    """
    folder = "zh" if written_in_chinese(description) else "en"
    environment = _environment()

    def asked(task: str) -> Message:
        fields = {"label": language.label, "fence": language.id, "mark": fence_for(task), "description": task}
        return Message("user", environment.get_template(f"{folder}/snippet.jinja").render(fields))

    system = Message("system", environment.get_template(f"{folder}/system.jinja").render(label=language.label))
    shown = _solved(folder, language, asked) if solved else ()
    return (system, *shown, asked(description))


def _solved(folder: str, language: CodeLanguage, asked: Callable[[str], Message]) -> tuple[Message, ...]:
    environment = _environment()
    answer = f"{folder}/{language.id}_answer.jinja"
    if answer not in environment.list_templates():
        return ()
    task = environment.get_template(f"{folder}/{language.id}_task.jinja").render()
    return asked(task), Message("assistant", environment.get_template(answer).render())


def beginning(description: str, language: CodeLanguage) -> tuple[str, str]:
    """What a base model continues: the description as a comment, and the first words of the code."""
    before, after = language.comment
    head = ""
    if language.opening.startswith(("<?php", "#!")):
        # The interpreter wants its mark before anything else, comments included.
        first, newline, rest = language.opening.partition("\n")
        head, opening = first + newline, rest.lstrip("\n")
    else:
        opening = language.opening
    folder = "zh" if written_in_chinese(description) else "en"
    lines = [line.replace("-->", "->").replace("*/", "* /") for line in description.splitlines()]
    text = _environment().get_template(f"{folder}/completion.jinja").render(lines=lines, before=before, after=after)
    text = text.rstrip("\n")
    if language.data:
        return f"{text}\n{opening}", opening
    return f"{head}{text}\n{opening}", f"{head}{text}\n{opening}"
