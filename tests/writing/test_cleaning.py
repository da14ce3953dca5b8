"""What is kept of a section that a model wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.writing.cleaning import SectionCleaner, loops, unlooped, whole_sentences, without_lead_in

PROOF = SectionCleaner("Bees on the Roof", "Why cities suit bees", ["Why cities suit bees", "What you need", "结语"])


def kept(said: str) -> str:
    return PROOF.read(said, done=True).text


@pytest.mark.parametrize(
    "opening",
    [
        "",
        "## Why cities suit bees\n\n",
        "# Bees on the Roof\n\n## Why cities suit bees\n",
        "**Why Cities Suit Bees**\n\n",
        "Section 1: Why cities suit bees\n",
        "1. Why cities suit bees:\n\n",
        "Sure! Here is the section you asked for:\n\n",
        "\n\n### Introduction\n\n",
        "<<Bees and the city>>\n",
        "<written>\n",
        "好的，下面是正文。\n\n",
        "当然，以下是这一节的内容。\n",
        "好的。\n\n",
        "Certainly! Here is the section you asked for.\n\n",
    ],
)
def test_an_opening_that_is_not_the_text_goes(opening: str) -> None:
    assert kept(f"{opening}Lime trees bloom in June.\n\nBees fly far.") == "Lime trees bloom in June.\n\nBees fly far."


@pytest.mark.parametrize(
    "aside",
    [
        "I hope this helps!",
        "I hope that meets your needs.",
        "(Word count: 120)",
        "**Word count: about 120 words**",
        "Let me know if you would like any changes.",
        "希望这对你有帮助！",
        "（字数：120）",
        "（约160字）",
        "全文共 158 字。",
        "如果你有其他问题，请随时告诉我。",
    ],
)
def test_a_last_line_to_whoever_asked_goes(aside: str) -> None:
    said = f"Lime trees bloom in June.\n\n{aside}"
    assert kept(said) == "Lime trees bloom in June."
    assert PROOF.read(said, done=False).text == "Lime trees bloom in June."
    assert kept(f"{said}\n\nBees fly far.") == f"{said}\n\nBees fly far."


@pytest.mark.parametrize(
    "said",
    [
        "I hope this summer brings more bees to the roof than the last one did, for the trees are late.",
        "希望今年夏天蜜蜂多一些。",
        "共有 3 个蜂箱放在屋顶上。",
        "好的蜂箱要放得稳。",
        "以下是常被忽略的：风。",
        "Here is the thing about bees: they fly far.",
    ],
)
def test_a_line_to_the_reader_stays(said: str) -> None:
    assert kept(said) == said
    assert kept(f"Lime trees.\n\n{said}") == f"Lime trees.\n\n{said}"


@pytest.mark.parametrize(
    "end",
    ["以下是几点建议：", "1. 选好位置。\n2.", "### 收获", "Here are some tips:\n\n1.", "**要点：**", "-"],
)
def test_what_announces_more_goes_when_no_more_comes(end: str) -> None:
    text = without_lead_in(f"蜜蜂喜欢树。\n\n{end}")
    assert text in ("蜜蜂喜欢树。", "蜜蜂喜欢树。\n\n1. 选好位置。")
    assert kept(f"蜜蜂喜欢树。\n\n{end}") == text
    assert without_lead_in("以下是几点建议：") == "以下是几点建议："


def test_the_next_section_ends_this_one() -> None:
    body = PROOF.read("Lime trees bloom.\n\n## What you need\n\nA hive.", done=False)
    assert body.ended
    assert body.text == "Lime trees bloom."


def test_a_heading_said_again_goes_and_new_ones_become_smaller() -> None:
    said = "Trees.\n\n## Why cities suit bees\n\nMore.\n\n# Parks\n\nGrass."
    assert kept(said) == "Trees.\n\n\nMore.\n\n### Parks\n\nGrass."


def test_a_key_point_is_no_heading_inside_its_section() -> None:
    points = ["什么时候浇水最合适", "Why trees matter"]
    proof = SectionCleaner("阳台种番茄", "浇透水", ["浇透水"], points)
    said = (
        "浇水要看时机。\n\n### 当什么时候浇水最合适\n\n清晨最好。\n\n**Why trees matter**\n\n有树荫。\n\n### 水\n\n完。"
    )
    text = "浇水要看时机。\n\n\n清晨最好。\n\n\n有树荫。\n\n### 水\n\n完。"
    assert proof.read(said, done=True).text == text
    assert proof.read("什么时候浇水最合适呢？", done=True).text == "什么时候浇水最合适呢？"


def test_code_keeps_its_comments() -> None:
    said = "Run this:\n\n```sh\n# What you need\nls\n```\n\nDone."
    assert kept(said) == said


def test_a_fence_around_everything_goes() -> None:
    assert kept("```markdown\n## Why cities suit bees\n\nTrees.\n```\nAnything else?") == "Trees."


def test_chinese_headings_are_known() -> None:
    proof = SectionCleaner("城市养蜂", "第一步", ["第一步", "结语"])
    body = proof.read("## 第一步\n\n先选址。\n\n**结语**\n\n再见。", done=False)
    assert (body.text, body.ended) == ("先选址。", True)


SAID = st.lists(
    st.sampled_from(
        [
            "## Why cities suit bees\n",
            "# Bees on the Roof\n",
            "## What you need\n",
            "# Parks\n",
            "Why cities",
            " suit bees\n",
            "Lime trees. ",
            "**Bold** start.",
            "结语\n",
            "```\n",
            "\n\n",
        ]
    ),
    max_size=12,
).map("".join)


@given(SAID)
def test_no_heading_shows_even_for_a_moment(said: str) -> None:
    for end in range(len(said) + 1):
        shown = PROOF.read(said[:end], done=False).text.split("```")[0].split("\n")
        assert not {"## Why cities suit bees", "# Bees on the Roof", "## What you need", "# Parks"} & set(shown)


@given(st.text(max_size=400))
def test_any_text_is_read(said: str) -> None:
    body = PROOF.read(said, done=True)
    assert body.text == body.text.strip("\n")
    assert PROOF.read(said, done=False).text is not None


def test_a_loop_is_seen_and_undone() -> None:
    said = "Bees like lime trees. " + "The city is warm in winter. " * 3
    assert loops(said)
    assert unlooped(said) == "Bees like lime trees. The city is warm in winter."
    assert not loops("Yes. No. Yes. No. Yes. Bees like lime trees.")
    assert loops("蜜蜂很喜欢城市里的椴树花香。" * 3)


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("Bees like trees. They also like", "Bees like trees."),
        ("They like 2.5 million flowers and much mo", "They like 2.5 million flowers and much mo"),
        ("蜜蜂喜欢树。它们还喜", "蜜蜂喜欢树。"),
        ("先看位置。\n\n1. 选好朝向。\n2. 躲开风口。\n3. 别", "先看位置。\n\n1. 选好朝向。\n2. 躲开风口。"),
        ("先看位置。\n\n1. 选好朝向。\n2. 躲开风口。\n3.", "先看位置。\n\n1. 选好朝向。\n2. 躲开风口。"),
        ("Sun and wind.\n\n1. Look south.\n\n### 2.", "Sun and wind.\n\n1. Look south."),
        ("蜜蜂喜欢树，城里的树又多又杂。做法如下：\n\n1. **选", "蜜蜂喜欢树，城里的树又多又杂。"),
        (
            "Short. A long sentence that goes on and on and is cut",
            "Short. A long sentence that goes on and on and is cut",
        ),
    ],
)
def test_a_text_cut_short_ends_with_a_sentence(cut: str, whole: str) -> None:
    assert whole_sentences(cut) == whole
