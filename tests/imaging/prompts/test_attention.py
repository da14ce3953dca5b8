"""The attention grammar of A1111 and the LoRAs in a prompt."""

import string
import sys
from itertools import pairwise
from math import isfinite, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import InvalidRequest
from studio.imaging.prompts.attention import Lora, extract_loras, parse_attention

PLAIN = st.text(string.ascii_letters + " ,.中文é", min_size=1, max_size=12).filter(lambda text: "BREAK" not in text)
NUMBERS = st.decimals(0, 9, places=2).map(str)

CASES: list[tuple[str, list[tuple[str, float]]]] = [
    ("", [("", 1)]),
    ("normal text", [("normal text", 1)]),
    ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
    ("(unbalanced", [("unbalanced", 1.1)]),
    (r"\(literal\]", [("(literal]", 1)]),
    ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
    (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        [
            ("a ", 1),
            ("house", 1.573),
            (" ", 1.1),
            ("on", 1),
            (" a ", 1.1),
            ("hill", 0.55),
            (", sun, ", 1.1),
            ("sky", 1.4641),
            (".", 1.1),
        ],
    ),
    ("((a))", [("a", 1.21)]),
    ("[a]", [("a", 1 / 1.1)]),
    ("[[a]]", [("a", 1 / 1.21)]),
    ("([a])", [("a", 1)]),
    ("(a:1.3)", [("a", 1.3)]),
    ("(a:0)", [("a", 0)]),
    ("(a:-1)", [("a", -1)]),
    ("(a:+1.5)", [("a", 1.5)]),
    ("(a:.5)", [("a", 0.5)]),
    ("(a:2.)", [("a", 2)]),
    ("(a : 1.3 )", [("a ", 1.3)]),
    ("(a:b:1.3)", [("a:b", 1.3)]),
    ("(a:1.2.3)", [("a:1.2.3", 1.1)]),
    ("(a:)", [("a:", 1.1)]),
    ("(a:b)", [("a:b", 1.1)]),
    ("a:1.3", [("a:1.3", 1)]),
    ("a:1.3)", [("a:1.3)", 1)]),
    ("[a:1.3]", [("a:1.3", 1 / 1.1)]),
    ("[a:1.3)", [("a:1.3)", 1 / 1.1)]),
    ("a) b] c", [("a) b] c", 1)]),
    ("(a [b) c]", [("a ", 1.1), ("b", 1), (" c", 1 / 1.1)]),
    ("[[a] b", [("a", 1 / 1.21), (" b", 1 / 1.1)]),
    ("(a, (b:2)", [("a, ", 1.1), ("b", 2.2)]),
    (r"a \\(b) c", [("a \\", 1), ("b", 1.1), (" c", 1)]),
    (r"a\b", [("ab", 1)]),
    ("()", [("", 1)]),
    ("a BREAK b", [("a", 1), ("BREAK", -1), ("b", 1)]),
    ("a BREAK BREAK b", [("a", 1), ("BREAK", -1), ("", 1), ("BREAK", -1), ("b", 1)]),
    ("(a:2)\nBREAK\n(b:2)", [("a", 2), ("", 1), ("BREAK", -1), ("", 1), ("b", 2)]),
    ("BREAKFAST, a BREAK_b", [("BREAKFAST, a BREAK_b", 1)]),
    ("(猫:1.2)，狗", [("猫", 1.2), ("，狗", 1)]),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text or "nothing" for text, _ in CASES])
def test_the_grammar_weighs_as_the_web_ui_does(text: str, expected: list[tuple[str, float]]) -> None:
    parsed = parse_attention(text)
    assert [part for part, _ in parsed] == [part for part, _ in expected]
    assert [weight for _, weight in parsed] == pytest.approx([weight for _, weight in expected])


def test_the_last_digits_are_the_web_uis_own() -> None:
    assert parse_attention("(((house:1.3))")[0] == ("house", 1.3 * 1.1 * 1.1)
    assert parse_attention("(((sky)))") == [("sky", 1.1 * 1.1 * 1.1)]


@given(PLAIN, st.lists(st.one_of(NUMBERS, st.just("("), st.just("[")), max_size=40))
def test_brackets_within_brackets_multiply(text: str, around: list[str]) -> None:
    prompt = text
    for kind in around:
        prompt = f"({prompt})" if kind == "(" else f"[{prompt}]" if kind == "[" else f"({prompt}:{kind})"
    weights = [1.1 if kind == "(" else 1 / 1.1 if kind == "[" else float(kind) for kind in around]
    assert parse_attention(prompt) == [(text, pytest.approx(prod(weights)))]


