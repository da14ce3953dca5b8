"""Signing in, a limit's message, and signing out, as somebody of a team sees them."""

import re
from collections.abc import Iterator
from io import BytesIO

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from studio.identity.accounts import Accounts
from tests.support.server import live_server

pytestmark = pytest.mark.browser
PASSWORD = "a long password"
WORDS = {
    "zh-CN": ("用户名或密码不对", "今天生成的文件已达到上限"),
    "en-US": ("do not belong together", "as much room as one may have"),
}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Accounts]]:
    folder = tmp_path_factory.mktemp("team")
    accounts = Accounts(folder / "data")
    accounts.add("mei", password=PASSWORD)
    with live_server(folder, auth="users", owner_outputs="1") as server:
        yield server.url, accounts


@pytest.mark.parametrize(("locale", "width"), [("zh-CN", 1366), ("en-US", 390)])
def test_somebody_signs_in_is_told_a_limit_and_signs_out(
    chromium: Browser, team: tuple[str, Accounts], locale: str, width: int
) -> None:
    url, accounts = team
    wrong, limit = WORDS[locale]
    context = chromium.new_context(locale=locale, viewport={"width": width, "height": 768})
    page: Page = context.new_page()
    page.goto(url)
    page.fill("input[name=name]", "mei")
    page.fill("input[name=password]", "something else")
    page.click("main button")
    expect(page.get_by_role("alert")).to_contain_text(wrong)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    expect(page.locator("#owner")).to_contain_text("mei", timeout=60_000)

    headers = {"authorization": f"Bearer {accounts.issue('mei').text}"}
    with httpx.Client(base_url=f"{url}/gradio_api", headers=headers, timeout=60) as client:
        held = BytesIO()
        Image.new("RGB", (64, 64)).save(held, "PNG")
        path = client.post("/upload", files={"files": ("x.png", held.getvalue())}).json()[0]
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        wanted = [file, "canny", None, None, None, "crop", True, 512]
        begun = client.post("/call/control_image", json={"data": wanted})
        if begun.status_code == 200:  # the second time the day's bytes are spent already
            assert "complete" in client.get(f"/call/control_image/{begun.json()['event_id']}").text
    page.fill("#write-topic textarea", "Bees")
    page.click("#write-outline-start")
    expect(page.get_by_text(re.compile(limit))).to_be_visible(timeout=30_000)
    expect(page.locator("#write-outline-start")).to_be_visible()
    expect(page.locator("#write-outline-stop")).to_be_hidden()

    page.click("#owner button")
    expect(page.locator("input[name=password]")).to_be_visible()
    page.goto(url)
    expect(page.locator("input[name=password]")).to_be_visible()
    context.close()
