"""A model ready to write in one language: what is asked of it fits what it can take."""

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from studio.engines.text import Message, TextChunk, TextEngine, TextRequest, is_spoken
from studio.registry import LoadProgress, Loan, ModelSpec
from studio.writing.checking.facts import dealt, facts_of, words_of
from studio.writing.cleaning import sentence_ends
from studio.writing.continuity import ending, surroundings
from studio.writing.lengths import FRAME_TOKENS, fitted, left_for_output, tokens_for
from studio.writing.outlining.plan import schema
from studio.writing.prompts import example, manner, prompt, worked_section
from studio.writing.recipes import GOING_ON, PROSE, Recipe, recipe_for
from studio.writing.requests import COVER, Brief, Language, Outline, SectionRequest

OUTLINE_TEMPERATURE: Final = 0.6
OUTLINE_WORDS: Final[dict[Language, int]] = {"en": 75, "zh": 110}
"""Words, or characters, that a heading, its key points and their JSON take at most in an ordinary outline."""
FACT_WORDS: Final[dict[Language, int]] = {"en": 40, "zh": 60}
"""Words, or characters, of a sentence that tells a fact, at most."""
PICTURED: Final = 600
"""Characters of a section that are shown to whoever says what a picture of it shows."""
PICTURE_TOKENS: Final = 48
FACT_TEMPERATURE: Final = 0.3
HOTTER: Final = 0.2
"""How much more freely a section is drawn that is asked for again."""
WRITTEN_LENGTH: Final = 300
"""Characters of the article so far that a section is shown: its end. Small models copy what they are shown."""
VOICE_LENGTH: Final = 600
"""Characters of the writer's own manner that a section is shown."""
EXAMPLE_CONTEXT: Final = 2048
"""The least context in which a worked example leaves room enough."""
NOTES_SHARE: Final = 0.4
"""The part of the context that a brief's notes may take."""
MATERIAL_SHARE: Final = 0.25
"""The part of the context that a section's facts may take, and what earlier sections say."""
STOPS: Final = ("\nTopic:", "\n主题：")
"""Where a base model goes on to an outline of its own."""


@dataclass(frozen=True)
class Asked:
    """A section as it is asked for."""

    request: TextRequest
    facts: tuple[str, ...]
    """Those that are to be in it."""
    prose: bool
    """Whether it is to be running paragraphs."""
    left_out: bool = False
    """Whether something that belongs to it found no room."""


