from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.imaging.prompts.wildcards import Wildcards


@pytest.fixture
def wildcards(tmp_path: Path) -> Wildcards:
    files = {
        "animal": "cat\ndog\n\n# a note\nfox\n",
        "colours/warm": "red\n{pale|deep} orange\n",
        "pet": "a __colours/warm__ __animal__\n",
        "circle": "__circle__ and __circle__\n",
        "empty": "# nothing\n\n",
    }
    for name, text in files.items():
        file = tmp_path / f"{name}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8-sig")
    return Wildcards(tmp_path)


def outcomes(wildcards: Wildcards, text: str) -> set[str]:
    return {wildcards.resolve(text, seed) for seed in range(60)}


def test_a_seed_is_a_prompt_and_others_are_other_prompts(wildcards: Wildcards) -> None:
    text = "{a|b|c} __animal__ __animal__"
    assert wildcards.resolve(text, 7) == wildcards.resolve(text, 7)
    assert len(outcomes(wildcards, text)) > 15


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("{a|b}", {"a", "b"}),
        ("x {a|{b|c} d} y", {"x a y", "x b d y", "x c d y"}),
        ("{|a }cat", {"cat", "a cat"}),
        ("{2$$a|b}", {"a, b", "b, a"}),
        ("{2$$ and $$a|b}", {"a and b", "b and a"}),
        ("{1-2$$+$$a|b}", {"a", "b", "a+b", "b+a"}),
        ("{9$$a|b}", {"a, b", "b, a"}),
        ("__animal__", {"cat", "dog", "fox"}),
        ("__colours/warm__", {"red", "pale orange", "deep orange"}),
        ("{__animal__|b}", {"cat", "dog", "fox", "b"}),
        ("__{animal|colours/warm}__", {"cat", "dog", "fox", "red", "pale orange", "deep orange"}),
    ],
)
def test_everything_that_may_be_chosen_is_and_nothing_else(wildcards: Wildcards, text: str, possible: set[str]) -> None:
    assert outcomes(wildcards, text) == possible


@pytest.mark.parametrize(
    "text", ["a cat", "{a}", "{a", "a|b}", "a|b", r"\{a|b\}", r"\__animal__", "a_b __ c", "(a:1.2) <lora:x:1>", "{}"]
)
def test_what_leaves_nothing_to_chance_stays_as_it_is(wildcards: Wildcards, text: str) -> None:
    assert outcomes(wildcards, text) == {text}


@given(st.text("ab{}|\\ ,", max_size=40), st.integers(0, 2**32))
def test_a_prompt_once_resolved_stays_as_it_is(text: str, seed: int) -> None:
    wildcards = Wildcards(Path("nowhere"))
    resolved = wildcards.resolve(text, seed)
    assert wildcards.resolve(resolved, seed + 1) == resolved


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("__anima__", "prompt.wildcard"),
        ("__../secret__", "prompt.wildcard"),
        ("__empty__", "prompt.wildcard_empty"),
        ("__circle__", "prompt.wildcard_circle"),
    ],
)
def test_what_cannot_be_chosen_from_is_told(wildcards: Wildcards, text: str, code: str) -> None:
    text = text if text != "__../secret__" else "__a/../../secret__"
    with pytest.raises(InvalidRequest) as caught:
        wildcards.resolve(text, 1)
    assert caught.value.code == code
    assert caught.value.explain("zh-CN")


def test_a_wildcard_without_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Wildcards(tmp_path / "none").resolve("__animal__", 1)
    assert caught.value.code == "prompt.wildcard_none"


@pytest.mark.parametrize("text", ["{" * 20_000, "{a|" * 6000 + "}" * 6000, "_" * 20_000, "{|" * 10_000, "__a " * 5000])
def test_hostile_braces_are_text(text: str) -> None:
    assert len(Wildcards(Path("nowhere")).resolve(text, 1)) <= len(text)


def test_a_prompt_that_grows_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long.txt").write_text("x" * 15_000)
    with pytest.raises(InvalidRequest) as caught:
        Wildcards(tmp_path).resolve("__long__ __long__", 1)
    assert caught.value.code == "invalid.too_long"
