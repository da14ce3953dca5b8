"""What can be counted in an outline and its sections without a reader."""

import re
from collections import Counter
from typing import Any, Final

from studio.writing.checking.facts import facts_of, missing
from studio.writing.checking.judging import ALIKE, PHRASE_TIMES, RUN, phrases
from studio.writing.checking.judging import alike as share_alike
from studio.writing.lengths import units
from studio.writing.prompts import example
from studio.writing.requests import Language

SECTIONS: Final = 4
"""How many are asked for in every article."""
WORDS: Final = {"en": 600, "zh": 800}
"""The length that is asked for; characters in Chinese."""
COUNTS: Final = (
    "valid outlines",
    "length ±25 %",
    "language right",
    "whole last sentence",
    "facts told",
    "repeats",
    "meta-talk",
    "lists or headings",
    "gibberish",
    "alike",
    "copied example",
)
"""Each is counted of the articles, the sections or the facts; the first five should be all, the others none."""
COPIED: Final = 0.1
"""The part of a section's phrases that may be the worked example's."""
PLACEHOLDER: Final = re.compile(
    r"^(?:part|section|heading) \d+$|^第 ?[\d一二三四五六七八九十]+ ?[节章部分]+$", re.IGNORECASE
)
LISTED: Final = re.compile(r"^\s*(?:[-*•·+]\s|\d{1,2}[.)、]\s?\S|#{1,6}\s|\*\*[^*]+\*\*\s*[:：]?\s*$)", re.MULTILINE)
NUMBERED: Final = re.compile(r"^\s*\d{1,2}(?:[/／]|[ \t]+)\s*\S", re.MULTILINE)
"""Two such lines are a list, too."""
META: Final = re.compile(
    r"word count|i hope (?:this|that) |as an ai|let me know|this section|in this article|here is the"
    r"|字数|希望(?:这|以上|本)|作为(?:一个)?(?:人工智能|AI)|本节|这一节|本文将|以下是(?:正文|这)|下面是正文",
    re.IGNORECASE,
)
ENDED: Final = re.compile(r"[.!?。！？…][\"'”’」』）)*_]*$")
CHINESE: Final = re.compile(r"[㐀-䶿一-鿿]")
LATIN: Final = re.compile(r"[A-Za-zÀ-ɏ]{3,}")
OTHER: Final = re.compile(r"[Ѐ-ӿ؀-ۿ฀-๿぀-ヿ가-힯]")


def measured(article: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """How often each of `COUNTS` is true of an article, and of how many.

    A section that is missing, or has a heading and no text, is neither long enough, nor in its language, nor ended. It
    is not counted among those that could be at fault: what was not written cannot repeat itself. Headings without text
    beyond the sections that were asked for make the outline invalid, and count no further.
    """
    language: Language = article["language"]
    outline = article["outline"]
    pairs = zip(article["sections"], outline["sections"], strict=True)
    written = [(one["text"], plan["target_words"]) for one, plan in pairs if one["text"].strip()]
    told = [text for text, _ in written]
    absent = [("", WORDS[language] // SECTIONS)] * (SECTIONS - len(written))
    texts, targets = zip(*written, *absent, strict=True)
    known = " ".join(article["brief"].values())
    lengths = [units(text, language) for text in texts]
    facts = facts_of(article["brief"].get("notes", ""))
    each: dict[str, list[bool]] = {
        "length ±25 %": [
            abs(length - target) <= 0.25 * target for length, target in zip(lengths, targets, strict=True)
        ],
        "language right": [bool(text) and right_language(text, language, known) for text in texts],
        "whole last sentence": [bool(ENDED.search(text.rstrip())) for text in texts],
        "facts told": [not missing([fact], "\n\n".join(texts)) for fact in facts],
        "repeats": [repeats(text, language) for text in told],
        "meta-talk": [bool(META.search(text)) for text in told],
        "lists or headings": [bool(LISTED.search(text)) or len(NUMBERED.findall(text)) > 1 for text in told],
        "gibberish": [bool(RUN.search(text)) for text in told],
        "alike": [alike(index, told, language) for index in range(len(told))],
        "copied example": [share_alike(text, [example(language)["text"]], language) > COPIED for text in told],
    }
    counted = {name: (sum(found), len(found)) for name, found in each.items()}
    return {"valid outlines": (int(valid(article)), 1), **counted}


def valid(article: dict[str, Any]) -> bool:
    """Whether there are as many headings as were asked for, all different, none but headings, in the right language."""
    headings = [section["heading"] for section in article["outline"]["sections"]]
    keys = {"".join(filter(str.isalnum, heading.casefold())) for heading in headings}
    known = " ".join(article["brief"].values())
    points = [point for section in article["outline"]["sections"] for point in section["key_points"]]
    return (
        len(keys) == len(headings) == SECTIONS
        and not any(PLACEHOLDER.match(heading.strip()) for heading in headings)
        and all(right_language(text, article["language"], known) for text in [*headings, *points])
    )


def right_language(text: str, language: str, known: str) -> bool:
    """Whether no word of the text is in another script than its language's; words of the brief may be."""
    if OTHER.search(text):
        return False
    if language == "en":
        return not CHINESE.search(text)
    foreign = [word for word in LATIN.findall(text) if word.casefold() not in known.casefold()]
    return bool(CHINESE.search(text)) and not foreign


def repeats(text: str, language: Language) -> bool:
    """Whether one phrase comes more than four times."""
    return any(times > PHRASE_TIMES for times in Counter(phrases(text, language)).values())


def alike(index: int, texts: list[str], language: Language) -> bool:
    """Whether more than a twentieth of a section stands in another section of its article too."""
    others = [text for number, text in enumerate(texts) if number != index]
    return share_alike(texts[index], others, language) > ALIKE
