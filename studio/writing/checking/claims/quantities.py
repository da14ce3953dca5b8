"""Numbers with a unit, or with the things they count, read from a sentence in either language."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from studio.writing.checking.claims.numerals import CHINESE, DIGITS, ENGLISH, FURTHER, SPELLED, span
from studio.writing.checking.claims.vocabulary import stem
from studio.writing.requests import Language

MEASURES: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "metre": (
        ("mm millimetre millimetres millimeter millimeters 毫米", 0.001),
        ("cm centimetre centimetres centimeter centimeters 厘米 公分", 0.01),
        ("m metre metres meter meters 米", 1),
        ("km kilometre kilometres kilometer kilometers 公里 千米", 1000),
    ),
    "inch": (("inch inches 英寸", 1), ("ft foot feet 英尺", 12), ("yard yards 码", 36), ("mile miles 英里", 63360)),
    "gram": (
        ("mg milligram milligrams 毫克", 0.001),
        ("g gram grams 克", 1),
        ("kg kilogram kilograms 公斤 千克", 1000),
        ("tonne tonnes ton tons 吨", 1_000_000),
    ),
    "ounce": (("oz ounce ounces 盎司", 1), ("lb lbs pound pounds 磅", 16)),
    "litre": (
        ("ml millilitre millilitres milliliter milliliters 毫升", 0.001),
        ("l litre litres liter liters 升", 1),
    ),
    "minute": (
        ("sec secs second seconds 秒 秒钟", 1 / 60),
        ("min mins minute minutes 分钟", 1),
        ("h hr hrs hour hours 小时 个小时 钟头 个钟头", 60),
    ),
    "day": (("day days night nights 天 日 晚", 1), ("week weeks 周 星期 个星期 礼拜 个礼拜", 7)),
    "month": (("month months 个月", 1), ("year years 年", 12)),
    "age": (("岁", 1),),
    "percent": (("% ％ percent per·cent", 1), ("成", 10)),
    "point": (("percentage·point percentage·points 个百分点", 1),),
    "celsius": (("°c ℃ degrees·celsius degree·celsius degrees·c 摄氏度", 1),),
    "fahrenheit": (("°f ℉ degrees·fahrenheit degree·fahrenheit degrees·f 华氏度", 1),),
    "degree": (("° degrees degree 度", 1),),
    "calorie": (("kcal calories calorie 千卡 大卡", 1),),
    "watt": (("w watt watts 瓦", 1), ("kw kilowatt kilowatts 千瓦", 1000)),
    "euro": (("€ euro euros 欧元", 1),),
    "dollar": (("$ dollar dollars 美元", 1),),
    "sterling": (("£", 1),),
    "yuan": (("¥ ￥ yuan 元 块钱", 1),),
    "cup": (("cup cups 杯", 1),),
    "spoon": (("tsp teaspoon teaspoons 茶匙", 1), ("tbsp tablespoon tablespoons 汤匙 大勺", 3)),
    "times": (("times 次 遍 回 趟", 1),),
    "fold": (("倍", 1),),
    "megabyte": (("mb megabyte megabytes", 1), ("gb gigabyte gigabytes", 1000), ("tb terabyte terabytes", 1_000_000)),
}
"""What is measured, and the words of each unit of it with what one is worth; a dot stands for a space."""
UNITS: Final = {
    name.replace("·", " "): (kind, worth)
    for kind, rows in MEASURES.items()
    for names, worth in rows
    for name in names.split()
}
APART: Final = frozenset({"m", "l", "h", "w"})
"""Units that count only after a space: 5m may be minutes or millions."""
OTHERWISE: Final = {
    **{"天": "气空然花生", "度": "过假", "年": "代级龄轻夜", "次": "要序日", "周": "围边末", "回": "来去到家答应"},
    **{"成": "为长熟功本人年分了立果绩", "升": "级高温", "米": "饭粉", "元": "素旦宝", "晚": "上饭餐安", "日": "常子"},
}
"""Signs that make another word of a unit."""
CLASSIFIERS: Final = "只张条株棵粒颗片块勺盆瓶袋包本篇页台辆间层座人名位句字组套双对根滴份家头匹封部集道顿餐盒箱支枚"
TIMES: Final = {"half an hour": (30.0, "minute", 60.0), "twice": (2.0, "times", 1.0), "once": (1.0, "times", 1.0)}

SPELLING: Final[dict[Language, str]] = {"en": ENGLISH, "zh": CHINESE}
_LATIN: Final = "|".join(sorted((re.escape(name) for name in UNITS if name[0].isascii()), key=len, reverse=True))
_HAN: Final = "|".join(
    f"{name}(?![{OTHERWISE[name]}])" if name in OTHERWISE else name
    for name in sorted((name for name in UNITS if not name[0].isascii()), key=len, reverse=True)
)
_UNIT: Final = rf"(?:(?:{_LATIN})(?![A-Za-z²³])|(?:{_HAN}))"
_TO: Final = r"(?:\s?[-–—~～−]\s?|\s?(?:to|or)\s|\s?[至到、]\s?)"
FOUND: Final[dict[Language, re.Pattern[str]]] = {
    language: re.compile(
        rf"(?P<both>\bbetween\s)?(?P<coin>[$€£¥￥]\s?)?(?P<share>百分之\s?)?(?P<low>{DIGITS}|{words})"
        rf"(?:(?P<own>[\s-]{{0,2}}{_UNIT})?(?(both)\sand\s|{_TO})(?:[$€£¥￥]\s?|百分之\s?)?(?P<high>{FURTHER}|{words}))?"
        rf"(?P<plus>\+)?(?:(?P<half>\s?个半(?:小时|钟头|月|星期))|(?P<unit>[\s-]{{0,2}}{_UNIT})(?P<more>半(?!个|小时))?)?",
        re.IGNORECASE,
    )
    for language, words in SPELLING.items()
}
NUMBERED: Final[dict[Language, re.Pattern[str]]] = {
    "en": re.compile(rf"\d|\b(?:{'|'.join(SPELLED)}|twice|once|half)\b", re.IGNORECASE),
    "zh": re.compile(r"[\d半一二两三四五六七八九十百]"),
}
IDIOM: Final = re.compile(r"\bhalf an hour\b|\btwice\b|\bonce(?= (?:an?|per|every|each) )", re.IGNORECASE)
COUNTED: Final = re.compile(
    r"[ -](?P<between>(?:[a-z]{3,14} ){0,2}?)(?P<noun>[a-z]{2,16}s|people|children|men|women|fish|sheep|teeth)\b"
    r"|-(?P<one>[a-z]{3,16})\b"
)
CLASSED: Final = re.compile(rf"\s?(?:([{CLASSIFIERS}])|个([㐀-鿿]{{2}}))")
HOLLOW: Final = frozenset(
    stem(word)
    for word in """
    thing way reason step tip point type kind sort option part other section question example idea rule stage phase
    category aspect factor method approach benefit this his it was is has does as us yes plus less across always perhaps
    choice item word time side half fold figure digit these those its sometimes towards besides minus
    """.split()  # noqa: SIM905
)
"""What any article has numbers of without telling them apart, and words that are no plurals."""
LINKING: Final = re.compile(
    r"\b(?:the|and|are|was|that|which|who|for|with|from|than|you|they|she|will|can|has|have|had|not|may|this|these|"
    r"those|his|its|her|but|per|each|every|into|when|where|while|after|before|more|other|such|all|any|only|also|just)\b"
)
"""Words that do not stand between a number and what it counts."""
BEFORE: Final = re.compile(
    r"(?:第|[几数]|(?<!每)(?:星期|礼拜)|(?<!百)分之|\d\s?[x×*]|\bno\.|\bnumber|\b(?:\d|one) (?:in|out of)|\bchapter|"
    r"\b(?:step|day|week|page|version|level|top|section|part|figure|zone|type|grade)|[A-Za-z0-9]-)\s?$",
    re.IGNORECASE,
)
"""What makes a number an ordinal, a date, part of a fraction or of an area."""
BEHIND: Final = re.compile(
    r"\s?[x×*]\s?\d|分之|[几多余来]|年代|(?:st|nd|rd|th)\b|\s?(?:in|of|out of)\s(?:\d|every|ten)|月", re.IGNORECASE
)
BELOW: Final = re.compile(r"(?:零下|\bminus)\s?$", re.IGNORECASE)
SINGLE: Final = frozenset(
    {"hour", "week", "month", "year", "litre", "metre", "cup", "kg", "小时", "个小时", "个月", "周", "升", "米", "公斤"}
)
"""What one of is a quantity; one day or one second is seldom meant in earnest."""


@dataclass(frozen=True)
class Quantity:
    """A number, or a range of them, of what it measures or counts."""

    start: int
    """Where the number stands in its sentence."""
    end: int
    """Where its unit ends; a thing counted stands behind it."""
    low: float
    high: float
    kind: str
    """What is measured, or the thing counted behind a #."""
    worth: float = 1
    """Of the unit; quantities of a kind are compared by low and high, which are multiplied by it."""


