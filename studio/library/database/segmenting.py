"""The words of a text, Chinese and English alike, as the search index holds them.

The index holds every dictionary word that occurs anywhere in a run of Chinese, and every single character; a search
looks for the dictionary words that its own text falls into, so that whatever is in a text is found by any part of it.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

MOST_CHARACTERS: Final = 60_000
"""Of a text that are indexed."""
MOST_ASKED: Final = 400
"""Characters of a search that are looked at."""
MOST_WORD: Final = 60
HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
RUNS: Final = re.compile(rf"(?P<han>[{HAN}]+)|(?P<word>[^\W_{HAN}]+)|(?P<sign>[\u2190-\u2bff\U0001f000-\U0001faff])")


def indexed(text: str) -> set[str]:
    """Every word under which a text can be found."""
    import rjieba

    found: set[str] = set()
    for kind, run in _runs(text[:MOST_CHARACTERS]):
        found |= set(rjieba.cut_all(run)) if kind == "han" else {run}
    return found


def asked(text: str) -> list[tuple[str, bool]]:
    """The words that a search asks for, all of which have to be there, and whether each may be only a beginning."""
    import rjieba

    words: dict[str, bool] = {}
    for kind, run in _runs(text[:MOST_ASKED]):
        if kind == "han":
            words |= dict.fromkeys(rjieba.cut(run, False), False)
        else:
            words[run] = kind == "word"
    return list(words.items())


def _runs(text: str) -> Iterator[tuple[str, str]]:
    """Runs of one script, folded: width, case and accents make no difference."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(character for character in folded if not unicodedata.combining(character))
    for found in RUNS.finditer(unicodedata.normalize("NFC", plain)):
        kind = found.lastgroup or "word"
        # A sign has no letters, and databases take words of letters: it is told by its number.
        yield kind, f"u{ord(found[0]):x}" if kind == "sign" else found[0][:MOST_WORD] if kind == "word" else found[0]
