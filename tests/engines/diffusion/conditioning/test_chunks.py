"""Prompts cut into chunks, with a tokenizer that makes one token of each word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.engines.diffusion.conditioning.chunks import CAPACITY, Chunk, chunked

COMMA = 1


def tokenize(text: str) -> list[int]:
    return [COMMA if word == "," else int(word) for word in text.split()]


def lengths(*words: tuple[str, float]) -> list[int]:
    return [len(chunk.tokens) for chunk in chunked(words, tokenize, COMMA)]


def some(count: int) -> str:
    return "7 " * count


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([("", 1.0)], [0]),
        ([(some(1), 1.0)], [1]),
        ([(some(75), 1.0)], [75]),
        ([(some(76), 1.0)], [75, 1]),
        ([(some(160), 1.0)], [75, 75, 10]),
        ([(some(40), 1.0), (some(40), 2.0)], [75, 5]),
        # After a comma within reach the chunk ends, and what follows moves on.
        ([(some(70) + ", " + some(10), 1.0)], [71, 10]),
        ([(some(54) + ", " + some(30), 1.0)], [75, 10]),
        ([(some(55) + ", " + some(30), 1.0)], [56, 30]),
        ([(some(74) + ", " + some(3), 1.0)], [75, 3]),
        ([(some(75) + ", " + some(3), 1.0)], [75, 4]),
        ([(some(60) + ", " + some(14) + ", " + some(3), 1.0)], [75, 4]),
        # BREAK ends a chunk, filled or not.
        ([(some(3), 1.0), ("BREAK", -1.0), (some(4), 1.0)], [3, 4]),
        ([("BREAK", -1.0), (some(4), 1.0)], [0, 4]),
        ([(some(4), 1.0), ("BREAK", -1.0)], [4]),
        ([(some(4), 1.0), ("BREAK", -1.0), ("", 1.0), ("BREAK", -1.0), (some(2), 1.0)], [4, 0, 2]),
        ([(some(4), 1.1), ("BREAK", -1.1), (some(2), 1.1)], [4, 2]),
        ([(some(74) + ",", 1.0), ("BREAK", -1.0), (some(80), 1.0)], [75, 75, 5]),
    ],
)
def test_a_prompt_is_cut_as_the_web_ui_cuts_it(words: list[tuple[str, float]], expected: list[int]) -> None:
    assert lengths(*words) == expected


def test_weights_stay_with_their_tokens_when_a_chunk_ends_early() -> None:
    first, second = chunked(((some(70) + ",", 1.0), ("8 8 8 8 8 8", 1.5)), tokenize, COMMA)
    assert first == Chunk((7,) * 70 + (COMMA,), (1.0,) * 71)
    assert second == Chunk((8,) * 6, (1.5,) * 6)
    assert second.weighted
    assert not first.weighted


def test_learned_vectors_take_the_place_of_their_name_and_are_never_cut() -> None:
    learned = {(8, 9): (-1, -2, -3), (8,): (-4,)}
    (chunk,) = chunked((("7 8 9 8 7", 1.2),), tokenize, COMMA, learned)
    assert chunk.tokens == (7, -1, -2, -3, -4, 7)
    assert set(chunk.weights) == {1.2}
    assert [len(c.tokens) for c in chunked(((some(73) + "8 9 7", 1.0),), tokenize, COMMA, learned)] == [73, 4]


@given(
    st.lists(st.tuples(st.lists(st.sampled_from(["7", "8", ","]), max_size=60), st.sampled_from([1.0, 1.5]))),
    st.integers(1, 30),
)
def test_no_token_is_lost_and_none_changes_its_weight(parts: list[tuple[list[str], float]], capacity: int) -> None:
    words = tuple((" ".join(tokens), weight) for tokens, weight in parts)
    chunks = chunked(words, tokenize, COMMA, capacity=capacity)
    assert all(len(chunk.tokens) == len(chunk.weights) <= capacity for chunk in chunks)
    read = [pair for chunk in chunks for pair in zip(chunk.tokens, chunk.weights, strict=True)]
    assert read == [(token, weight) for text, weight in words for token in tokenize(text)]
    assert CAPACITY == 75
