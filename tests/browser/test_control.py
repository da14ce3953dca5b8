"""Steering, LoRAs, the second pass and before/after in Chromium, on a tiny random Stable Diffusion."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE, unfold
from tests.browser.test_page import go
from tests.support.drawing import half
from tests.support.server import LiveServer


@pytest.fixture
def page(chromium: Browser, drawing_server: LiveServer, tmp_path: Path) -> Page:
    half(96).save(tmp_path / "half.png")
    page = chromium.new_page(locale="en-GB", viewport={"width": 1280, "height": 1200})
    page.set_default_timeout(PATIENCE)
    page.goto(drawing_server.url)
    go(page, "image")
    page.fill("#image-prompt textarea", "a boat")
    unfold(page, "#image-advanced", "#image-seed input")
    page.fill("#image-seed input", "5")
    return page


def choose(page: Page, field: str, option: str) -> None:
    page.locator(f"#{field} input").click()
    page.get_by_role("option", name=option, exact=True).click()


def infotext(page: Page, pattern: str) -> str:
    field = page.locator("#image-infotext textarea")
    expect(field).to_have_value(re.compile(pattern), timeout=PATIENCE)
    return field.input_value()


def test_a_control_image_is_seen_before_it_steers(page: Page, tmp_path: Path) -> None:
    page.locator("#image-control > button").click()
    page.set_input_files("#image-control-1-picture input[type=file]", tmp_path / "half.png")
    choose(page, "image-control-1-model", "Tiny edges")
    choose(page, "image-control-1-annotator", "Edges (Canny)")
    expect(page.locator("#image-control-1-knob-1")).to_contain_text("High threshold")
    page.locator("#image-control-1-start.start").click()
    expect(page.locator("#image-control-1-status")).to_contain_text("64 × 64", timeout=PATIENCE)
    expect(page.locator("#image-control-1-preview img")).to_be_visible()
    page.click("#image-start")
    told = infotext(page, "ControlNet 0")
    assert "Module: canny, Model: tiny-edges, Weight: 1.0" in told
    assert "Threshold A: 100, Threshold B: 200" in told
    page.locator("#image-control-more").click()
    expect(page.locator("#image-control-2")).to_be_visible()
    page.context.close()


def test_a_picture_is_sent_on_and_compared_with_what_comes_of_it(page: Page) -> None:
    page.locator("#image-hires > button").click()
    page.fill("#image-hires-scale textarea, #image-hires-scale input", "1.5")
    page.click("#image-start")
    assert "Hires upscale: 1.5" in infotext(page, "Hires upscaler: Latent")
    expect(page.locator("#image-status")).to_contain_text("Done", timeout=PATIENCE)
    expect(page.locator("#image-compare")).to_be_hidden()
    page.fill("#image-hires-scale textarea, #image-hires-scale input", "")
    page.click("#image-send-picture")
    expect(page.locator("#image-source img")).to_be_visible()
    page.click("#image-start")
    infotext(page, r"Size: 64x64.*Denoising strength: 0\.75$")
    page.locator("#image-compare > button").click()
    expect(page.locator("#image-slider img").first).to_be_visible()
    page.click("#image-send-control")
    expect(page.locator("#image-control-1-picture img")).to_be_visible()
    page.context.close()
