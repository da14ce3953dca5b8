"""Where a section may end."""

import pytest

from studio.writing.lengths import enough

PARAGRAPH = "Bees like lime trees and fly far."


@pytest.mark.parametrize(
    ("text", "words", "kept"),
    [
        (f"{PARAGRAPH}\n\n{PARAGRAPH}", 7, PARAGRAPH),
        (f"{PARAGRAPH}\n \n{PARAGRAPH}", 7, PARAGRAPH),
        (f"{PARAGRAPH}\n\n{PARAGRAPH}", 14, None),
        (f"{PARAGRAPH}\n\n{PARAGRAPH}\n\n{PARAGRAPH}", 14, f"{PARAGRAPH}\n\n{PARAGRAPH}"),
        (f"{PARAGRAPH}\n{PARAGRAPH} Far.", 11, f"{PARAGRAPH}\n{PARAGRAPH} Far."),
        (f"{PARAGRAPH}\n\n{PARAGRAPH} Far.", 11, f"{PARAGRAPH}\n\n{PARAGRAPH} Far."),
        (f"```\n{PARAGRAPH}\n\n{PARAGRAPH}\n```\n\nDone.", 8, f"```\n{PARAGRAPH}\n\n{PARAGRAPH}\n```"),
        (PARAGRAPH, 8, None),
        ("", 10, None),
    ],
)
def test_a_section_ends_with_the_first_paragraph_that_is_long_enough(text: str, words: int, kept: str | None) -> None:
    assert enough(text, words, "en") == kept


def test_chinese_is_counted_in_characters() -> None:
    text = "蜜蜂喜欢椴树花。\n\n它们飞得很远。"
    assert enough(text, 8, "zh") == "蜜蜂喜欢椴树花。"
    assert enough(text, 10, "zh") == text
    assert enough(text, 14, "zh") is None
