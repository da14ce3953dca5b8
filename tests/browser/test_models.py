"""The Models tab as a person sees and uses it, over pretend accelerators."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from studio.studio import Studio
from studio.ui.app import build, serve
from tests.browser.conftest import PATIENCE
from tests.support.server import free_port
from tests.ui.pretend import pretend_studio


@pytest.fixture(scope="module")
def pretend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Studio, str]]:
    with pretend_studio(tmp_path_factory.mktemp("pretend"), port=free_port()) as studio:
        for model in ("writer", "coder", "base"):
            for _ in studio.load(model):
                pass
        page = build(studio)
        yield studio, serve(studio, page, block=False).address
        page.close(verbose=False)


@pytest.fixture
def page(chromium: Browser, pretend: tuple[Studio, str], request: pytest.FixtureRequest) -> Iterator[Page]:
    locale, width = getattr(request, "param", ("en-US", 1280))
    context = chromium.new_context(locale=locale, viewport={"width": width, "height": 844})
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(pretend[1])
    page.wait_for_selector("#write-runs .note")
    page.locator("#tab-models-button").click()
    page.wait_for_selector("#models-bars .memories")
    yield page
    context.close()


@pytest.mark.parametrize("page", [("en-US", 390), ("zh-CN", 390)], indirect=True)
def test_the_bars_have_a_name_in_the_pages_language_and_fit_a_phone(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    names = [
        bar.evaluate("(bar) => document.getElementById(bar.getAttribute('aria-labelledby')).innerText")
        for bar in page.get_by_role("img").all()
        if bar.get_attribute("aria-labelledby")
    ]
    assert len(names) == 3
    assert ("内存" if page.evaluate("document.documentElement.lang") == "zh-CN" else "Main memory") in names[0]
    widths = page.locator("[data-device='cuda:1'] .membar > i").evaluate_all("(all) => all.map((i) => i.offsetWidth)")
    assert widths[0] / sum(widths) == pytest.approx(5 / 12, abs=0.02)


def test_what_is_in_use_is_marked_live_and_its_drop_waits(page: Page, pretend: tuple[Studio, str]) -> None:
    studio, _ = pretend
    second = page.locator("[data-device='cuda:1']")
    with studio.registry.lease("base") as lease:
        assert lease.model
        expect(second).to_contain_text("in use")
        page.locator("tr[data-id=base]").get_by_role("button", name="Drop").click()
        expect(page.locator("#models-load-status")).to_contain_text("as soon as its last user is done")
        expect(second).to_contain_text("Stable Diffusion")
    expect(second).not_to_contain_text("Stable Diffusion")
    expect(page.locator("#models-journal li").first).to_contain_text("Stable Diffusion <XL> left memory")


def test_keeping_and_letting_go_by_keyboard_leaves_the_focus_in_the_row(page: Page) -> None:
    row = page.locator("tr[data-id=coder]")
    row.get_by_role("button", name="Keep").focus()
    page.keyboard.press("Enter")
    expect(row.get_by_role("button", name="Let go")).to_be_visible()
    expect(page.locator("[data-device='cuda:0']")).to_contain_text("kept")
    assert page.evaluate("document.activeElement.dataset.model") == "coder"
    row.get_by_role("button", name="Let go").click()
    expect(row.get_by_role("button", name="Keep")).to_be_visible()


def test_a_budget_is_changed_on_the_page(page: Page) -> None:
    page.locator("#models-budget > button").click()
    page.locator("#models-budget-memory input").click()
    page.get_by_role("option", name="cuda:0").click()
    expect(page.locator("#models-budget-size input")).to_have_value("8")
    page.locator("#models-budget-size input").fill("6.5")
    page.locator("#models-budget-set").click()
    expect(page.locator("[data-device='cuda:0']")).to_contain_text("of 6.5 GB held")
    page.locator("#models-budget-auto").click()
    expect(page.locator("[data-device='cuda:0']")).to_contain_text("of 8.0 GB held")
    expect(page.locator("#models-budget-size input")).to_have_value("8")
