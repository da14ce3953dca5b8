"""An article as a PDF: what stands on its pages, what is said about it, and that nothing is fetched for it."""

import io
import logging
import re
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile
from pypdf import PdfReader

from studio.errors import Busy, InvalidRequest
from studio.writing.documents.exporter import ExportRequest, exported, formats_here
from studio.writing.documents.paged import CHILD, Press, makes_pdf, pdf_document
from tests.support.listener import serving
from tests.support.properties import examples

ENGLISH = """# Bees on the Roof

Lime trees give nectar until *the end* of **July**; see [the guide](https://example.org/guide?a=1&b=2).

## Choosing a place

1. Ask the landlord
2. Tell the “neighbours”

![A hive](hive)

### What it costs

| What | Euros |
|---|---:|
| Hive | 250 |
"""
CHINESE = """# 阳台上的番茄

番茄每天需要 **6 小时以上** 的直射阳光，*樱桃番茄* 移栽后大约六十天成熟。

## 选花盆

“浅盆里的番茄长不大”，老张这样说。

```python
print("花盆")
```
"""
A4 = (595, 842)
WORDS = "Once a week is enough in spring, and in summer a look at the entrance tells as much as a look inside. "


def picture(width: int = 900, height: int = 600, kind: str = "PNG", mode: str = "RGB") -> bytes:
    target = io.BytesIO()
    Image.new(mode, (width, height), 1 if mode == "1" else "tomato").save(target, kind)
    return target.getvalue()


def paper(text: str, show: Callable[[str], bytes | None] = lambda _: None, **fields: Any) -> PdfReader:
    made = exported(ExportRequest.of(text=text, format="pdf", **fields), show)
    assert (made.name[-4:], made.media) == (".pdf", "application/pdf")
    return PdfReader(io.BytesIO(made.content))


def words(pdf: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in pdf.pages)


def bookmarks(found: list[Any]) -> list[Any]:
    return [bookmarks(each) if isinstance(each, list) else each.title for each in found]


def drawn(page: Any) -> list[tuple[float, float]]:
    """The width and height of each picture on a page, in points; its resources are shared by all pages."""
    found = re.findall(rb"([\d.]+) 0 0 -([\d.]+) [\d. ]+ cm\n/\w+ Do", page.get_contents().get_data())
    return [(float(width) * 0.75, float(height) * 0.75) for width, height in found]


def body(page: Any) -> list[str]:
    """The lines of a page, without its number."""
    return [line for line in page.extract_text().splitlines() if line.strip() and not line.strip().isdigit()]


def rightmost(page: Any) -> float:
    """Where the piece of text begins that stands furthest to the right, in points."""
    places: list[float] = []

    def seen(text: str, around: list[float], matrix: list[float], *_: Any) -> None:
        if text.strip():
            places.append(around[0] * matrix[4] + around[4])

    page.extract_text(visitor_text=seen)
    return max(places)


def test_an_english_article_has_its_words_headings_pictures_and_links_on_a4() -> None:
    pdf = paper(ENGLISH, {"hive": picture()}.get)
    (page,) = pdf.pages
    text = page.extract_text()
    for part in ("Bees on the Roof", "the end of July", "Tell the “neighbours”", "Hive 250"):
        assert part in text
    assert bookmarks(pdf.outline) == ["Bees on the Roof", ["Choosing a place", ["What it costs"]]]
    assert (round(page.mediabox.width), round(page.mediabox.height)) == A4
    ((width, height),) = drawn(page)
    assert A4[0] * 0.7 < width < A4[0]
    assert [(image.image.width, image.image.height) for image in page.images] == [(900, 600)]
    assert abs(width / height - 1.5) < 0.01
    links = [note.get_object()["/A"]["/URI"] for note in page["/Annots"]]
    assert links == ["https://example.org/guide?a=1&b=2"]


def test_a_chinese_article_has_its_words_and_headings_in_a_font_for_chinese() -> None:
    pdf = paper(CHINESE)
    text = words(pdf)
    for part in ("阳台上的番茄", "直射阳光，樱桃番茄", "“浅盆里的番茄长不大”", 'print("花盆")'):
        assert part in text
    assert bookmarks(pdf.outline) == ["阳台上的番茄", ["选花盆"]]
    fonts = [font.get_object()["/BaseFont"] for font in pdf.pages[0]["/Resources"]["/Font"].values()]
    assert any("CJK-SC" in font for font in fonts)


