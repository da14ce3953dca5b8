"""An article as words alone."""

import re
from typing import Final

from markdown_it.token import Token

from studio.writing.documents.rendering import tokens

MARK: Final = re.compile(r" *(?:-|\d+\.) ")
"""An item of a list whose words are still to come."""


def plain_text(markdown: str) -> str:
    """The words alone; items of lists keep a dash or their number, links the address that they lead to."""
    writer = _Writer()
    for token in tokens(markdown):
        writer.take(token)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(writer.lines)).strip() + "\n"


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._numbers: list[int | None] = []
        """For each list that is open, the number of its next item; None where it has none."""
        self._cells: list[str] | None = None

    def take(self, token: Token) -> None:
        """Write one token of the Markdown."""
        if token.type == "inline":
            self._words(inline_text(token))
        elif token.type in ("fence", "code_block"):
            self.lines += [token.content.rstrip("\n"), ""]
        elif token.type in ("tr_open", "tr_close"):
            self._row(begins=token.type == "tr_open")
        elif token.type == "list_item_open":
            self._item()
        elif token.type.endswith("_list_open"):
            numbered = token.type.startswith("ordered")
            self._numbers.append(int(token.attrGet("start") or 1) if numbered else None)
        elif token.type.endswith("_list_close"):
            self._numbers.pop()
            self.lines += [] if self._numbers else [""]
        elif token.type in ("heading_close", "paragraph_close", "table_close") and not self._numbers:
            self.lines.append("")

    def _words(self, text: str) -> None:
        if self._cells is not None:
            self._cells.append(text)
        elif self.lines and MARK.fullmatch(self.lines[-1]):
            self.lines[-1] += text
        else:
            self.lines.append(text)

    def _row(self, *, begins: bool) -> None:
        if not begins:
            self.lines.append("\t".join(self._cells or ()))
        self._cells = [] if begins else None

    def _item(self) -> None:
        number = self._numbers[-1]
        self.lines.append("  " * (len(self._numbers) - 1) + ("- " if number is None else f"{number}. "))
        self._numbers[-1] = None if number is None else number + 1


def inline_text(token: Token) -> str:
    """The words of a line, with the addresses that its links lead to."""
    text, address = "", ""
    for child in token.children or ():
        if child.type in ("text", "code_inline"):
            text += child.content
        elif child.type == "image":
            text += f"[{child.content}]" if child.content else ""
        elif child.type in ("softbreak", "hardbreak"):
            text += "\n"
        elif child.type == "link_open":
            address = str(child.attrGet("href") or "")
        elif child.type == "link_close" and address and not text.endswith(address):
            text += f" ({address})"
    return text
