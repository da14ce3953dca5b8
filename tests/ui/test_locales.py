"""Both languages are complete, and the code asks for nothing that is not there."""

import ast
import re
from collections.abc import Iterator
from string import Formatter

import pytest

from studio import errors
from studio.coding.requests import ScoreRequest, SnippetRequest
from studio.imaging.drawing.requests import PictureRequest
from studio.imaging.enlarging.requests import EnlargeRequest
from studio.messages import assets, table
from studio.validation import Request
from studio.writing.requests import ArticleRequest, Brief, SectionRequest
from tests.support.server import ROOT

EN, ZH = table("en"), table("zh-CN")
SAME = re.compile(r"^(\w+\.example\.\d+\.(language|prompt|negative)|models\.task\.controlnet)$")
"""Keys whose text is rightly the same in both languages: names, and prompts for models that read English."""
ERROR_NAMES = {name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)}
LOOKUPS = {"message", "known", "word", "both"}
VALIDATION = "errors.invalid."


def modules() -> Iterator[ast.Module]:
    for file in sorted((ROOT / "studio").rglob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


def calls() -> Iterator[tuple[str, ast.expr]]:
    for module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                yield name, node.args[0]


def literals(expression: ast.expr) -> list[str]:
    """The strings an expression can be, where that can be read off."""
    if isinstance(expression, ast.Constant):
        return [expression.value] if isinstance(expression.value, str) else []
    if isinstance(expression, ast.IfExp):
        return literals(expression.body) + literals(expression.orelse)
    return []


def mentioned() -> tuple[set[str], list[re.Pattern[str]]]:
    """Every string in the code, and every f-string as a pattern."""
    constants: set[str] = set()
    patterns: list[re.Pattern[str]] = []
    for module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                constants.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [re.escape(v.value) if isinstance(v, ast.Constant) else ".+" for v in node.values]
                if any(isinstance(v, ast.Constant) and re.search(r"[a-z]\.", v.value) for v in node.values):
                    patterns.append(re.compile("".join(parts)))
    script = (assets() / "js" / "library.js").read_text(encoding="utf-8")
    constants |= {f"library.{text}" for text in re.findall(r"'([\w.]+)'", script)}
    for template in re.findall(r"`([^`]*)`", script):
        if re.search(r"\w", re.sub(r"\$\{[^}]*\}", "", template)):
            patterns.append(re.compile(r"library\." + ".+".join(map(re.escape, re.split(r"\$\{[^}]*\}", template)))))
    return constants, patterns


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_tables_have_the_same_keys() -> None:
    assert set(EN) == set(ZH)


def test_every_text_says_something_and_fills_the_same_fields() -> None:
    for key in EN:
        assert EN[key].strip(), key
        assert ZH[key].strip(), key
        assert fields(EN[key]) == fields(ZH[key]), key


def test_nothing_is_left_untranslated() -> None:
    same = {key for key in EN if EN[key] == ZH[key] and re.search(r"[A-Za-z]{2}", EN[key])}
    assert {key for key in same if not SAME.match(key)} == set()


def test_chinese_is_written_in_chinese() -> None:
    for key, text in ZH.items():
        if not SAME.match(key) and re.search(r"\w", re.sub(r"{\w+}", "", text)):
            assert re.search(r"[一-鿿]", text), key


def test_every_key_that_the_code_looks_up_exists() -> None:
    asked = {key for name, first in calls() if name in LOOKUPS for key in literals(first)}
    assert asked - set(EN) == set()
    assert len(asked) > 50


def test_every_error_that_the_code_raises_has_its_sentence() -> None:
    codes = {code for name, first in calls() if name in ERROR_NAMES for code in literals(first)}
    assert {code for code in codes if f"errors.{code}" not in EN} == set()
    assert len(codes) > 10


def test_every_rule_of_our_own_has_its_sentence() -> None:
    kinds = {kind for name, first in calls() if name == "PydanticCustomError" for kind in literals(first)}
    told = {kind for kind in kinds if VALIDATION + kind in EN or f"errors.catalogue.reason.{kind}" in EN}
    assert kinds - told == set()


@pytest.mark.parametrize(
    "request_type",
    [Brief, SectionRequest, ArticleRequest, SnippetRequest, ScoreRequest, PictureRequest, EnlargeRequest],
)
def test_every_field_of_a_request_has_a_name_for_people(request_type: type[Request]) -> None:
    assert {name for name in request_type.model_fields if f"app.field.{name}" not in EN} == set()


def test_no_text_is_there_for_nothing() -> None:
    constants, patterns = mentioned()
    codes = {f"errors.{text}" for text in constants} | constants

    def used(key: str) -> bool:
        stem = key.removesuffix(".hint")
        return any(
            name in codes or any(p.fullmatch(name) or p.fullmatch(name.removeprefix("errors.")) for p in patterns)
            for name in (key, stem)
        )

    assert {key for key in EN if not used(key)} == set()


def test_the_script_finds_its_words() -> None:
    script = (assets() / "js" / "outline.js").read_text(encoding="utf-8")
    labels = set(re.findall(r"(?:say|field|tool)\('(\w+)'", script))
    assert {f"write.card.{label}" for label in labels} <= set(EN)
    assert len(labels) > 5
