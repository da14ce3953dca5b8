import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.coding.languages import LANGUAGES, find, named
from studio.errors import InvalidRequest


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Python", "python"),
        ("py3", "python"),
        (" C# ", "c-sharp"),
        ("C++", "cpp"),
        ("shell", "bash"),
        ("ts", "typescript"),
    ],
)
def test_people_may_use_any_name(said, meant):
    assert find(said).id == meant


@pytest.mark.parametrize("said", ["", "klingon", "x" * 1_000_000])
def test_an_unknown_language_is_refused_with_the_choices(said):
    with pytest.raises(InvalidRequest) as refusal:
        find(said)
    assert "python" in refusal.value.hint("en")
    assert len(refusal.value.explain("zh-CN")) < 500


def test_no_two_languages_share_a_name():
    names = [name for language in LANGUAGES for name in {language.id, language.label.lower(), *language.aliases}]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.id)
def test_every_grammar_loads(language):
    assert language.parser().parse(b"").root_node is not None


@given(st.text(max_size=30))
def test_any_name_is_known_or_not(name):
    assert named(name) is None or named(name) in LANGUAGES
