"""How the values of a plot's axis are typed: lists with commas and quotation marks, and ranges of numbers."""

import re
import unicodedata
from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Final

from studio.errors import InvalidRequest

MOST_VALUES: Final = 20
NUMBER: Final = r"[+-]?\d{1,10}(?:\.\d{0,9})?"
RANGE: Final = re.compile(
    rf"({NUMBER})\s*[-–~]\s*({NUMBER})\s*(?:\(\s*({NUMBER})\s*\)|\[\s*(\d{{1,4}})\s*\])?", re.ASCII
)
FINEST: Final = Decimal("0.000001")
SPACES: Final = r"[^\S\n]*+"
TOKEN: Final = re.compile(rf'{SPACES}(?:"((?:[^"]|"")*+)"|“([^”]*+)”|([^,，、\n]*+)){SPACES}(?:[,，、\n]|\Z)')


def split_values(text: str) -> list[str]:
    """The values in a text with commas between them; in quotation marks, a value may hold a comma or be empty.

    Raises:
        InvalidRequest: quotation marks do not match up.
    """
    found: list[str] = []
    place = 0
    while place < len(text):
        token = TOKEN.match(text, place)
        assert token is not None  # noqa: S101 - the third alternative matches whatever the first two do not
        quoted, curly, bare = token.groups()
        if bare is not None and bare.startswith(('"', "“")):
            raise InvalidRequest("plot.quote", value=shortened(bare))
        if bare is None:
            found.append(curly if quoted is None else quoted.replace('""', '"'))
        elif bare.strip():
            found.append(bare.strip())
        place = token.end()
    return found


def joined_values(values: Sequence[str]) -> str:
    """A text that `split_values` takes apart into the same values."""
    return ", ".join(map(_quoted, values))


def shortened(text: str, most: int = 60) -> str:
    """At most `most` characters of a text."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def range_numbers(vary: str, text: str, *, whole: bool) -> list[str]:
    """The numbers of a range; anything else as it is, to be judged by the request's own field.

    Raises:
        InvalidRequest: the range has no end, or too many numbers.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    found = RANGE.fullmatch(plain)
    if found is None:
        return [plain]
    first, last = Decimal(found[1]), Decimal(found[2])
    steps = (
        _counted(vary, text, first, last, int(found[4]), whole)
        if found[4]
        else _stepped(vary, text, first, last, found[3])
    )
    return [f"{number.normalize():f}" for number in steps]


def _stepped(vary: str, text: str, first: Decimal, last: Decimal, asked: str | None) -> list[Decimal]:
    down = last < first
    step = Decimal(asked or 1)
    if down and not (asked or "").startswith(("+", "-")):
        step = -step
    if not step or (down != (step < 0) and first != last):
        raise InvalidRequest("plot.range", field=vary, value=text)
    count = int((last - first) / step) + 1
    if count > MOST_VALUES:
        raise too_many(vary)
    return [first + step * index for index in range(count)]


def _counted(vary: str, text: str, first: Decimal, last: Decimal, count: int, whole: bool) -> list[Decimal]:
    if not count:
        raise InvalidRequest("plot.range", field=vary, value=text)
    if count > MOST_VALUES:
        raise too_many(vary)
    # A1111 cuts off what is behind the point where a whole number is wanted.
    unit = Decimal(1) if whole else FINEST
    gaps = max(count - 1, 1)
    return [(first + (last - first) * index / gaps).quantize(unit, ROUND_DOWN) for index in range(count)]


def _quoted(value: str) -> str:
    plain = value and value == value.strip() and not value.startswith(('"', "“")) and not set(value) & set(",，、\n")
    return value if plain else '"' + value.replace('"', '""') + '"'


def too_many(vary: str) -> InvalidRequest:
    """The refusal of an axis with more than `MOST_VALUES`."""
    return InvalidRequest("plot.many", field=vary, most=MOST_VALUES)
