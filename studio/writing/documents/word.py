"""A Word document of an article, in Word's own styles, so that its look can be changed in one place."""

import io
from collections.abc import Callable, Iterator
from typing import Any, Final

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.image.exceptions import UnrecognizedImageError
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Inches, Pt, RGBColor
from markdown_it.token import Token
from PIL import Image

from studio.writing.documents.rendering import tokens
from studio.writing.requests import Language

WIDEST: Final = 6.0
"""Inches of a picture at most."""
LATIN_FONT: Final = "Calibri"
CHINESE_FONT: Final = "Microsoft YaHei"
CODE_FONT: Final = "Consolas"
STYLED: Final = (
    "Normal",
    "Title",
    "Heading 1",
    "Heading 2",
    "Heading 3",
    "Quote",
    "Caption",
    "List Bullet",
    "List Number",
)
Picture = Callable[[str], bytes | None]


def word_document(markdown: str, title: str, summary: str, language: Language, picture: Picture) -> bytes:
    """The bytes of a .docx file: real headings, lists, quotes and captions, `Code` for code, links, tables, pictures.

    The first heading of the first level is the title; those of the second are Word's first.
    """
    document = Document()
    document.core_properties.title, document.core_properties.comments = title, summary
    document.core_properties.author = ""
    document.core_properties.language = {"en": "en-US", "zh": "zh-CN"}[language]
    _styled(document)
    _Writer(document, picture).write(tokens(markdown))
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _styled(document: Any) -> None:
    code = document.styles.add_style("Code", WD_STYLE_TYPE.PARAGRAPH)
    code.base_style, code.font.name, code.font.size = document.styles["Normal"], CODE_FONT, Pt(9.5)
    shading = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", "F5F5F4")):
        shading.set(qn(f"w:{name}"), value)
    code.element.get_or_add_pPr().append(shading)
    for name in (*STYLED, "Code"):
        style = document.styles[name]
        style.font.name = CODE_FONT if name == "Code" else LATIN_FONT
        # Word takes Chinese characters from a font of its own, and themes name one that has none.
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        fonts.set(qn("w:eastAsia"), CHINESE_FONT)
    normal = document.styles["Normal"].paragraph_format
    normal.space_after, normal.line_spacing = Pt(8), 1.4
    code.paragraph_format.line_spacing = 1.1
    for name in ("Title", "Heading 1", "Heading 2", "Heading 3"):
        document.styles[name].font.color.rgb = RGBColor(0x1C, 0x19, 0x17)


