"""What words around a number make of it: a lower or an upper bound, or roughly so many."""

import math
import re
from dataclasses import replace
from typing import Final

from studio.writing.checking.claims.quantities import Quantity

_FILLER: Final = r"(?:\s(?:about|around|a|an|the))?(?:[㐀-鿿]{1,8}的)?[\s要有为是在约达到]{0,4}$"
ATLEAST: Final = re.compile(
    r"(?:\bat least|\bminimum(?: of)?|\bover|\babove|\bbeyond|\bexceed(?:s|ing)?|\bupwards of|"
    rf"\b(?!other|rather|less|fewer|lower|shorter|smaller)(?:\w{{2,10}}er|more) than|"
    rf"至少|最少|最低|起码|超过|大于|高于|多于|不少于|不低于|不小于|不短于){_FILLER}",
    re.IGNORECASE,
)
ATMOST: Final = re.compile(
    r"(?:\bat most|\bmaximum(?: of)?|\bup to|\bunder|\bbelow|\bwithin|\b(?:less|fewer|lower|shorter|smaller) than|"
    rf"最多|至多|最长|少于|低于|小于|不多于|不高于|不大于|不到|不足|短于){_FILLER}",
    re.IGNORECASE,
)
ATLEAST_BEHIND: Final = re.compile(
    r"[\s\w]{0,3}?(?:or (?:more|longer|over|above|higher|older|deeper)\b|minimum\b|at least\b|以上|起(?!来))",
    re.IGNORECASE,
)
ATMOST_BEHIND: Final = re.compile(
    r"[\s\w]{0,3}?(?:or (?:less|fewer|under|below|lower)\b|maximum\b|at most\b|[之以]?内|以下)", re.IGNORECASE
)
ROUGHLY: Final = re.compile(
    r"(?:\b(?:about|around|approximately|approx\.|roughly|nearly|almost|close to|circa|ca\.)|[~≈]|"
    r"约|大概|将近|接近|差不多|近)[\s为是要]{0,3}$",
    re.IGNORECASE,
)
ROUGHLY_BEHIND: Final = re.compile(r"\s?(?:or so\b|左右|上下)")
NOT: Final = re.compile(r"\b(?:no|not|never|nor|avoid|without|\w*n['’]t|cannot|too)\b|不|别|勿|没|未", re.IGNORECASE)

NOT_BEHIND: Final = re.compile(
    r"\b(?:not|n['’]t|hardly)\s(?:be\s)?(?:enough|sufficient|right|recommended|suitable|good|needed|necessary)\b"
    r"|\btoo\s\w|不够|不足|不行|太",
    re.IGNORECASE,
)


def rough(sentence: str, amount: Quantity) -> bool:
    """Whether it is only about so many."""
    lead = sentence[max(0, amount.start - 24) : amount.start]
    return bool(ROUGHLY.search(lead) or ROUGHLY_BEHIND.match(sentence, amount.end))


def bounded(sentence: str, start: int, end: int, amount: Quantity) -> Quantity | None:
    """The quantity as the clause from `start` to `end` bounds it; None where that denies it."""
    if NOT_BEHIND.search(sentence, amount.end, end):
        return None
    lead = sentence[max(start, amount.start - 80) : amount.start]
    least, most = ATLEAST.search(lead), ATMOST.search(lead)
    cue = least or most
    denied = NOT.search(lead[: cue.start()] if cue else lead)
    if cue is None:
        if denied:
            return None
        least, most = ATLEAST_BEHIND.match(sentence, amount.end), ATMOST_BEHIND.match(sentence, amount.end)
    if not least and not most:
        return amount
    if bool(least) != bool(denied):
        return replace(amount, high=math.inf)
    return replace(amount, low=-math.inf)
