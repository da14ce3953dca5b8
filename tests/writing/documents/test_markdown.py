"""What leaves the studio."""

from studio.writing.continuity import ending, surroundings
from studio.writing.documents.markdown import article_markdown
from studio.writing.requests import Outline, Section

OUTLINE = Outline(
    title="Bees",
    sections=(Section(heading="Hive", key_points=("wood",)), Section(heading="Honey"), Section(heading="Honey")),
)


def test_an_article_is_its_title_and_the_sections_that_are_there() -> None:
    assert article_markdown(OUTLINE, {0: "Wood.", 2: "Sweet."}) == "# Bees\n\n## Hive\n\nWood.\n\n## Honey\n\nSweet.\n"


def test_a_section_stands_after_what_precedes_it() -> None:
    article = article_markdown(OUTLINE, {0: "Wood.", 1: "Sweet.", 2: "Sticky."})
    place = surroundings(OUTLINE, 1, article)
    assert place.before == "## Hive\n\nWood."
    assert place.current == "Sweet."
    last = surroundings(OUTLINE, 2, article)
    assert (last.before, last.current) == ("## Hive\n\nWood.\n\n## Honey\n\nSweet.", "Sticky.")


def test_later_sections_do_not_count_as_written_before() -> None:
    article = article_markdown(OUTLINE, {1: "Sweet.", 2: "Sticky."})
    assert surroundings(OUTLINE, 0, article).before == ""


def test_an_article_from_elsewhere_is_all_before() -> None:
    assert surroundings(OUTLINE, 2, "Just text.").before == "Just text."


def test_the_ending_of_a_text_is_whole_sentences_without_headings() -> None:
    text = "## Trees\n\nLime trees bloom. Bees fly far.\n\n### Parks\n\nGrass grows."
    assert ending(text, 100) == "Lime trees bloom. Bees fly far.\n\nGrass grows."
    assert ending(text, 38) == "Bees fly far.\n\nGrass grows."
    assert ending("蜜蜂喜欢树。它们飞得很远。水要干净。", 14) == "它们飞得很远。水要干净。"
    assert ending("", 10) == ""
