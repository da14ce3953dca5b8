"""What a newcomer sees: nothing empty, the button in sight, and results that come up with all that belongs to them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docx import Document
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import OpenPage, opener, slow_down
from tests.browser.pretend import pretend_studio
from tests.browser.test_page import go, step

CRAFTS = ("write", "code", "image", "enlarge")
START = {"write": "#write-outline-start"}
"""The primary button where it is not named like its tab."""
SEEN = ".result:visible, .becoming:visible, #code-actions:visible"
AS_SOON_AS_THERE = """selector => new Promise(done => {
    const look = setInterval(() => {
        const button = document.querySelector(selector)
        if (button?.checkVisibility()) { clearInterval(look); button.click(); done() }
    }, 1)
})"""
"""Clicks a button in the moment it comes up, sooner than a hand could."""
LAPTOP = {"width": 1366, "height": 768}


@pytest.fixture
def pretend(chromium: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    with pretend_studio(tmp_path, "text", "code", "image", "upscale") as url, opener(chromium, url) as open_one:
        yield open_one


@pytest.fixture
def slowly_drawing(chromium: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    """Each step of a picture takes a second."""
    with pretend_studio(tmp_path, "image", step=1.0) as url, opener(chromium, url) as open_one:
        yield open_one


def in_sight(page: Page, selector: str) -> bool:
    """Whether all of it is inside the window."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    assert page.viewport_size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_newcomer_sees_nothing_empty_and_the_button_without_scrolling(open_page: OpenPage, locale: str) -> None:
    page = open_page(locale, **LAPTOP)
    for tab in CRAFTS:
        go(page, tab)
        start = START.get(tab, f"#{tab}-start")
        expect(page.locator(f"#{tab}-runs .note")).to_be_visible()
        expect(page.locator(f"#tab-{tab} .empty h2")).to_be_visible()
        expect(page.locator(SEEN)).to_have_count(0)
        assert in_sight(page, start), tab
        page.locator(f"#{tab}-example-1").click()
        filled = {"enlarge": "#enlarge-picture img", "image": "#image-tokens .note"}.get(tab)
        if filled:
            expect(page.locator(filled)).to_be_visible()
        else:
            expect(page.locator(f"#tab-{tab} textarea").first).not_to_have_value("")
        assert in_sight(page, start), tab


def test_on_a_phone_a_tab_says_what_it_does_before_its_form_and_its_button_stays_in_sight(
    open_page: OpenPage,
) -> None:
    page = open_page("zh-CN", width=390)
    for tab in CRAFTS:
        go(page, tab)
        expect(page.locator(f"#tab-{tab} .empty h2")).to_be_visible()
        assert in_sight(page, f"#tab-{tab} .empty h2"), tab
        assert in_sight(page, START.get(tab, f"#{tab}-start")), tab


def test_an_outline_and_an_article_come_up_filled_and_can_be_had_back(pretend: OpenPage) -> None:
    page = pretend()
    slow_down(page, 4)
    page.fill("#write-topic textarea", "Bees")
    page.fill("#write-sections input", "2")
    page.keyboard.press("Tab")
    page.click("#write-outline-start")
    expect(page.locator("#write-plan")).to_be_visible()
    expect(page.locator("#write-cards li")).to_have_count(2)
    expect(page.locator("#write-page")).to_be_hidden()
    expect(page.locator("#tab-write .empty")).to_be_hidden()
    expect(page.locator("#write-undo")).to_be_hidden()
    expect(page.locator("#write-topic")).to_be_hidden()
    expect(page.locator("#write-folded")).to_contain_text("Bees")
    expect(page.locator("#write-outline-start")).to_be_visible()
    page.click("#write-article-start")
    expect(page.locator("#write-text h1")).to_be_in_viewport()
    expect(page.locator("#write-text h2")).to_have_count(2)
    expect(page.locator("#write-article-stop")).to_be_hidden()
    expect(page.locator("#write-cards")).to_be_hidden()
    expect(page.locator("#write-text .jump[data-state=done]")).to_have_count(2)
    with page.expect_download() as download:
        page.click("#write-download")
    assert len(Document(str(download.value.path())).paragraphs) > 3
    shown = page.locator("#write-text :is(h1, h2, p)")
    written = shown.all_inner_texts()

    page.wait_for_timeout(1000)  # what can be undone is what stood for a moment
    step(page, "outline")
    page.click("#write-outline-start")
    expect(page.locator("#write-page")).to_be_hidden()
    expect(page.locator("#write-steps [data-step=text]")).to_be_disabled()
    expect(page.locator("#write-outline-start")).to_be_visible()
    page.wait_for_timeout(1000)
    page.click("#write-undo")
    step(page, "text")
    assert shown.all_inner_texts() == written
    step(page, "outline")
    page.click("#write-redo")
    expect(page.locator("#write-steps [data-step=text]")).to_be_disabled()
    page.reload()
    expect(page.locator("#tab-write .empty")).to_be_visible()
    expect(page.locator(SEEN)).to_have_count(0)


