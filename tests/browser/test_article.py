"""One article, three crafts: code and pictures in its text, and what a section was before, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from docx import Document
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OpenPage, opener
from tests.browser.pretend import pretend_studio
from tests.browser.test_desk import downloaded, edit, section, written
from tests.browser.test_page import go


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pretend_studio(tmp_path_factory.mktemp("article"), "text", "code", "image") as address:
        yield address


@pytest.fixture
def open_page(chromium: Browser, address: str) -> Iterator[OpenPage]:
    with opener(chromium, address) as open_one:
        yield open_one


def done(page: Page) -> None:
    expect(page.locator("#write-article-stop")).to_be_hidden()


def test_code_is_written_into_a_section_judged_and_replaced_where_it_stands(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    edit(page, 0, "Before.\n\n```python\nx = 1\n```\n\nAfter.")
    other = page.locator(f"{section(page, 1)} .prose").inner_html()
    first = page.locator(section(page, 0))
    first.get_by_role("button", name="Judge the code").click()
    expect(first.locator(".judged .score")).to_contain_text("The syntax is fine")
    first.get_by_role("button", name="Write it anew…").click()
    first.locator(".coding textarea").fill("adds two numbers")
    first.get_by_role("button", name="Write the code").click()
    first.get_by_role("button", name="Discard").click()
    expect(first.locator(".coding textarea")).to_have_value("adds two numbers")
    first.get_by_role("button", name="Write the code").click()
    expect(first.locator(".proposal .judged")).to_be_visible()
    first.get_by_role("button", name="Accept").click()
    done(page)
    expect(first.locator(".prose pre")).to_contain_text("def add(a: int, b: int) -> int:")
    first.get_by_role("button", name="Edit").click()
    text = first.locator("textarea").input_value()
    assert text.startswith("Before.\n\n```python\ndef add(")
    assert text.endswith("\n```\n\nAfter.")
    assert "x = 1" not in text
    assert page.locator(f"{section(page, 1)} .prose").inner_html() == other


def test_code_of_a_section_without_any_comes_to_its_end_and_is_a_work_of_its_own(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    edit(page, 1, "Nothing but words.")
    second = page.locator(section(page, 1))
    second.get_by_role("button", name="Code…").click()
    second.locator(".coding textarea").fill("adds two numbers, for an article")
    second.locator(".coding select").select_option("python")
    second.get_by_role("button", name="Write the code").click()
    second.get_by_role("button", name="Accept").click()
    second.get_by_role("button", name="Edit").click()
    assert second.locator("textarea").input_value().startswith("Nothing but words.\n\n```python\ndef add(")
    second.get_by_role("button", name="Done").click()
    go(page, "library")
    expect(page.locator(".works .card").filter(has_text="adds two numbers, for an article")).to_have_count(1)


def test_what_a_section_was_before_comes_back_and_no_other_section_with_it(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    first, second = (page.locator(section(page, number)) for number in range(2))
    for text in ("The first text.", "The second text."):
        edit(page, 0, text)
        expect(first.locator(".prose")).to_have_text(text)
    edit(page, 1, "Another section by hand.")
    expect(page.locator("#write-kept")).to_contain_text("version 6")
    first.get_by_role("button", name="Earlier texts").click()
    expect(first.locator(".earlier .chip")).to_have_count(2)
    first.locator(".earlier .chip").first.click()
    expect(first.locator(".proposal del")).to_have_text("second")
    first.get_by_role("button", name="Accept").click()
    expect(first.locator(".prose")).to_have_text("The first text.")
    expect(second.locator(".prose")).to_have_text("Another section by hand.")
    second.get_by_role("button", name="Earlier texts").click()
    expect(second.locator(".earlier .chip")).to_have_count(1)
    second.get_by_role("button", name="Close").click()
    expect(second.locator(".earlier")).to_have_count(0)


def test_a_piece_has_a_cover_that_stays_comes_along_and_can_be_taken_away(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    written(page)
    page.get_by_role("button", name="Draw a cover").click()
    cover = page.locator("#write-text .cover img")
    expect(cover).to_be_visible()
    done(page)
    expect(page.locator("#write-kept")).to_contain_text("version 4")
    document = Document(str(downloaded(page, tmp_path, "Word (DOCX)")))
    assert len(document.inline_shapes) == 1
    text = downloaded(page, tmp_path, "Markdown file").read_text(encoding="utf-8")
    title = page.inner_text("#write-text h1")
    assert f"# {title}\n\n![" in text
    page.wait_for_timeout(2500)
    page.reload()
    expect(cover).to_be_visible()
    page.get_by_role("button", name="Take the cover away").click()
    expect(cover).to_have_count(0)
    expect(page.get_by_role("button", name="Draw a cover")).to_be_visible()


def test_pictures_of_an_article_are_drawn_with_the_settings_of_the_image_tab(open_page: OpenPage) -> None:
    page = open_page()
    go(page, "image")
    page.fill("#image-steps input, #image-steps textarea", "3")
    page.fill("#image-negative textarea", "no people, please")
    go(page, "write")
    written(page)
    page.click("#write-illustrate")
    expect(page.locator("#write-text .prose img")).to_have_count(2)
    done(page)
    go(page, "library")
    page.locator(".works .card .open img").first.click()
    expect(page.locator(".viewer .infotext")).to_contain_text("Negative prompt: no people, please")
    expect(page.locator(".viewer .infotext")).to_contain_text("Steps: 3,")


def test_words_that_the_model_was_unsure_of_are_underlined_while_somebody_wants_to_see_them(
    open_page: OpenPage,
) -> None:
    page = open_page()
    written(page)
    underlined = "[...(CSS.highlights.get('unsure') || [])].map((range) => range.toString())"
    assert page.evaluate(underlined) == []
    page.get_by_label("Words the model was unsure of").check()
    words = page.evaluate(underlined)
    assert len(words) > 3
    told = page.inner_text("#write-text .text")
    assert all(word in told for word in words)
    edit(page, 0, "By hand, nobody is unsure.")
    edit(page, 1, "Nor here.")
    expect(page.get_by_label("Words the model was unsure of")).to_have_count(0)
    assert page.evaluate(underlined) == []


def test_numbers_that_do_not_agree_are_pointed_out_and_lead_to_their_place(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    edit(page, 0, "A pot for tomatoes should be at least 30 cm deep.")
    edit(page, 1, "Take a pot for the tomatoes that is at most 20 cm deep.")
    page.locator("#write-text .measures summary").click()
    found = page.locator("#write-text .measures .bad .place")
    expect(found).to_have_count(2)
    expect(found.first).to_contain_text("30 cm")
    found.last.click()
    assert "20 cm" in page.evaluate("getSelection().toString()")
    edit(page, 1, "Take a pot for the tomatoes that is 30 cm deep.")
    expect(found).to_have_count(0)
