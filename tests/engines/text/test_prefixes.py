"""What a prompt has in common with an earlier one is not read again."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from studio.engines.text import LlamaCppLoader, Message, TextChunk, TextRequest
from studio.engines.text.llamacpp import LlamaCppEngine
from tests.support.text import smollm2, text_spec

ARTICLES = {
    "bees": "An article about bees in the city, for people with a balcony and no experience. " * 8,
    "bread": "Notes on bread baked at home, with flour from the mill and time to spare. " * 8,
}


@pytest.fixture
def engine() -> Iterator[LlamaCppEngine]:
    engine = LlamaCppLoader(slots=2)(text_spec(defaults={"context": 512}), smollm2(), "cpu")
    yield engine
    engine.close()


def section(article: str, heading: str) -> TextRequest:
    return TextRequest((Message("user", f"{ARTICLES[article]} Write the section “{heading}”."),), max_tokens=4)


def last(engine: LlamaCppEngine, request: TextRequest) -> TextChunk:
    return list(engine.stream(request))[-1]


def test_the_next_section_of_an_article_reads_only_what_is_new(engine: LlamaCppEngine) -> None:
    first, second = last(engine, section("bees", "A spot")), last(engine, section("bees", "The first hive"))
    assert first.cached_tokens == 0
    assert second.cached_tokens > engine.count_tokens(ARTICLES["bees"]) - 4
    assert second.prompt_tokens - second.cached_tokens < 30


def test_two_articles_in_turn_do_not_push_each_other_out(engine: LlamaCppEngine) -> None:
    for article in ARTICLES:
        last(engine, section(article, "The beginning"))
    for heading in ("The middle", "The end"):
        for article, shared in ARTICLES.items():
            assert last(engine, section(article, heading)).cached_tokens > engine.count_tokens(shared) - 4


def test_what_a_reader_broke_off_is_of_use_to_the_next(engine: LlamaCppEngine) -> None:
    stream = engine.stream(replace(section("bees", "A spot"), max_tokens=200))
    next(chunk for chunk in stream if chunk.text)
    stream.close()  # type: ignore[attr-defined]
    assert last(engine, section("bees", "The first hive")).cached_tokens > engine.count_tokens(ARTICLES["bees"]) - 4


def test_a_seed_reads_everything_anew(engine: LlamaCppEngine) -> None:
    for _ in range(2):
        assert last(engine, replace(section("bees", "A spot"), seed=3)).cached_tokens == 0


def test_a_base_model_s_prompt_is_not_read_twice_either(engine: LlamaCppEngine) -> None:
    request = TextRequest(prompt=ARTICLES["bees"], max_tokens=2)
    assert last(engine, request).cached_tokens == 0
    assert last(engine, request).cached_tokens == engine.count_tokens(ARTICLES["bees"]) - 1
