"""An article, Markdown with its pictures, as a file in one of several formats."""

import base64
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Final, Literal, get_args

import yaml

from studio.errors import InvalidRequest
from studio.validation import Document, Line, Request
from studio.writing.documents.paged import makes_pdf, pdf_document
from studio.writing.documents.plain import plain_text
from studio.writing.documents.rendering import rendered
from studio.writing.documents.styles import PAPER, SCREEN
from studio.writing.requests import Language, language_of

Format = Literal["md", "zip", "html", "docx", "pdf", "txt"]
FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MEDIA: Final[dict[Format, str]] = {
    "md": "text/markdown; charset=utf-8",
    "zip": "application/zip",
    "html": "text/html; charset=utf-8",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "txt": "text/plain; charset=utf-8",
}
TITLE: Final = re.compile(r"\A\s*# +(.+?)\s*#*\s*$", re.MULTILINE)
FRONT: Final = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*\n", re.MULTILINE | re.DOTALL)
PICTURE: Final = re.compile(r"(!\[[^\]\n]*\]\()([^)\s]+)")
FENCED: Final = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?(?:^ {0,3}\1[^\n]*$|\Z)", re.MULTILINE | re.DOTALL)
SIGNATURES: Final = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))
Picture = Callable[[str], bytes | None]
"""The bytes of a picture by its address in the text; None where there is none any more."""


class ExportRequest(Request):
    """Make a file of an article."""

    text: Document
    """Markdown; its first heading is the title."""
    format: Format = "md"
    summary: Line = ""
    keywords: Line = ""


@dataclass(frozen=True)
class Exported:
    """A file."""

    content: bytes
    name: str
    media: str


def formats_here() -> tuple[Format, ...]:
    """The formats that can be made on this machine."""
    return tuple(format for format in FORMATS if format != "pdf" or makes_pdf())


def exported(request: ExportRequest, picture: Picture = lambda _: None, whose: str = "") -> Exported:
    """The article in the format that was asked for.

    `md` is its Markdown under front matter; `zip` that with a folder of its pictures; `html` one file with the pictures
    inside, and `pdf` that page on paper; `docx` has real headings, lists, tables, links and a style for code; `txt` has
    no marks at all. `whose` is the person it is for.

    Raises:
        InvalidRequest: there is no text, or no PDF can be made of it.
        Busy: too many PDFs are being made.
    """
    if not request.text:
        raise InvalidRequest("export.empty")
    title = title_of(request.text)
    makers: dict[Format, Callable[[ExportRequest, str, Picture], bytes]] = {
        "md": lambda asked, name, _: fronted(asked, name).encode(),
        "zip": _bundle,
        "html": _page,
        "docx": _word,
        "pdf": lambda *asked: pdf_document(_page(*asked), whose),
        "txt": lambda asked, *_: plain_text(asked.text).encode(),
    }
    content = makers[request.format](request, title, picture)
    return Exported(content, f"{file_name(title)}.{request.format}", MEDIA[request.format])


def title_of(markdown: str) -> str:
    """The first heading of the first level, else the first words."""
    if found := TITLE.match(markdown):
        return found[1]
    return next((line.strip("# ") for line in markdown.splitlines() if line.strip("# ")), "")[:120]


def file_name(title: str) -> str:
    """A title as a file's name that every system takes."""
    name = re.sub(r"[^\w㐀-鿿 .-]+", " ", title)
    return " ".join(name.split()).strip(" .")[:80] or "article"


def fronted(request: ExportRequest, title: str) -> str:
    """The Markdown under YAML front matter, as static site generators read it."""
    language: Language = language_of(request.text)
    told = {"title": title, "description": request.summary, "lang": {"zh": "zh-CN", "en": "en"}[language]}
    words = [word.strip() for word in re.split(r"[,，、]", request.keywords) if word.strip()]
    matter = {name: value for name, value in {**told, "keywords": words}.items() if value}
    text = yaml.safe_dump(matter, allow_unicode=True, sort_keys=False, width=1000)
    return f"---\n{text}---\n\n{request.text.strip()}\n"


def unfronted(markdown: str) -> dict[str, str]:
    """An article without front matter, as `text`, with the `summary` and `keywords` that were in it."""
    found = FRONT.match(markdown)
    if not found:
        return {"text": markdown}
    try:
        matter = yaml.safe_load(found[1])
    except yaml.YAMLError:
        return {"text": markdown}
    if not isinstance(matter, dict):
        return {"text": markdown}
    words = matter.get("keywords") or ()
    told = {
        "summary": str(matter.get("description") or "")[:500],
        "keywords": ", ".join(map(str, words)) if isinstance(words, list) else str(words),
    }
    return {"text": markdown[found.end() :], **{name: value for name, value in told.items() if value}}


def _bundle(request: ExportRequest, title: str, picture: Picture) -> bytes:
    taken: dict[str, str] = {}
    pictures: dict[str, bytes] = {}

    def moved(found: re.Match[str]) -> str:
        address = found[2]
        if address not in taken:
            content = picture(address)
            if content is None:
                return found[0]
            taken[address] = f"pictures/{len(taken) + 1}.{kind_of(content)}"
            pictures[taken[address]] = content
        return found[1] + taken[address]

    text = _outside_code(fronted(request, title), lambda part: PICTURE.sub(moved, part))
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{file_name(title)}.md", text)
        for name, content in pictures.items():
            archive.writestr(name, content)
    return target.getvalue()


def _page(request: ExportRequest, title: str, picture: Picture) -> bytes:
    def inside(address: str) -> str | None:
        content = picture(address)
        if content is None:
            return None
        return f"data:image/{kind_of(content)};base64,{base64.b64encode(content).decode()}"

    language = {"zh": "zh-CN", "en": "en"}[language_of(request.text)]
    described = f'<meta name="description" content="{escape(request.summary)}">' if request.summary else ""
    described += f'<meta name="keywords" content="{escape(request.keywords)}">' if request.keywords else ""
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>{described}'
        f"<style>{SCREEN}{PAPER}</style></head>\n<body>\n{rendered(request.text, inside)}</body></html>\n"
    ).encode()


def _word(request: ExportRequest, title: str, picture: Picture) -> bytes:
    # python-docx takes a while to import, and most people never ask for it.
    from studio.writing.documents.word import word_document

    return word_document(request.text, title, request.summary, language_of(request.text), picture)


def kind_of(content: bytes) -> str:
    """The format of a picture, as its media type names it; `png` where nothing tells."""
    return next((kind for signature, kind in SIGNATURES if content.startswith(signature)), "png")


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    parts, place = [], 0
    for found in FENCED.finditer(markdown):
        parts += [change(markdown[place : found.start()]), found[0]]
        place = found.end()
    return "".join((*parts, change(markdown[place:])))