def quantities(sentence: str, language: Language) -> list[Quantity]:
    """The quantities of a sentence in their order: no years, times of day, ordinals, versions or fractions."""
    if not NUMBERED[language].search(sentence):
        return []
    found = [each for match in FOUND[language].finditer(sentence) if (each := _read(match, language))]
    if language == "en":
        for match in IDIOM.finditer(sentence):
            value, kind, worth = TIMES[match[0].casefold()]
            found.append(Quantity(match.start(), match.end(), value, value, kind, worth))
    return list(_joined(sorted(found, key=lambda each: (each.start, -each.end)), sentence))


def _read(match: re.Match[str], language: Language) -> Quantity | None:
    ends = span(match["low"], match["high"])
    if ends is None or _elsewise(match):
        return None
    unit = _unit(match)
    if unit is None:
        return _count(match, ends, language)
    kind, worth = unit
    if language == "zh" and kind == "degree":
        kind = "celsius"
    own = _named(match["own"])
    if BELOW.search(match.string, max(0, match.start() - 8), match.start()):
        ends = (-ends[1], -ends[0])
    low = ends[0] * (own[1] if own and own[0] == kind else worth)
    high = ends[1] * worth
    extra = worth / 2 if match["half"] or match["more"] else 0
    top = float("inf") if match["plus"] else max(low, high) + extra
    return Quantity(match.start(), match.end(), min(low, high) + extra, top, kind, worth)


