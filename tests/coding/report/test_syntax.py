import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.coding.languages import LANGUAGES, find
from studio.coding.report import report

WHOLE = {
    "python": 'def double(n: int) -> int:\n    """Twice n."""\n    return n * 2\n',
    "javascript": "function f(a) {\n  return a + 1;\n}\n",
    "typescript": "function f(a: number): number {\n  return a;\n}\n",
    "tsx": "export function A() {\n  return <p>hi</p>;\n}\n",
    "java": "class A {\n  int f() {\n    return 1;\n  }\n}\n",
    "c": "int main(void) {\n  return 0;\n}\n",
    "cpp": "#include <vector>\ntemplate <typename T>\nT f(T a) {\n  return a;\n}\n",
    "c-sharp": "class A {\n  int F() => 1;\n}\n",
    "go": "func f() int {\n\treturn 1\n}\n",
    "rust": "fn f() -> i32 {\n    1\n}\n",
    "ruby": "def f(a)\n  a + 1\nend\n",
    "php": "<?php\nfunction f($a) {\n  return $a;\n}\n",
    "html": "<!DOCTYPE html>\n<html>\n<body>\n<p>Hi<br></p>\n</body>\n</html>\n",
    "css": "a {\n  color: red;\n}\n",
    "json": '{"a": [1, 2]}\n',
    "bash": "if true; then\n  echo 1\nfi\n",
    "sql": "SELECT a\nFROM b\nWHERE c = 1;\n",
}

CUT = [
    ("python", "def f(x):\n    return (x +"),
    ("python", "def f(x):\n"),
    ("python", 'def f(x):\n    """Say'),
    ("python", "if x:\n    y = 1\nelse"),
    ("javascript", "function f(a) {\n  return a +"),
    ("javascript", "const s = 'abc"),
    ("javascript", "/* a comment\n that goes on"),
    ("typescript", "interface A {\n  b: string;\n"),
    ("tsx", "export function A() {\n  return (\n    <div>\n      <p>hi</p>"),
    ("java", "class A {\n  int f() {\n    if (x"),
    ("c", "int main(void) {\n  for (int i = 0;"),
    ("cpp", "class A {\npublic:\n  int f() {\n"),
    ("c-sharp", "class A {\n  int F() {\n    return 1;\n"),
    ("go", "func f() int {\n if x {\n  return 1\n }\n return 2 +"),
    ("rust", "fn f() -> i32 {\n    let x = vec![1,\n 2"),
    ("ruby", "class A\n  def f(a)\n    if a\n      puts 1\n"),
    ("php", "<?php\nfunction f($a) {\n  return $a;\n"),
    ("html", "<html>\n<body>\n<div>\n<p>Hi"),
    ("css", "a {\n  color:"),
    ("json", '{\n "a": 1,\n "b": [1,'),
    ("bash", "for i in 1 2; do\n  echo $i\n"),
    ("sql", "SELECT a, b FROM c WHERE"),
]

BROKEN = [
    ("python", "def f(:\n  return 1\n\nprint(1)\n"),
    ("python", "Here is the code you asked for\n"),
    ("javascript", "function f( { return 1; }}\nlet x = 2;\n"),
    ("java", "class A { int f( { return 1; } }\n class B {}\n"),
    ("c", "int main(void { return 0; }\nint x;\n"),
    ("rust", "fn f() -> { 1 }\nfn g() {}"),
    ("html", "<div></p></div>\n<p>x</p>"),
    ("css", "a { color red; } }\n b {}\n"),
    ("json", '{"a": 1,, "b": 2}\n'),
    ("bash", "if then fi )\necho 2\n"),
    ("sql", "SELEC a FORM b;\nSELECT 1;\n"),
]


def test_every_language_has_an_example():
    assert set(WHOLE) == {language.id for language in LANGUAGES}


@pytest.mark.parametrize("language", WHOLE)
def test_whole_code_parses(language):
    assert report(WHOLE[language], find(language)).syntax == "ok"


@pytest.mark.parametrize(("language", "code"), CUT)
def test_cut_off_code_is_incomplete(language, code):
    judged = report(code, find(language))
    assert judged.syntax == "incomplete"
    assert judged.score is None or judged.score <= 20


@pytest.mark.parametrize(("language", "code"), BROKEN)
def test_broken_code_is_an_error_and_says_where(language, code):
    judged = report(code, find(language))
    assert judged.syntax == "error"
    assert judged.parts[0].points == 0
    assert judged.parts[0].findings[0].line == 1
    assert judged.score is None or judged.score <= 20


def test_python_newer_than_this_interpreter_parses():
    code = "type Pair[T] = tuple[T, T]\n\n\ndef first[T](pair: Pair[T]) -> T:\n    return pair[0]\n"
    assert report(code, find("python")).syntax == "ok"


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300), st.sampled_from([language for language in LANGUAGES if language.id != "python"]))
def test_any_text_gets_a_report(code, language):
    judged = report(code, language)
    assert judged.score is None or 0 <= judged.score <= 100
    assert judged == report(code, language)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gets_a_python_report(code):
    judged = report(code, find("python"))
    assert judged.score is None or 0 <= judged.score <= 100


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "(" * 20_000 + "1" + ")" * 20_000),
        ("python", "[" * 50_000),
        ("javascript", "(() => " * 20_000),
        ("c", "{" * 50_000),
        ("html", "<div>" * 10_000),
        ("java", "a;\n" * 340_000),
    ],
)
def test_deep_and_large_code_is_survived(language, code):
    judged = report(code, find(language))
    assert judged.syntax in ("ok", "error", "incomplete", "unknown")
