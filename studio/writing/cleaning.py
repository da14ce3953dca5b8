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
MEANT: Final = re.compile(
    r"^(?:当然|好的|没问题)?[，,、！!。 ]*(?:以下|下面|这)就?是"
    r"[^，。]{0,16}(?:正文|内容|文章|段落|这一节|章节|文字)[^，。]{0,6}[。.！!]$"
    r"|^(?:(?:sure|certainly|of course|absolutely|okay)[,.! ]+)?"
    r"(?:here(?:'s| is)|below is) (?:the|your|a) [^.]{0,40}(?:section|text|paragraphs?|draft)[^.]{0,20}[.!]$"
    r"|^(?:当然|好的|没问题|sure|certainly|of course|absolutely|okay)(?:可以)?[。.！!]$",
    re.IGNORECASE,
)
"""A whole opening line about the text that is to come."""
ASIDE: Final = re.compile(
    r"^[（(\[]?(?:word count|total words|约?字数|全文共?|本节共?|以上共?|共)(?:统计)?(?: is)?\s*[:：]?\s*"
    r"(?:about|约)?\s*\d+\s*(?:words|个?字)?[)）\]。.]?$"
    r"|^[（(]约?\s*\d+\s*(?:words|个?字)[)）]$"
    r"|^i hope (?:this|that|it) .{0,60}(?:help|useful|need|like|meets).{0,60}$"
    r"|^(?:please )?(?:let me know|feel free to) .{0,100}$"
    r"|^希望(?:这|以上|本)[^，。]{0,12}(?:对你|对您|能帮|有所?帮助|符合|满足).{0,30}$"
    r"|^(?:如果|如)(?:你|您)?(?:还)?(?:有|需要)[^。]{0,20}(?:请|欢迎)(?:随时)?(?:告诉|联系|提出|问)我?[^。]{0,12}[。.！!]$",
    re.IGNORECASE,
)
"""A last line that is meant for whoever asked, not for the reader of the article."""
NUMBER: Final = re.compile(r"^[\s>#*_(（-]*\d{1,2}$")
"""What stands before the dot of a numbered item."""
HEADING: Final = re.compile(r"^ {0,3}(#{1,6})(?:\s+|$)(.*?)#*\s*$")
BOLD: Final = re.compile(r"^\s*(?:\*\*|__)(.+?)(?:\*\*|__)\s*:?\s*$")
LABELLED: Final = re.compile(
    r"^(?:section|part)?\s*\d*\s*[.:：、-]?\s*|^第\s*[\d一二三四五六七八九十]+\s*节\s*[.:：、-]?\s*", re.I
)
TAG: Final = re.compile(r"^\s*</?(?:brief|outline|written|current|voice|passage)>\s*$|^\s*<<.*>>\s*$", re.IGNORECASE)
"""A fence of the prompt said back, or a heading between angle brackets."""
CODE_FENCE: Final = re.compile(r"^ {0,3}(```+|~~~+)\s*(\w*)")
SENTENCE: Final = re.compile(r"[^.!?。！？\n]+[.!?。！？]+[\"'”’」』）)]*\s?|[^.!?。！？\n]+\n|\n")
LOOP_TIMES: Final = 3
LOOP_LENGTH: Final = 12


@dataclass(frozen=True)
class CleanText:
    """A section's Markdown, and whether the model has gone on to another section."""

    text: str
    ended: bool = False


class SectionCleaner:
    """What counts as a heading in one section: its own, the title, those of the other sections, and its key points."""

    def __init__(self, title: str, heading: str, others: Iterable[str], points: Iterable[str] = ()) -> None:
        self._own = {_key(title), _key(heading)} - {""}
        self._others = {_key(other) for other in others} - self._own - {""}
        self._points = {_key(point) for point in points} - {""}

    def read(self, said: str, *, done: bool) -> CleanText:
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
                return CleanText(_finished(kept), ended=True)
            if mark:
                fence = mark[1]
            if last and not done and self._unsure(line, _begun(kept)):
                break
            verdict = self._judge(line, _begun(kept))
            if verdict is None:
                return CleanText(_finished(kept), ended=True)
            if verdict or line.strip() == "":
                kept.append(verdict)
        return CleanText(_finished(kept) if done and not fence else _trimmed(kept))

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
            if heading or keys & self._others or PREAMBLE.match(line.strip()) or MEANT.match(line.strip()):
                return ""
            return line
        if (heading or bold) and keys & self._others:
            return None
        if (heading or bold) and self._is_point(_key(named)):
            return ""
        if heading and len(heading[1]) < 3:
            return f"### {heading[2]}"
        return line

    def _is_point(self, key: str) -> bool:
        """Whether a heading says a key point, or all but a few characters of one."""
        return any(
            point in key or key in point
            for point in self._points
            if 2 * min(len(point), len(key)) > max(len(point), len(key))
        )

    def _unsure(self, line: str, begun: bool) -> bool:
        start = line.lstrip()
        if start.startswith(("#", "**", "__", "<")) and len(start) < 120:
            return True
        if begun and ASIDE.match(start.strip("*_ ")):
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
    """The text without sentences of some length that were said before in it."""
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
    if text.count("```") % 2:
        return f"{text.rstrip()}\n```"
    ends = sentence_ends(text)
    if not ends or ends[-1] <= len(text) // 2:
        return text
    return without_lead_in(text[: ends[-1]])


def sentence_ends(text: str) -> list[int]:
    """The positions after each finished sentence; the dot of a numbered item, or of "a.m." within one, ends none."""
    return [
        match.end()
        for match in re.finditer(r"[.!?][\"'”’)]*(?=\s|$)(?! +[a-z])|[。！？][”’」』）]*", text)
        if not NUMBER.match(text[text.rfind("\n", 0, match.start()) + 1 : match.start()])
    ]


def _begun(kept: list[str]) -> bool:
    return any(line.strip() for line in kept)


def _trimmed(kept: list[str]) -> str:
    return "\n".join(kept).strip("\n").rstrip()


def _finished(kept: list[str]) -> str:
    """The lines of a section that has ended, without what announces more of it or speaks to whoever asked."""
    lines = list(kept)
    while lines and (not lines[-1].strip() or ASIDE.match(lines[-1].strip().strip("*_ "))):
        lines.pop()
    return without_lead_in(_trimmed(lines))


def without_lead_in(text: str) -> str:
    """The text up to its last line that announces nothing: no heading, number or colon at the end.

    A text that is nothing else stays as it is.
    """
    lines = text.split("\n")
    end = len(lines)
    while end and (
        not (line := lines[end - 1].strip())
        or HEADING.match(line)
        or re.fullmatch(r"(?:\d{1,2}[.)、]|[-*+])\s*", line)
        or (line.strip("*_ ").endswith((":", "：")) and end > 1)
    ):
        end -= 1
    return "\n".join(lines[:end] or lines).rstrip()


def _key(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
