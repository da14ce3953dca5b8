"""The outline as cards, and the article that grows out of it."""

from studio.ui.tabs.write.sheet import assembled, plain, section_ids, sheet
from studio.writing.outlining.outline import parse_outline
from studio.writing.requests import Outline, Section

OUTLINE = Outline(
    title="Bees",
    sections=(
        Section(heading="Why", key_points=("honey",), target_words=100),
        Section(heading="How", target_words=100),
    ),
)


def test_cards_hold_the_outline_and_give_it_back() -> None:
    cards = sheet(OUTLINE)
    assert len(set(section_ids(cards))) == 2
    assert parse_outline(plain(cards)) == OUTLINE


def test_texts_follow_their_sections_when_these_are_rearranged() -> None:
    cards = sheet(OUTLINE)
    first, second = section_ids(cards)
    texts = {first: "Because.", second: "Like this."}
    assert assembled(cards, texts) == "# Bees\n\n## Why\n\nBecause.\n\n## How\n\nLike this.\n"
    cards["sections"].reverse()
    assert assembled(cards, texts) == "# Bees\n\n## How\n\nLike this.\n\n## Why\n\nBecause.\n"


def test_there_is_no_article_before_something_is_written() -> None:
    assert assembled(sheet(OUTLINE), {}) == ""
    assert assembled(None, {"a": "b"}) == ""


def test_nonsense_is_handed_on_for_the_craft_to_judge() -> None:
    assert plain(None) is None
    assert plain({"sections": "no list"}) == {"sections": "no list"}
