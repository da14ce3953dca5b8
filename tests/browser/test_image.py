"""The Image tab in Chromium, on a tiny random Stable Diffusion."""

import re
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE, unfold
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


def paint(page: Page, across: tuple[float, float], down: float) -> None:
    """Draw a line with the editor's brush, in shares of its canvas."""
    box = page.locator("#image-repaint canvas").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] * down
    page.mouse.move(box["x"] + box["width"] * across[0], y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * across[1], y, steps=8)
    page.mouse.up()


def test_a_part_of_a_picture_is_painted_over_and_only_that_is_drawn_anew(
    chromium: Browser, drawing_server: LiveServer, tmp_path: Path
) -> None:
    before = np.random.default_rng(1).integers(0, 256, (400, 600, 3), np.uint8)
    Image.fromarray(before).save(tmp_path / "photo.png")
    context = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 1200})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(drawing_server.url)
    go(page, "image")
    page.click("#image-mode label:nth-of-type(2)")
    page.click("#image-start")
    expect(page.locator("#image-status")).to_contain_text("no picture to begin from", timeout=PATIENCE)
    page.click("#image-mode label:nth-of-type(3)")
    editor = page.locator("#image-repaint")
    expect(editor).to_contain_text("Upload an image", timeout=PATIENCE)
    page.wait_for_timeout(1000)
    page.set_input_files("#image-repaint input[type=file]", tmp_path / "photo.png")
    expect(editor).not_to_contain_text("Upload an image", timeout=PATIENCE)
    page.wait_for_timeout(1000)
    paint(page, (0.4, 0.6), 0.5)
    page.fill("#image-prompt textarea", "a boat")
    unfold(page, "#image-advanced", "#image-inpaint-area")
    page.click("#image-inpaint-area label:nth-of-type(2)")
    page.click("#image-start")
    expect(page.locator("#image-infotext textarea")).to_have_value(re.compile("Only masked"), timeout=PATIENCE)
    expect(page.locator("#image-start")).to_be_visible(timeout=PATIENCE)
    with page.expect_download() as download:
        page.click("#image-download")
    download.value.save_as(tmp_path / "picture.png")
    after = np.asarray(Image.open(tmp_path / "picture.png").convert("RGB"))
    changed = (after != before).any(axis=2)
    assert changed[190:210, 290:310].mean() > 0.9
    assert not changed[:100].any()
    assert not changed[300:].any()
    page.click("#image-send-picture")
    expect(page.locator("#image-source img")).to_be_visible()
    page.fill("#image-seed input", "5")
    page.click("#image-start")
    expect(page.locator("#image-infotext textarea")).to_have_value(
        re.compile(r"Seed: 5,.*Denoising strength: 0\.75$"), timeout=PATIENCE
    )
    context.close()
