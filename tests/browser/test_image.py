"""The Image tab in Chromium, on a tiny random Stable Diffusion."""

import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE
from tests.browser.test_page import go
from tests.support.server import LiveServer


def test_a_picture_is_drawn_downloaded_unchanged_and_sent_to_be_enlarged(
    chromium: Browser, drawing_server: LiveServer, tmp_path: Path
) -> None:
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(drawing_server.url)
    go(page, "image")
    expect(page.locator("#image-runs")).to_contain_text("Tiny random model")
    page.fill("#image-prompt textarea", "a lighthouse at dawn")
    page.click("#image-start")
    expect(page.locator("#image-infotext textarea")).to_have_value(re.compile("Steps: 4"), timeout=PATIENCE)
    expect(page.locator("#image-start")).to_be_visible(timeout=PATIENCE)
    with page.expect_download() as download:
        page.click("#image-download")
    path = tmp_path / "picture.png"
    download.value.save_as(path)
    with Image.open(path) as picture:
        assert picture.size == (64, 64)
        assert picture.text["parameters"].startswith("a lighthouse at dawn")
    page.click("#image-send")
    expect(page.locator("#enlarge-picture img")).to_be_visible()
    page.click("#enlarge-start")
    expect(page.locator("#enlarge-status")).to_contain_text("256 × 256", timeout=PATIENCE)
    context.close()