@dataclass(frozen=True)
class Requester:
    """Turns briefs and sections into requests for one engine."""

    loan: Loan
    language: Language
    recipe: Recipe = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipe", recipe_for(self.loan.spec))

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

    @property
    def temperature(self) -> float:
        """How freely the model draws."""
        return float(self.spec.defaults.get("temperature", 0.7))

    def outline_request(self, brief: Brief, penalty: float, kept: tuple[str, ...] = ()) -> tuple[TextRequest, bool]:
        """What to ask for an outline beside headings that are `kept`, and whether the notes had to be shortened."""
        fields = brief.model_dump(include={"topic", "audience", "tone", "sections", "keywords", "avoid"})
        fields["notes"] = fitted(self.engine, brief.notes, int(self.engine.limits.context * NOTES_SHARE), "start")
        fields |= {"kind": manner(brief.kind, self.language)[0], "kept": kept}
        shown = example(self.language)
        options: dict[str, Any] = {}
        if self.engine.limits.chat:
            blank = dict.fromkeys(("audience", "tone", "keywords", "notes", "kind", "avoid", "kept"), "")
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
        wanted = tokens_for(OUTLINE_WORDS[self.language] * (brief.sections + 2), self.language, self.engine)
        temperature = min(OUTLINE_TEMPERATURE, self.temperature)
        shortened = brief.shortened or fields["notes"] != brief.notes
        return self._request(wanted, temperature, penalty, options), shortened

    def section_request(self, request: SectionRequest, lacking: tuple[str, ...] = (), tried: int = 0) -> Asked:
        """What to ask for a section, with as much of its material as there is room for.

        `lacking` are facts that a try before left out, of `tried`.
        """
        outline, section = request.outline, request.outline.sections[request.index]
        brief = outline.brief or Brief(topic=outline.title, language=outline.language)
        place = surroundings(outline, request.index, request.article)
        kind, prose = manner(brief.kind, self.language)
        wanted = tokens_for(section.target_words, self.language, self.engine)
        belonging = dealt(outline, facts_of(brief.notes))[request.index]
        facts, left_out = self._within(belonging, int(self.engine.limits.context * MATERIAL_SHARE))
        fields: dict[str, Any] = {
            "title": outline.title,
            "kind": kind,
            "audience": brief.audience,
            "tone": brief.tone,
            "avoid": brief.avoid,
            "voice": ending(brief.voice, VOICE_LENGTH),
            "headings": [other.heading for other in outline.sections] if self.recipe.surroundings else (),
            "heading": section.heading,
            "key_points": section.key_points,
            "facts": (*lacking, *(fact for fact in facts if fact not in lacking)),
            "keywords": dealt(outline, words_of(brief.keywords))[request.index],
            "words": section.target_words,
            "instruction": request.instruction,
        }
        bare = self._section_options(prose, request.begun, said=(), before="", current="", **fields)
        left = self.engine.limits.context - self.engine.count_tokens(_spoken(bare)) - wanted - FRAME_TOKENS
        current = fitted(self.engine, place.current, min(left // 2, wanted), "start")
        left -= self.engine.count_tokens(current) + FRAME_TOKENS
        shown = self.recipe.surroundings or not self.engine.limits.chat
        before = fitted(self.engine, ending(place.before, WRITTEN_LENGTH), left, "end") if shown and left > 0 else ""
        left -= self.engine.count_tokens(before) + FRAME_TOKENS
        said = _said(outline, request) if self.recipe.surroundings else ()
        said, _ = self._within(said, min(left, int(self.engine.limits.context * MATERIAL_SHARE)))
        options = self._section_options(prose, request.begun, said=said, before=before, current=current, **fields)
        options["logprobs"] = int(self.engine.limits.logprobs)
        if self.recipe.held and prose and self.engine.limits.grammar:
            options["grammar"] = GOING_ON if request.begun else PROSE
        asked = self._request(wanted, self.temperature + HOTTER * tried, self.recipe.penalty, options)
        return Asked(asked, belonging, prose, left_out or brief.shortened)

    def picture_request(self, outline: Outline, index: int, text: str) -> TextRequest:
        """What to ask for the few words that say what a picture of a section shows."""
        example_fields = example(self.language)["picture"]
        wanted = {"title": outline.title, "heading": subject_of(outline, index), "text": text[:PICTURED]}
        if index == COVER:
            wanted["text"] = outline.summary or "; ".join(section.heading for section in outline.sections)
        turns = [
            prompt("picture", self.language, **fields)
            for fields in ({name: example_fields[name] for name in wanted}, wanted)
        ]
        options: dict[str, Any] = {"stop": ("\n",)}
        if self.engine.limits.chat:
            options["messages"] = (
                Message("system", prompt("picture_system", self.language)),
                Message("user", turns[0]),
                Message("assistant", example_fields["answer"]),
                Message("user", turns[1]),
            )
        else:
            options["prompt"] = f"{turns[0]}\n{example_fields['answer']}\n\n{turns[1]}\n"
        return self._request(PICTURE_TOKENS, FACT_TEMPERATURE, 1.0, options)

    def fact_request(self, request: SectionRequest, text: str, fact: str) -> TextRequest:
        """What to ask for a sentence that tells a fact after the section's `text`."""
        outline = request.outline
        asked = prompt(
            "fact",
            self.language,
            title=outline.title,
            heading=outline.sections[request.index].heading,
            before=ending(text, WRITTEN_LENGTH),
            fact=fact,
        )
        turns = (Message("system", prompt("section_system", self.language, prose=True)), Message("user", asked))
        wanted = tokens_for(FACT_WORDS[self.language], self.language, self.engine)
        grammar = PROSE if self.recipe.held and self.engine.limits.grammar else None
        return self._request(wanted, FACT_TEMPERATURE, self.recipe.penalty, {"messages": turns, "grammar": grammar})

    def _section_options(self, prose: bool, begun: str, **fields: Any) -> dict[str, Any]:
        if not self.engine.limits.chat:
            return {
                "prompt": prompt("section_base", self.language, **fields) + "\n\n" + begun,
                "stop": ("\n## ", "\n# "),
            }
        # What every section of an article shares comes first, so that the engine reads it once.
        turns = [Message("system", prompt("section_system", self.language, prose=prose))]
        if self.recipe.example and self.engine.limits.context >= EXAMPLE_CONTEXT:
            asked, text = worked_section(self.language)
            turns += [Message("user", asked), Message("assistant", text)]
        turns.append(Message("user", prompt("section", self.language, **fields)))
        if begun:
            turns.append(Message("assistant", begun))
            if not self.engine.limits.prefill:
                turns.append(Message("user", prompt("continue", self.language)))
        return {"messages": tuple(turns)}

    def _within(self, items: tuple[str, ...], tokens: int) -> tuple[tuple[str, ...], bool]:
        """The first of the items that take at most so many tokens together, and whether there are more."""
        kept: list[str] = []
        for item in items:
            tokens -= self.engine.count_tokens(item) + 1
            if tokens < 0:
                return tuple(kept), True
            kept.append(item)
        return tuple(kept), False

    def _request(self, wanted: int, temperature: float, penalty: float, options: Mapping[str, Any]) -> TextRequest:
        return TextRequest(
            max_tokens=left_for_output(self.engine, _spoken(options), wanted),
            temperature=temperature,
            repeat_penalty=penalty,
            **options,
        )


def subject_of(outline: Outline, index: int) -> str:
    """What a picture is of: a section by its heading, the whole piece by its title."""
    return outline.title if index == COVER else outline.sections[index].heading


def _said(outline: Outline, request: SectionRequest) -> tuple[str, ...]:
    """What each earlier section says: its heading and its first sentence, the nearest section first."""
    lines = []
    for index in reversed(range(request.index)):
        text = surroundings(outline, index, request.article).current
        if text:
            ends = sentence_ends(text)
            lines.append(f"{outline.sections[index].heading}: {text[: ends[0]] if ends else text[:WRITTEN_LENGTH]}")
    return tuple(lines)


def _answer(shown: Mapping[str, Any]) -> str:
    parts = zip(shown["headings"], shown["key_points"], strict=True)
    sections = [{"heading": heading, "key_points": points} for heading, points in parts]
    answer = {"title": shown["title"], "sections": sections}
    answer |= {name: shown[name] for name in ("alternative_titles", "summary")}
    return json.dumps(answer, ensure_ascii=False)


def _spoken(options: Mapping[str, Any]) -> str:
    return options.get("prompt") or "\n".join(turn.content for turn in options["messages"])