@pytest.mark.parametrize(("text", "language"), [(ENGLISH, "en"), (CHINESE, "zh-CN")])
def test_a_pdf_says_its_title_language_description_and_keywords(text: str, language: str) -> None:
    pdf = paper(text, summary='A "quoted" summary <of> it', keywords="蜜蜂, roof")
    assert pdf.metadata.title == text.splitlines()[0].removeprefix("# ")
    assert pdf.metadata.subject == 'A "quoted" summary <of> it'
    assert pdf.metadata["/Keywords"] == "蜜蜂, roof"
    assert pdf.root_object["/Lang"] == language
    assert pdf.root_object["/MarkInfo"]["/Marked"]


def test_pages_are_numbered_and_no_heading_stands_alone_at_the_end_of_one() -> None:
    sections = (f"## Heading {n}\n\n{WORDS * (n % 7 + 1)}\n\n{WORDS * (n % 3 + 1)}" for n in range(60))
    pdf = paper("# Long\n\n" + "\n\n".join(sections))
    assert len(pdf.pages) > 5
    for number, page in enumerate(pdf.pages, 1):
        assert page.extract_text().split()[-1] == str(number)
        assert not body(page)[-1].startswith("Heading")
    assert len(re.findall("Heading", words(pdf))) == 60


def test_a_picture_higher_than_a_page_is_shown_once_and_whole() -> None:
    pdf = paper(f"# A\n\n{WORDS * 20}\n\n![](tall)\n\nAfter it.", lambda _: picture(300, 3000))
    ((width, height),) = [picture for page in pdf.pages for picture in drawn(page)]
    assert height < A4[1] / 2
    assert round(height / width) == 10
    assert "After it." in pdf.pages[-1].extract_text()


def test_long_lines_of_code_are_wrapped_and_a_wide_table_stays_on_the_page() -> None:
    line = " ".join(f"word{n}" for n in range(90))
    row = "|".join(f"column{n}" for n in range(20))
    pdf = paper(f"# A\n\n```\n{line}\n{'x' * 400}\n```\n\n|{row}|\n|{'-|' * 20}\n|{row}|\n")
    assert max(map(len, words(pdf).splitlines())) < 130
    assert words(pdf).count("x") == 400
    assert 500 < max(map(rightmost, pdf.pages)) < A4[0] - 50


