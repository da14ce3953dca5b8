import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.coding.languages import find
from studio.coding.report import PARTS, report

PYTHON = find("python")
GOOD = '''\
def mean(numbers: list[float]) -> float:
    """The arithmetic mean of some numbers."""
    if not numbers:
        raise ValueError("no numbers")
    return sum(numbers) / len(numbers)
'''
POOR = """\
import os, sys
def F(a,b=[]):
    try:
        eval(a)
    except:
        pass
    return undefined_name
"""


def part(judged, name):
    return next(part for part in judged.parts if part.name == name)


def rules(judged, name):
    return {finding.rule for finding in part(judged, name).findings}


def test_good_code_scores_full_and_poor_code_low():
    assert report(GOOD, PYTHON).score == 100
    assert 20 < report(POOR, PYTHON).score < 60


def test_findings_sit_in_the_part_they_belong_to_with_line_and_link():
    judged = report(POOR, PYTHON)
    assert {"B006", "E722", "F821"} <= rules(judged, "bugs")
    assert "S307" in rules(judged, "security")
    assert "F401" in rules(judged, "style")
    assert "D103" in rules(judged, "documentation")
    assert "ANN201" in rules(judged, "types")
    finding = next(finding for finding in part(judged, "security").findings if finding.rule == "S307")
    assert finding.line == 4
    assert finding.link.startswith("https://")


def test_parts_are_always_the_same_and_the_weights_of_the_measured_ones_sum_to_one():
    for code in (GOOD, POOR, "x = 1\ny = 2\nz = 3", "def f(", ""):
        judged = report(code, PYTHON)
        assert [part.name for part in judged.parts] == list(PARTS)
        assert all((part.weight > 0) == (part.points is not None) for part in judged.parts)
        if total := sum(part.weight for part in judged.parts):
            assert math.isclose(total, 1)


def test_the_score_is_the_weighted_mean_of_what_was_measured():
    judged = report(POOR, PYTHON)
    mean = sum(part.weight * part.points for part in judged.parts if part.points is not None)
    assert abs(judged.score - mean) <= 0.51


def test_one_assignment_is_too_little_to_score():
    judged = report("x = 1", PYTHON)
    assert judged.score is None
    assert judged.syntax == "ok"
    assert rules(judged, "syntax") == {"too-short"}


def test_a_script_without_functions_has_no_points_for_documentation_complexity_and_types():
    judged = report("import json\n\ndata = json.loads('{}')\nprint(data)\n", PYTHON)
    assert [part.name for part in judged.parts if part.points is None] == ["complexity", "documentation", "types"]


@pytest.mark.parametrize("code", ["", "   \n\n"])
def test_without_code_there_is_no_score_but_a_reason(code):
    judged = report(code, PYTHON)
    assert judged.score is None
    assert judged.parts[0].findings[0].rule == "empty"


@pytest.mark.parametrize(
    ("code", "language"), [("# only a comment\n", "python"), ("// one\n/* two\n three */\n", "javascript")]
)
def test_what_is_only_comments_is_told_so_and_not_that_it_cannot_be_checked(code, language):
    judged = report(code, find(language))
    assert (judged.score, judged.syntax) == (None, "ok")
    assert judged.parts[0].findings[0].rule == "comments"


def test_a_directive_does_not_silence_the_judge():
    assert report(POOR.replace("eval(a)", "eval(a)  # noqa"), PYTHON).score <= report(POOR, PYTHON).score
    assert "S307" in rules(report("# ruff: noqa\n" + POOR, PYTHON), "security")


def test_code_is_never_executed(tmp_path):
    target = tmp_path / "made"
    report(f"from pathlib import Path\n\nPath({str(target)!r}).touch()\nprint(1)\n", PYTHON)
    assert not target.exists()


def test_windows_line_ends_do_not_matter():
    assert report(GOOD.replace("\n", "\r\n"), PYTHON) == report(GOOD, PYTHON)


def test_json_is_data_and_gets_no_score():
    judged = report('{"a": 1}', find("json"))
    assert (judged.score, judged.syntax) == (None, "ok")


def test_an_undocumented_tangle_loses_points_in_any_language():
    deep = "function f(a, b, c, d, e, g, h) {\n" + "if (a) {\n" * 6 + "return 1;\n" + "}\n" * 7
    plain = "// Adds.\nfunction f(a, b) {\n  return a + b;\n}\n"
    tangled, neat = report(deep, find("js")), report(plain, find("js"))
    assert neat.score == 100
    assert tangled.score < neat.score
    assert rules(tangled, "complexity") == {"deep-nesting", "many-parameters"}
    assert rules(tangled, "documentation") == {"no-comment"}
    assert part(tangled, "bugs").points is None


def test_else_if_is_a_branch_but_no_deeper():
    chain = " else ".join(f"if (a == {n}) {{ return {n}; }}" for n in range(6))
    for language, head in (
        ("js", "// F.\nfunction f(a) {"),
        ("c", "// F.\nint f(int a) {"),
        ("java", "int f(int a) {"),
    ):
        assert "deep-nesting" not in rules(report(f"{head}\n{chain}\n}}", find(language)), "complexity")


def test_many_findings_are_listed_in_part_and_counted_in_full():
    judged = report("value = eval(text)\n" * 500, PYTHON)
    security = part(judged, "security")
    assert security.points == 0
    assert security.findings[-1].rule == "more"
    assert "450" in security.findings[-1].message


LINES = (
    "    total = 0",
    "    for number in numbers:",
    "        total += number",
    "    average = total / 2",
    "    return average",
)
VIOLATIONS = (
    "    import os",
    "    print(undefined_thing)",
    "    eval(input())",
    "    assert (1, 'always')",
    "    l = 1",
    "    password = 'hunter2'",
    "    x = 1 ",
    "    if numbers == None: pass",
    "    eval(input()); print(missing)",
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(VIOLATIONS), max_size=12),
    st.sampled_from(VIOLATIONS),
    st.integers(0, 30),
    st.integers(0, 50),
)
def test_one_more_violation_never_raises_the_score(violations, another, place, filler):
    body = [*LINES[:4], *(f"    step_{n} = total + {n}" for n in range(filler)), *violations]
    place = min(place, len(body))
    # Never between a loop and its body.
    place = place if place != 2 else 1
    worse = [*body[:place], another, *body[place:]]
    head = ["def average(numbers: list[int]) -> float:", '    """The average."""']

    def score(lines):
        return report("\n".join([*head, *lines, LINES[4]]), PYTHON).score

    assert score(worse) <= score(body)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(VIOLATIONS), max_size=12), st.sampled_from(["def f(", "x = = 1", "    )", '"""']))
def test_breaking_the_syntax_never_raises_the_score(violations, breakage):
    code = "\n".join(["def average(numbers):", *violations, "    return numbers"])
    assert report(f"{code}\n{breakage}\n", PYTHON).score <= report(code, PYTHON).score
