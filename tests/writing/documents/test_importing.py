"""Drafts from elsewhere."""

import io
import zipfile
from pathlib import Path

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.writing.documents.exporter import ExportRequest, exported
from studio.writing.documents.importing import imported, parted
from studio.writing.documents.markdown import article_markdown

MARKDOWN = """---
title: Other
---

# Bees on the Roof

Before it all.

## Why

Because.

### Deeper

```
## no heading
```

## How

- Like this
"""


def written(folder: Path, content: bytes | str, name: str = "draft.md") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_markdown_is_parted_at_its_headings(tmp_path: Path) -> None:
    outline, texts = imported(written(tmp_path, MARKDOWN))
    assert outline.title == "Bees on the Roof"
    assert [section.heading for section in outline.sections] == ["Why", "How"]
    assert texts == {0: "Before it all.\n\nBecause.\n\n### Deeper\n\n```\n## no heading\n```", 1: "- Like this"}
    assert [section.target_words for section in outline.sections] == [20, 10]


def test_a_word_document_comes_back_as_it_went(tmp_path: Path) -> None:
    table = "| 名 | 数 |\n| --- | --- |\n| 盆 | 30 |"
    text = f"# 番茄\n\n## 选盆\n\n盆要 **深**，*不要* 小。\n\n- 一\n- 二\n\n{table}\n\n## 浇水\n\n每天。\n"
    made = exported(ExportRequest.of(text=text, format="docx"))
    outline, texts = imported(written(tmp_path, made.content, "x.docx"))
    assert outline.language == "zh"
    assert article_markdown(outline, texts) == text


@pytest.mark.parametrize(
    ("text", "title", "headings"),
    [
        ("Only words here.\n\nAnd more.", "Only words here.", ["Only words here."]),
        ("# One\n\na\n\n# Two\n\nb", "One", ["One", "Two"]),
        ("# Title", "Title", ["Title"]),
        ("### Deep\n\na", "Deep", ["Deep"]),
    ],
)
def test_drafts_without_a_title_or_sections_are_taken_too(text: str, title: str, headings: list[str]) -> None:
    outline, _ = parted(text, "name")
    assert (outline.title, [section.heading for section in outline.sections]) == (title, headings)


def test_more_sections_than_there_may_be_are_joined() -> None:
    outline, texts = parted("# T\n\n" + "\n\n".join(f"## H{n}\n\nText {n}." for n in range(20)), "x")
    assert len(outline.sections) == 12
    assert "### H19\n\nText 19." in texts[11]


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"\0" * 150_000_000)
    return target.getvalue()


@pytest.mark.parametrize("content", [b"", b"  \n", b"\xff\xfe\x00broken", b"PK\x03\x04 and no zip", bomb(), b"a\x00b"])
def test_what_is_no_draft_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidRequest):
        imported(written(tmp_path, content, "x.docx"))


def test_macros_are_not_read(tmp_path: Path) -> None:
    document = Document()
    document.add_heading("One", 1)
    document.add_paragraph("Words.")
    target = io.BytesIO()
    document.save(target)
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr("word/vbaProject.bin", b"Sub AutoOpen()")
    outline, texts = imported(written(tmp_path, target.getvalue(), "x.docm"))
    assert (outline.sections[0].heading, texts) == ("One", {0: "Words."})


@given(st.text(max_size=300).filter(lambda text: text.strip("#\n\r \t") and text.isprintable()))
def test_any_words_are_a_draft_of_which_nothing_is_lost(text: str) -> None:
    outline, texts = parted(text, "name")
    said = article_markdown(outline, texts)
    for word in text.split():
        if word.strip("#"):
            assert word.strip("#") in said