def _elsewise(match: re.Match[str]) -> bool:
    """Whether the number is no amount: an ordinal, a date, a fraction, a side of an area, or "one" for "some"."""
    before = match.string[max(0, match.start() - 16) : match.start()]
    if (BEFORE.search(before) and not match["share"]) or BEHIND.match(match.string, match.end()):
        return True
    unit = (match["unit"] or "").strip(" -").casefold()
    if match["low"].casefold() in ("one", "一") and not match["high"]:
        return not match["half"] and unit.removesuffix("s") not in SINGLE
    return unit in ("年", "日") and (len(match["low"]) == 4 or (unit == "日" and before.rstrip().endswith("月")))


def _unit(match: re.Match[str]) -> tuple[str, float] | None:
    if match["share"]:
        return "percent", 1
    if match["coin"]:
        return UNITS[match["coin"].strip()]
    if match["half"]:
        return UNITS[match["half"].strip().replace("半", "")]
    return _named(match["unit"])


def _named(said: str | None) -> tuple[str, float] | None:
    name = (said or "").strip(" -\t").casefold()
    return None if name in APART and not (said or "").startswith(" ") else UNITS.get(name)


def _count(match: re.Match[str], ends: tuple[float, float], language: Language) -> Quantity | None:
    """A number of things, which English names in the plural and Chinese by a classifier."""
    if match["unit"] or match["own"] or match["plus"] or any(end != int(end) for end in ends):
        return None
    rest = match.string[match.end() : match.end() + 50]
    if language == "en":
        thing = _plural(rest, ends[0])
    else:
        sign = CLASSED.match(rest)
        thing = sign and (sign[1] or sign[2])
    return Quantity(match.start(), match.end(), min(ends), max(ends), f"#{thing}") if thing else None


def _plural(rest: str, low: float) -> str | None:
    found = COUNTED.match(rest)
    if not found or 1000 <= low <= 2199 or LINKING.search(found["between"] or ""):
        return None
    thing = stem(found["noun"] or found["one"])
    return None if thing in HOLLOW else thing


def _joined(found: list[Quantity], sentence: str) -> Iterator[Quantity]:
    """The quantities without those that lie in another; two hours and ten minutes are one."""
    held: Quantity | None = None
    for each in found:
        if held and each.start < held.end:
            continue
        if held and _continues(held, each, sentence):
            held = replace(held, end=each.end, low=held.low + each.low, high=held.high + each.high, worth=each.worth)
            continue
        if held:
            yield held
        held = each
    if held:
        yield held


def _continues(first: Quantity, second: Quantity, sentence: str) -> bool:
    return (
        first.kind == second.kind
        and second.high < first.worth
        and re.fullmatch(r"\s?(?:and\s|零|又)?", sentence[first.end : second.start]) is not None
    )
