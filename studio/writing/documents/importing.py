"""A draft from elsewhere, Markdown or Word, as an outline and the texts of its sections."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from studio.errors import InvalidRequest
from studio.validation import Verbatim
from studio.writing.documents.exporter import title_of, unfronted
from studio.writing.lengths import units
from studio.writing.outlining.outline import MOST_SECTIONS
from studio.writing.requests import Outline, Section, language_of

MOST_BYTES: Final = 20_000_000
MOST_UNPACKED: Final = 100_000_000
"""Bytes of what is in a Word document; a small file can hold terabytes of nothing."""
MOST_PARTS: Final = 5000
MOST_CHARACTERS: Final = 500_000
HEADING: Final = re.compile(r"^ {0,3}(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
PICTURE: Final = re.compile(r"!\[[^\]\n]*\]\([^)\s]{1,1900}\)")
FENCE: Final = re.compile(r"^ {0,3}(```+|~~~+)")
LEVELS: Final = re.compile(r"heading (\d)", re.IGNORECASE)
LEAST_WORDS: Final = 10
ROUND: Final = 10
"""Targets are rounded up to this many words."""


def imported(path: Path) -> tuple[Outline, dict[int, str]]:
    """The outline of a draft, and its texts by section.

    The first heading of the first level is the title; those of the level below part it, and what stands before them is
    the first section's, or the cover where it is a picture and nothing else. A draft without headings is one section.

    Raises:
        InvalidRequest: it is neither Markdown nor a Word document, too large, or empty.
    """
    try:
        content = path.read_bytes() if path.stat().st_size <= MOST_BYTES else None
    except OSError as error:
        raise InvalidRequest("file.unreadable", file=path.name, reason=error.strerror or str(error)) from error
    if content is None:
        raise InvalidRequest("draft.too_large", most=MOST_BYTES // 1_000_000)
    if content.startswith(b"PK"):
        text = word_markdown(content)
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidRequest("draft.unreadable") from error
    text = _checked(unfronted(text)["text"])
    return parted(text, path.stem)


def parted(markdown: str, name: str) -> tuple[Outline, dict[int, str]]:
    """Markdown as an outline and texts; `name` is the title where it has none and no words either."""
    language = language_of(markdown)
    lines = markdown.strip().splitlines()
    title, level, parts = "", _level(lines), [("", list[str]())]
    fence = ""
    for line in lines:
        mark = FENCE.match(line)
        if mark:
            fence = "" if fence and mark[1].startswith(fence) else fence or mark[1]
        named = None if fence or mark else HEADING.match(line)
        if named and len(named[1]) == 1 and not title and level > 1:
            title = named[2]
        elif named and len(named[1]) == level:
            parts.append((named[2], []))
        else:
            parts[-1][1].append(line)
    found = [(heading, "\n".join(body).strip()) for heading, body in parts]
    lead, cover = found.pop(0)[1], ""
    if found and PICTURE.fullmatch(lead):
        lead, cover = "", lead
    if not found:
        found = [("", lead)]
    elif lead:
        found[0] = (found[0][0], f"{lead}\n\n{found[0][1]}".strip())
    while len(found) > MOST_SECTIONS:  # what is over belongs to the last one, under its own heading
        heading, body = found.pop()
        found[-1] = (found[-1][0], f"{found[-1][1]}\n\n### {heading}\n\n{body}".strip())
    if not title and not any(body or heading for heading, body in found):
        raise InvalidRequest("draft.empty")
    title = (title or title_of(markdown) or name)[:300]
    sections = tuple(
        Section(heading=(heading or title)[:300], target_words=_target(units(body, language)))
        for heading, body in found
    )
    texts = {index: body for index, (_, body) in enumerate(found) if body}
    return Outline(title=title, language=language, sections=sections, cover=cover), texts


def word_markdown(content: bytes) -> str:
    """The words of a Word document as Markdown: headings, lists, tables, bold and italic. Macros are not read.

    Raises:
        InvalidRequest: it is no Word document, or holds far more than it weighs.
    """
    from docx import Document
    from docx.table import Table

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise InvalidRequest("draft.too_large", most=MOST_BYTES // 1_000_000)
        document = Document(io.BytesIO(content))
        blocks = [
            _table(block) if isinstance(block, Table) else _paragraph(block) for block in document.iter_inner_content()
        ]
    except InvalidRequest:
        raise
    except Exception as error:  # python-docx fails in as many ways as a file can be broken
        raise InvalidRequest("draft.unreadable") from error
    lines: list[str] = []
    for kind, text in blocks:
        if text:
            lines += [text] if kind == "item" and lines and lines[-1].lstrip()[:2] in ("- ", "1.") else ["", text]
    return "\n".join(lines).strip()


def _paragraph(paragraph: Any) -> tuple[str, str]:
    style = (paragraph.style.name if paragraph.style is not None else "") or ""
    text = "".join(_run(run) for run in _runs(paragraph)).strip()
    if not text:
        return "", ""
    if style == "Title":
        return "heading", f"# {paragraph.text.strip()}"
    if level := LEVELS.match(style):
        return "heading", f"{'#' * min(int(level[1]) + 1, 6)} {paragraph.text.strip()}"
    if style.startswith("List"):
        return "item", f"{'1.' if 'Number' in style else '-'} {text}"
    return "text", f"> {text}" if "Quote" in style else text


def _runs(paragraph: Any) -> Iterator[Any]:
    for part in paragraph.iter_inner_content():
        yield from part.runs if hasattr(part, "runs") else (part,)


def _run(run: Any) -> str:
    mark = "**" if run.bold else "*" if run.italic else ""
    text = str(run.text)
    inner = text.strip()
    if not mark or not inner:
        return text
    return text.replace(inner, f"{mark}{inner}{mark}", 1)


def _table(table: Any) -> tuple[str, str]:
    rows = [[cell.text.strip().replace("\n", " ").replace("|", "\\|") for cell in row.cells] for row in table.rows]
    if not rows or not rows[0]:
        return "", ""
    rows.insert(1, ["---"] * len(rows[0]))
    return "text", "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _level(lines: list[str]) -> int:
    """The level of the headings that part a draft: the second where one heading of the first is its title."""
    levels = [len(found[1]) for line in lines if (found := HEADING.match(line))]
    if not levels:
        return 2
    return 1 if levels.count(1) > 1 or (set(levels) == {1} and len(levels) > 1) else min({*levels} - {1}, default=2)


def _target(length: int) -> int:
    return min(20_000, max(LEAST_WORDS, -(-length // ROUND) * ROUND))


def _checked(text: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    if len(text) > MOST_CHARACTERS:
        raise InvalidRequest("draft.too_large", most=MOST_BYTES // 1_000_000)
    try:
        return str(TypeAdapter(Verbatim).validate_python(text))
    except ValidationError as error:
        raise InvalidRequest("draft.unreadable") from error
