import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from studio.engines.text.echo import EchoEngine, EchoLoader, instance
from studio.errors import EngineFailed, InvalidRequest
from studio.writing.requests import Outline
from tests.support.text import CITY, ask, joined, text_spec


@given(st.text(min_size=1))
def test_it_says_the_prompt(prompt: str) -> None:
    chunks = list(EchoEngine().stream(ask(prompt, max_tokens=10_000)))
    assert joined(chunks) == prompt
    assert chunks[-1].finish == "stop"


def test_it_says_what_it_was_told_and_then_the_prompt() -> None:
    engine = EchoEngine(["one two", "三四"])
    assert [joined(engine.stream(ask("hi"))) for _ in range(3)] == ["one two", "三四", "hi"]
    assert engine.produced == 5
    assert [request.messages[0].content for request in engine.requests] == ["hi"] * 3


def test_it_ends_like_a_model() -> None:
    engine = EchoEngine(["one two three four"] * 2)
    cut = list(engine.stream(ask("hi", max_tokens=2)))
    assert (joined(cut), cut[-1].finish, cut[-1].completion_tokens) == ("one two", "length", 2)
    assert joined(engine.stream(ask("hi", stop=(" three",)))) == "one two"
    with pytest.raises(InvalidRequest):
        list(EchoEngine(context=3).stream(ask("one two three")))


@pytest.mark.parametrize("schema", [CITY, Outline.model_json_schema()])
def test_it_keeps_to_a_schema(schema: dict[str, object]) -> None:
    text = joined(EchoEngine().stream(ask("Urban beekeeping", json_schema=schema)))
    if schema is CITY:
        assert json.loads(text) == {"name": "Urban beekeeping", "large": False, "people": 0}
    else:
        assert Outline.model_validate_json(text).sections


@given(st.integers(0, 5), st.integers(0, 3), st.integers(-3, 9))
def test_bounds_are_kept(length: int, items: int, least: int) -> None:
    schema = {
        "type": "array",
        "minItems": items,
        "items": {"anyOf": [{"type": "string", "minLength": length, "maxLength": length}, {"type": "null"}]},
    }
    assert [len(value) for value in instance(schema)] == [length] * items
    assert instance({"type": "integer", "minimum": least}) == least
    assert instance({"type": ["number", "null"], "exclusiveMinimum": least}) > least


def test_a_recursive_schema_ends() -> None:
    schema = TypeAdapter(dict[str, object]).json_schema() | {
        "properties": {"next": {"$ref": "#"}},
        "additionalProperties": False,
    }
    assert instance(schema)["next"]


def test_streams_are_counted() -> None:
    engine = EchoEngine()
    first, second = engine.stream(ask("one two")), engine.stream(ask("one two"))
    next(first), next(second)
    assert (engine.active, engine.most_at_once) == (2, 2)
    first.close()  # type: ignore[attr-defined]
    list(second)
    assert (engine.active, engine.opened, engine.closed, engine.produced) == (0, 2, 2, 3)


def test_it_fails_where_it_is_told_to() -> None:
    engine = EchoEngine(error=EngineFailed("text.broke", reason="x"), error_after=1)
    stream = engine.stream(ask("one two"))
    assert next(stream).text == "one"
    with pytest.raises(EngineFailed):
        next(stream)
    assert engine.active == 0


def test_the_loader_remembers_its_engines() -> None:
    loader = EchoLoader(["hi"])
    engine = loader(text_spec(memory=5, defaults={"context": 7}), Path("anything"), "cuda:0")
    assert loader.engines == [engine]
    assert (engine.nbytes, engine.limits.context, engine.device) == (5, 7, "cuda:0")
    engine.close()
    assert engine.dropped
