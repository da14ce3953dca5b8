"""The writer on the starter's real weights."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.engines.text import LlamaCppLoader
from studio.registry import Binding, Catalogue, Registry
from studio.settings import Settings
from studio.writing.requests import ArticleRequest, Brief, Drafting, Outline, SectionRequest, SectionText
from studio.writing.writer import Writer
from tests.support.registries import registry_of

STARTER = "smollm2-135m"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    starter = Catalogue.read(Settings().catalogue).get(STARTER)
    binding = Binding(LlamaCppLoader(threads=1, slots=1), accelerated=lambda: False)
    lent = registry_of([starter], {"llamacpp": binding}, Path(tmp_path_factory.mktemp("cache")))
    yield lent
    lent.close()


@pytest.fixture(scope="module")
def outline(registry: Registry) -> Outline:
    brief = Brief.of(topic="Urban beekeeping for beginners", sections=2, words=100)
    *steps, outline = Writer(registry).outline(brief)
    drafts = [step for step in steps if isinstance(step, Drafting)]
    assert drafts[-1].headings <= drafts[-1].total == 2
    assert isinstance(outline, Outline)
    return outline


def test_an_outline_has_the_sections_asked_for(outline: Outline) -> None:
    assert len({section.heading for section in outline.sections}) == 2
    assert sum(section.target_words for section in outline.sections) == 100
    assert all(section.heading.strip() for section in outline.sections)


def test_a_chinese_brief_gives_an_outline_and_a_warning(registry: Registry) -> None:
    *steps, outline = Writer(registry).outline(Brief.of(topic="城市养蜂入门", language="zh", sections=2))
    assert len(outline.sections) == 2
    assert outline.language == "zh"
    assert steps[-1].notice is not None


def test_a_section_streams_and_stops_when_closed(registry: Registry, outline: Outline) -> None:
    events = Writer(registry).write_section(SectionRequest.of(outline=outline, index=1))
    texts = [event.text for event in events if isinstance(event, SectionText)]
    assert len(texts) > 2
    assert texts[-1].splitlines()[0].strip("#* ") != outline.sections[1].heading
    assert 1 <= len(texts[-1].split()) <= 50 * 2

    again = Writer(registry).write_section(SectionRequest.of(outline=outline, index=1))
    while not getattr(next(again), "text", ""):
        continue
    again.close()
    assert registry.statuses()[0].in_use == 0


def test_an_article_is_written_to_its_end(registry: Registry, outline: Outline) -> None:
    *_, article = Writer(registry).write_article(ArticleRequest.of(outline=outline))
    assert article.done
    assert article.written == 2
    assert [line for line in article.markdown.splitlines() if line.startswith("## ")] == [
        f"## {section.heading}" for section in outline.sections
    ]