class _Writer:
    """Puts blocks of Markdown into a document, one after another."""

    def __init__(self, document: Any, picture: Picture) -> None:
        self._document, self._picture = document, picture
        self._lists: list[tuple[str, Any]] = []
        """The kind of each list that is open, and its numbering."""
        self._quoted = 0
        self._begins_item = False

    def write(self, found: list[Token]) -> None:
        """Write all blocks."""
        blocks = iter(found)
        for token in blocks:
            if token.type == "heading_open":
                level = max(0, int(token.tag[1:]) - 1)
                self._inline(self._document.add_heading(level=min(level, 3)), next(blocks))
            elif token.type == "paragraph_open":
                self._paragraph(next(blocks))
            elif token.type in ("fence", "code_block"):
                self._document.add_paragraph(token.content.rstrip("\n"), style="Code")
            elif token.type == "table_open":
                self._table(blocks)
            elif token.type == "hr":
                self._document.add_paragraph("⁂").alignment = 1
            else:
                self._nested(token)

    def _nested(self, token: Token) -> None:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            numbered = token.type == "ordered_list_open"
            self._lists.append(("List Number", self._numbering()) if numbered else ("List Bullet", None))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
        elif token.type == "list_item_open":
            self._begins_item = True
        elif token.type in ("blockquote_open", "blockquote_close"):
            self._quoted += 1 if token.type == "blockquote_open" else -1

    def _paragraph(self, inline: Token) -> None:
        pictures = [child for child in inline.children or () if child.type == "image"]
        if pictures and len(pictures) == len([c for c in inline.children or () if c.content or c.type == "image"]):
            for child in pictures:
                self._shown(child)
            return
        kind, numbering = self._lists[-1] if self._lists else ("Quote" if self._quoted else "Normal", None)
        paragraph = self._document.add_paragraph(style=kind)
        if len(self._lists) > 1 or (self._lists and not self._begins_item):
            paragraph.paragraph_format.left_indent = Inches(0.25 * (len(self._lists) + (not self._begins_item)))
        if self._lists and not self._begins_item:  # a second paragraph of an item has no mark of its own
            paragraph.style = "Normal"
        elif numbering is not None:
            properties = paragraph._p.get_or_add_pPr().get_or_add_numPr()
            properties.get_or_add_numId().val, properties.get_or_add_ilvl().val = numbering, 0
        self._begins_item = False
        self._inline(paragraph, inline)

    def _numbering(self) -> int:
        """A numbering that begins at one: Word goes on counting from list to list."""
        numbering = self._document.part.numbering_part.numbering_definitions._numbering
        used = self._document.styles["List Number"].element.pPr.numPr.numId.val
        abstract = next(num.abstractNumId.val for num in numbering.num_lst if num.numId == used)
        fresh = numbering.add_num(abstract)
        fresh.add_lvlOverride(ilvl=0).add_startOverride(1)
        return int(fresh.numId)

    def _table(self, blocks: Iterator[Token]) -> None:
        rows: list[list[Token]] = []
        for token in blocks:
            if token.type == "table_close":
                break
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(token)
        table = self._document.add_table(rows=len(rows), cols=max(map(len, rows)), style="Table Grid")
        for row, cells in zip(table.rows, rows, strict=True):
            for cell, inline in zip(row.cells, cells, strict=False):
                self._inline(cell.paragraphs[0], inline, bold=row is table.rows[0])

    def _shown(self, child: Token) -> None:
        """A picture in the width of the page at most, with what it shows below it and for who cannot see it."""
        content = self._picture(str(child.attrGet("src")))
        said = child.content
        try:
            if content is None:
                raise UnrecognizedImageError
            with Image.open(io.BytesIO(content)) as image:
                inches = min(WIDEST, image.width / 96)
                if image.format == "WEBP":  # which Word's own format does not know
                    target = io.BytesIO()
                    image.save(target, "PNG")
                    content = target.getvalue()
            shape = self._document.add_picture(io.BytesIO(content), width=Inches(inches))
        except (UnrecognizedImageError, OSError, ValueError, Image.DecompressionBombError):
            self._document.add_paragraph(f"[{said}]", style="Caption")
            return
        shape._inline.docPr.set("descr", said)
        if said:
            self._document.add_paragraph(said, style="Caption")

    def _inline(self, paragraph: Any, inline: Token, bold: bool = False) -> None:
        style = {"bold": bold, "italic": False, "strike": False}
        names = {"strong": "bold", "em": "italic", "s": "strike"}
        place, holder = paragraph, paragraph._p
        for child in inline.children or ():
            kind, _, end = child.type.partition("_")
            if kind in names and end in ("open", "close"):
                style[names[kind]] = end == "open" or (names[kind] == "bold" and bold)
            elif child.type == "link_open":
                holder = _hyperlink(paragraph, str(child.attrGet("href") or ""))
            elif child.type == "link_close":
                holder = paragraph._p
            else:
                text = "\n" if child.type == "hardbreak" else " " if child.type == "softbreak" else child.content
                if child.type == "softbreak" and _wide(paragraph.text[-1:]):
                    text = ""  # a line of Chinese goes on without a space
                run = place.add_run(f"[{text}]" if child.type == "image" else text)
                run.bold, run.italic, run.font.strike = style["bold"], style["italic"], style["strike"] or None
                if child.type == "code_inline":
                    run.font.name = CODE_FONT
                if holder is not paragraph._p:
                    run.font.underline, run.font.color.rgb = True, RGBColor(0x0F, 0x76, 0x6E)
                    holder.append(run._r)


def _hyperlink(paragraph: Any, address: str) -> Any:
    relation = paragraph.part.relate_to(address, RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    link = OxmlElement("w:hyperlink")
    link.set(qn("r:id"), relation)
    paragraph._p.append(link)
    return link


def _wide(character: str) -> bool:
    return "⺀" <= character <= "鿿" or "＀" <= character <= "￯"
