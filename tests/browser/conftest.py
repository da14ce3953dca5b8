"""A real Chromium, and a page that may talk to nobody but the studio."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright
from skimage import data

from tests.support.server import LiveServer

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 120_000
"""Milliseconds: the machines that run this are small and shared."""
expect.set_options(timeout=PATIENCE)
OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("STUDIO_REQUIRE_BROWSER") == "1":
            pytest.fail("Chromium is not installed, and STUDIO_REQUIRE_BROWSER=1 asks for it")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


def mounted(page: Page) -> None:
    """Wait until what was shown for the first time is the page's own.

    Gradio mounts a tab or a fold when it is first opened and sets its values a frame later, over what a test that
    types at once has put in.
    """
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))")


def unfold(page: Page, fold: str, field: str) -> None:
    """Open a fold for the first time, up to where its field can be filled in."""
    page.locator(f"{fold} > button").click()
    page.locator(field).first.wait_for()
    mounted(page)


def slow_down(page: Page, times: int) -> None:
    """Let the page compute as on a machine that is so many times slower."""
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": times})


@pytest.fixture
def open_page(chromium: Browser, server: LiveServer) -> Iterator[OpenPage]:
    """Opens the studio, as `opener` does."""
    with opener(chromium, server.url) as open_one:
        yield open_one


def begin_afresh(url: str) -> None:
    """All tests are one person, whose forms and runs would be there again on the next visit."""
    with httpx.Client(base_url=url, timeout=60) as client:
        for run in client.get("/library/runs").raise_for_status().json()["runs"]:
            client.post("/library/runs", json=run)
        client.post("/library/do", json={"do": "afresh"}).raise_for_status()


@pytest.fixture
def drawing_server(drawing_server: LiveServer) -> LiveServer:
    """The server that the tests share, with nothing left in its forms by the one before."""
    begin_afresh(drawing_server.url)
    return drawing_server


@contextmanager
def opener(chromium: Browser, url: str) -> Iterator[OpenPage]:
    """Opens a studio; afterwards it asserts that no page complained or asked anyone else for anything."""
    complaints: list[str] = []
    strangers: list[str] = []
    contexts = []

    def told(message: ConsoleMessage) -> None:
        # What the page's own policy refuses is a picture that a model put into its Markdown.
        if message.type == "error" and "Content Security Policy" not in message.text:
            complaints.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            strangers.append(request.url)

    def failed(request: Request) -> None:
        if request.failure == "csp":
            strangers.remove(request.url)

    def open_one(locale: str = "en-US", width: int = 1280, scheme: str = "light", height: int | None = None) -> Page:
        context = chromium.new_context(
            locale=locale,
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": height or (844 if width < 500 else 900)},
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", told)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", asked)
        page.on("requestfailed", failed)
        page.goto(url)
        page.wait_for_selector("#chip .say:visible")
        return page

    begin_afresh(url)
    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
    assert strangers == []


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "eyes.png"
    Image.fromarray(data.astronaut()).crop((190, 80, 238, 112)).save(path)
    return path
