"""Python checks: ruff on standard input, its findings sorted into the parts of the score."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from studio.coding.report.syntax import Verdict
from studio.coding.requests import Finding

SECONDS: Final = 5
SELECT: Final = "E,W,F,N,D101,D102,D103,D106,B,S,PL,SIM,UP,ANN"
LEFT_OUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "N999": "the file name is ours, not the user's",
        "S101": "assert is how a snippet shows what holds",
        "S311": "random numbers in snippets are seldom secrets",
        "S603": "fires at every subprocess call, safe or not",
        "PLR2004": "a snippet shows plain numbers where a project would name them",
        "PLR09": "sizes and branches are measured the same way for all languages, in structure.py",
        "PLR1702": "as above",
        "PLC0415": "a snippet may import where it shows the use",
        "ANN401": "Any is a type that somebody chose",
    }
)
"""Rules that judge projects rather than snippets, and why each is left out."""
PREFIXES: Final = (
    # The longest match wins: unused names are clutter rather than bugs, and so on.
    ("F401", "style"),
    ("F541", "style"),
    ("F841", "style"),
    ("E711", "bugs"),
    ("E712", "style"),
    ("E722", "bugs"),
    ("PLE", "bugs"),
    ("PLW", "bugs"),
    ("PL", "style"),
    ("ANN", "types"),
    ("SIM", "style"),
    ("UP", "style"),
    ("F", "bugs"),
    ("B", "bugs"),
    ("S", "security"),
    ("D", "documentation"),
    ("E", "style"),
    ("W", "style"),
    ("N", "style"),
)
MINOR: Final = ("PLW", "B007", "B028", "B904", "B905", "S105", "S106", "S107", "S110", "S112", "S113", "S607")
"""Rules of the bugs and security parts that are often a matter of taste."""
UNTERMINATED: Final = ("missing closing quote", "unterminated")


@dataclass(frozen=True)
class PythonChecks:
    """What ruff found, by part; only layout rules speak about code that does not parse."""

    verdict: Verdict
    findings: Mapping[str, tuple[Finding, ...]]


def is_minor(rule: str) -> bool:
    """Whether a rule weighs a quarter of a serious one."""
    return rule.startswith(MINOR)


def check(code: str) -> PythonChecks | None:
    """Run ruff over `code`, which is read and never executed; None where ruff cannot answer in time."""
    answer = _answer(code.rstrip() + "\n")
    if answer is None:
        return None
    broken = [entry for entry in answer if entry["code"] in (None, "invalid-syntax")]
    sorted_out: dict[str, list[Finding]] = {}
    for entry in answer:
        if entry not in broken and (part := part_of(entry["code"])):
            sorted_out.setdefault(part, []).append(_finding(entry))
    return PythonChecks(_verdict(code, broken), {part: tuple(found) for part, found in sorted_out.items()})


def part_of(rule: str) -> str | None:
    """The part of the score that a ruff rule belongs to."""
    return next((part for prefix, part in PREFIXES if rule.startswith(prefix)), None)


def _answer(code: str) -> list[dict[str, Any]] | None:
    from ruff import find_ruff_bin  # type: ignore[import-untyped]

    try:
        command = [
            find_ruff_bin(),
            "check",
            "--isolated",
            "--no-cache",
            "--quiet",
            "--output-format=json",
            # A directive in the code must not silence its own judge.
            "--ignore-noqa",
            "--target-version=py314",
            "--line-length=100",
            f"--select={SELECT}",
            f"--ignore={','.join(LEFT_OUT)}",
            "--stdin-filename=snippet.py",
            "-",
        ]
        done = subprocess.run(  # noqa: S603 - fixed arguments; the code travels on standard input
            command,
            input=code.encode(errors="replace"),
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ},
        )
        findings: list[dict[str, Any]] = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    return findings


def _finding(entry: Mapping[str, Any]) -> Finding:
    return Finding(
        line=entry["location"]["row"],
        rule=entry["code"] or "invalid-syntax",
        message=entry["message"],
        link=entry["url"],
    )


def _verdict(code: str, broken: list[dict[str, Any]]) -> Verdict:
    if not broken:
        return Verdict("ok")
    first = min(broken, key=lambda entry: _position(entry["location"]))
    findings = tuple(_finding(entry) for entry in broken)
    return Verdict("incomplete" if _cut_off(code, first) else "error", findings)


def _cut_off(code: str, first: Mapping[str, Any]) -> bool:
    """Whether the first error is that the code stops: nothing before its last character is wrong."""
    lines = code.rstrip().split("\n")
    end = (len(lines), len(lines[-1]) + 1)
    message = first["message"].lower()
    if _position(first["location"]) >= end:
        return True
    return any(word in message for word in UNTERMINATED) and _position(first["end_location"]) >= end


def _position(location: Mapping[str, int]) -> tuple[int, int]:
    return location["row"], location["column"]
