"""The library as a person uses it: what they made is there, and so is what they had not finished."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE, OpenPage, opener, unfold
from tests.browser.test_page import go
from tests.support.server import LiveServer, live_server


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A studio with an empty library."""
    with live_server(tmp_path_factory.mktemp("library")) as live:
        yield live


@pytest.fixture
def open_page(chromium: Browser, own_server: LiveServer) -> Iterator[OpenPage]:
    with opener(chromium, own_server.url) as open_one:
        yield open_one


def written(page: Page, description: str) -> None:
    go(page, "code")
    page.fill("#code-description textarea", description)
    page.click("#code-start")
    expect(page.locator("#code-stop")).to_be_visible()
    expect(page.locator("#code-start")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("#code-kept .kept-line")).to_be_visible()


def test_an_empty_library_says_what_it_is_for(open_page: OpenPage) -> None:
    page = open_page(locale="zh-CN")
    go(page, "library")
    expect(page.locator(".works .nothing h2")).to_have_text("这里还没有作品")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".works .nothing h2")).to_have_text("Nothing here yet")


def test_a_result_is_rated_found_opened_and_thrown_away(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    written(page, "a function that adds two numbers")
    page.locator("#code-kept .star").nth(3).click()
    page.fill("#code-kept .why", "short")
    page.keyboard.press("Tab")
    go(page, "library")
    page.fill(".library input[type=search]", "numbers adds")
    expect(page.locator(".works .card")).to_have_count(1)
    expect(page.locator(".card .note")).to_contain_text("★★★★")
    page.locator(".card .open").click()
    expect(page.locator(".viewer h2")).to_contain_text("adds two numbers")
    expect(page.locator(".viewer pre.code")).to_contain_text("def ")
    expect(page.locator(".viewer .why")).to_have_value("short")
    page.keyboard.press("Escape")
    expect(page.locator(".viewer")).to_have_count(0)
    page.check(".card .choose")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export", exact=True).click()
    download.value.save_as(tmp_path / "works.zip")
    with zipfile.ZipFile(tmp_path / "works.zip") as bundle:
        assert "works.json" in bundle.namelist()
    page.get_by_role("button", name="Move to trash").click()
    expect(page.locator(".works .nothing")).to_be_visible()
    page.get_by_role("button", name="Trash", exact=True).click()
    expect(page.locator(".works .card")).to_have_count(1)


def test_versions_are_compared_and_restored(open_page: OpenPage) -> None:
    page = open_page()
    written(page, "a function that halves a number")
    page.locator("#code-editor .cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("# by hand\n")
    page.click("#code-score")
    expect(page.locator("#code-kept .kept-line")).to_contain_text("version 2")
    page.locator("#code-kept").get_by_role("button", name="History").click()
    expect(page.locator(".history li")).to_have_count(2)
    page.locator(".history li").nth(1).get_by_role("button", name="Compare").click()
    expect(page.locator(".diff .new")).to_contain_text("# by hand")
    page.locator(".history li .open").nth(1).click()
    page.get_by_role("button", name="Restore this version").click()
    expect(page.locator(".history li")).to_have_count(3)
    expect(page.locator(".viewer pre.code")).not_to_contain_text("# by hand")


def test_what_was_typed_is_there_after_a_reload_and_in_another_window(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#write-topic textarea", "蜜蜂与城市")
    page.fill("#write-sections input", "3")
    page.keyboard.press("Tab")
    other = open_page()
    while other.input_value("#write-topic textarea") != "蜜蜂与城市":
        other.reload()
        other.wait_for_selector("#chip .say:visible")
        other.wait_for_timeout(3000)
    expect(other.locator("#write-sections input")).to_have_value("3")
    page.reload()
    expect(page.locator("#write-topic textarea")).to_have_value("蜜蜂与城市")
    expect(page.locator("#write-sections input")).to_have_value("3")


def test_a_run_goes_on_without_its_page_and_another_page_stops_it(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#write-topic textarea", "Urban beekeeping")
    page.fill("#write-sections input", "6")
    page.fill("#write-words input", "6000")
    page.keyboard.press("Tab")
    page.click("#write-outline-start")
    expect(page.locator("#write-cards li")).to_have_count(6, timeout=PATIENCE)
    expect(page.locator("#write-outline-start")).to_be_visible(timeout=PATIENCE)
    page.click("#write-article-start")
    page.wait_for_function("document.querySelector('#write-text').innerText.length > 120")
    page.close()
    other = open_page()
    expect(other.locator("#write-article-stop")).to_be_visible()
    before = len(other.inner_text("#write-text"))
    other.wait_for_function(f"document.querySelector('#write-text').innerText.length > {before + 20}")
    go(other, "library")
    expect(other.locator(".making-row")).to_contain_text("Writing")
    stop = other.locator(".making-row").get_by_role("button", name="Stop")
    held = stop.element_handle()
    for _ in range(2):
        with other.expect_response("**/library/runs"):
            pass
    assert held.evaluate("node => node.isConnected"), "a button that is made anew is taken from under a click"
    stop.click()
    expect(other.locator(".making-row")).to_have_count(0)
    go(other, "write")
    expect(other.locator("#write-article-stop")).to_be_hidden()
    expect(other.locator("#write-go-on")).to_be_visible()


def test_a_form_is_kept_under_a_name_and_filled_in_again(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#write-topic textarea", "A topic")
    page.fill("#write-tone textarea, #write-tone input", "warm")
    unfold(page, "#write-recall", "#write-preset-name textarea, #write-preset-name input")
    page.fill("#write-preset-name textarea, #write-preset-name input", "our voice")
    page.click("#write-preset-keep")
    expect(page.locator("#write-recall-note")).to_contain_text("Saved")
    page.fill("#write-tone textarea, #write-tone input", "cold")
    page.click("#write-presets input")
    page.get_by_role("option", name="our voice").click()
    expect(page.locator("#write-tone textarea, #write-tone input")).to_have_value("warm")
    with page.expect_download() as download:
        page.click("#write-preset-export")
    assert "our voice" in Path(download.value.path()).read_text(encoding="utf-8")


def test_it_fits_a_phone(open_page: OpenPage) -> None:
    page = open_page(locale="zh-CN", width=390)
    go(page, "library")
    expect(page.locator(".library-bar")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