@given(st.text(string.ascii_lowercase + "()[]\\: ", max_size=60))
def test_what_is_escaped_is_text(text: str) -> None:
    escaped = "".join(f"\\{letter}" if letter in "()[]\\" else letter for letter in text)
    assert parse_attention(escaped) == [(text, 1.0)]


@given(st.text("ab ()[]:.1\\", max_size=80))
def test_no_letter_is_lost_and_no_weight_is_endless(text: str) -> None:
    parsed = parse_attention(text)
    assert "".join(part for part, _ in parsed).count("a") == text.count("a")
    assert [letter for part, _ in parsed for letter in part if letter in "ab"] == [c for c in text if c in "ab"]
    assert all(isfinite(weight) for _, weight in parsed)
    assert all(one[1] != other[1] for one, other in pairwise(parsed))


@given(st.text("a()[]:2.", max_size=60))
def test_each_text_weighs_what_is_around_it(text: str) -> None:
    """Against the rule itself, in its plainest form: every closing bracket multiplies all since its opening."""
    expected = _multiplied(text)
    parsed = [weight for part, weight in parse_attention(text) for letter in part if letter == "a"]
    assert parsed == pytest.approx(expected)


def _multiplied(text: str) -> list[float]:
    weights: list[float] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    index = 0
    while index < len(text):
        rest = text[index:]
        number = _number(rest) if opened["("] else ""
        if rest[0] in opened:
            opened[rest[0]].append(len(weights))
        elif number or (rest[0] == ")" and opened["("]):
            start = opened["("].pop()
            weights[start:] = [weight * float(number[1:-1] or 1.1) for weight in weights[start:]]
        elif rest[0] == "]" and opened["["]:
            start = opened["["].pop()
            weights[start:] = [weight / 1.1 for weight in weights[start:]]
        elif rest[0] == "a":
            weights.append(1.0)
        index += len(number) or 1
    for kind, starts in opened.items():
        for start in starts:
            weights[start:] = [weight * 1.1 if kind == "(" else weight / 1.1 for weight in weights[start:]]
    return weights


def _number(text: str) -> str:
    """`:2.2)` at the beginning of a text, empty where there is none; in this alphabet."""
    end = text.find(")")
    inside = text[1:end] if text[0] == ":" and end > 1 else ""
    good = set(inside) <= set("2.") and inside.count(".") <= 1 and "2" in inside
    return text[: end + 1] if good else ""


HOSTILE = ["(", "[", ")", ":", " ", "\\", "(a", "[a(b", "(a:1", "BREAK ", "(a)", ":1 ", "<lora:", "<lora:a:"]


def steps_of(text: str) -> int:
    """Lines of Python that parsing takes."""
    taken = 0

    def count(*_: object) -> object:
        nonlocal taken
        taken += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)  # type: ignore[arg-type]
    try:
        parse_attention(extract_loras(text)[0])
    finally:
        sys.settrace(before)
    return taken


@pytest.mark.parametrize("part", HOSTILE)
def test_twice_the_brackets_take_twice_the_work(part: str) -> None:
    once, twice = (steps_of(part * count) for count in (500, 1000))
    assert twice <= 2.2 * once + 200


@pytest.mark.parametrize("part", HOSTILE)
def test_ten_thousand_brackets_are_read(part: str) -> None:
    closing = {"(": ")", "[": "]"}.get(part, "")
    parsed = parse_attention(part * 10_000 + "x" + closing * 10_000)
    assert all(isfinite(weight) for _, weight in parsed)


def test_loras_are_taken_out_with_their_weights() -> None:
    text, loras = extract_loras("a <lora:ink:0.5>cat, <lora:my style><lora:x:-1> (b:1.2)")
    assert text == "a cat,  (b:1.2)"
    assert loras == (Lora("ink", 0.5), Lora("my style", 1.0), Lora("x", -1.0))


@pytest.mark.parametrize("text", ["a < b", "<lora>", "<lora:>", "<lora:a", "<other:a:1>"])
def test_what_is_no_lora_stays(text: str) -> None:
    assert extract_loras(text) == (text, ())


@pytest.mark.parametrize("weight", ["x", "", "nan", "inf", "0.5:0.7", "lbw=1"])
def test_a_weight_that_is_no_number_is_told(weight: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        extract_loras(f"a <lora:ink:{weight}>")
    assert "ink" in caught.value.explain("zh-CN")
