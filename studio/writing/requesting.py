"""A model ready to write in one language: what is asked of it fits what it can take."""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final

from studio.engines.text import Message, TextChunk, TextEngine, TextRequest, is_spoken
from studio.registry import LoadProgress, Loan, ModelSpec
from studio.writing.continuity import ending, surroundings
from studio.writing.lengths import FRAME_TOKENS, fitted, left_for_output, tokens_for
from studio.writing.plan import schema
from studio.writing.prompts import example, prompt, worked_section
from studio.writing.requests import Brief, Language, SectionRequest

OUTLINE_TEMPERATURE: Final = 0.6
SECTION_PENALTY: Final = 1.05
OUTLINE_WORDS: Final[dict[Language, int]] = {"en": 75, "zh": 110}
"""Words, or characters, that a heading, its key points and their JSON take at most in an ordinary outline."""
WRITTEN_LENGTH: Final = 300
"""Characters of the article so far that a section is shown: its end. Small models copy what they are shown."""
EXAMPLE_CONTEXT: Final = 2048
"""The least context in which a worked example leaves room enough."""
NOTES_SHARE: Final = 0.4
"""The part of the context that a brief's notes may take."""
STOPS: Final = ("\nTopic:", "\n主题：")
"""Where a base model goes on to an outline of its own."""


@dataclass(frozen=True)
class Requester:
    """Turns briefs and sections into requests for one engine."""

    loan: Loan
    language: Language

    @property
    def spec(self) -> ModelSpec:
        """The catalogue's entry of the model."""
        return self.loan.spec

    @property
    def engine(self) -> TextEngine:
        """The model; another object after it had to be placed anew."""
        engine: TextEngine = self.loan.lease.model
        return engine

    def write(self, request: TextRequest) -> Generator[LoadProgress | TextChunk, None, None]:
        """The model's output; it begins again elsewhere if memory runs out before the first word."""

        def start(engine: TextEngine) -> Iterator[TextChunk]:
            return engine.stream(request)

        return self.loan.lease.stream(start, spoken=is_spoken)

    @property
    def notice(self) -> str | None:
        """A word of warning where the model is not the one it should be, or was not made for the language."""
        if self.loan.refused is not None:
            return "write.notice.instead"
        known = {tag.split("-")[0] for tag in self.spec.languages}
        return "write.notice.language" if known and self.language not in known else None

    def outline_request(self, brief: Brief, penalty: float) -> tuple[TextRequest, bool]:
        """What to ask for an outline, and whether the brief's notes had to be shortened."""
        fields = brief.model_dump(exclude={"model", "language", "words"})
        fields["notes"] = fitted(self.engine, brief.notes, int(self.engine.limits.context * NOTES_SHARE), "start")
        shown = example(self.language)
        options: dict[str, Any] = {}
        if self.engine.limits.chat:
            blank = {"audience": "", "tone": "", "keywords": "", "notes": ""}
            options["messages"] = (
                Message("system", prompt("outline_system", self.language)),
                Message("user", prompt("outline", self.language, **{**blank, **shown["brief"]})),
                Message("assistant", _answer(shown)),
                Message("user", prompt("outline", self.language, **fields)),
            )
            options["json_schema"] = schema(brief.sections, self.language) if self.engine.limits.schema else None
        else:
            options["prompt"] = prompt("outline_base", self.language, example=shown, **fields)
            options["stop"] = (*STOPS, f"\n{brief.sections + 1}.")
        wanted = tokens_for(OUTLINE_WORDS[self.language] * (brief.sections + 1), self.language, self.engine)
        temperature = min(OUTLINE_TEMPERATURE, self._temperature)
        return self._request(wanted, temperature, penalty, options), fields["notes"] != brief.notes

    def section_request(self, request: SectionRequest) -> TextRequest:
        """What to ask for a section, with as much of what is written as there is room for."""
        outline, section = request.outline, request.outline.sections[request.index]
        place = surroundings(outline, request.index, request.article)
        wanted = tokens_for(section.target_words, self.language, self.engine)
        fields: dict[str, Any] = {
            "title": outline.title,
            "headings": [other.heading for other in outline.sections],
            "number": request.index + 1,
            "heading": section.heading,
            "key_points": section.key_points,
            "words": section.target_words,
            "instruction": request.instruction,
        }
        bare = self._section_options(before="", current="", **fields)
        left = self.engine.limits.context - self.engine.count_tokens(_spoken(bare)) - wanted
        current = fitted(self.engine, place.current, min(left // 2, wanted), "start")
        left -= self.engine.count_tokens(current) + FRAME_TOKENS
        before = fitted(self.engine, ending(place.before, WRITTEN_LENGTH), left, "end") if left > 0 else ""
        options = self._section_options(before=before, current=current, **fields)
        return self._request(wanted, self._temperature, SECTION_PENALTY, options)

    @property
    def _temperature(self) -> float:
        return float(self.spec.defaults.get("temperature", 0.7))

    def _section_options(self, **fields: Any) -> dict[str, Any]:
        if not self.engine.limits.chat:
            return {"prompt": prompt("section_base", self.language, **fields) + "\n\n", "stop": ("\n## ", "\n# ")}
        # What every section of an article shares comes first, so that the engine reads it once.
        turns = [Message("system", prompt("section_system", self.language))]
        if self._shows_example:
            asked, text = worked_section(self.language)
            turns += [Message("user", asked), Message("assistant", text)]
        return {"messages": (*turns, Message("user", prompt("section", self.language, **fields)))}

    @property
    def _shows_example(self) -> bool:
        """Whether a section worked out beforehand shows the form; the smallest models copy it instead."""
        return bool(self.spec.defaults.get("example", True)) and self.engine.limits.context >= EXAMPLE_CONTEXT

    def _request(self, wanted: int, temperature: float, penalty: float, options: dict[str, Any]) -> TextRequest:
        return TextRequest(
            max_tokens=left_for_output(self.engine, _spoken(options), wanted),
            temperature=temperature,
            repeat_penalty=penalty,
            **options,
        )


def _answer(shown: dict[str, Any]) -> str:
    parts = zip(shown["headings"], shown["key_points"], strict=True)
    sections = [{"heading": heading, "key_points": points} for heading, points in parts]
    return json.dumps({"title": shown["title"], "sections": sections}, ensure_ascii=False)


def _spoken(options: dict[str, Any]) -> str:
    return options.get("prompt") or "\n".join(turn.content for turn in options["messages"])
