"""The text of one section, freed of what models put around it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PREAMBLE: Final = re.compile(
    r"^(?:sure|certainly|of course|absolutely|okay|here(?:'s| is| are)|section \d+"
    r"|当然|好的|以下是|下面是).{0,200}[:：]$",
    re.IGNORECASE,
)
HEADING: Final = re.compile(r"^ {0,3}(#{1,6})(?:\s+|$)(.*?)#*\s*$")
BOLD: Final = re.compile(r"^\s*(?:\*\*|__)(.+?)(?:\*\*|__)\s*:?\s*$")
LABELLED: Final = re.compile(
    r"^(?:section|part)?\s*\d*\s*[.:：、-]?\s*|^第\s*[\d一二三四五六七八九十]+\s*节\s*[.:：、-]?\s*", re.I
)
TAG: Final = re.compile(r"^\s*</?(?:brief|outline|written|current)>\s*$|^\s*<<.*>>\s*$", re.IGNORECASE)
"""A fence of the prompt said back, or a heading between angle brackets."""
CODE_FENCE: Final = re.compile(r"^ {0,3}(```+|~~~+)\s*(\w*)")
SENTENCE: Final = re.compile(r"[^.!?。！？\n]+[.!?。！？]+[\"'”’」』）)]*\s?|[^.!?。！？\n]+\n|\n")
LOOP_TIMES: Final = 3
LOOP_LENGTH: Final = 12


@dataclass(frozen=True)
class Body:
    """A section's Markdown, and whether the model has gone on to another section."""

    text: str
    ended: bool = False


class Proof:
    """What counts as a heading in one section: its own, the title, and those of the other sections."""

    def __init__(self, title: str, heading: str, others: Iterable[str]) -> None:
        self._own = {_key(title), _key(heading)} - {""}
        self._others = {_key(other) for other in others} - self._own - {""}

    def read(self, said: str, *, done: bool) -> Body:
        """The section in what the model has `said` so far.

        Until it is `done`, a last line that may yet turn out to be a heading is held back.
        """
        lines = said.replace("\r\n", "\n").split("\n")
        kept: list[str] = []
        fence, wrapped = "", False
        for index, line in enumerate(lines):
            last = index == len(lines) - 1
            mark = CODE_FENCE.match(line)
            if fence:
                fence = "" if mark and mark[1].startswith(fence) and not mark[2] else fence
                kept.append(line)
                continue
            if mark and not _begun(kept) and mark[2].lower() in ("markdown", "md", "text"):
                wrapped = True
                continue
            if mark and wrapped and not mark[2]:
                return Body(_trimmed(kept), ended=True)
            if mark:
                fence = mark[1]
            if last and not done and self._unsure(line, _begun(kept)):
                break
            verdict = self._judge(line, _begun(kept))
            if verdict is None:
                return Body(_trimmed(kept), ended=True)
            if verdict or line.strip() == "":
                kept.append(verdict)
        return Body(_trimmed(kept))

    def _judge(self, line: str, begun: bool) -> str | None:
        """The line to keep; empty when it repeats a heading, None when another section begins here."""
        if TAG.match(line):
            return ""
        heading = HEADING.match(line)
        bold = BOLD.match(line)
        named = heading[2] if heading else bold[1] if bold else line
        keys = {_key(named), _key(LABELLED.sub("", named, count=1))}
        if keys & self._own:
            return ""
        if not begun:
            if heading or keys & self._others or PREAMBLE.match(line.strip()):
                return ""
            return line
        if (heading or bold) and keys & self._others:
            return None
        if heading and len(heading[1]) < 3:
            return f"### {heading[2]}"
        return line

    def _unsure(self, line: str, begun: bool) -> bool:
        start = line.lstrip()
        if start.startswith(("#", "**", "__", "<")) and len(start) < 120:
            return True
        key = _key(line)
        names = self._own if begun else self._own | self._others
        if not begun and len(start) < 60 and not re.search(r"[.。,，]", start):
            return True
        return bool(key) and any(name.startswith(key) for name in names)


def loops(text: str) -> bool:
    """Whether the text has begun to say one sentence over and over, as small models do."""
    sentences = [sentence.strip() for sentence in SENTENCE.findall(text) if len(sentence.strip()) >= LOOP_LENGTH]
    return bool(sentences) and sentences.count(sentences[-1]) >= LOOP_TIMES


def unlooped(text: str) -> str:
    """The text without sentences of some length that were said before, in the part where it loops."""
    said: set[str] = set()
    kept = []
    for match in SENTENCE.finditer(text):
        sentence = match[0].strip()
        if len(sentence) < LOOP_LENGTH or sentence not in said:
            kept.append(match[0])
        said.add(sentence)
    return re.sub(r"\n{3,}", "\n\n", "".join(kept)).strip()


def whole_sentences(text: str) -> str:
    """A text that was cut short, up to its last finished sentence if that keeps more than half of it.

    Code that was cut is closed instead, so that what follows is not taken for code.
    """
    ends = [match.end() for match in re.finditer(r"[.!?][\"'”’)]*(?=\s|$)|[。！？][”’」』）]*", text)]
    if text.count("```") % 2:
        return f"{text.rstrip()}\n```"
    if not ends or ends[-1] <= len(text) // 2:
        return text
    return text[: ends[-1]]


def _begun(kept: list[str]) -> bool:
    return any(line.strip() for line in kept)


def _trimmed(kept: list[str]) -> str:
    return "\n".join(kept).strip("\n").rstrip()


def _key(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
