"""An article as a file: what each format holds, and what none of them lets through."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from studio.errors import InvalidRequest
from studio.writing.documents.exporter import (
    FORMATS,
    ExportRequest,
    Format,
    exported,
    file_name,
    title_of,
    unfronted,
)
from studio.writing.documents.plain import plain_text

ARTICLE = """# 阳台上的番茄

## 选花盆

花盆至少 **30 厘米** 深，见 [这里](https://example.org/a?b=1)。

1. 第一
2. 第二

- 一件

1. 又从头数

### 用 `code`

| 名 | 数 |
|---|---|
| 盆 | 30 |

```python
# ![not a picture](/library/file/x)
print("番茄")
```

![一盆番茄](/library/file/pot)

<script>alert(1)</script>
"""


def png(width: int = 900) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (width, 30), "tomato").save(target, "PNG")
    return target.getvalue()


def made(format: Format, text: str = ARTICLE, **fields: Any) -> bytes:
    request = ExportRequest.of(text=text, format=format, **fields)
    return exported(request, {"/library/file/pot": png()}.get).content


def test_markdown_has_front_matter_that_comes_off_again() -> None:
    text = made("md", summary="要点：\n一句话", keywords="番茄，阳台").decode()
    matter = yaml.safe_load(text.split("---")[1])
    assert matter == {
        "title": "阳台上的番茄",
        "description": "要点：\n一句话",
        "lang": "zh-CN",
        "keywords": ["番茄", "阳台"],
    }
    back = unfronted(text)
    assert back["text"].strip() == ARTICLE.strip()
    assert back["keywords"] == "番茄, 阳台"


@pytest.mark.parametrize("text", ["---\n: : :\n---\nx", "---\n- a\n---\nx", "no matter", "---\nnever ended"])
def test_what_is_no_front_matter_stays(text: str) -> None:
    assert unfronted(text) == {"text": text}


def test_a_zip_holds_the_article_and_its_pictures() -> None:
    with zipfile.ZipFile(io.BytesIO(made("zip"))) as archive:
        assert archive.namelist() == ["阳台上的番茄.md", "pictures/1.png"]
        text = archive.read("阳台上的番茄.md").decode()
        assert "![一盆番茄](pictures/1.png)" in text
        assert "![not a picture](/library/file/x)" in text
        assert archive.read("pictures/1.png") == png()


def test_a_page_is_one_file_in_which_no_word_is_markup() -> None:
    page = made("html", summary='"><script>').decode()
    assert '<html lang="zh-CN">' in page
    assert "<h1>阳台上的番茄</h1>" in page
    assert '<img src="data:image/png;base64,' in page
    assert "<script" not in page
    assert "/library/file/pot" not in page


def test_a_word_document_has_real_styles_and_a_font_for_chinese() -> None:
    document = Document(io.BytesIO(made("docx", summary="一句话")))
    styles = [(paragraph.style.name, paragraph.text) for paragraph in document.paragraphs]
    assert styles[:3] == [
        ("Title", "阳台上的番茄"),
        ("Heading 1", "选花盆"),
        ("Normal", "花盆至少 30 厘米 深，见 这里。"),
    ]
    for found in (("List Bullet", "一件"), ("Heading 2", "用 code"), ("Caption", "一盆番茄")):
        assert found in styles
    assert next(text for style, text in styles if style == "Code").endswith('print("番茄")')
    assert document.tables[0].cell(1, 1).text == "30"
    (picture,) = document.inline_shapes
    assert picture._inline.docPr.get("descr") == "一盆番茄"
    assert picture.width.inches <= 6
    fonts = document.styles["Heading 1"].element.rPr.rFonts
    assert "Microsoft YaHei" in fonts.attrib.values()
    assert any(link.target_ref == "https://example.org/a?b=1" for link in document.part.rels.values())
    assert document.core_properties.title == "阳台上的番茄"


def test_each_numbered_list_of_a_word_document_begins_at_one() -> None:
    document = Document(io.BytesIO(made("docx")))
    numbers = [p._p.pPr.numPr.numId.val for p in document.paragraphs if p.style.name == "List Number"]
    assert numbers[0] == numbers[1] != numbers[2]


@pytest.mark.parametrize("kind", ["WEBP", "JPEG", "GIF"])
def test_pictures_of_every_kind_come_into_a_word_document(kind: str) -> None:
    target = io.BytesIO()
    Image.new("RGB", (40, 30), "tomato").save(target, kind)
    request = ExportRequest.of(text="# A\n\n![x](p)", format="docx")
    document = Document(io.BytesIO(exported(request, lambda _: target.getvalue()).content))
    assert len(document.inline_shapes) == 1


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG and then nothing"])
def test_a_picture_that_is_gone_or_broken_is_told_by_its_words(content: bytes | None) -> None:
    request = ExportRequest.of(text="# A\n\n![一盆番茄](/library/file/gone)", format="docx")
    document = Document(io.BytesIO(exported(request, lambda _: content).content))
    assert ("Caption", "[一盆番茄]") in [(p.style.name, p.text) for p in document.paragraphs]
    page = exported(request.model_copy(update={"format": "html"})).content.decode()
    assert "<em>一盆番茄</em>" in page


def test_plain_text_has_no_marks() -> None:
    text = plain_text(ARTICLE)
    assert text.startswith("阳台上的番茄\n\n选花盆\n\n花盆至少 30 厘米 深，见 这里 (https://example.org/a?b=1)。\n\n")
    for part in ("1. 第一\n2. 第二\n", "- 一件\n", "盆\t30\n", 'print("番茄")'):
        assert part in text
    assert "**" not in text


@pytest.mark.parametrize("format", [format for format in FORMATS if format != "pdf"])
@given(text=st.text(min_size=1, max_size=300).filter(lambda text: text.strip() and text.isprintable()))
def test_any_text_becomes_a_file(format: Format, text: str) -> None:
    assert exported(ExportRequest.of(text=text, format=format)).content


def test_nothing_is_refused_in_words() -> None:
    with pytest.raises(InvalidRequest):
        exported(ExportRequest.of(text="  "))
    with pytest.raises(InvalidRequest):
        ExportRequest.of(text="x", format="pdf2")


@pytest.mark.parametrize(
    ("title", "name"),
    [("../../etc/passwd", "etc passwd"), ("a/b:c*?", "a b c"), ("。。", "article"), ("番茄 🍅", "番茄")],
)
def test_a_title_becomes_a_name_that_leads_nowhere_else(title: str, name: str) -> None:
    assert file_name(title) == name


def test_the_title_is_the_first_heading_or_the_first_words() -> None:
    assert title_of("\n# One #\n\n# Two") == "One"
    assert title_of("words\n\n# Later") == "words"


def test_files_of_an_article_are_named_by_its_title(tmp_path: Path) -> None:
    assert exported(ExportRequest.of(text=ARTICLE, format="docx")).name == "阳台上的番茄.docx"
