"""Outlines and articles as Markdown, and the names of their files."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from studio.writing.requests import Outline

NAME_BYTES: Final = 120
RESERVED: Final = re.compile(r"^(?:con|prn|aux|nul|com\d|lpt\d)$", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever their extension."""


def article_markdown(outline: Outline, texts: Mapping[int, str]) -> str:
    """The article so far: its title, and every section that has been begun, by index, under its heading."""
    parts = [f"# {outline.title}"]
    for index, section in enumerate(outline.sections):
        if index in texts:
            parts += [f"## {section.heading}", texts[index]]
    return "\n\n".join(part for part in parts if part) + "\n"


def outline_markdown(outline: Outline) -> str:
    """The plan as a document: headings with their words, key points as lists."""
    unit = "words" if outline.language == "en" else "字"
    parts = [f"# {outline.title}"]
    for section in outline.sections:
        parts.append(f"## {section.heading}\n\n*{section.target_words} {unit}*")
        if section.key_points:
            parts.append("\n".join(f"- {point}" for point in section.key_points))
    return "\n\n".join(parts) + "\n"


def file_name(title: str, extension: str = "md") -> str:
    """A file name that every system takes: letters and digits of any script, hyphens between, at most 120 bytes."""
    text = unicodedata.normalize("NFC", title)
    name = re.sub(r"[\W_]+", "-", text).strip("-")
    name = name.encode()[:NAME_BYTES].decode(errors="ignore").strip("-")
    if not name or RESERVED.match(name):
        name = f"article-{name}".strip("-")
    return f"{name}.{extension}"
