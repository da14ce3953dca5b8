"""Figures of an article."""

import pytest

from studio.writing.checking.measuring import flesch, measured, plain, repeated, times
from studio.writing.requests import Brief, Outline, Section

EASY = "The cat sat on the mat. The dog ran to the cat. They had fun."
HARD = "Institutional reorganization necessitates comprehensive interdepartmental communication methodologies."


def outline(**fields: object) -> Outline:
    sections = (Section(heading="One", target_words=10), Section(heading="Two", target_words=20))
    return Outline(**{"title": "Bees on the Roof", "sections": sections, **fields})


def test_words_time_and_target_are_counted() -> None:
    found = measured(outline(), {0: "word " * 119 + "end.", 1: "word " * 117 + "end."})
    assert (found.words, found.target) == (238, 30)
    assert found.minutes == pytest.approx(1.0)
    assert found.sentence == 119


def test_chinese_is_counted_in_characters() -> None:
    chinese = outline(title="蜜蜂", language="zh", summary="讲" * 100)
    found = measured(chinese, {0: "蜜蜂在城里。它们很忙。"})
    assert found.words == 11
    assert found.ease is None
    assert found.title == (2, 30, 64)
    assert found.summary == (100, 78, 120)


def test_plain_words_read_more_easily_than_long_ones() -> None:
    assert flesch(EASY) > 90
    assert flesch(HARD) < 0
    assert measured(outline(), {}).ease is None


def test_code_and_marks_are_no_prose() -> None:
    assert plain("One\n\n![A hive](/library/file/abc)") == "One"
    assert plain("## A **b** [c](d)\n\n```python\nx = 1\n```\n\n- e") == "A b c\n\n\n\ne"


def test_keywords_are_found_whole_and_in_their_plural() -> None:
    brief = Brief(topic="x", keywords="hive, sun, 蜂箱, stone", avoid="buzz, never")
    found = measured(outline(brief=brief), {0: "Hives in the sun. Sunday, a hive's 蜂箱。 A buzz. A buzz."})
    assert found.keywords == (("hive", 2), ("sun", 1), ("蜂箱", 1), ("stone", 0))
    assert found.avoided == (("buzz", 2),)
    assert times("c++", "I like c++ and C++.") == 2


def test_phrases_that_come_again_are_named_once() -> None:
    text = "Take care of the bees. " * 3 + "Something else is said here."
    assert repeated(text, "en") == (("Take care of the", 3),)
    assert repeated("花盆要有排水的孔，好。" * 4, "zh")[0][1] == 4
    assert repeated("Nothing here is said twice over.", "en") == ()


def test_headings_that_leave_a_level_out_are_told() -> None:
    texts = {0: "### Fine\n\n#### Also fine", 1: "#### Too deep"}
    assert measured(outline(), texts).skipped == (1,)
    assert measured(outline(), {0: "# A title of its own"}).skipped == (0,)
    assert measured(outline(), {0: "```\n# a comment\n```"}).skipped == ()
