"""The crafts on the real weights of the smallest model that understands what it is asked, in both languages."""

import re
import subprocess
import sys

import pytest

from studio.coding.coder import Coder
from studio.coding.requests import Snippet, SnippetRequest
from studio.registry import Registry
from studio.writing.requests import Brief, Outline, Section, SectionRequest, SectionText
from studio.writing.writer import Writer
from tests.support.weights import small_model

__all__ = ["small_model"]

# The first of these fetches half a gigabyte where it is not in the cache yet.
pytestmark = pytest.mark.timeout(900)

CHINESE = re.compile(r"[一-鿿]")
LATIN = re.compile(r"[A-Za-z]")


def chinese(text: str) -> bool:
    """Whether it is written in Chinese characters, but for a word here and there."""
    return len(CHINESE.findall(text)) > 10 * len(LATIN.findall(text))


def test_a_chinese_brief_becomes_a_chinese_outline(small_model: Registry) -> None:
    brief = Brief.of(topic="在阳台上种番茄", audience="新手", language="zh", sections=3, words=240)
    *_, outline = Writer(small_model).outline(brief)
    assert isinstance(outline, Outline)
    headings = [section.heading for section in outline.sections]
    assert len(set(headings)) == 3
    assert chinese(outline.title + "".join(headings))
    assert not [heading for heading in headings if re.match(r"第 \d+ 节$", heading)]


def test_a_chinese_section_is_chinese_prose_of_about_its_length(small_model: Registry) -> None:
    sections = (
        Section(heading="选一个合适的花盆", key_points=("大小和深度", "盆底要有排水孔"), target_words=80),
        Section(heading="浇水的时机", target_words=80),
    )
    outline = Outline(title="在阳台上种番茄", language="zh", sections=sections)
    *_, section = Writer(small_model).write_section(SectionRequest.of(outline=outline, index=0))
    assert isinstance(section, SectionText)
    assert chinese(section.text)
    assert "盆" in section.text
    assert 20 <= len(section.text) <= 80 * 1.4
    assert section.text[-1] in "。！？”.!?"
    assert section.notice is None


@pytest.mark.parametrize(
    "description",
    ["A function total(numbers) that adds up a list of numbers", "写一个函数 total(numbers)，返回列表里所有数字的和"],
)
def test_a_function_that_adds_up_a_list_runs(small_model: Registry, description: str) -> None:
    *_, snippet = Coder(small_model).generate(SnippetRequest.of(description=description, language="python"))
    assert isinstance(snippet, Snippet)
    program = f"{snippet.code}\n\nprint([total([]), total([1, 2, 39])])\n"
    ran = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert ran.stdout.splitlines()[-1] == "[0, 42]"
