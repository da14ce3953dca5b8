"""What a prompt says beside its words: how much each of them weighs, and the LoRAs it asks for.

The grammar is that of AUTOMATIC1111's web UI, which users bring along: https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/Features
"""

import re
import sys
from collections.abc import Iterator
from math import isfinite, isnan
from operator import itemgetter
from typing import Final, NamedTuple

from studio.engines.diffusion import BREAK
from studio.errors import InvalidRequest

ROUND: Final = 1.1
SQUARE: Final = 1 / 1.1
EXACT_DEPTH: Final = 16
"""Brackets around a text that are multiplied in the order in which they close; more of them in one product."""

_NUMBER: Final = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_TOKENS: Final = re.compile(rf"\\[()\[\]\\]?|[()\[\]]|:\s*{_NUMBER}\s*\)|[^\\()\[\]:]+|:")
_BREAKS: Final = re.compile(r"\bBREAK\b")
_LORA: Final = re.compile(r"<lora:([^<>:]+)(?::([^<>]*))?>")


class Lora(NamedTuple):
    """A LoRA that a prompt asks for by name."""

    name: str
    weight: float = 1.0


_Bracket = tuple[int, int, float, bool]
"""A pair of brackets: the first piece inside, the first one after, the factor, and whether they are square."""
_Open = tuple[int, int, float, float]
"""One that counts: its first piece, its place among those that close, its factor, and that times those around it."""


def parse_attention(text: str) -> list[tuple[str, float]]:
    r"""The texts of a prompt with their weights, in order; neighbours of equal weight are one.

    `(a)` weighs 1.1 times as much, `[a]` 1.1 times less, `(a:1.3)` 1.3 times, brackets within brackets multiply, and
    a bracket after a backslash is text. An opening bracket that is never closed reaches to the end; a closing one
    that was never opened is text. `BREAK` is a text of its own, of weight -1 times the brackets around it. An empty
    prompt is one empty text. Takes time in proportion to the length, whatever the brackets.

    >>> parse_attention("a (red:1.3) house")
    [('a ', 1.0), ('red', 1.3), (' house', 1.0)]
    """
    pieces: list[str] = []
    brackets: list[_Bracket] = []
    rounds: list[int] = []
    squares: list[int] = []
    for token in _TOKENS.findall(text):
        first = token[0]
        if first == "(":
            rounds.append(len(pieces))
        elif first == "[":
            squares.append(len(pieces))
        elif first == ")" and rounds:
            brackets.append((rounds.pop(), len(pieces), ROUND, False))
        elif first == "]" and squares:
            brackets.append((squares.pop(), len(pieces), SQUARE, True))
        elif first == ":" and len(token) > 1 and rounds:
            brackets.append((rounds.pop(), len(pieces), float(token[1:-1]), False))
        elif first == "\\":
            pieces.append(token[1:])
        elif BREAK in token:
            pieces.extend(_broken(token))
        else:
            pieces.append(token)
    brackets.extend((start, len(pieces), ROUND, False) for start in reversed(rounds))
    brackets.extend((start, len(pieces), SQUARE, True) for start in reversed(squares))
    return _merged(pieces, _weights(len(pieces), brackets)) or [("", 1.0)]


def extract_loras(text: str) -> tuple[str, tuple[Lora, ...]]:
    """The prompt without its `<lora:name:weight>`, and what they ask for; the weight is 1 where none is given.

    Raises:
        InvalidRequest: a weight is no number, or there are several that differ.
    """
    loras: list[Lora] = []

    def taken(match: re.Match[str]) -> str:
        loras.append(_lora(match[1].strip(), match[2]))
        return ""

    return _LORA.sub(taken, text), tuple(loras)


def _lora(name: str, given: str | None) -> Lora:
    if given is None:
        return Lora(name)
    try:
        # The web UI takes a second number for the UNet alone; here both parts of a LoRA weigh the same.
        weights = {float(number) for number in given.split(":")}
    except ValueError:
        weights = set()
    if len(weights) != 1 or not all(map(isfinite, weights)):
        raise InvalidRequest("prompt.lora_weight", name=name, weight=given)
    return Lora(name, weights.pop())


def _broken(text: str) -> Iterator[str]:
    """A text without brackets, cut where it says BREAK; the spaces around that word go with it."""
    parts = _BREAKS.split(text)
    last = len(parts) - 1
    for number, part in enumerate(parts):
        if number:
            yield BREAK
            part = part.lstrip()  # noqa: PLW2901
        yield part if number == last else part.rstrip()


def _weights(count: int, brackets: list[_Bracket]) -> list[float]:
    """The product of the brackets around each of `count` pieces.

    `brackets` are in the order in which they close. Going from the end to the beginning, those that begin to count
    are met outermost first, and within one kind the last met is the first to end: two stacks are enough, although
    round and square ones may cross.
    """
    weights = [1.0] * count
    rounds: list[_Open] = []
    squares: list[_Open] = []
    waiting = len(brackets) - 1
    weight = 1.0
    for index in range(count - 1, -1, -1):
        changed = False
        for kind in (rounds, squares):
            while kind and kind[-1][0] > index:
                kind.pop()
                changed = True
        while waiting >= 0 and brackets[waiting][1] > index:
            start, end, factor, square = brackets[waiting]
            if start < end:
                kind = squares if square else rounds
                kind.append((start, waiting, factor, factor * (kind[-1][3] if kind else 1.0)))
                changed = True
            waiting -= 1
        if changed:
            weight = _product(rounds, squares)
        weights[index] = weight
    return weights


def _product(rounds: list[_Open], squares: list[_Open]) -> float:
    """The factors of all that is open, multiplied as the web UI does it, which shows in the last digits."""
    weight = 1.0
    if len(rounds) + len(squares) > EXACT_DEPTH:
        for kind in (rounds, squares):
            weight *= kind[-1][3] if kind else 1.0
    elif rounds and squares:
        for _, _, factor, _ in sorted([*rounds, *squares], key=itemgetter(1)):
            weight *= factor
    else:
        for _, _, factor, _ in reversed(rounds or squares):
            weight *= factor
    if isnan(weight):  # endless times nothing
        return 0.0
    return max(-sys.float_info.max, min(sys.float_info.max, weight))


def _merged(pieces: list[str], weights: list[float]) -> list[tuple[str, float]]:
    merged: list[tuple[str, float]] = []
    run: list[str] = []
    before = 1.0
    for piece, weight in zip(pieces, weights, strict=True):
        if run and (weight != before or piece == BREAK):
            merged.append(("".join(run), before))
            run = []
        if piece == BREAK:
            merged.append((BREAK, -weight))
            continue
        run.append(piece)
        before = weight
    return [*merged, ("".join(run), before)] if run else merged
