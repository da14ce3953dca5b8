"""A passage written anew: improved, shortened, translated, or as somebody says."""

import re
from collections.abc import Generator
from contextlib import closing
from typing import Final

from studio.engines.text import Message, TextRequest
from studio.pace import Pace
from studio.registry import LoadProgress
from studio.writing.cleaning import SectionCleaner, loops, unlooped
from studio.writing.continuity import ending
from studio.writing.lengths import FRAME_TOKENS, fitted, left_for_output, tokens_for, units
from studio.writing.prompts import prompt
from studio.writing.requesting import WRITTEN_LENGTH, Requester
from studio.writing.requests import Change, Language, PassageText, RewriteRequest, language_of

GROWTH: Final[dict[Change, float]] = {"shorten": 0.6, "expand": 2.0, "example": 1.8}
"""How long a passage becomes; others stay about as long as they are."""
ACROSS: Final[dict[Language, float]] = {"en": 1.7, "zh": 0.6}
"""Characters of Chinese for an English word, and the other way round, by the language translated from."""
LEAST_WORDS: Final = 40
PENALTY: Final = 1.05
ANSWER: Final = re.compile(
    r"^\W*(?:(?:the )?(?:rewritten|improved|shortened|translated|new) (?:passage|text|version)|passage"
    r"|(?:改好|改写|修改|翻译)(?:后|好)?的?(?:文字|版本|段落|内容|译文)?)\W*$\n+",
    re.IGNORECASE | re.MULTILINE,
)
"""A line above the passage that only says what it is."""
QUOTES: Final = re.compile(r"^[\"“「](?P<inside>[^\"“”「」]+)[\"”」]$", re.DOTALL)


def written_language(request: RewriteRequest) -> Language:
    """The language that a passage is written in anew."""
    own = request.language or language_of(request.text)
    if request.change != "translate":
        return own
    return "en" if own == "zh" else "zh"


def rewritten(requester: Requester, request: RewriteRequest) -> Generator[LoadProgress | PassageText, None, None]:
    """The passage so far, again and again; the last one is done."""
    asked, shortened = _asked(requester, request)
    proof = SectionCleaner("", "", ())
    pace, said, tokens, notice = Pace(), "", 0, requester.notice
    with closing(requester.write(asked)) as chunks:
        for chunk in chunks:
            if isinstance(chunk, LoadProgress):
                yield chunk
                continue
            said += chunk.text
            tokens = max(tokens + bool(chunk.text), chunk.completion_tokens)
            notice = notice or chunk.notice
            if not pace.due():
                continue
            text = proof.read(said, done=False).text
            if loops(text):
                break
            yield PassageText(text, False, tokens, pace.seconds, notice)
    text = proof.read(said, done=True).text
    text = unlooped(text) if loops(text) else text
    *_, named = ANSWER.split(text)
    text = named.strip() or text
    if (quoted := QUOTES.match(text)) and not QUOTES.match(request.text):
        text = quoted["inside"]
    if not text:
        notice = notice or "write.notice.unchanged"
    elif shortened:
        notice = notice or "write.notice.passage"
    yield PassageText(text or request.text, True, tokens, pace.seconds, notice)


def _asked(requester: Requester, request: RewriteRequest) -> tuple[TextRequest, bool]:
    """What to ask for, and whether the passage had to be shortened."""
    engine, language = requester.engine, written_language(request)
    half = max(0, (engine.limits.context - 8 * FRAME_TOKENS) // 2)
    text = fitted(engine, request.text, half, "start")
    own = request.language or language_of(request.text)
    length = units(text, own) * (ACROSS[own] if request.change == "translate" else GROWTH.get(request.change, 1.2))
    fields = {
        "text": text,
        "change": request.change,
        "instruction": request.instruction,
        "before": ending(request.before, WRITTEN_LENGTH),
        "after": request.after.strip()[:WRITTEN_LENGTH],
    }
    asked = prompt("rewrite", language, **fields)
    if engine.limits.chat:
        turns = (Message("system", prompt("rewrite_system", language)), Message("user", asked))
        options: dict[str, object] = {"messages": turns}
        spoken = "\n".join(turn.content for turn in turns)
    else:
        spoken = f"{asked}\n\n"
        options = {"prompt": spoken}
    wanted = tokens_for(max(LEAST_WORDS, int(length)), language, engine)
    left = left_for_output(engine, spoken, wanted)
    request_ = TextRequest(max_tokens=left, temperature=requester.temperature, repeat_penalty=PENALTY, **options)  # type: ignore[arg-type]
    return request_, text != request.text
