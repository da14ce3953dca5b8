import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from studio.coding.languages import find
from studio.coding.snippet import extract

PYTHON = find("python")
CODE = "def f(n):\n    return n * 2\n\nprint(f(2))"

REPLIES = {
    "a block": f"```python\n{CODE}\n```",
    "a block without a label": f"```\n{CODE}\n```",
    "tildes": f"~~~py\n{CODE}\n~~~",
    "an alias and attributes": f"```{{.python3 title=x}}\n{CODE}\n```",
    "prose around it": f"Sure! Here is the function:\n\n```python\n{CODE}\n```\n\nThis code doubles a number.",
    "Chinese prose around it": f"下面是代码：\n\n```python\n{CODE}\n```\n\n它把数字加倍。",
    "no end": f"```python\n{CODE}",
    "no fence": CODE,
    "no fence but prose": f"Here is the function:\n\n{CODE}\n\nThis code doubles a number.",
    "no opening fence": f"{CODE}\n```\n\nThis code doubles a number.",
    "a list item": "1. First\n\n   ```python\n" + "\n".join(f"   {line}" for line in CODE.split("\n")) + "\n   ```",
    "another language first": f"```bash\n{'pip install a-long-name; ' * 4}\n```\n```python\n{CODE}\n```",
    "two of the language": f"```python\n{CODE}\n```\n\nOr:\n\n```python\n{'print(2)  # longer' * 9}\n```",
    "a longer fence": f"````python\n{CODE}\n````",
    "Windows line ends": f"```python\n{CODE}\n```".replace("\n", "\r\n"),
    "an empty block and then no opening fence": f"```\n\n```\n{CODE}\n```",
    "an empty block first": f"```python\n```\n```python\n{CODE}\n```",
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES.keys())
def test_the_code_is_found(reply):
    assert extract(reply, PYTHON).code == CODE


def test_a_block_of_the_language_that_is_closed_is_complete():
    assert extract(f"```python\n{CODE}\n```\n", PYTHON, finished=False).complete
    assert not extract(f"```python\n{CODE}\n", PYTHON, finished=False).complete
    assert not extract("```bash\nls\n```\n", PYTHON, finished=False).complete


def test_only_another_language_is_still_shown_with_its_label():
    found = extract("```js\nlet x = 1;\n```", PYTHON)
    assert (found.code, found.label) == ("let x = 1;", "js")


def test_talk_alone_is_no_code():
    assert extract("I am sorry, but I cannot help with that.", PYTHON).code == ""
    assert extract("抱歉，我做不到。", PYTHON).code == ""


def test_a_comment_at_the_start_is_code():
    code = "# 计算平均值。\nx = 1"
    assert extract(code, PYTHON).code == code


SENTENCES = st.sampled_from(["", "Sure! Here it is:\n\n", "下面是代码：\n"])
ENDINGS = st.sampled_from(["", "\n\nThis code doubles.", "\n\n```js\nlet longer_than_the_first_block_by_far = 1;\n```"])
LINES = st.lists(st.sampled_from(["x = 1", "    y = '`'", "", "print('``')", "# A note.", "z = `1`", "~x"]), min_size=1)


@given(SENTENCES, LINES, ENDINGS, st.sampled_from(["```python", "~~~py", "````python"]))
def test_while_it_streams_nothing_but_a_beginning_of_the_code_is_shown(before, lines, after, fence):
    code = "\n".join(lines).strip("\n").rstrip()
    assume(code)
    mark = fence.rstrip("python")
    reply = f"{before}{fence}\n" + "\n".join(lines) + f"\n{mark}{after}"
    shown = [extract(reply[:end], PYTHON, finished=False) for end in range(len(reply) + 1)]
    assert all(code.startswith(found.code) for found in shown)
    assert {found.code for found in shown if found.complete} <= {code}
    assert extract(reply, PYTHON).code == code


@given(st.text(alphabet="`~ab \n{}=:.。中", max_size=200))
def test_any_reply_is_survived(reply):
    finished = extract(reply, PYTHON)
    assert not finished.code.endswith("\n")
    assert len(finished.code) <= len(reply)
