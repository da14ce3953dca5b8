"""The facts of notes: taken apart, dealt out, and looked for in the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.writing.checking.facts import dealt, facts_of, missing, words_of
from studio.writing.requests import Outline, Section

BALCONY = Outline(
    title="在阳台上种番茄",
    language="zh",
    sections=(
        Section(heading="选花盆", key_points=("大小和深度",)),
        Section(heading="阳光和位置", key_points=("一天要晒多久",)),
        Section(heading="收获", key_points=("什么时候摘",)),
    ),
)


def test_a_line_is_a_fact_and_a_long_line_is_its_sentences() -> None:
    notes = "- Road salt rusts a chain in 3 days.\n2) Open until 19:00. Closed on Mondays, at 6.30 a.m. too!\n\n***\n"
    assert facts_of(notes) == (
        "Road salt rusts a chain in 3 days.",
        "Open until 19:00.",
        "Closed on Mondays, at 6.30 a.m. too!",
    )
    assert facts_of("花盆要 30 厘米深。每天要晒六小时。") == ("花盆要 30 厘米深。", "每天要晒六小时。")
    assert facts_of("") == facts_of("-\n---\n") == ()


def test_each_fact_goes_to_the_section_that_speaks_of_it() -> None:
    hands = dealt(BALCONY, ["每天要有 6 小时阳光", "花盆至少 30 厘米深", "60 天以后可以收获"])
    assert hands == [("花盆至少 30 厘米深",), ("每天要有 6 小时阳光",), ("60 天以后可以收获",)]


def test_what_no_section_speaks_of_goes_where_there_is_least() -> None:
    assert dealt(BALCONY, ["咖啡很香", "月亮很圆", "花盆要洗干净"]) == [("咖啡很香", "花盆要洗干净"), ("月亮很圆",), ()]


@given(st.lists(st.text(max_size=40), max_size=12))
def test_nothing_is_lost_in_dealing(items: list[str]) -> None:
    assert sorted(item for hand in dealt(BALCONY, items) for item in hand) == sorted(items)


@pytest.mark.parametrize(
    ("fact", "text", "is_there"),
    [
        ("Road salt can rust a chain within 3 days", "Salt from the road rusts your chain in just 3 days.", True),
        ("Road salt can rust a chain within 3 days", "Salt from the road rusts your chain in a few days.", False),
        ("The library lends 1,200 books a day", "On any day the library lends 1200 books.", True),
        ("Open until 19:00", "It is open until 7 in the evening.", False),
        ("花盆至少要 30 厘米深", "花盆要深一些，至少 30 厘米。", True),
        ("花盆至少要 30 厘米深", "盆要深一些。", False),
        ("The workshop is on Mill Lane", "You will find the workshop in Mill Lane, near the river.", True),
        ("The workshop is on Mill Lane", "There is a nice place in town.", False),
    ],
)
def test_a_fact_is_there_with_its_numbers_and_most_of_its_words(fact: str, text: str, is_there: bool) -> None:
    assert missing([fact], text) == (() if is_there else (fact,))


def test_words_come_apart_at_commas_of_both_languages() -> None:
    assert words_of("pot, sun，浇水、光线 ; ") == ("pot", "sun", "浇水", "光线")
