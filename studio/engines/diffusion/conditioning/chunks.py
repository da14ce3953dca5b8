"""Prompts of any length, cut into what a CLIP text encoder reads at once, as AUTOMATIC1111's web UI cuts them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from studio.engines.diffusion.base import BREAK, Words

CAPACITY: Final = 75
"""Tokens of a chunk: CLIP reads 77, of which two mark the beginning and the end."""
COMMA: Final = ",</w>"
"""How CLIP's vocabularies write a comma."""
COMMA_REACH: Final = 20
"""A chunk that is full ends after its last comma, if no more than this many tokens follow that."""

Learned = Mapping[tuple[int, ...], tuple[int, ...]]
"""What the tokens of a name stand for: rows of vectors, as negative numbers from -1."""
NOTHING_LEARNED: Final[Learned] = {}


@dataclass(frozen=True)
class Chunk:
    """Up to 75 tokens and the weight of each; negative ones are rows of learned vectors."""

    tokens: tuple[int, ...] = ()
    weights: tuple[float, ...] = ()

    @property
    def weighted(self) -> bool:
        """Whether anything in it is stressed."""
        return any(weight != 1.0 for weight in self.weights)


def chunked(
    words: Words,
    tokenize: Callable[[str], Sequence[int]],
    comma: int | None,
    learned: Learned = NOTHING_LEARNED,
    capacity: int = CAPACITY,
) -> list[Chunk]:
    """The chunks of a prompt, at least one; `comma` is the token of a comma, None where there is none.

    `BREAK` ends a chunk. A name that stands for learned vectors is never cut.
    """
    cutter = _Cutter(comma, capacity)
    longest = max(map(len, learned), default=0)
    for text, weight in words:
        if text == BREAK:
            cutter.end()
            continue
        tokens = tuple(tokenize(text))
        position = 0
        while position < len(tokens):
            name = _name_at(tokens, position, learned, longest)
            if name:
                cutter.add_vectors(learned[name], weight)
            else:
                cutter.add(tokens[position], weight)
            position += len(name) or 1
    return cutter.finished()


def _name_at(tokens: tuple[int, ...], position: int, learned: Learned, longest: int) -> tuple[int, ...]:
    """The longest name that begins here; nothing where none does."""
    for length in range(min(longest, len(tokens) - position), 0, -1):
        if tokens[position : position + length] in learned:
            return tokens[position : position + length]
    return ()


class _Cutter:
    def __init__(self, comma: int | None, capacity: int) -> None:
        self._comma, self._room = comma, capacity
        self._done: list[Chunk] = []
        self._tokens: list[int] = []
        self._weights: list[float] = []
        self._last_comma = -1

    def add(self, token: int, weight: float) -> None:
        full = len(self._tokens) == self._room
        if token == self._comma:
            self._last_comma = len(self._tokens)
        elif full and self._last_comma >= 0 and self._room - self._last_comma <= COMMA_REACH:
            self._end_after_comma()
        if len(self._tokens) == self._room:
            self.end()
        self._tokens.append(token)
        self._weights.append(weight)

    def add_vectors(self, rows: tuple[int, ...], weight: float) -> None:
        if len(self._tokens) + len(rows) > self._room:
            self.end()
        self._tokens += rows
        self._weights += [weight] * len(rows)

    def end(self) -> None:
        self._done.append(Chunk(tuple(self._tokens), tuple(self._weights)))
        self._tokens, self._weights, self._last_comma = [], [], -1

    def finished(self) -> list[Chunk]:
        if self._tokens or not self._done:
            self.end()
        return self._done

    def _end_after_comma(self) -> None:
        place = self._last_comma + 1
        moved = self._tokens[place:], self._weights[place:]
        self._tokens, self._weights = self._tokens[:place], self._weights[:place]
        self.end()
        self._tokens, self._weights = moved
