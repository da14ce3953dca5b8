"""What a writer asks for, and what comes back."""

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from studio.validation import Document, Line, OptionalPrompt, Prompt, Request

Language = Literal["en", "zh"]
SectionCount = Annotated[int, Field(ge=1, le=12)]
WordCount = Annotated[int, Field(ge=50, le=20_000)]


class Brief(Request):
    """What a blog post should be about, for whom, and how."""

    topic: Prompt
    audience: Line = ""
    tone: Line = ""
    language: Language = "en"
    sections: SectionCount = 5
    words: WordCount = 800
    """Words of the whole article; characters in Chinese."""
    keywords: Line = ""
    """Comma-separated words that should appear."""
    notes: OptionalPrompt = ""
    model: str | None = None
    """A catalogue id; None takes the best text model present."""


class Section(BaseModel):
    """One planned section of an article."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heading: Annotated[str, Field(min_length=1, max_length=300)]
    key_points: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Field(max_length=20)] = ()
    target_words: Annotated[int, Field(ge=10, le=20_000)] = 150


class Outline(BaseModel):
    """The plan of an article."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=300)]
    language: Language = "en"
    sections: Annotated[tuple[Section, ...], Field(min_length=1, max_length=12)]


class SectionRequest(Request):
    """Write, or write again, one section of an outline."""

    outline: Outline
    index: Annotated[int, Field(ge=0, le=11)]
    """Which section, from 0."""
    instruction: OptionalPrompt = ""
    """What to do differently this time."""
    article: Document = ""
    """What is already written, for continuity; this section as it is now may be in it."""
    model: str | None = None

    @model_validator(mode="after")
    def _inside(self) -> Self:
        count = len(self.outline.sections)
        if self.index >= count:
            details = {"number": self.index + 1, "count": count}
            raise PydanticCustomError("section_index", "there is no section {number}", details)
        return self


class ArticleRequest(Request):
    """Write every section of an outline."""

    outline: Outline
    model: str | None = None


@dataclass(frozen=True)
class Drafting:
    """An outline is on its way: the JSON so far, and how many sections it already names."""

    text: str
    headings: int
    total: int
    tokens: int
    seconds: float
    notice: str | None = None
    """A message key for something the user should know."""


@dataclass(frozen=True)
class SectionText:
    """One section so far, Markdown without its heading."""

    index: int
    heading: str
    text: str
    done: bool
    tokens: int
    seconds: float
    notice: str | None = None
    """A message key for something the user should know."""


@dataclass(frozen=True)
class Article:
    """A whole article in Markdown, so far or finished."""

    markdown: str
    written: int
    """Sections finished."""
    total: int
    done: bool
