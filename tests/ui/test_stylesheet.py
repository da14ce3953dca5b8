"""The stylesheet survives what Gradio does to it."""

import re

from studio.ui.theme import css


def test_no_selector_has_a_comma_inside_brackets() -> None:
    plain = re.sub(r"/\*.*?\*/", "", css(), flags=re.DOTALL)
    selectors = re.findall(r"([^{};@]+)\{", plain)
    assert len(selectors) > 100
    assert [selector.strip() for selector in selectors if re.search(r"\([^()]*(\([^()]*\)[^()]*)*,", selector)] == []
