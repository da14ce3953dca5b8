"""The way back from a picture to the form, and the pictures of one visit, in Chromium."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_page import go
from tests.support.server import LiveServer

INFOTEXT = "#image-infotext textarea"


def test_a_picture_fills_the_form_again_and_earlier_ones_come_back(
    chromium: Browser, drawing_server: LiveServer, tmp_path: Path
) -> None:
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1280, "height": 1400})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(drawing_server.url)
    go(page, "image")
    for prompt in ("a lighthouse at dawn", "a boat at noon"):
        page.fill("#image-prompt textarea", prompt)
        page.fill("#image-steps textarea", "3")
        page.click("#image-start")
        expect(page.locator(INFOTEXT)).to_have_value(re.compile(prompt), timeout=PATIENCE)
        expect(page.locator("#image-start")).to_be_visible(timeout=PATIENCE)
    small = page.locator("#image-gallery button img")
    expect(small).to_have_count(2)
    small.nth(1).click()
    expect(page.locator(INFOTEXT)).to_have_value(re.compile("a lighthouse at dawn"))
    expect(small).to_have_count(2)
    with page.expect_download() as download:
        page.click("#image-download")
    path = tmp_path / "picture.png"
    download.value.save_as(path)

    page.fill("#image-prompt textarea", "something else")
    page.fill("#image-steps textarea", "")
    page.click("#image-read > button")
    page.set_input_files("#image-read-picture input[type=file]", path)
    expect(page.locator("#image-read-text textarea")).to_have_value(re.compile("Seed: "))
    page.click("#image-read-use")
    expect(page.locator("#image-prompt textarea")).to_have_value("a lighthouse at dawn")
    expect(page.locator("#image-steps textarea")).to_have_value("3")
    expect(page.locator("#image-read-note")).to_contain_text("已经填进表单")
    context.close()
