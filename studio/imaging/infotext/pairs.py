"""The last line of an infotext: `Key: value` pairs with commas between them, read in linear time whatever it holds."""

import json
import re
from typing import Final

from studio.errors import InvalidRequest

MOST_PAIRS: Final = 1000
"""Real pictures have at most some dozens."""
MOST_JSON: Final = 32
"""Unquoted JSON values tried per line, because one that never closes is read to its end each time."""
PAIR_KEY: Final = re.compile(r"\s*+(\w[\w \-/.]{0,99})\s*+:")
STRING: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
SPACE: Final = re.compile(r"\s*+")


def quoted(value: object) -> str:
    """A value as the last line holds it: JSON-quoted where it would end too early or be read as something else."""
    short = f"{value:g}" if isinstance(value, float) else ""
    text = short if short and float(short) == value else str(value)
    breaks = any(mark in ",:" or mark < " " for mark in text) or text[:1] in ('"', "[", "{") or text != text.strip()
    return json.dumps(text, ensure_ascii=False) if breaks else text


def pairs(line: str) -> list[tuple[str, str]]:
    """The pairs of a line in their order; none if it does not begin with one.

    A value may be a JSON string, a JSON list or object, or plain text up to the next pair, so that commas that an old
    version left unquoted stay in it.

    Raises:
        InvalidRequest: there are more than a thousand.
    """
    return _Line(line).pairs()


class _Line:
    """One reading of one line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._json_left = MOST_JSON
        self._unclosed = False

    def pairs(self) -> list[tuple[str, str]]:
        text, place = self._text, 0
        found: list[tuple[str, str, int, int]] = []
        while place < len(text):
            key = PAIR_KEY.match(text, place)
            if key is None:
                end = self._comma(place)
                if not found:
                    return []
                if text[place:end].strip():
                    found[-1] = (*found[-1][:3], end)
            else:
                value, begin, end = self._value(key.end())
                found.append((key[1].strip(), value, begin, end))
            if len(found) > MOST_PAIRS:
                raise InvalidRequest("infotext.too_many", most=MOST_PAIRS)
            place = end + 1
        return [(key, value + text[begin:end].strip()) for key, value, begin, end in found]

    def _value(self, place: int) -> tuple[str, int, int]:
        """What is known of the value at `place` already, and the stretch of plain text that follows it."""
        text = self._text
        space = SPACE.match(text, place)
        place = space.end() if space else place
        for closed in (self._string(place), self._json(place)):
            if closed is not None:
                value, after = closed
                comma = self._comma(after)
                if not text[after:comma].strip():
                    return value, comma, comma
        return "", place, self._comma(place)

    def _string(self, place: int) -> tuple[str, int] | None:
        if self._unclosed or not self._text.startswith('"', place):
            return None
        found = STRING.match(self._text, place)
        if found is None:
            # A later quote that opens a value would have closed this one: there is no closed string any more.
            self._unclosed = True
            return None
        try:
            return str(json.loads(found[0], strict=False)), found.end()
        except ValueError:
            return found[0], found.end()

    def _json(self, place: int) -> tuple[str, int] | None:
        if not self._json_left or self._text[place : place + 1] not in ("[", "{"):
            return None
        self._json_left -= 1
        try:
            _, end = json.JSONDecoder().raw_decode(self._text, place)
        except (ValueError, RecursionError):
            return None
        return self._text[place:end], end

    def _comma(self, place: int) -> int:
        """The next comma, or the end of the line."""
        comma = self._text.find(",", place)
        return len(self._text) if comma < 0 else comma
