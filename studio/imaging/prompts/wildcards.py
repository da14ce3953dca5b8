"""Prompts that leave something to chance: `__name__` takes a line of a file, `{a|b|c}` one of what is in it.

As the Dynamic Prompts extension of AUTOMATIC1111's web UI writes them: https://github.com/adieyal/sd-dynamic-prompts
"""

import random
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from studio.errors import InvalidRequest

LONGEST: Final = 20_000
"""Characters of a prompt when everything is chosen, as many as may be typed."""
MOST_CHOICES: Final = 500
"""Lines that one prompt takes from files; more is taken for files that name each other in a circle."""
LARGEST: Final = 4 * 2**20
"""Bytes of one file that are read."""

_NAME: Final = re.compile(r"(?<!\\)__([^\W_][\w./-]*?)__")
_MARKS: Final = re.compile(r"\\.|[{}|]", re.DOTALL)
_COUNT: Final = re.compile(r"\s*(\d{1,3})(?:-(\d{1,3}))?\$\$(?:([^$|{}]*)\$\$)?")
SEPARATOR: Final = ", "


class Wildcards:
    """The `.txt` files of a folder, one choice a line; lines that begin with # are notes.

    A file in a folder inside is named with it: `colours/warm`. Files are read when they are asked for, so that new
    ones count at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def resolve(self, text: str, seed: int) -> str:
        r"""The prompt that `seed` makes of this one; the same every time, and itself where nothing is left to chance.

        A backslash before `{`, `}`, `|` or `__` makes it text. It stays, so that a prompt once resolved stays as it
        is; the attention grammar leaves it out. Braces without a bar are text, too. `{2$$a|b|c}` takes two different
        ones, `{1-2$$ and $$a|b|c}` one or two with that between them.

        Raises:
            InvalidRequest: a file is missing or empty, names itself, or the prompt grows beyond `LONGEST`.
        """
        chance = random.Random(seed)  # noqa: S311
        return _Resolution(self._files(), chance).of(text)

    def _files(self) -> Mapping[str, Path]:
        if not self._folder.is_dir():
            return {}
        return {file.relative_to(self._folder).with_suffix("").as_posix(): file for file in self._folder.rglob("*.txt")}


class _Resolution:
    """One prompt being resolved."""

    def __init__(self, files: Mapping[str, Path], chance: random.Random) -> None:
        self._files, self._chance = files, chance
        self._lines: dict[str, tuple[str, ...]] = {}
        self._choices = 0

    def of(self, text: str) -> str:
        """One choice after the other, from the left; what a file says is resolved where it is put in."""
        parts: list[str] = []
        reached = length = 0
        varied = _varied(text, self._chance)
        for match in _NAME.finditer(varied):
            self._choices += 1
            if self._choices > MOST_CHOICES:
                raise InvalidRequest("prompt.wildcard_circle", name=match[1], most=MOST_CHOICES)
            parts += [varied[reached : match.start()], self.of(self._chance.choice(self._choice(match[1])))]
            reached = match.end()
            length += len(parts[-1])
            if length > LONGEST:
                raise InvalidRequest("invalid.too_long", field="prompt", length=length, most=LONGEST)
        return "".join([*parts, varied[reached:]])

    def _choice(self, name: str) -> tuple[str, ...]:
        if name not in self._lines:
            self._lines[name] = _read(name, self._files)
        return self._lines[name]


def _read(name: str, files: Mapping[str, Path]) -> tuple[str, ...]:
    if name not in files:
        near = get_close_matches(name, files, 3) or sorted(files)[:10]
        raise InvalidRequest("prompt.wildcard" if near else "prompt.wildcard_none", name=name, near=", ".join(near))
    try:
        with files[name].open("rb") as stream:
            text = stream.read(LARGEST).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise InvalidRequest("file.unreadable", file=files[name].name, reason=error.strerror or "") from error
    lines = tuple(line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#"))
    if not lines:
        raise InvalidRequest("prompt.wildcard_empty", name=name)
    return lines


def _varied(text: str, chance: random.Random) -> str:
    """The text with one choice for each `{a|b}`, those inside first; braces that do not pair are text."""
    if "{" not in text:
        return text
    levels: list[list[list[str]]] = [[[]]]
    """For each brace that is open, the choices so far, each in parts; the first level is the text itself."""
    reached = 0
    for match in _MARKS.finditer(text):
        levels[-1][-1].append(text[reached : match.start()])
        reached = match.end()
        mark = match[0]
        if mark == "{":
            levels.append([[]])
        elif mark == "|" and len(levels) > 1:
            levels[-1].append([])
        elif mark == "}" and len(levels) > 1:
            choices = ["".join(parts) for parts in levels.pop()]
            levels[-1][-1].append(_pick(choices, chance))
        else:
            levels[-1][-1].append(mark)
    levels[-1][-1].append(text[reached:])
    return "{".join("|".join("".join(parts) for parts in level) for level in levels)


def _pick(choices: Sequence[str], chance: random.Random) -> str:
    if len(choices) == 1:
        return "{" + choices[0] + "}"
    count = _COUNT.match(choices[0])
    if count is None:
        return chance.choice(choices)
    first = choices[0][count.end() :]
    least, most = sorted((int(count[1]), int(count[2] or count[1])))
    number = min(chance.randint(least, most), len(choices))
    between = SEPARATOR if count[3] is None else count[3]
    return between.join(chance.sample([first, *choices[1:]], number))
