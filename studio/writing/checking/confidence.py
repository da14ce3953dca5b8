"""Words that the model was unsure of: what it gave a small probability when it wrote them. Unsure is not wrong."""

import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

from studio.engines.text import TokenLogprob
from studio.writing.requests import UnsureWord

UNSURE: Final = 0.05
"""The probability below which a word counts."""
WORD: Final = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’-][A-Za-zÀ-ɏ]+)*|\d+(?:[.,]\d+)*")
"""What several tokens may make up; in Chinese each token counts by itself."""
PIECE: Final = re.compile(r"\w+|\s+|[^\w\s]")
WORDY: Final = re.compile(r"\w")
NEAR: Final = 8
"""Characters within which a token is looked for, where an engine tells it somewhat differently from its text."""


def unsure(said: str, tokens: Sequence[TokenLogprob], text: str) -> tuple[UnsureWord, ...]:
    """The words of `text` of which the model was unsure when it `said` them in these `tokens`.

    `text` is what is left of it, cleaned and cut; what stands in neither, such as words by hand, was never unsure.
    """
    words: dict[tuple[int, int], float] = {}
    whole = [match.span() for match in WORD.finditer(said)]
    place = 0
    for start, end, logprob in _placed(said, tokens):
        while place < len(whole) and whole[place][1] <= start:
            place += 1
        within = place < len(whole) and whole[place][0] < end
        key = whole[place] if within else _bare(said, start, end)
        words[key] = words.get(key, 0.0) + logprob
    few = {span: math.exp(total) for span, total in words.items() if total < math.log(UNSURE)}
    wordy = [span for span in few if WORDY.search(said[slice(*span)])]
    moved = _moved(said, text, wordy)
    return tuple(UnsureWord(*moved[span], round(few[span], 4)) for span in wordy if span in moved)


def _placed(said: str, tokens: Sequence[TokenLogprob]) -> list[tuple[int, int, float]]:
    found, place = [], 0
    for token in tokens:
        at = said.find(token.token, place, place + len(token.token) + NEAR) if token.token else -1
        if at < 0:
            continue
        place = at + len(token.token)
        found.append((at, place, token.logprob))
    return found


def _bare(said: str, start: int, end: int) -> tuple[int, int]:
    """A token without the spaces around it."""
    token = said[start:end]
    return start + len(token) - len(token.lstrip()), end - len(token) + len(token.rstrip())


def _moved(said: str, text: str, spans: Sequence[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int]]:
    """Where each span stands in the text, for those that are in it."""
    before = [match.span() for match in PIECE.finditer(said)]
    after = [match.span() for match in PIECE.finditer(text)]
    matcher = SequenceMatcher(None, [said[a:b] for a, b in before], [text[a:b] for a, b in after], autojunk=False)
    shifts = [
        (before[a][0], before[a + size - 1][1], after[b][0] - before[a][0])
        for a, b, size in matcher.get_matching_blocks()
        if size
    ]
    found = {}
    for start, end in spans:
        shift = next((shift for low, high, shift in shifts if low <= start and end <= high), None)
        if shift is not None:
            found[start, end] = (start + shift, end + shift)
    return found
