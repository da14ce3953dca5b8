"""What a developer asks for, and what comes back."""

import textwrap
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from studio.validation import Document, Prompt, Request

Syntax = Literal["ok", "error", "incomplete", "unknown"]


def _outdented(code: Any) -> Any:
    # Code copied out of a class is indented as a whole; stripping its first line alone would break it.
    return textwrap.dedent(code) if isinstance(code, str) else code


class SnippetRequest(Request):
    """Describe a snippet to be written."""

    description: Prompt
    language: str = "python"
    """A name or alias that `studio.coding.languages` knows."""
    model: str | None = None
    """A catalogue id; None takes the best code or text model present."""


class ScoreRequest(Request):
    """Judge code that already exists."""

    code: Annotated[Document, BeforeValidator(_outdented)]
    language: str = "python"


class Finding(BaseModel):
    """One thing a checker noticed."""

    model_config = ConfigDict(frozen=True)

    line: int | None
    """Counted from 1; None where it concerns the whole snippet."""
    rule: str
    message: str
    link: str | None = None


class ScorePart(BaseModel):
    """One axis of the score."""

    model_config = ConfigDict(frozen=True)

    name: str
    weight: Annotated[float, Field(ge=0, le=1)]
    """Share of the whole score; the weights of parts that were measured are scaled to sum to 1."""
    points: Annotated[float, Field(ge=0, le=100)] | None
    """None where this language has no checker for it."""
    findings: tuple[Finding, ...] = ()


class Report(BaseModel):
    """How well a snippet is written, judged without running it. Says nothing about correctness."""

    model_config = ConfigDict(frozen=True)

    score: Annotated[int, Field(ge=0, le=100)] | None
    """None where nothing could be measured."""
    language: str
    syntax: Syntax
    parts: tuple[ScorePart, ...] = ()


@dataclass(frozen=True)
class Snippet:
    """Code so far; `report` comes with the finished one."""

    code: str
    language: str
    done: bool
    tokens: int
    seconds: float
    report: Report | None = None
    notice: str | None = None
    """A message key for something the user should know."""