def test_nothing_is_fetched_from_the_network_or_from_files(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    (tmp_path / "secret.png").write_bytes(picture())
    (tmp_path / "secret.css").write_text("body::after{content:'stolen'}", encoding="utf-8")
    (tmp_path / "secret.txt").write_text("stolen", encoding="utf-8")
    data = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Cimage href='{}'/%3E%3C/svg%3E"
    with serving(Handler) as server:
        every = "".join(
            f'<link rel="stylesheet" href="{place}/secret.css"><link rel="attachment" href="{place}/secret.txt">'
            f'<base href="{place}/"><style>@import "{place}/secret.css";body{{background:url({place}/secret.png)}}'
            f"@font-face{{font-family:a;src:url({place}/a.ttf)}}p{{font-family:a}}</style>"
            f'<img src="{place}/secret.png"><img src="secret.png"><object data="{place}/secret.png"></object>'
            f'<embed src="{place}/secret.png">'
            f'<iframe src="{place}/secret.txt"></iframe><svg><image href="{place}/secret.png"/></svg>'
            f'<img src="{data.format(f"{place}/secret.png")}"><p>Words.'
            for place in (server, tmp_path.as_uri())
        )
        by_hand = PdfReader(io.BytesIO(pdf_document(every.encode())))
        text = "".join(f"![x]({place}/secret.png)\n\n" for place in (server, tmp_path.as_uri(), tmp_path, "secret.png"))
        written = paper(f"# A\n\n{text}")
    assert asked == []
    for pdf in (by_hand, written):
        assert not [image for page in pdf.pages for image in page.images]
        assert "stolen" not in words(pdf)
        assert not pdf.attachments
    assert "Words." in words(by_hand)


def test_markup_and_scripts_in_a_text_are_words_and_do_nothing() -> None:
    markup = "<script>app.alert(1)</script> <img src=x onerror=alert(1)> <style>p{display:none}</style>"
    made = exported(ExportRequest.of(text=f"# A\n\n{markup}\n\n[b](javascript:alert(1)) [c](/d)", format="pdf")).content
    pdf = PdfReader(io.BytesIO(made))
    assert markup in " ".join(words(pdf).split())
    for name in ("/JavaScript", "/JS", "/Launch", "/OpenAction", "/EmbeddedFiles", "/AcroForm"):
        assert name not in pdf.root_object
        assert not [item for item in map(pdf.get_object, range(1, pdf.trailer["/Size"])) if name in str(item)]


@pytest.mark.parametrize(
    "content",
    [None, b"", b"\x89PNG and then nothing", picture(20_000, 20_000, mode="1")],
    ids=["gone", "empty", "broken", "far too large"],
)
def test_a_picture_that_cannot_be_shown_is_told_by_its_words(content: bytes | None) -> None:
    pdf = paper("# A\n\n![一盆番茄](pot)\n\nB", lambda _: content)
    assert "一盆番茄" in words(pdf)
    assert not pdf.pages[0].images
    # Which WeasyPrint sets where it is imported; here it would let broken uploads pass.
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize("kind", ["WEBP", "JPEG", "GIF"])
def test_pictures_of_every_kind_come_into_a_pdf(kind: str) -> None:
    assert len(paper("# A\n\n![x](p)", lambda _: picture(kind=kind)).pages[0].images) == 1


@settings(max_examples=examples(5))
@given(text=st.text(min_size=1, max_size=300).filter(lambda text: text.strip() and text.isprintable()))
def test_any_text_becomes_a_pdf(text: str) -> None:
    assert paper(text).pages


def test_a_long_text_finishes() -> None:
    pdf = paper("# Long\n\n" + "\n\n".join([WORDS * 5] * 400))
    assert len(pdf.pages) > 40


def test_what_takes_too_long_is_ended_and_told() -> None:
    with pytest.raises(InvalidRequest) as refused:
        pdf_document(f"<p style='overflow-wrap:anywhere'>{'a' * 200_000}".encode(), seconds=1)
    assert refused.value.code == "export.too_much"
    assert refused.value.hint("zh-CN")


def test_what_fails_is_told_and_the_log_says_where_but_no_word_of_the_text(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(InvalidRequest) as refused:
        pdf_document(b"\xff secret words")
    assert refused.value.code == "export.too_much"
    assert "UnicodeDecodeError" in caplog.text
    assert "secret" not in caplog.text


def test_without_weasyprint_a_pdf_is_refused_with_what_to_install() -> None:
    without_packages = (sys.executable, "-S", *CHILD[1:])
    with pytest.raises(InvalidRequest) as refused:
        pdf_document(b"<p>a", child=without_packages)
    assert refused.value.code == "export.no_pdf"
    for locale in ("en", "zh-CN"):
        assert "aigc-studio[pdf]" in refused.value.explain(locale)
        assert "libpango-1.0-0" in refused.value.explain(locale)


def test_pdf_is_offered_where_its_package_and_libraries_are() -> None:
    assert "pdf" in formats_here()
    assert makes_pdf()
    assert not makes_pdf(package="weasyprint_that_is_not_here")
    assert not makes_pdf(libraries=(("libpango-of-nobody.so.0", "libpango-of-nobody.dylib"),))


def test_one_person_has_one_place_and_others_have_theirs() -> None:
    press = Press(places=2, patience=0.05)
    with press.place("mei"):
        with pytest.raises(Busy), press.place("mei"):
            pass
        with press.place("tom"), pytest.raises(Busy), press.place("ada"):
            pass
        with press.place("ada"):
            pass
    with press.place("mei"):
        pass


def test_a_place_that_becomes_free_goes_to_who_waits() -> None:
    press, had = Press(places=1, patience=60), list[str]()

    def ask(whose: str) -> None:
        with press.place(whose):
            had.append(whose)

    waiting = [threading.Thread(target=ask, args=(whose,)) for whose in ("mei", "mei", "tom")]
    with press.place("mei"):
        for thread in waiting:
            thread.start()
        assert had == []
    for thread in waiting:
        thread.join(60)
    assert sorted(had) == ["mei", "mei", "tom"]


def test_who_waits_for_many_already_is_refused_at_once() -> None:
    press = Press(places=1, patience=60, most_asked=1)
    with press.place("mei"), pytest.raises(Busy), press.place("mei"):
        pass
    with press.place("mei"):
        pass
