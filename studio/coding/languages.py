"""The programming languages the studio writes and judges."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from tree_sitter import Parser

Ending = Literal["dedent", "braces", "end", "semicolon", "tag", "blank"]
"""How a base model's completion shows that the snippet is over.

`dedent`: the first line back at column 0; `braces`: the first bracket is closed again; `end`: the keyword `end` at
column 0; `semicolon`: a statement ends; `tag`: `</html>`; `blank`: two blank lines.
"""


@dataclass(frozen=True)
class CodeLanguage:
    """One language: its names, its grammar, and how a snippet of it begins and ends."""

    id: str
    label: str
    extension: str
    aliases: tuple[str, ...] = ()
    """Other names people and Markdown fences use, in small letters."""
    wheel: str = ""
    """The Python package that carries the tree-sitter grammar; `tree_sitter_<id>` when empty."""
    factory: str = "language"
    """The function in that package that returns the grammar."""
    comment: tuple[str, str] = ("// ", "")
    """What goes before and after the text of a one-line comment."""
    opening: str = ""
    """The words a base model continues after the description."""
    ending: Ending = "braces"
    data: bool = False
    """Holds data rather than code, so that nothing but its syntax can be judged."""

    def parser(self) -> "Parser":
        """A new tree-sitter parser; parsers are not safe to share between threads.

        Raises:
            ImportError: the grammar's wheel is not installed.
            ValueError: the grammar was built for another tree-sitter.
        """
        import tree_sitter

        wheel = importlib.import_module(self.wheel or f"tree_sitter_{self.id}")
        return tree_sitter.Parser(tree_sitter.Language(getattr(wheel, self.factory)()))


LANGUAGES: Final = (
    CodeLanguage(
        "python", "Python", "py", ("py", "python3", "py3"), comment=("# ", ""), opening="def ", ending="dedent"
    ),
    CodeLanguage("javascript", "JavaScript", "js", ("js", "node", "jsx", "mjs"), opening="function "),
    CodeLanguage(
        "typescript",
        "TypeScript",
        "ts",
        ("ts",),
        wheel="tree_sitter_typescript",
        factory="language_typescript",
        opening="function ",
    ),
    CodeLanguage(
        "tsx",
        "TSX",
        "tsx",
        ("typescriptreact",),
        wheel="tree_sitter_typescript",
        factory="language_tsx",
        opening="export function ",
    ),
    CodeLanguage("java", "Java", "java", opening="public class "),
    CodeLanguage("c", "C", "c", ("h",), opening="#include <stdio.h>\n\n"),
    CodeLanguage("cpp", "C++", "cpp", ("c++", "cxx", "cc", "hpp"), opening="#include <iostream>\n\n"),
    CodeLanguage(
        "c-sharp", "C#", "cs", ("c#", "cs", "csharp"), wheel="tree_sitter_c_sharp", opening="public static class "
    ),
    CodeLanguage("go", "Go", "go", ("golang",), opening="func "),
    CodeLanguage("rust", "Rust", "rs", ("rs",), opening="fn "),
    CodeLanguage("ruby", "Ruby", "rb", ("rb",), comment=("# ", ""), opening="def ", ending="end"),
    CodeLanguage("php", "PHP", "php", factory="language_php", opening="<?php\n\nfunction "),
    CodeLanguage(
        "html", "HTML", "html", ("htm",), comment=("<!-- ", " -->"), opening="<!DOCTYPE html>\n<html", ending="tag"
    ),
    CodeLanguage("css", "CSS", "css", comment=("/* ", " */"), ending="blank"),
    CodeLanguage("json", "JSON", "json", opening="{", data=True),
    CodeLanguage(
        "bash",
        "Bash",
        "sh",
        ("sh", "shell", "zsh"),
        comment=("# ", ""),
        opening="#!/usr/bin/env bash\n",
        ending="blank",
    ),
    CodeLanguage(
        "sql",
        "SQL",
        "sql",
        ("sqlite", "postgresql", "postgres", "mysql"),
        comment=("-- ", ""),
        opening="SELECT ",
        ending="semicolon",
    ),
)


@cache
def _by_name() -> Mapping[str, CodeLanguage]:
    names = {name: language for language in LANGUAGES for name in (language.id, *language.aliases)}
    return MappingProxyType(names | {language.label.lower(): language for language in LANGUAGES})


def named(name: str) -> CodeLanguage | None:
    """The language people call `name`, in whatever case; None when nobody does."""
    return _by_name().get(name.strip().lower())


def find(name: str) -> CodeLanguage:
    """The language a user asked for.

    Raises:
        InvalidRequest: no language has this name.
    """
    if (language := named(name)) is None:
        shown = name.strip()[:40] or "?"
        raise InvalidRequest("language.unknown", language=shown, choices=", ".join(entry.id for entry in LANGUAGES))
    return language
