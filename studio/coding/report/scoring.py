"""The score: how each part turns findings into points, and how parts add up."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from studio.coding.languages import CodeLanguage
from studio.coding.report import ruff_checks
from studio.coding.report.layout import layout
from studio.coding.report.ruff_checks import PythonChecks
from studio.coding.report.structure import Function, Structure, measure
from studio.coding.report.syntax import Verdict, parse, verdict
from studio.coding.requests import Finding, Report, ScorePart

PARTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "syntax": 0.20,
        "bugs": 0.25,
        "security": 0.15,
        "style": 0.12,
        "complexity": 0.12,
        "documentation": 0.08,
        "types": 0.08,
    }
)
"""The parts, in the order they are shown, and the weight of each where all are measured."""
BROKEN_CAP: Final = 20
"""Code that does not parse scores no more than any code that does: the weight of the syntax part."""
LEAST_LINES: Final = 3
"""Lines of code, without a function or class among them, below which there is nothing to score."""
HALVING_LINES: Final = 20
"""One serious finding in this many clean lines halves a part's points; shorter code counts as this long."""
MINOR_WEIGHT: Final = 0.25
SHOWN: Final = 50
"""Findings listed per part; the points count all of them."""


@dataclass(frozen=True)
class _Limit:
    rule: str
    good: int
    bad: int
    """Full points up to `good`, none from `bad` on."""
    value: Callable[[Function], int]
    message: str


LIMITS: Final = (
    _Limit("cyclomatic-complexity", 10, 30, lambda f: f.complexity, "{value} ways through this function (> {good})."),
    _Limit("deep-nesting", 3, 8, lambda f: f.nesting, "Nested {value} levels deep (> {good})."),
    _Limit("long-function", 50, 200, lambda f: f.lines, "A function of {value} lines (> {good})."),
    _Limit("many-parameters", 5, 15, lambda f: f.parameters, "{value} parameters (> {good})."),
)


@dataclass(frozen=True)
class _Measured:
    points: float
    findings: tuple[Finding, ...] = ()


def report(code: str, language: CodeLanguage) -> Report:
    """Judge `code` without running it; the same text always gets the same report.

    Adding a violation to code never raises its score, whatever line it is on: points fall with findings per clean line,
    and a line with a finding is not clean.
    """
    code = code.replace("\r\n", "\n").strip("\n").rstrip()
    source = parse(code, language)
    checks = ruff_checks.check(code) if language.id == "python" else None
    judged = checks.verdict if checks else verdict(source)
    structure = measure(source.tree) if source.tree is not None else None
    lines = structure.code_lines if structure else frozenset(_filled_lines(code))
    if not lines:
        return _unscored(code, judged, language)
    parses = judged.syntax == "ok"
    found = checks.findings if checks else {"style": tuple(layout(code))}
    measured: dict[str, _Measured] = {}
    if judged.syntax != "unknown":
        measured["syntax"] = _Measured(100.0 if parses else 0.0, judged.findings)
    clean = len(lines - _lines_of(found.values()))
    if not language.data:
        measured["style"] = _by_density(found.get("style", ()), clean, minor=True)
    if parses and checks:
        measured["bugs"] = _by_density(found.get("bugs", ()), clean)
        measured["security"] = _by_density(found.get("security", ()), clean)
    if parses and structure and not language.data:
        measured |= _structural(structure, checks)
    enough = not parses or len(lines) >= LEAST_LINES or (structure is not None and _defines(structure))
    return _added_up(language, judged, measured, enough=enough)


def _filled_lines(code: str) -> Iterable[int]:
    return (number for number, line in enumerate(code.split("\n"), start=1) if line.strip())


def _lines_of(findings: Iterable[Sequence[Finding]]) -> set[int]:
    return {finding.line for group in findings for finding in group if finding.line}


def _by_density(findings: Sequence[Finding], clean: int, *, minor: bool = False) -> _Measured:
    """Points that halve with every serious finding per `HALVING_LINES` clean lines."""
    penalty = sum(MINOR_WEIGHT if minor or ruff_checks.is_minor(finding.rule) else 1.0 for finding in findings)
    return _Measured(100.0 * 0.5 ** (penalty * HALVING_LINES / max(clean, HALVING_LINES)), tuple(findings))