def test_code_has_actions_once_there_is_code_and_a_report_once_it_was_judged(pretend: OpenPage) -> None:
    page = pretend()
    slow_down(page, 4)
    go(page, "code")
    page.locator("#code-editor .cm-content").click()
    expect(page.locator("#code-actions")).to_be_hidden()
    page.keyboard.type("# nothing yet\n")
    expect(page.locator("#code-actions")).to_be_visible()
    expect(page.locator("#code-result")).to_be_hidden()
    page.click("#code-score")
    expect(page.locator("#code-report")).to_contain_text("Only comments")
    expect(page.locator("#code-report .since")).to_be_hidden()
    page.locator("#code-editor .cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("x")
    expect(page.locator("#code-report .since")).to_be_visible()
    page.keyboard.press("Backspace")
    page.click("#code-score")
    expect(page.locator("#code-report .since")).to_be_hidden()
    page.fill("#code-description textarea", "adds two numbers")
    page.click("#code-start")
    expect(page.locator("#code-report .parts")).to_be_visible()
    expect(page.locator("#code-editor")).to_contain_text("def add")
    expect(page.locator("#tab-code .empty")).to_be_hidden()


def test_a_picture_and_a_sheet_come_up_with_their_files(pretend: OpenPage) -> None:
    page = pretend()
    slow_down(page, 4)
    go(page, "image")
    page.fill("#image-prompt textarea", "a red door")
    page.click("#image-start")
    expect(page.locator("#image-infotext textarea")).to_have_value(re.compile("a red door"))
    expect(page.locator("#image-picture img")).to_be_visible()
    expect(page.locator("#image-compare")).to_be_hidden()
    expect(page.locator("#image-start")).to_be_visible()
    with page.expect_download() as download:
        page.click("#image-download")
    assert Image.open(download.value.path()).text["parameters"].startswith("a red door")  # type: ignore[attr-defined]
    page.click("#image-plot > button")
    expect(page.locator("#image-plot-start")).to_be_visible()
    expect(page.locator("#image-plot-result")).to_be_hidden()
    page.fill("#image-plot-x-values textarea, #image-plot-x-values input", "2, 3")
    page.click("#image-plot-start")
    expect(page.locator("#image-plot-status")).to_contain_text("2 pictures")
    expect(page.locator("#image-plot-sheet img")).to_be_visible()
    with page.expect_download() as download:
        page.click("#image-plot-download")
    assert Image.open(download.value.path()).width > 64


def test_an_example_is_enlarged_and_comes_up_with_its_file(pretend: OpenPage) -> None:
    page = pretend("zh-CN")
    slow_down(page, 4)
    go(page, "enlarge")
    page.click("#enlarge-example-2")
    expect(page.locator("#enlarge-picture img")).to_be_visible()
    page.click("#enlarge-start")
    expect(page.locator("#enlarge-status")).to_contain_text("384 × 384")
    expect(page.locator("#enlarge-slider img").first).to_be_visible()
    expect(page.locator("#tab-enlarge .empty")).to_be_hidden()
    with page.expect_download() as download:
        page.click("#enlarge-download")
    assert Image.open(download.value.path()).size == (384, 384)


def test_a_picture_on_its_way_is_never_shown_with_what_belongs_to_another(slowly_drawing: OpenPage) -> None:
    page = slowly_drawing()
    preview, described = page.locator("#image-preview img"), page.locator("#image-infotext textarea")
    page.fill("#image-prompt textarea", "a red door")
    page.click("#image-start")
    expect(preview).to_be_visible()
    expect(page.locator("#image-result")).to_be_hidden()
    page.click("#image-stop")
    expect(page.locator("#image-start")).to_be_visible()
    expect(page.locator(SEEN)).to_have_count(0)
    expect(page.locator("#tab-image .get > .empty")).to_be_visible()

    page.click("#image-start")
    expect(described).to_have_value(re.compile("a red door"))
    expect(page.locator("#image-start")).to_be_visible()
    expect(preview).to_be_hidden()
    address = page.locator("#image-picture img").get_attribute("src")

    page.fill("#image-prompt textarea", "a blue door")
    page.click("#image-start")
    expect(preview).to_be_visible()
    expect(page.locator("#image-picture img")).to_be_hidden()
    expect(described).to_be_hidden()
    expect(page.locator("#image-download")).to_be_hidden()
    page.click("#image-stop")
    expect(page.locator("#image-picture img")).to_be_visible()
    expect(preview).to_be_hidden()
    assert page.locator("#image-picture img").get_attribute("src") == address
    expect(described).to_have_value(re.compile("a red door"))


def test_stop_ends_what_it_was_clicked_for_and_nothing_that_is_started_after_it(slowly_drawing: OpenPage) -> None:
    page = slowly_drawing()
    page.fill("#image-prompt textarea", "a red door")
    for _ in range(3):
        # Both at once: the request to stop overtakes the one to draw.
        page.click("#image-start")
        page.evaluate(AS_SOON_AS_THERE, "#image-stop")
        expect(page.locator("#image-start")).to_be_visible()
    page.click("#image-start")
    expect(page.locator("#image-infotext textarea")).to_have_value(re.compile("a red door"))
    expect(page.locator("#image-start")).to_be_visible()


@pytest.mark.parametrize(
    ("tasks", "tabs"),
    [
        (("text",), ["write", "code", "library", "models"]),
        (("image",), ["image", "library", "models"]),
        (("text", "code", "image"), ["write", "code", "image", "library", "models"]),
        (("upscale",), ["enlarge", "library", "models"]),
    ],
)
def test_a_tab_without_a_model_is_not_on_the_page(
    chromium: Browser, tmp_path: Path, tasks: tuple[str, ...], tabs: list[str]
) -> None:
    with pretend_studio(tmp_path, *tasks) as url, opener(chromium, url) as open_one:
        page = open_one("zh-CN")
        buttons = page.get_by_role("tab")
        expect(buttons).to_have_count(len(tabs))
        assert [button.get_attribute("id") for button in buttons.all()] == [f"tab-{tab}-button" for tab in tabs]
        for tab in tabs:
            go(page, tab)
            expect(page.locator(f"#tab-{tab} h2").first).to_be_visible()
        expect(page.locator("#tab-models-button")).to_have_text("模型")
        expect(page.locator("#models-table tbody tr[data-id]")).to_have_count(len(tasks))
