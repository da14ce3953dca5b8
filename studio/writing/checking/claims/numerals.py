"""Numbers as they are written: in digits, in English words and in Chinese ones."""

import re
from typing import Final

SMALL: Final = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen
""".split()  # noqa: SIM905
TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety".split()  # noqa: SIM905
SPELLED: Final = {word: at + 1 for at, word in enumerate(SMALL)} | {word: 10 * at + 20 for at, word in enumerate(TENS)}
SCALES: Final = {
    **{"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9},
    **{"百": 1e2, "千": 1e3, "万": 1e4, "亿": 1e8},
}
SIGNS: Final = {sign: at for at, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
PLACES: Final = {"十": 10, "百": 100, "千": 1000}

_FIGURE: Final = (
    r"(?:\d{1,3}(?:,\d{3}){1,3}|\d{1,9})(?:\.\d{1,4})?(?!\d|[.,:/]\d|[½¼¾²³])"
    r"(?:\s?(?:hundred|thousand|million|billion)\b|\s?(?:[百千](?![克米卡瓦])|万|亿))?"
)
DIGITS: Final = rf"(?<![A-Za-z0-9_.,:/#@^\\–—~～+-])(?:(?<=[^\w])[-−])?{_FIGURE}"
"""A number in digits that is part of no date, time, version or name."""
FURTHER: Final = _FIGURE
"""The further end of a range."""
ENGLISH: Final = (
    rf"(?:\b(?:{'|'.join(TENS)})(?:[- ](?:{'|'.join(SMALL[:9])}))?\b|\b(?:{'|'.join(reversed(SMALL))})\b)"
    r"(?:\s(?:hundred|thousand|million))?(?:\sand\sa\shalf)?"
)
CHINESE: Final = r"(?:半(?=个?(?:小时|钟头|天|年|月))|[零〇一二两三四五六七八九十百千万]{1,12}(?![几多余来]))"


def span(low: str, high: str | None) -> tuple[float, float] | None:
    """Both ends of what is written, which are the same for a single number; None for what is no number.

    Two Chinese digits side by side, as in 三四天, are a range.
    """
    if not high and len(low) == 2 and low[0] in SIGNS and low[1] in SIGNS:
        return (SIGNS[low[0]], SIGNS[low[1]]) if SIGNS[low[1]] == SIGNS[low[0]] + 1 else None
    first, last = number(low), number(high or low)
    return None if first is None or last is None else (first, last)


def number(said: str) -> float | None:
    """What a number comes to; None for what is none, as 十百."""
    said = said.casefold().strip()
    if match := re.fullmatch(r"([-−]?)([\d,]+(?:\.\d+)?)\s?(\D*)", said):
        return float(match[2].replace(",", "")) * SCALES.get(match[3], 1) * (-1 if match[1] else 1)
    if said[0].isascii():
        return _english(said)
    return 0.5 if said == "半" else _chinese(said)


def _english(said: str) -> float:
    words = re.split(r"[\s-]", said.removesuffix(" and a half"))
    half = 0.5 if said.endswith(" and a half") else 0.0
    return sum(SPELLED.get(word, 0) for word in words) * SCALES.get(words[-1], 1) + half


def _chinese(said: str) -> float | None:
    total, section, digit = 0, 0, -1
    for sign in said:
        if sign in SIGNS:
            if digit > 0:
                return None
            digit = SIGNS[sign]
        elif sign == "万":
            total, section, digit = (section + max(digit, 0)) * 10_000, 0, -1
        elif digit < 0 and (section or sign != "十"):
            return None
        else:
            section, digit = section + PLACES[sign] * (1 if digit < 0 else digit), -1
    return float(total + section + max(digit, 0)) or None
