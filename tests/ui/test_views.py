"""HTML that is made while the studio runs: both languages in it, and nothing a user or a model wrote unescaped."""

from studio.coding.languages import find
from studio.coding.report import report as judge
from studio.coding.requests import Finding, Report, ScorePart
from studio.errors import InvalidRequest
from studio.messages import data_size
from studio.registry import LoadProgress, ModelId
from studio.ui.report import SHOWN_FINDINGS, report_html
from studio.ui.words import arrival, both, complaint, left, line
from studio.writing.requests import Brief

MODEL = ModelId("smollm2-135m")


def test_a_sentence_comes_in_both_languages() -> None:
    html = both("app.stop")
    assert 'lang="en">Stop<' in html
    assert 'lang="zh-CN">停止<' in html


def test_fields_are_escaped() -> None:
    assert "<script>" not in both("app.chip.ready", names="<script>alert(1)</script>")


def test_a_complaint_names_the_field_as_the_form_does() -> None:
    try:
        Brief.of(topic="bees", sections=13)
    except InvalidRequest as error:
        html = complaint(error)
    assert "Sections" in html
    assert "节数" in html
    assert "12" in html


def test_waiting_tells_how_many_come_first() -> None:
    text, share = arrival(LoadProgress(MODEL, "SmolLM2", "waiting", ahead=2))
    assert "2 before you" in text
    assert share is None


def test_fetching_tells_bytes() -> None:
    text, share = arrival(LoadProgress(MODEL, "SmolLM2", "fetching", done=50_000_000, total=100_000_000))
    assert "50 MB of 100 MB" in text
    assert share == 0.5


def test_sizes_and_times_are_for_people() -> None:
    assert [data_size(n) for n in (None, 900, 98_362_432, 4_200_000_000)] == ["—", "1 kB", "98 MB", "4.2 GB"]
    assert "8 s left" in left(8.2)
    assert "3 min left" in left(190)
    assert left(None) == ""


def test_a_bar_never_leaves_its_frame() -> None:
    assert "width:100.0%" in line("x", 7.0)
    assert "unknown" in line("x")
    assert "bar" not in line("x", moving=False)


def report(*findings: Finding, points: float | None = 20) -> Report:
    return Report(
        score=60,
        language="python",
        syntax="ok",
        parts=(ScorePart(name="syntax", weight=1, points=points, findings=findings),),
    )


def test_findings_carry_line_rule_and_a_safe_link() -> None:
    html = report_html(
        report(
            Finding(line=3, rule="D103", message="<b>bold</b>", link="https://example.org/D103"),
            Finding(line=None, rule="X1", message="plain", link="javascript:alert(1)"),
        )
    )
    assert "line 3" in html
    assert "第 3 行" in html
    assert 'href="https://example.org/D103"' in html
    assert "javascript:" not in html
    assert "<b>bold</b>" not in html


def test_only_comments_are_told_in_one_sentence_in_both_languages() -> None:
    html = report_html(judge("# add two numbers\n", find("python")))
    assert "Only comments: there is nothing to judge yet." in html
    assert "只有注释" in html
    assert "cannot be checked" not in html
    assert "nothing to measure" not in html


def test_what_could_not_be_measured_says_so() -> None:
    html = report_html(report(points=None))
    assert "<meter" not in html
    assert "nothing to measure" in html


def test_a_long_list_is_cut_and_says_so() -> None:
    many = [Finding(line=n, rule="E501", message="long") for n in range(1, SHOWN_FINDINGS + 6)]
    assert "and 5 more" in report_html(report(*many))
