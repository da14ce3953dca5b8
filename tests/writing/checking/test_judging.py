"""What rules find wrong with a section."""

import pytest

from studio.writing.checking.judging import alike, judged
from studio.writing.requests import Language

GOOD = "Push the furniture into the middle of the room. Lay plastic film on the floor and tape its edges down."


@pytest.mark.parametrize(
    ("text", "language", "fault"),
    [
        ("", "en", "empty"),
        ("把家具挪到房间中央，用旧床单盖严，地板上铺一层塑料膜，边缘用胶带压住。", "en", "language"),
        (GOOD, "zh", "language"),
        (f"{GOOD} The version is 1.0.0.0001.0.01.", "en", "gibberish"),
        (f"{GOOD} And then ypiypiypiypiypiypiypi.", "en", "gibberish"),
        (f"{GOOD} Then you", "en", "unended"),
        ("Go and look at it. " * 6, "en", "repeats"),
        (f"{GOOD}\n\n- One\n- Two", "en", "listed"),
        ("Short.", "en", "short"),
        (f"{GOOD} Paint dries.", "en", "facts"),
    ],
)
def test_a_fault_is_found(text: str, language: Language, fault: str) -> None:
    facts = ["It dries in 24 hours"] if fault == "facts" else []
    assert fault in judged(text, language, 20, facts=facts, prose=True).faults


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (GOOD, "en"),
        ("At 6 a.m. version 2.10.1 came out, and haha, it was good. Nobody waited for it that long. It works.", "en"),
        ("把家具挪到房间中央，用旧床单盖严。iPhone 和 Wi-Fi 都要收好，边缘用胶带压住。", "zh"),
    ],
)
def test_nothing_is_found_where_nothing_is_wrong(text: str, language: Language) -> None:
    assert judged(text, language, 20, prose=True).cost == 0


def test_lists_are_fine_where_no_prose_was_asked_for() -> None:
    assert "listed" not in judged(f"{GOOD}\n\n- One thing", "en", 20, prose=False).faults


def test_what_is_in_code_is_not_judged_as_prose() -> None:
    text = f"{GOOD}\n\n```text\n# 1.0.0.0.0.0.1\n- a\n```"
    assert judged(text, "en", 20, prose=True).faults == ()


def test_a_section_that_says_another_again_is_found() -> None:
    assert alike(GOOD, (GOOD,), "en") == 1
    assert "alike" in judged(GOOD, "en", 20, others=(f"Before. {GOOD}",), prose=True).faults
    assert alike(GOOD, ("Something else entirely is said in this one.",), "en") == 0


def test_more_missing_facts_weigh_more() -> None:
    facts = ["It dries in 24 hours", "It costs 80 euros"]
    both, one = (judged(f"{GOOD}{more}", "en", 20, facts=facts, prose=True) for more in ("", " It costs 80 euros."))
    assert both.missing == tuple(facts)
    assert one.missing == ("It dries in 24 hours",)
    assert both.cost > one.cost > 0
