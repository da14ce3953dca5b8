"""Where a snippet is over: the natural end of a completion, and a model that goes round in circles."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from studio.coding.languages import Ending

CLOSERS: Final = frozenset(")]};, \t")
LOOP_PERIODS: Final = 4
LOOP_TURNS: Final = 8


def natural_end(completion: str, opening: str, ending: Ending) -> int | None:
    """The position in `completion` after which it is another snippet; None while this one goes on.

    `opening` is the line of code that the completion continues.
    """
    return _ENDINGS[ending](completion, opening)


def circles(code: str) -> bool:
    """Whether the last lines say the same again and again, as small models do until they are stopped.

    Indentation does not count, because nested calls repeat themselves ever deeper; closing brackets alone are no
    repetition.
    """
    lines = [stripped for line in code.split("\n")[:-1] if (stripped := line.strip()) and set(stripped) - CLOSERS]
    for period in range(1, LOOP_PERIODS + 1):
        tail = lines[-period * LOOP_TURNS :]
        if len(tail) == period * LOOP_TURNS and tail == tail[:period] * LOOP_TURNS:
            return True
    return False


def _dedent(completion: str, opening: str) -> int | None:
    inside = False
    position = 0
    for line in completion.splitlines(keepends=True):
        # The text of a docstring may start anywhere.
        quoted = (completion.count('"""', 0, position) + completion.count("'''", 0, position)) % 2
        if inside and not quoted and line[0] not in " \t\n)]}\"'":
            return position
        # The first line continues the signature; a signature may run over several lines up to its colon.
        inside = inside or line.rstrip().endswith(":") or line.startswith((" ", "\t"))
        position += len(line)
    return None


def _braces(completion: str, opening: str) -> int | None:
    depth = opening.count("{")
    opened = depth > 0
    quote = ""
    for position, character in enumerate(completion):
        if quote:
            quote = "" if character in (quote, "\n") else quote
        elif character in "\"'":
            quote = character
        elif character == "{":
            depth, opened = depth + 1, True
        elif character == "}":
            depth -= 1
            if opened and depth <= 0:
                return position + 1
    return None


def _pattern(expression: str) -> Callable[[str, str], int | None]:
    compiled = re.compile(expression, re.MULTILINE)

    def find(completion: str, opening: str) -> int | None:
        found = compiled.search(completion)
        return found.end() if found else None

    return find


_ENDINGS: Final[Mapping[Ending, Callable[[str, str], int | None]]] = MappingProxyType(
    {
        "dedent": _dedent,
        "braces": _braces,
        "end": _pattern(r"^end\b"),
        "semicolon": _pattern(r";"),
        "tag": _pattern(r"</html\s*>"),
        "blank": _pattern(r"\n\s*\n\s*\n"),
    }
)
