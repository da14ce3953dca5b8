"""Words that a model was unsure of, found again in what is left of its text."""

import math

from hypothesis import given
from hypothesis import strategies as st

from studio.engines.text import TokenLogprob
from studio.writing.checking.confidence import UNSURE, unsure

SURE, DOUBT = math.log(0.9), math.log(0.01)


def tokens(*pieces: tuple[str, float]) -> list[TokenLogprob]:
    return [TokenLogprob(piece, logprob) for piece, logprob in pieces]


def words(said: str, spoken: list[TokenLogprob], text: str) -> list[str]:
    return [text[word.start : word.end] for word in unsure(said, spoken, text)]


def test_a_word_of_several_tokens_is_one_word_as_probable_as_all_of_them() -> None:
    spoken = tokens(("Bees", SURE), (" swa", math.log(0.2)), ("rm", math.log(0.2)), (" in", SURE), (" May.", SURE))
    found = unsure("Bees swarm in May.", spoken, "Bees swarm in May.")
    assert [("Bees swarm in May."[word.start : word.end], word.probability) for word in found] == [("swarm", 0.04)]


def test_in_chinese_each_token_counts_by_itself() -> None:
    spoken = tokens(("蜜蜂", SURE), ("常常", DOUBT), ("分", SURE), ("蜂。", SURE))
    assert words("蜜蜂常常分蜂。", spoken, "蜜蜂常常分蜂。") == ["常常"]


def test_marks_between_words_are_never_pointed_at() -> None:
    spoken = tokens(("Bees", SURE), (",", DOUBT), (" too", SURE), (" —", DOUBT), (" fly", SURE))
    assert words("Bees, too — fly", spoken, "Bees, too — fly") == []


def test_words_are_found_where_they_stand_after_cleaning_and_not_where_they_stood_alike() -> None:
    said = "## Heading\n\nThe bee flies. The bee sleeps. And on"
    spoken = tokens(
        ("## Heading\n\n", DOUBT),
        ("The bee flies.", SURE),
        (" The", SURE),
        (" bee", DOUBT),
        (" sleeps.", SURE),
        (" And on", DOUBT),
    )
    text = "By hand.\n\nThe bee flies. The bee sleeps."
    found = unsure(said, spoken, text)
    assert [(word.start, text[word.start : word.end]) for word in found] == [(text.rindex("bee"), "bee")]


def test_tokens_that_an_engine_tells_otherwise_are_left_out() -> None:
    spoken = tokens(("Bees", SURE), ("\ufffd", DOUBT), ("\ufffd", DOUBT), (" fly", DOUBT))
    assert words("Bees 🐝 fly", spoken, "Bees 🐝 fly") == ["fly"]


@given(st.lists(st.tuples(st.text(max_size=8), st.floats(-20, 0)), max_size=30), st.text(max_size=60))
def test_every_word_stands_in_the_text_and_was_improbable(pieces: list[tuple[str, float]], more: str) -> None:
    said = "".join(piece for piece, _ in pieces)
    for text in (said, said + more, said[len(said) // 3 :], more):
        found = unsure(said, tokens(*pieces), text)
        assert all(0 <= word.start < word.end <= len(text) and word.probability <= UNSURE for word in found)
        assert all(text[word.start : word.end] in said for word in found)
