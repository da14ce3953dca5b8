"""Token counter, styles and clip skip of the Image tab in Chromium, on a tiny random Stable Diffusion."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE, unfold
from tests.browser.test_page import go
from tests.support.server import LiveServer


def test_tokens_are_counted_while_typing_and_a_style_is_chosen_kept_and_drawn(
    chromium: Browser, drawing_server: LiveServer, tmp_path: Path
) -> None:
    context = chromium.new_context(locale="en", viewport={"width": 1280, "height": 1100})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(drawing_server.url)
    go(page, "image")
    page.fill("#image-prompt textarea", "a (boat:1.2)")
    expect(page.locator("#image-tokens")).to_contain_text("5 / 75")
    unfold(page, "#image-advanced", "#image-styles input")
    page.click("#image-styles input")
    page.get_by_role("option", name=re.compile("Watercolour")).click()
    expect(page.locator("#image-tokens")).not_to_contain_text("5 / 75")
    page.fill("#image-clip-skip input, #image-clip-skip textarea", "2")
    page.keyboard.press("Escape")
    page.screenshot(path=str(tmp_path / "form.png"))
    page.click("#image-start")
    made = page.locator("#image-infotext textarea")
    expect(made).to_have_value(
        re.compile(r"^watercolour of a \(boat:1\.2\), .*Clip skip: 2", re.DOTALL), timeout=PATIENCE
    )
    expect(page.locator("#image-start")).to_be_visible(timeout=PATIENCE)
    page.fill("#image-style-name input, #image-style-name textarea", "Boats")
    page.click("#image-style-keep")
    expect(page.locator("#image-styles")).to_contain_text("Boats")
    expect(page.locator("#image-prompt textarea")).to_have_value("")
    page.fill("#image-prompt textarea", "at sea")
    page.click("#image-start")
    expect(made).to_have_value(re.compile(r"^at sea, a \(boat:1\.2\)\n"), timeout=PATIENCE)
    page.screenshot(path=str(tmp_path / "made.png"), full_page=True)
    context.close()
