"""Finding the code in what a model says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from studio.coding.languages import CodeLanguage, named

FENCE: Final = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})(?P<info>.*)$")
"""A fence line of CommonMark 0.31, section 4.5, at any depth, because models put blocks into lists."""
SENTENCE: Final = re.compile(r"[A-Z][\w'’]*[,!]?(?: [\w'’`\"(),/-]+)*[.:!?]")
"""A line that is a sentence: a capital, words, a full stop or colon."""
CHINESE: Final = re.compile(r"[一-鿿]")
CHINESE_STOPS: Final = ("：", "。", "！", "？", ":")
CODE_MARKS: Final = frozenset("(){}[];=<>")
COMMENT_STARTS: Final = ("#", "//", "--", "/*", "<!--")


@dataclass(frozen=True)
class Extraction:
    """The code found in a reply so far."""

    code: str
    label: str = ""
    """What its fence calls the language; empty without one."""
    complete: bool = False
    """Whether nothing the model adds can change the code any more."""


@dataclass
class _Block:
    label: str
    mark: str
    indent: int
    lines: list[str]
    closed: bool = False

    @property
    def code(self) -> str:
        return "\n".join(_without_indent(line, self.indent) for line in self.lines).strip("\n").rstrip()


def extract(reply: str, language: CodeLanguage, *, finished: bool = True) -> Extraction:
    """The code in a reply: the first block in `language`, else the longest block, else the reply without its prose.

    Depends on the text only, never on how it was cut into chunks. While the reply is not `finished`, a line that may
    still turn into a fence is held back.
    """
    lines = reply.replace("\r\n", "\n").split("\n")
    if not finished and re.fullmatch(r"[ \t]*(?:`{1,}|~{1,})[^`~]*", lines[-1]):
        lines.pop()
    blocks = list(_blocks(lines))
    for block in blocks:
        if named(block.label) is language and (block.code or not block.closed):
            return Extraction(block.code, block.label, block.closed)
    if blocks:
        longest = max(blocks, key=lambda block: len(block.code))
        return Extraction(longest.code, longest.label)
    return Extraction(_unfenced(lines) if finished or _mostly_code(lines) else "")


def _is_prose(line: str) -> bool:
    if line.startswith(COMMENT_STARTS):
        return False
    if line.endswith(CHINESE_STOPS) and CHINESE.search(line):
        return True
    return SENTENCE.fullmatch(line) is not None


def _blocks(lines: list[str]) -> Iterator[_Block]:
    block: _Block | None = None
    outside = 0
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if block is not None:
            if fence and _closes(fence, block.mark):
                block.closed = True
                yield block
                block, outside = None, number + 1
            else:
                block.lines.append(line)
        elif fence and not (fence["mark"][0] == "`" and "`" in fence["info"]):
            before = lines[outside:number]
            if not fence["info"].strip() and _mostly_code(before):
                # Small models forget the opening fence, so that the first one they write closes the block.
                yield _Block("", fence["mark"], 0, _unfenced(before).split("\n"), closed=True)
                outside = number + 1
                continue
            block = _Block(_label(fence["info"]), fence["mark"], len(fence["indent"]), [])
    if block is not None:
        yield block


def _closes(fence: re.Match[str], mark: str) -> bool:
    return fence["mark"][0] == mark[0] and len(fence["mark"]) >= len(mark) and not fence["info"].strip()


def _label(info: str) -> str:
    """The language in an info string: the first word, also of `{.python}` and `{python}`."""
    words = info.strip().lstrip("{.").split()
    return words[0].rstrip("}").lower() if words else ""


def _without_indent(line: str, indent: int) -> str:
    margin = len(line) - len(line.lstrip(" \t"))
    return line[min(indent, margin) :]


def _mostly_code(lines: list[str]) -> bool:
    spoken = [line for line in lines if line.strip()]
    code = sum(
        1
        for line in spoken
        if not _is_prose(line.strip())
        and (line[0] in " \t" or line.startswith(COMMENT_STARTS) or not CODE_MARKS.isdisjoint(line))
    )
    return 2 * code > len(spoken)


def _unfenced(lines: list[str]) -> str:
    """The lines without the sentences before and after the code."""
    first, last = 0, len(lines)
    while first < last and (not lines[first].strip() or _is_prose(lines[first])):
        first += 1
    while last > first and (not lines[last - 1].strip() or _is_prose(lines[last - 1])):
        last -= 1
    return "\n".join(lines[first:last]).rstrip()
