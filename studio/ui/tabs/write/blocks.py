"""Code in an article: written by the code craft, and judged where it stands."""

import re
from typing import Final

from studio.coding.requests import Report, Snippet
from studio.ui.report import report_html
from studio.ui.tabs.write.article import Order
from studio.ui.words import both
from studio.writing.requests import PassageText

FENCES: Final = re.compile(
    r"^ {0,3}(?:`{3,}|~{3,})[^\n]*\n(.*?)^ {0,3}(?:`{3,}|~{3,})[ \t]*$", re.MULTILINE | re.DOTALL
)


def fenced(code: str, language: str) -> str:
    """Code as a block of Markdown, whatever marks are in it."""
    longest = max((len(marks) for marks in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def code_of(passage: str) -> str:
    """What stands in a block of Markdown."""
    found = FENCES.search(passage)
    return found[1].rstrip("\n") if found else passage


def as_passage(order: Order, step: Snippet) -> PassageText:
    """A snippet as the passage that takes a block's place, or stands alone between what is before and after it."""
    text = fenced(step.code, step.language)
    if not order.get("passage"):
        before, after = str(order.get("before", "")), str(order.get("after", ""))
        text = _apart(before[::-1]) + text + _apart(after)
    return PassageText(text, step.done, step.tokens, step.seconds, step.notice)


def reported(report: Report | None) -> str:
    """What a code report says, as HTML; nothing where there is none."""
    return report_html(report) if report is not None else ""


def coded_line(step: Snippet) -> str:
    """What the desk says of a snippet on its way."""
    notice = f" · {both(step.notice)}" if step.notice else ""
    return both("write.proposed" if step.done else "write.coding", tokens=step.tokens) + notice


def _apart(text: str) -> str:
    """The line breaks that are missing at the beginning of a text for a paragraph to end there."""
    there = len(text) - len(text.lstrip("\n"))
    return "" if not text.strip() else "\n" * max(0, 2 - there)
