"""How much text fits: words into tokens, and what is already written into what is left of the context."""

import re
from typing import Final, Literal

from studio.engines.text import TextEngine
from studio.registry import Shape
from studio.writing.cleaning import sentence_ends
from studio.writing.requests import Language

REFERENCE: Final[dict[Language, str]] = {
    "en": "The old harbour wakes slowly: nets are mended, engines cough, and somebody carries bread along the quay.",
    "zh": "老港口慢慢醒来：有人补网，有人发动引擎，还有人提着刚出炉的面包走过码头，海风里带着一点咸味。",
}
"""Ordinary prose, for measuring how many tokens a model spends on a word."""
FRAME_TOKENS: Final = 64
"""What a chat template adds around a conversation, with room to spare."""
OVERRUN: Final = 1.3
"""How far a section may go beyond its target before it is cut at its last sentence."""
MOST: Final = 1.15
"""The part of its target to which a longer section is trimmed."""
LEAST: Final = 0.75
"""The part of its target that a trimmed section keeps."""
ENOUGH: Final = 0.9
"""The part of its target after which it ends with its paragraph."""
PARAGRAPH_END: Final = re.compile(r"(?<=\S)[ \t]*\n[ \t]*\n")
LEAST_TOKENS: Final = 48
PROMPT_TOKENS: Final = 1500
"""What a prompt takes with its example, its notes and the end of what is written."""
MOST_TOKENS: Final[dict[Language, int]] = {"en": 2, "zh": 3}
"""Tokens for a word, or a Chinese character, in models that were not made for the language."""
TOKENS_STEP: Final = 512


def units(text: str, language: Language) -> int:
    """Its length as writers count it: words, in Chinese characters."""
    return len(text.split()) if language == "en" else sum(not character.isspace() for character in text)


def tokens_for(words: int, language: Language, engine: TextEngine) -> int:
    """The most tokens a section of `words` may take, measured with the model's own tokenizer.

    A model that was not made for Chinese spends two to three tokens on a character, one that was less than one.
    """
    reference = REFERENCE[language]
    rate = engine.count_tokens(reference) / units(reference, language)
    return int(words * rate * OVERRUN) + LEAST_TOKENS


def shape_for(words: int, language: Language) -> Shape:
    """What a request for `words` takes of a model's cache at most, before its tokenizer can be asked.

    In steps, so that what was measured for one request serves for the next one like it.
    """
    tokens = PROMPT_TOKENS + words * MOST_TOKENS[language]
    return Shape(tokens=-(-tokens // TOKENS_STEP) * TOKENS_STEP)


def enough(text: str, words: int, language: Language) -> str | None:
    """The beginning of a section that says what was asked for and may stand alone; None while there is no such thing.

    It ends with the first paragraph that is long enough, else wherever the text is when it is too long.
    """
    length = fences = begun = 0
    for found in PARAGRAPH_END.finditer(text):
        paragraph = text[begun : found.start()]
        length, fences, begun = length + units(paragraph, language), fences + paragraph.count("```"), found.end()
        if fences % 2 == 0 and length >= words * ENOUGH:
            return text[: found.start()]
    return text if length + units(text[begun:], language) >= words * OVERRUN else None


def trimmed(text: str, words: int, language: Language) -> str:
    """A text that is longer than was asked for, up to its last sentence within `MOST` of it.

    Where that would leave too little, it ends with the sentence after. Code is never cut.
    """
    if "```" in text or units(text, language) <= words * MOST:
        return text
    ends = sentence_ends(text)
    within = [end for end in ends if units(text[:end], language) <= words * MOST]
    beyond = [end for end in ends if end > max(within, default=0)]
    if within and units(text[: within[-1]], language) >= words * LEAST:
        return text[: within[-1]].rstrip()
    return text[: beyond[0]].rstrip() if beyond else text


def left_for_output(engine: TextEngine, prompt: str, wanted: int) -> int:
    """How many tokens may be written after `prompt`, at most `wanted` and at least a few.

    Where even those do not fit, the engine refuses the request and says by how much.
    """
    used = engine.count_tokens(prompt) + FRAME_TOKENS
    return max(LEAST_TOKENS, min(wanted, engine.limits.context - used))


def fitted(engine: TextEngine, text: str, tokens: int, keep: Literal["start", "end"]) -> str:
    """As much of `text` as takes at most `tokens`, from its start or its end, cut between words where there are any."""
    while text and (taken := engine.count_tokens(text)) > tokens:
        length = min(len(text) - 1, int(len(text) * max(tokens, 0) / taken))
        text = _cut(text, length, keep)
    return text


def _cut(text: str, length: int, keep: Literal["start", "end"]) -> str:
    if length <= 0:
        return ""
    if keep == "start":
        part = text[:length]
        head, space, _ = part.rpartition(" ")
        return head if space and len(head) > length // 2 else part
    part = text[-length:]
    _, space, tail = part.partition(" ")
    return tail if space and len(tail) > length // 2 else part
