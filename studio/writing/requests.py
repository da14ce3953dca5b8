"""What a writer asks for, and what comes back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from studio.validation import Document, Line, OptionalPrompt, Prompt, Request, Verbatim

Language = Literal["en", "zh"]
PieceKind = Literal[
    "article",
    "tutorial",
    "opinion",
    "news",
    "product_story",
    "listicle",
    "announcement",
    "xiaohongshu",
    "wechat",
    "linkedin",
]
COVER: Final = -1
"""In the place of a section's index: the picture of the whole piece."""
PIECE_KINDS: Final[tuple[PieceKind, ...]] = get_args(PieceKind)
Change = Literal["improve", "shorten", "expand", "simplify", "tone", "translate", "example", "instruction"]
"""What is to be done with a passage."""
CHANGES: Final[tuple[Change, ...]] = get_args(Change)
MOST_NOTES: Final = 20_000
"""Characters of notes that are kept."""
SectionCount = Annotated[int, Field(ge=1, le=12)]
WordCount = Annotated[int, Field(ge=50, le=20_000)]


def language_of(text: str) -> Language:
    """The language of a text: Chinese where it has more Chinese characters than words in Latin letters."""
    chinese = sum("㐀" <= character <= "鿿" for character in text)
    return "zh" if chinese > len(re.findall(r"[A-Za-z]+", text)) else "en"


class Brief(Request):
    """What a blog post should be about, for whom, and how."""

    topic: Prompt
    kind: PieceKind = "article"
    audience: Line = ""
    tone: Line = ""
    language: Language = "en"
    """`auto` is the language of the topic."""
    sections: SectionCount = 5
    words: WordCount = 800
    """Words of the whole article; characters in Chinese."""
    keywords: Line = ""
    """Comma-separated words that should appear."""
    avoid: Line = ""
    """Comma-separated words that should not."""
    notes: OptionalPrompt = ""
    """Facts to hold to, a line or a sentence each; what goes beyond `MOST_NOTES` characters is left out."""
    voice: OptionalPrompt = ""
    """Something that the writer wrote, in whose manner the piece is to be."""
    shortened: bool = False
    """Whether notes were left out."""
    model: str | None = None
    """A catalogue id; None takes the best text model present."""

    @model_validator(mode="before")
    @classmethod
    def _taken(cls, fields: Any) -> Any:
        if not isinstance(fields, Mapping):
            return fields
        fields = dict(fields)
        if fields.get("language") == "auto":
            fields["language"] = language_of(str(fields.get("topic", "")))
        notes = fields.get("notes")
        if isinstance(notes, str) and len(notes.strip()) > MOST_NOTES:
            kept = notes.strip()[:MOST_NOTES]
            fields |= {"notes": kept[: kept.rfind("\n")] if "\n" in kept else kept, "shortened": True}
        return fields


class Section(BaseModel):
    """One planned section of an article."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    heading: Annotated[str, Field(min_length=1, max_length=300)]
    key_points: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Field(max_length=20)] = ()
    target_words: Annotated[int, Field(ge=10, le=20_000)] = 150
    locked: bool = False
    """Whether it stays when the outline is planned again."""


class Outline(BaseModel):
    """The plan of an article, and the brief that it was made for, which its sections are written after."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=300)]
    language: Language = "en"
    sections: Annotated[tuple[Section, ...], Field(min_length=1, max_length=12)]
    alternative_titles: Annotated[tuple[Annotated[str, Field(max_length=300)], ...], Field(max_length=10)] = ()
    summary: Annotated[str, Field(max_length=2000)] = ""
    cover: Annotated[str, Field(max_length=2000)] = ""
    """A picture under the title, as Markdown."""
    brief: Brief | None = None


class ReplanRequest(Request):
    """Plan anew every section of an outline that is not locked."""

    outline: Outline
    brief: Brief
    model: str | None = None


class SectionRequest(Request):
    """Write, or write again, one section of an outline."""

    outline: Outline
    index: Annotated[int, Field(ge=0, le=11)]
    """Which section, from 0."""
    instruction: OptionalPrompt = ""
    """What to do differently this time."""
    article: Document = ""
    """What is already written, for continuity; this section as it is now may be in it."""
    begun: Verbatim = ""
    """The beginning of this section, which is kept as it is and gone on with, in mid-sentence too."""
    model: str | None = None

    @model_validator(mode="after")
    def _inside(self) -> Self:
        count = len(self.outline.sections)
        if self.index >= count:
            details = {"number": self.index + 1, "count": count}
            raise PydanticCustomError("section_index", "there is no section {number}", details)
        return self


class ArticleRequest(Request):
    """Write every section of an outline that is not written yet."""

    outline: Outline
    written: Mapping[int, Verbatim] = {}
    """Sections that stay as they are, by index."""
    begun: Mapping[int, Verbatim] = {}
    """Sections that are gone on with."""
    model: str | None = None


class RewriteRequest(Request):
    """Write a passage anew: a section, or what is selected in one."""

    text: Annotated[Verbatim, Field(min_length=1)]
    change: Change = "improve"
    instruction: OptionalPrompt = ""
    """What to do; for `tone` which one."""
    before: Verbatim = ""
    after: Verbatim = ""
    """What stands around the passage and stays."""
    language: Language | None = None
    """Of the passage; None finds out. `translate` writes the other one."""
    model: str | None = None


class PicturePromptsRequest(Request):
    """Say for each section what a picture of it shows."""

    outline: Outline
    texts: Mapping[int, Verbatim]
    cover: bool = False
    """Whether the whole piece gets one, too."""
    language: Language = "en"
    """That of the image model."""
    model: str | None = None


@dataclass(frozen=True)
class PicturePrompt:
    """What a picture for a section shows, in a few words."""

    index: int
    """`COVER` is the whole piece."""
    text: str


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
class UnsureWord:
    """Where a word stands in a text, from `start` up to `end` in characters, and how probable it was."""

    start: int
    end: int
    probability: float


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
    missing: tuple[str, ...] = ()
    """Facts of the notes that belong here and are not in the text."""
    unsure: tuple[UnsureWord, ...] = ()
    """Words of a finished section that the model was unsure of, where its engine tells."""


@dataclass(frozen=True)
class PassageText:
    """A passage so far, written anew."""

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
