"""The crafts as a person uses them, on real weights."""

import json
from pathlib import Path

from docx import Document
from PIL import Image
from playwright.sync_api import Page, expect
from skimage import data

from tests.browser.conftest import PATIENCE, OpenPage, slow_down
from tests.browser.test_page import go

OUTLINE_SECTIONS = 2


def outlined(page: Page) -> None:
    page.fill("#write-topic textarea", "Urban beekeeping for beginners")
    page.fill("#write-sections input", str(OUTLINE_SECTIONS))
    page.fill("#write-words input", "120")
    page.keyboard.press("Tab")
    page.click("#write-outline-start")
    expect(page.locator("#write-outline-stop")).to_be_visible()
    expect(page.locator("#write-cards li")).to_have_count(OUTLINE_SECTIONS, timeout=PATIENCE)
    expect(page.locator("#write-outline-start")).to_be_visible(timeout=PATIENCE)


def test_an_outline_is_edited_written_stopped_and_kept(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    outlined(page)
    headings = page.locator("#write-cards li input[type=text]")
    headings.first.fill("Why bees like cities")

    page.click("#write-article-start")
    expect(page.locator("#write-text h2").first).to_have_text("Why bees like cities", timeout=PATIENCE)
    page.wait_for_function("document.querySelector('#write-text').innerText.length > 120")
    page.click("#write-article-stop")
    expect(page.locator("#write-go-on")).to_be_visible()
    expect(page.locator("#write-article-status")).to_contain_text("Stopped")
    prose = page.locator("#write-text .prose")
    kept = prose.all_inner_texts()
    assert len("".join(kept)) > 50

    page.get_by_role("button", name="中文").click()
    expect(page.locator("#write-article-status")).to_contain_text("已停止")
    assert prose.all_inner_texts() == kept
    go(page, "code")
    go(page, "write")
    assert prose.all_inner_texts() == kept

    page.click("#write-go-on")
    expect(page.locator("#write-text .jump[data-state=done]")).to_have_count(2, timeout=PATIENCE)
    expect(page.locator("#write-article-stop")).to_be_hidden(timeout=PATIENCE)
    assert prose.first.inner_text().startswith(kept[0].rstrip()[:40])
    with page.expect_download() as download:
        page.click("#write-download")
    path = tmp_path / "article.docx"
    download.value.save_as(path)
    assert download.value.suggested_filename.endswith(".docx")
    styles = [(paragraph.style.name, paragraph.text) for paragraph in Document(str(path)).paragraphs]
    assert ("Heading 1", "Why bees like cities") in styles


def test_an_outline_edited_into_nonsense_gets_a_message_and_keeps_the_edit(open_page: OpenPage) -> None:
    page = open_page()
    outlined(page)
    page.locator("#write-cards li input[type=text]").first.fill("")
    page.click("#write-article-start")
    expect(page.locator("#write-article-status .trouble")).to_be_visible()
    expect(page.locator("#write-article-start")).to_be_visible()
    expect(page.locator("#write-cards li")).to_have_count(OUTLINE_SECTIONS)
    expect(page.locator("#write-cards li input[type=text]").first).to_have_value("")


def test_cards_can_be_added_moved_and_removed(open_page: OpenPage) -> None:
    page = open_page()
    outlined(page)
    headings = page.locator("#write-cards li input[type=text]")
    headings.nth(0).fill("One")
    headings.nth(1).fill("Two")
    page.locator("#write-cards li").nth(1).get_by_role("button", name="Move up").click()
    expect(headings.nth(0)).to_have_value("Two")
    page.get_by_role("button", name="Add a section").click()
    expect(headings).to_have_count(3)
    page.locator("#write-cards li").nth(2).get_by_role("button", name="Remove").click()
    expect(headings).to_have_count(2)
    page.get_by_role("button", name="中文").click()
    expect(headings.nth(1)).to_have_value("One")


def test_a_snippet_is_written_and_code_of_ones_own_is_scored(open_page: OpenPage) -> None:
    page = open_page()
    go(page, "code")
    page.click("#code-example-1")
    expect(page.locator("#code-description textarea")).not_to_have_value("")
    # A small model may ramble over a long request until its context is full.
    page.fill("#code-description textarea", "add two numbers")
    page.click("#code-start")
    expect(page.locator("#code-report .score")).to_be_visible(timeout=PATIENCE)
    page.locator("#code-editor .cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.type("def add(a, b)\nreturn a")
    page.click("#code-score")
    expect(page.locator("#code-report")).to_contain_text("syntax is broken")
    expect(page.locator("#code-report .findings")).to_contain_text("line 1")


def test_a_photo_is_enlarged_compared_and_downloaded_unchanged(
    open_page: OpenPage, photo: Path, tmp_path: Path
) -> None:
    page = open_page()
    # What appears and is filled at once must not come up empty on a slow machine.
    slow_down(page, 4)
    go(page, "enlarge")
    page.click("#enlarge-start")
    expect(page.locator("#enlarge-status")).to_contain_text("no picture")
    page.set_input_files("#enlarge-picture input[type=file]", str(photo))
    expect(page.locator("#enlarge-picture img")).to_be_visible()
    page.get_by_label("Quick").check()
    page.click("#enlarge-start")
    expect(page.locator("#enlarge-status")).to_contain_text("192 × 128", timeout=PATIENCE)
    expect(page.locator("#enlarge-slider img").first).to_be_visible()
    expect(page.locator("#enlarge-start")).to_be_visible()
    with page.expect_download() as download:
        page.click("#enlarge-download")
    path = tmp_path / "larger.png"
    download.value.save_as(path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.size == (192, 128)


def test_one_who_queues_sees_the_place_and_can_leave(open_page: OpenPage, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    Image.fromarray(data.astronaut()).save(large)
    pages = [open_page(), open_page()]
    for page, told in zip(pages, ("Tile", "1 of 1 in the queue"), strict=True):
        go(page, "enlarge")
        page.set_input_files("#enlarge-picture input[type=file]", str(large))
        expect(page.locator("#enlarge-picture img")).to_be_visible()
        page.click("#enlarge-start")
        expect(page.locator("#enlarge-status")).to_contain_text(told)
    working, queueing = pages
    queueing.click("#enlarge-stop")
    expect(queueing.locator("#enlarge-status .progress")).to_contain_text("Stopped")
    expect(queueing.locator("#enlarge-start")).to_be_visible()
    expect(queueing.get_by_text("Error", exact=True)).not_to_be_visible()
    expect(working.locator("#enlarge-stop")).to_be_visible()
    working.keyboard.press("Escape")
    expect(working.locator("#enlarge-status .progress")).to_contain_text("Stopped")


def test_a_file_that_is_no_picture_gets_a_plain_message(open_page: OpenPage, tmp_path: Path) -> None:
    fake = tmp_path / "notes.png"
    fake.write_text("not a picture", encoding="utf-8")
    page = open_page("zh-CN")
    go(page, "enlarge")
    page.set_input_files("#enlarge-picture input[type=file]", str(fake))
    page.wait_for_selector("#enlarge-picture img", state="attached")
    page.click("#enlarge-start")
    expect(page.locator("#enlarge-status .trouble")).to_be_visible()


def test_drawing_without_an_image_model_says_what_to_do(open_page: OpenPage) -> None:
    page = open_page()
    go(page, "image")
    expect(page.locator("#image-runs")).to_contain_text("Models tab")


def test_a_model_is_loaded_and_offloaded_and_the_journal_says_so(open_page: OpenPage) -> None:
    page = open_page()
    go(page, "models")
    row = page.locator('tr[data-id="realesr-animevideo-x4"]')
    load, offload = row.get_by_role("button", name="Load"), row.get_by_role("button", name="Offload")
    if row.get_attribute("data-state") == "device":
        offload.click()
        expect(row).to_have_attribute("data-state", "disk")
    load.click()
    expect(row).to_have_attribute("data-state", "device", timeout=PATIENCE)
    offload.click()
    expect(row).to_have_attribute("data-state", "disk")
    expect(page.locator("#models-journal li").first).to_contain_text("left main memory as asked")


def test_the_outline_that_the_page_holds_is_data(open_page: OpenPage) -> None:
    page = open_page()
    outlined(page)
    bodies: list[str] = []
    page.on("request", lambda request: bodies.append(request.post_data or "") if "queue/join" in request.url else None)
    page.click("#write-article-start")
    expect(page.locator("#write-text h2").first).to_be_visible(timeout=PATIENCE)
    page.keyboard.press("Escape")
    expect(page.locator("#write-article-status")).to_contain_text("Stopped")
    sent = [value for body in bodies for value in json.loads(body)["data"] if isinstance(value, str)]
    cards = next(json.loads(value) for value in sent if value.startswith("{") and "key_points" in value)
    assert [len(section["key_points"]) > 0 for section in cards["sections"]] == [True] * OUTLINE_SECTIONS