def _by_share(findings: Sequence[Finding], chances: int) -> _Measured:
    """Points for the share of places that have what they should."""
    return _Measured(100.0 * max(0.0, 1 - len(findings) / chances), tuple(findings))


def _structural(structure: Structure, checks: PythonChecks | None) -> dict[str, _Measured]:
    parts: dict[str, _Measured] = {}
    functions = structure.functions
    if functions or structure.top_level.branches:
        parts["complexity"] = _complexity([*functions, structure.top_level])
    public = [function for function in functions if function.public]
    if checks:
        if chances := len(public) + structure.public_classes:
            parts["documentation"] = _by_share(checks.findings.get("documentation", ()), chances)
        if functions:
            slots = sum(function.slots for function in functions)
            parts["types"] = _by_share(checks.findings.get("types", ()), slots)
    elif public:
        silent = [
            Finding(line=function.line, rule="no-comment", message=f"No comment says what {function.name} does.")
            for function in public
            if not function.documented
        ]
        parts["documentation"] = _by_share(silent, len(public))
    return parts


def _complexity(functions: Sequence[Function]) -> _Measured:
    """The worst measure of the worst function decides: one tangle is enough to make a snippet hard to read."""
    points, findings = 100.0, []
    for function in functions:
        for limit in LIMITS:
            if (value := limit.value(function)) > limit.good:
                points = min(points, max(0.0, 100.0 * (limit.bad - value) / (limit.bad - limit.good)))
                message = limit.message.format(value=value, good=limit.good)
                findings.append(Finding(line=function.line, rule=limit.rule, message=message))
    return _Measured(points, tuple(findings))


def _defines(structure: Structure) -> bool:
    return bool(structure.functions) or structure.public_classes > 0


def _added_up(language: CodeLanguage, judged: Verdict, measured: Mapping[str, _Measured], *, enough: bool) -> Report:
    share = sum(PARTS[name] for name in measured)
    points = {name: round(part.points, 1) for name, part in measured.items()}
    score: int | None = None
    if enough and "syntax" in measured and len(measured) > 1:
        score = round(sum(PARTS[name] * points[name] for name in measured) / share)
        score = score if judged.syntax == "ok" else min(score, BROKEN_CAP)
    parts = tuple(
        ScorePart(name=name, weight=PARTS[name] / share, points=points[name], findings=_shown(measured[name].findings))
        if name in measured
        else ScorePart(name=name, weight=0, points=None)
        for name in PARTS
    )
    if score is None:
        parts = (_with_reason(parts[0], judged, language, enough=enough), *parts[1:])
    return Report(score=score, language=language.id, syntax=judged.syntax, parts=parts)


def _with_reason(part: ScorePart, judged: Verdict, language: CodeLanguage, *, enough: bool) -> ScorePart:
    if judged.syntax == "unknown":
        reason = Finding(
            line=None, rule="unknown", message=f"Too large to parse, or no {language.label} grammar is installed."
        )
    elif language.data:
        reason = Finding(line=None, rule="data", message=f"{language.label} is data: only its syntax is checked.")
    elif not enough:
        reason = Finding(line=None, rule="too-short", message="Too little code to score.")
    else:
        return part
    return part.model_copy(update={"findings": (*part.findings, reason)})


def _shown(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    ordered = sorted(findings, key=lambda finding: finding.line or 0)
    if len(ordered) <= SHOWN:
        return tuple(ordered)
    rest = Finding(line=None, rule="more", message=f"{len(ordered) - SHOWN} more findings are not listed.")
    return (*ordered[:SHOWN], rest)


def _unscored(code: str, judged: Verdict, language: CodeLanguage) -> Report:
    """The report on a text without a line of code; what is only comments is told from what is empty."""
    rule, message = ("comments", "Only comments: there is nothing to judge yet.") if code else ("empty", "No code yet.")
    reason = Finding(line=None, rule=rule, message=message)
    parts = tuple(
        ScorePart(name=name, weight=0, points=None, findings=(reason,) if name == "syntax" else ()) for name in PARTS
    )
    return Report(score=None, language=language.id, syntax=judged.syntax if code else "unknown", parts=parts)
