"""The writing desk in a real browser: hand edits, proposals, what goes on from where it was stopped."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docx import Document
from playwright.sync_api import Browser, Page, Route, expect
from pypdf import PdfReader

from tests.browser.conftest import OpenPage, opener
from tests.browser.pretend import pretend_studio
from tests.browser.test_page import go, step

WORDS = " ".join(f"word{number}" for number in range(30))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pretend_studio(tmp_path_factory.mktemp("desk"), "text", "code") as address:
        yield address


@pytest.fixture
def open_page(chromium: Browser, address: str) -> Iterator[OpenPage]:
    with opener(chromium, address) as open_one:
        yield open_one


def written(page: Page) -> None:
    page.fill("#write-topic textarea", "Bees")
    page.fill("#write-sections input", "2")
    page.fill("#write-notes textarea", "A hive has 40000 bees")
    page.keyboard.press("Tab")
    page.click("#write-outline-start")
    expect(page.locator("#write-cards li")).to_have_count(2)
    page.click("#write-article-start")
    expect(page.locator("#write-text .jump[data-state=done]")).to_have_count(2)
    expect(page.locator("#write-article-stop")).to_be_hidden()
    expect(page.locator("#write-kept .kept-line")).to_be_visible()


def section(page: Page, number: int) -> str:
    return f"#write-text section:nth-of-type({number + 1})"


def edit(page: Page, number: int, text: str) -> None:
    page.locator(section(page, number)).get_by_role("button", name="Edit").click()
    page.fill(f"{section(page, number)} textarea", text)
    page.locator(section(page, number)).get_by_role("button", name="Done").click()
    expect(page.locator(f"{section(page, number)} .prose")).to_be_visible()


@pytest.mark.parametrize("width", [1366, 390])
def test_a_text_is_changed_by_hand_kept_undone_and_there_after_a_reload(open_page: OpenPage, width: int) -> None:
    page = open_page(width=width)
    written(page)
    other = page.locator(f"{section(page, 1)} .prose").inner_html()
    first = page.locator(f"{section(page, 0)} .prose")
    before = first.inner_text()
    page.wait_for_timeout(1000)
    edit(page, 0, "My **own** words.")
    expect(first.locator("strong")).to_have_text("own")
    expect(page.locator("#write-kept")).to_contain_text("version 4")
    assert page.locator(f"{section(page, 1)} .prose").inner_html() == other
    page.wait_for_timeout(1000)
    page.locator("#write-page .undo").click()
    expect(first).to_have_text(before, use_inner_text=True)
    page.locator("#write-page .redo").click()
    expect(first).to_have_text("My own words.")
    page.wait_for_timeout(2500)
    page.reload()
    expect(first).to_have_text("My own words.")
    assert page.locator(f"{section(page, 1)} .prose").inner_html() == other


def test_the_bar_under_a_text_tells_of_its_last_version_in_whatever_order_the_answers_come(open_page: OpenPage) -> None:
    page = open_page()
    late: list[Route] = []

    def hold(route: Route) -> None:
        late.append(route)

    page.route(re.compile("/library/works/[^/]+/3$"), hold)
    written(page)
    edit(page, 0, "My own words.")
    kept = page.locator("#write-kept")
    expect(kept).to_contain_text("version 4")
    assert late
    for route in late:
        with page.expect_response(route.request.url):
            route.continue_()
    page.wait_for_timeout(500)
    expect(kept).to_contain_text("version 4")


def test_a_proposal_is_shown_with_what_differs_and_only_taken_when_it_is_accepted(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    edit(page, 0, WORDS)
    other = page.locator(f"{section(page, 1)} .prose").inner_html()
    first = page.locator(section(page, 0))
    for answer in ("Discard", "Accept"):
        first.get_by_role("button", name="Change…").click()
        first.get_by_role("button", name="Shorten").click()
        expect(first.locator(".proposal ins").first).to_be_visible()
        expect(first.locator(".prose")).to_have_text(WORDS)
        expect(page.locator("#write-article-stop")).to_be_hidden()
        proposed = "".join(first.locator(".difference > :not(del)").all_text_contents())
        first.get_by_role("button", name=answer).click()
        expect(first.locator(".proposal")).to_have_count(0)
        if answer == "Discard":
            expect(first.locator(".prose")).to_have_text(WORDS)
            first.get_by_role("button", name="Change…").click()
    edit_again = first.get_by_role("button", name="Edit")
    edit_again.click()
    assert first.locator("textarea").input_value() == proposed
    assert page.locator(f"{section(page, 1)} .prose").inner_html() == other


def test_a_selected_passage_is_changed_and_the_rest_of_its_section_stays(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    edit(page, 0, "First sentence 🐝. Second sentence. Third sentence.")
    first = page.locator(section(page, 0))
    first.get_by_role("button", name="Edit").click()
    first.get_by_role("button", name="Change…").click()
    area = first.locator("textarea")
    area.evaluate("node => { node.focus(); node.setSelectionRange(19, 35); node.dispatchEvent(new Event('select')); }")
    expect(first.locator(".changes .note")).to_have_text("What is selected", use_inner_text=True)
    first.get_by_role("button", name="Simplify").click()
    first.get_by_role("button", name="Accept").click()
    first.get_by_role("button", name="Edit").click()
    text = first.locator("textarea").input_value()
    assert text.startswith("First sentence 🐝. ")
    assert text.endswith(" Third sentence.")
    assert "Second sentence." not in text[19:35] or len(text) > 60


def downloaded(page: Page, folder: Path, kind: str) -> Path:
    page.click("#write-format input")
    page.get_by_role("option", name=kind).click()
    with page.expect_download() as download:
        page.click("#write-download")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_facts_that_are_not_in_the_text_are_said_until_they_are(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    for number in range(2):
        edit(page, number, "Nothing of the kind.")
    expect(page.locator("#write-text .missing li")).to_have_text("A hive has 40000 bees")
    place = page.locator("#write-text section").filter(has=page.locator(".missing"))
    number = 0 if place.get_attribute("data-id") == page.locator(section(page, 0)).get_attribute("data-id") else 1
    edit(page, number, "In a hive there are 40,000 bees.")
    expect(page.locator("#write-text .missing")).to_have_count(0)


def test_what_is_locked_stays_when_the_rest_is_planned_anew(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    step(page, "outline")
    headings = page.locator("#write-cards li input[type=text]")
    headings.first.fill("My heading")
    page.locator("#write-cards li").first.get_by_role("button", name="Lock").click()
    page.click("#write-outline-start")
    expect(page.locator("#write-outline-status")).to_contain_text("An outline of 2 sections")
    expect(headings.first).to_have_value("My heading")
    step(page, "text")
    expect(page.locator("#write-text h2")).to_have_count(1)
    expect(page.locator("#write-text h2")).to_have_text("My heading")


def test_words_that_are_markup_are_shown_as_words(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    edit(
        page,
        0,
        "<img src=x onerror=\"document.title='taken'\"> <script>document.title='taken'</script> [x](javascript:a)",
    )
    expect(page.locator(f"{section(page, 0)} .prose")).to_contain_text("<script>")
    assert page.title() == "Studio"
    step(page, "outline")
    page.locator("#write-cards li input[type=text]").first.fill("<b>Heading</b>")
    step(page, "text")
    expect(page.locator(f"{section(page, 0)} h2")).to_have_text("<b>Heading</b>")


def test_the_brief_folds_and_opens_again_and_nothing_sticks_out_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("zh-CN", width=390)
    page.fill("#write-topic textarea", "城市养蜂")
    page.fill("#write-sections input", "2")
    page.click("#write-outline-start")
    expect(page.locator("#write-cards li")).to_have_count(2)
    for name in ("outline", "brief"):
        step(page, name)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    expect(page.locator("#write-topic textarea")).to_have_value("城市养蜂")
    expect(page.locator("#write-cards")).to_be_hidden()
    step(page, "outline")
    page.locator("#write-folded button").click()
    expect(page.locator("#write-topic")).to_be_visible()
    go(page, "code")
    go(page, "write")
    expect(page.locator("#write-topic")).to_be_visible()


def test_the_article_is_downloaded_as_it_is_shown(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    written(page)
    edit(page, 0, "By hand.")
    title = page.inner_text("#write-text h1")
    text = downloaded(page, tmp_path, "Markdown file").read_text(encoding="utf-8")
    assert text.startswith(f"---\ntitle: {title}\n")
    assert f"\n\n# {title}\n" in text
    assert "\n\nBy hand.\n\n## " in text
    document = Document(str(downloaded(page, tmp_path, "Word (DOCX)")))
    assert ("Normal", "By hand.") in [(paragraph.style.name, paragraph.text) for paragraph in document.paragraphs]
    assert "<p>By hand.</p>" in downloaded(page, tmp_path, "Web page (HTML)").read_text(encoding="utf-8")
    paper = PdfReader(downloaded(page, tmp_path, "Document (PDF)"))
    assert paper.metadata.title == title
    assert "By hand." in paper.pages[0].extract_text()


def test_a_draft_from_word_is_brought_in_and_one_that_is_none_is_refused(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    (tmp_path / "none.docx").write_bytes(b"PK and nothing")
    page.set_input_files("#tab-write .empty input[type=file]", str(tmp_path / "none.docx"))
    expect(page.get_by_text("neither Markdown nor a Word document")).to_be_visible()
    document = Document()
    document.add_heading("Old bees", 0)
    for heading in ("First", "Second"):
        document.add_heading(heading, 1)
        document.add_paragraph(f"What {heading} says.")
    document.save(str(tmp_path / "draft.docx"))
    page.set_input_files("#tab-write .empty input[type=file]", str(tmp_path / "draft.docx"))
    expect(page.locator("#write-text h1")).to_have_text("Old bees")
    expect(page.locator("#write-text h2")).to_have_text(["First", "Second"])
    expect(page.locator("#write-text .prose").last).to_have_text("What Second says.")
    expect(page.locator("#write-kept .kept-line")).to_be_visible()


def test_what_is_copied_pastes_with_its_headings(open_page: OpenPage) -> None:
    page = open_page()
    written(page)
    edit(page, 0, "By **hand**.")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#write-copy")
    page.wait_for_timeout(500)
    kinds = page.evaluate(
        "navigator.clipboard.read().then(async ([one]) =>"
        " Promise.all(['text/html', 'text/plain'].map(async (kind) => (await one.getType(kind)).text())))"
    )
    assert "<strong>hand</strong>" in kinds[0]
    assert "<h2" in kinds[0]
    assert "By **hand**." in kinds[1]


def test_a_card_is_dragged_to_another_place(open_page: OpenPage) -> None:
    page = open_page()
    page.fill("#write-topic textarea", "Bees")
    page.fill("#write-sections input", "3")
    page.click("#write-outline-start")
    headings = page.locator("#write-cards li input[type=text]")
    expect(headings).to_have_count(3)
    for number, heading in enumerate(("One", "Two", "Three")):
        headings.nth(number).fill(heading)
    page.locator("#write-cards [draggable]").nth(2).drag_to(page.locator("#write-cards li").first)
    expect(headings.first).to_have_value("Three")
    expect(headings.last).to_have_value("Two")
