"""How lines are laid out, for languages whose style no linter here knows."""

from collections.abc import Iterator
from typing import Final

from studio.coding.requests import Finding

LONGEST_LINE: Final = 120


def layout(code: str) -> Iterator[Finding]:
    """Lines that are too long, end in blanks, or are indented by both tabs and spaces."""
    habit = ""
    for number, line in enumerate(code.split("\n"), start=1):
        if len(line) > LONGEST_LINE:
            yield Finding(line=number, rule="long-line", message=f"Line of {len(line)} characters (> {LONGEST_LINE}).")
        if line != line.rstrip():
            yield Finding(line=number, rule="trailing-whitespace", message="Blanks at the end of the line.")
        margin = line[: len(line) - len(line.lstrip(" \t"))]
        # A star after one space continues a block comment, whatever the code around it is indented with.
        if not margin or (margin == " " and line.lstrip().startswith("*")):
            continue
        habit = habit or margin[0]
        if habit == " " and "\t" in margin:
            yield Finding(line=number, rule="mixed-indentation", message="A tab among lines indented by spaces.")
        elif habit == "\t" and not margin.startswith("\t"):
            yield Finding(line=number, rule="mixed-indentation", message="Spaces among lines indented by tabs.")
