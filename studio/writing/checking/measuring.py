"""What can be counted in an article: each figure is computed, none is a model's guess."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from studio.writing.checking.disagreeing import Disagreement, disagreements
from studio.writing.checking.facts import HAN, words_of
from studio.writing.checking.judging import GRAM, REPORTED
from studio.writing.cleaning import sentence_ends
from studio.writing.lengths import units
from studio.writing.requests import Language, Outline

PER_MINUTE: Final[dict[Language, int]] = {"en": 238, "zh": 260}
"""Words, or characters, that adults read silently in a minute (Brysbaert 2019, a meta-analysis)."""
TITLE_SHOWN: Final[dict[Language, int]] = {"en": 60, "zh": 30}
"""Characters of a title that search engines show."""
SUMMARY_SHOWN: Final[dict[Language, int]] = {"en": 155, "zh": 78}
"""Characters of a description that they show."""
WECHAT_TITLE: Final = 64
WECHAT_SUMMARY: Final = 120
"""Characters that an article of a WeChat official account may have."""
REPEATED: Final = 3
"""From how often on a phrase is pointed out."""
MOST_PHRASES: Final = 5
MARKS: Final = re.compile(
    r"!?\[([^\]\n]*)\]\([^)\n]*\)|^ {0,3}(?:#{1,6}|>|[-*+]|\d{1,2}[.)])[ \t]+|[*_`~]+", re.MULTILINE
)
VOWELS: Final = re.compile(r"[aeiouy]+")
SUBHEADING: Final = re.compile(r"^ {0,3}(#{1,6})\s", re.MULTILINE)


@dataclass(frozen=True)
class Measures:
    """Figures of an article as far as it is written."""

    words: int
    """Words; characters in Chinese."""
    target: int
    minutes: float
    """Of reading."""
    sentence: float
    """Words, or Chinese characters, of a sentence on average."""
    ease: float | None
    """Flesch reading ease (1948), for English: 60 to 70 is plain, below 30 hard. Syllables are groups of vowels."""
    keywords: tuple[tuple[str, int], ...]
    """Each word that should appear, and how often it does."""
    avoided: tuple[tuple[str, int], ...]
    """Words to avoid that are there all the same, and how often."""
    phrases: tuple[tuple[str, int], ...]
    """Phrases that come again and again, as they stand in the text, and how often."""
    title: tuple[int, int, int]
    """Characters of the title, how many search engines show, and how many WeChat takes."""
    summary: tuple[int, int, int]
    skipped: tuple[int, ...]
    """Sections, by index, in which a heading stands deeper than the one above it allows."""
    disagreeing: tuple[Disagreement, ...]
    """Pairs of sections that give different numbers for what seems to be the same thing."""


def measured(outline: Outline, texts: Mapping[int, str]) -> Measures:
    """Count an article whose sections, by index, are Markdown."""
    language, brief = outline.language, outline.brief
    whole = "\n\n".join(plain(texts[index]) for index in sorted(texts))
    words = units(whole, language)
    sentences = max(1, len(sentence_ends(whole)))
    return Measures(
        words=words,
        target=sum(section.target_words for section in outline.sections),
        minutes=words / PER_MINUTE[language],
        sentence=words / sentences,
        ease=flesch(whole) if language == "en" and words else None,
        keywords=tuple((word, times(word, whole)) for word in words_of(brief.keywords if brief else "")),
        avoided=tuple(
            (word, count) for word in words_of(brief.avoid if brief else "") if (count := times(word, whole))
        ),
        phrases=repeated(whole, language),
        title=(len(outline.title), TITLE_SHOWN[language], WECHAT_TITLE),
        summary=(len(outline.summary), SUMMARY_SHOWN[language], WECHAT_SUMMARY),
        skipped=tuple(index for index, text in sorted(texts.items()) if _skips(text)),
        disagreeing=disagreements(texts, language),
    )


def plain(markdown: str) -> str:
    """The prose of Markdown: no code, no marks, no pictures, links as their words."""
    return MARKS.sub(
        lambda found: "" if found[0].startswith("!") else found[1] or "", REPORTED.sub("", markdown)
    ).strip()


def times(word: str, text: str) -> int:
    """How often a word is in a text: as a whole word in Latin letters, anywhere in Chinese."""
    if HAN.search(word):
        return text.count(word)
    return len(re.findall(rf"(?<!\w){re.escape(word)}(?:'?s|es)?(?!\w)", text, re.IGNORECASE))


def flesch(text: str) -> float:
    """Flesch reading ease: 206.835 - 1.015 words a sentence - 84.6 syllables a word."""
    words = re.findall(r"[A-Za-z']+", text)
    if not words:
        return 0.0
    syllables = sum(_syllables(word) for word in words)
    sentences = max(1, len(sentence_ends(text)))
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)


def repeated(text: str, language: Language) -> tuple[tuple[str, int], ...]:
    """The phrases that come most often, at least `REPEATED` times, none of them part of another."""
    pattern = r"[^\W_]+(?:['’][^\W_]+)?" if language == "en" else r"[^\W_]"
    places = [(found.start(), found.end()) for found in re.finditer(pattern, text)]
    size = GRAM[language]
    seen: dict[str, list[tuple[int, int]]] = {}
    for first, last in zip(places, places[size - 1 :], strict=False):
        phrase = text[first[0] : last[1]]
        if not re.search(r"[.!?。！？\n]", phrase):
            seen.setdefault(phrase.casefold(), []).append((first[0], last[1]))
    found: list[tuple[str, int]] = []
    taken: Counter[int] = Counter()
    for spans in sorted(seen.values(), key=lambda spans: -len(spans)):
        if len(spans) < REPEATED or len(found) == MOST_PHRASES:
            break
        if not any(taken[place] for start, end in spans for place in range(start, end)):
            taken.update(place for start, end in spans for place in range(start, end))
            found.append((text[spans[0][0] : spans[0][1]], len(spans)))
    return tuple(found)


def _syllables(word: str) -> int:
    word = word.casefold()
    count = len(VOWELS.findall(word)) - (word.endswith("e") and not word.endswith("le"))
    return max(1, count)


def _skips(text: str) -> bool:
    """Whether headings inside a section, which stands at the second level, leave a level out."""
    level = 2
    for marks in SUBHEADING.findall(REPORTED.sub("", text)):
        if len(marks) > level + 1 or len(marks) <= 2:
            return True
        level = len(marks)
    return False
