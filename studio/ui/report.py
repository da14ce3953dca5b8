"""A code report as HTML in both languages."""

from collections import Counter
from html import escape

from studio.coding.requests import Finding, Report, ScorePart
from studio.messages import known
from studio.ui.words import both

SHOWN_FINDINGS = 60
NOTHING = frozenset(("comments", "empty"))
"""The rules that say why there is nothing to judge; then that is all there is to tell."""


def report_html(report: Report | None) -> str:
    """Score, parts with bars, and findings with line and link."""
    if report is None:
        return ""
    score = "—" if report.score is None else str(report.score)
    grade = (
        "none" if report.score is None else "good" if report.score >= 80 else "fair" if report.score >= 50 else "poor"
    )
    nothing = _nothing(report)
    head = (
        f'<div class="score {grade}"><b>{score}</b><div><h3>{both("code.report.title")}</h3>'
        f"<p>{both(f'code.nothing.{nothing}' if nothing else f'code.syntax.{report.syntax}')}</p></div></div>"
    )
    since = f'<p class="note since">{both("code.report.since")}</p>'
    if nothing:
        return f'<section class="report">{since}{head}</section>'
    parts = "".join(_part(part) for part in report.parts)
    # A model that repeats itself earns the same finding many times on one line; it is listed once, with a count.
    found = Counter(finding for part in report.parts for finding in part.findings)
    ordered = sorted(found.items(), key=lambda pair: (pair[0].line is None, pair[0].line or 0))
    listed = "".join(_finding(finding, times) for finding, times in ordered[:SHOWN_FINDINGS])
    rest = len(found) - SHOWN_FINDINGS
    more = f"<li>{both('code.findings.more', count=rest)}</li>" if rest > 0 else ""
    title = both("code.findings", count=found.total()) if found else both("code.findings.none")
    return (
        f'<section class="report">{since}{head}<ul class="parts">{parts}</ul>'
        f'<h4>{title}</h4><ul class="findings">{listed}{more}</ul>'
        f'<p class="note">{both("code.report.note")}</p></section>'
    )


def _nothing(report: Report) -> str | None:
    """Why there is nothing to judge; None where there is something."""
    rules = (finding.rule for part in report.parts for finding in part.findings)
    return next((rule for rule in rules if rule in NOTHING), None) if report.score is None else None


def _part(part: ScorePart) -> str:
    key = f"code.part.{part.name}"
    name = both(key) if known(key) else escape(part.name)
    if part.points is None:
        return f'<li class="unmeasured"><span>{name}</span><em>{both("code.part.unmeasured")}</em></li>'
    points = round(part.points)
    return (
        f'<li><span>{name}</span><meter min="0" max="100" low="50" high="80" optimum="100" value="{points}">'
        f"{points}</meter><em>{points}</em></li>"
    )


def _finding(finding: Finding, times: int) -> str:
    place = both("code.line", line=finding.line) if finding.line else both("code.whole")
    rule = escape(finding.rule)
    if finding.link and finding.link.startswith("https://"):
        rule = f'<a href="{escape(finding.link)}" target="_blank" rel="noopener">{rule}</a>'
    said = escape(finding.message) + (f" × {times}" if times > 1 else "")
    return f'<li><span class="place">{place}</span><code>{rule}</code><span>{said}</span></li>'
