"""The page itself: languages, light and dark, small screens, keyboard."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, mounted

TABS = ("write", "code", "image", "enlarge", "models")
CJK = re.compile(r"[一-鿿]")
NAMES = {"English", "中文", "Python", "JavaScript", "SmolLM2"}
"""Proper names, which stay as they are in any language."""


def step(page: Page, name: str) -> None:
    """Take a step at the writing desk."""
    page.click(f"#write-steps [data-step={name}]")


def go(page: Page, tab: str) -> None:
    page.locator(f"#tab-{tab}-button").click()
    expect(page.locator(f"#tab-{tab}")).to_be_visible()
    mounted(page)


def labels(page: Page) -> list[str]:
    """What labels and buttons say on the tab that is open."""
    texts = page.locator(
        '.tabitem:visible [data-testid="block-info"], .tabitem:visible button, #tabs .tab-container button:visible'
    ).all_inner_texts()
    return [text.strip() for text in texts if re.search(r"\w", text)]


def test_the_first_paint_is_in_the_browsers_language(open_page: OpenPage) -> None:
    page = open_page("zh-TW")
    expect(page.locator("#write-outline-start")).to_have_text("生成大纲")
    expect(page.locator("#write-language input[value=zh]")).to_be_checked()
    expect(page.locator("#tab-models-button")).to_have_text("模型")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_the_switch_changes_every_label_and_keeps_what_was_typed(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#write-topic textarea", "Bees on my balcony")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#write-outline-start")).to_have_text("生成大纲")
    for tab in TABS:
        go(page, tab)
        for text in labels(page):
            assert CJK.search(text) or text in NAMES or tab == "models", text
    go(page, "write")
    expect(page.locator("#write-topic textarea")).to_have_value("Bees on my balcony")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#write-outline-start")).to_have_text("Make an outline")


def test_the_choice_of_language_is_remembered(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#write-outline-start")).to_have_text("生成大纲")
    page.reload()
    expect(page.locator("#write-outline-start")).to_have_text("生成大纲")
    expect(page.locator("#tab-models-button")).to_have_text("模型")


def test_an_example_fills_the_form_in_the_pages_language(open_page: OpenPage) -> None:
    page = open_page("zh-CN")
    page.click("#write-example-1")
    expect(page.locator("#write-topic textarea")).to_have_value("城市养蜂入门")
    expect(page.locator("#write-runs")).to_contain_text("不擅长中文")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_can_be_switched(open_page: OpenPage, scheme: str) -> None:
    page = open_page(scheme=scheme)
    dark = re.compile(r"\bdark\b")
    body = expect(page.locator("body"))
    (body.to_have_class if scheme == "dark" else body.not_to_have_class)(dark)
    page.locator("[data-theme-switch]").click()
    (body.not_to_have_class if scheme == "dark" else body.to_have_class)(dark)


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_nothing_sticks_out_on_a_phone(open_page: OpenPage, locale: str) -> None:
    page = open_page(locale, width=390)
    for tab in TABS:
        go(page, tab)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, tab


def test_every_control_has_a_name(open_page: OpenPage) -> None:
    page = open_page()
    unnamed = """() => [...document.querySelectorAll('.tabitem input, .tabitem textarea, button')]
        .filter((n) => n.offsetParent !== null)
        .filter((n) => !(n.labels?.length || n.ariaLabel || n.innerText?.trim() || n.title || n.closest('label')))
        .map((n) => n.outerHTML.slice(0, 200))"""
    for tab in TABS:
        go(page, tab)
        assert page.evaluate(unnamed) == [], tab


def test_the_advanced_fold_remembers_that_it_was_open(open_page: OpenPage) -> None:
    page = open_page()
    page.locator("#write-advanced > button").click()
    expect(page.locator("#write-voice textarea")).to_be_visible()
    page.reload()
    expect(page.locator("#write-voice textarea")).to_be_visible()


def test_the_keyboard_starts_and_an_empty_brief_gets_a_plain_message(open_page: OpenPage) -> None:
    page = open_page("zh-CN")
    page.locator("#write-topic textarea").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#write-outline-status")).to_contain_text("主题")
    expect(page.locator("#write-outline-start")).to_be_visible()
    assert "Traceback" not in page.inner_text("body")


def test_a_picture_that_a_model_put_into_its_text_is_not_asked_for(open_page: OpenPage) -> None:
    page = open_page()
    refused = """() => new Promise((done) => {
        document.addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));
        document.body.append(Object.assign(new Image(), { src: 'http://pictures.example/bee.png' }));
    })"""
    assert page.evaluate(refused) == "img-src"
