"""The coding craft: a description becomes a snippet, a snippet gets a report."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from studio.coding.endings import circles, natural_end
from studio.coding.languages import CodeLanguage, find, named
from studio.coding.prompts import beginning, conversation, written_in_chinese
from studio.coding.report import report
from studio.coding.requests import Report, ScoreRequest, Snippet, SnippetRequest
from studio.coding.snippet import Extraction, extract
from studio.engines.text import TextChunk, TextEngine, TextRequest, is_spoken
from studio.errors import EngineFailed
from studio.registry import LoadProgress, Loan, ModelSpec, Registry, Shape, Task

TASKS: Final[tuple[Task, ...]] = ("code", "text")
"""Models that can write code, those made for it first."""
SECONDS_BETWEEN_UPDATES: Final = 0.05
LONGEST_ANSWER: Final = 1024
"""Tokens."""
LONGEST_REQUEST: Final = Shape(tokens=2 * LONGEST_ANSWER)
"""A description rarely takes more than its answer may."""
EXAMPLE_CONTEXT: Final = 2048
"""The least context in which a task solved beforehand leaves room enough."""
LEAST_ANSWER: Final = 64
TEMPLATE_TOKENS: Final = 64
"""Room for what a chat template puts around the turns."""
TEMPERATURE: Final = 0.2
"""Code wants the likeliest tokens; without a little chance, small models repeat themselves."""


class Coder:
    """Writes snippets with whichever model the registry lends, and judges them."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def generate(self, request: SnippetRequest) -> Generator[LoadProgress | Snippet, None, None]:
        """Write a snippet, yielding it as it grows; the last one is `done` and carries the report.

        Closing the generator stops the model and frees it.

        Raises:
            InvalidRequest: no such language, or the description does not fit the model's context.
            UnknownModel: no such model, or one for another task.
            EngineFailed: the model broke off, or said nothing that could be code.
        """
        language = find(request.language)
        with self._registry.lend(request.model, *TASKS, shape=LONGEST_REQUEST) as loan:
            yield from loan.arrive()
            spec, draft = loan.spec, _Draft(language, notice=_notice(request.description, loan))

            def start(engine: TextEngine) -> Iterator[TextChunk]:
                return engine.stream(_asked(request.description, language, engine, spec, draft))

            chunks = loan.lease.stream(start, spoken=is_spoken)
            with closing(chunks) as stream:
                yield from _followed(stream, draft)
        # The model is free by now: judging needs none.
        snippet = draft.finished()
        if not snippet.code:
            raise EngineFailed("code.empty", model=spec.name)
        yield snippet

    def score(self, request: ScoreRequest) -> Report:
        """Judge code that already exists, without running it.

        Raises:
            InvalidRequest: no such language.
        """
        return report(request.code, find(request.language))


@dataclass
class _Draft:
    """A reply on its way, and the code in it so far."""

    language: CodeLanguage
    notice: str | None = None
    opening: str | None = None
    """What a base model continues; None for chat models, whose replies are searched for code."""
    reply: str = ""
    tokens: int = 0
    began: float = field(default_factory=time.monotonic)
    over: bool = False
    """Whether nothing the model adds can matter."""

    def add(self, chunk: TextChunk) -> None:
        self.reply += chunk.text
        self.tokens = chunk.completion_tokens or self.tokens + (max(1, len(chunk.tokens)) if chunk.text else 0)
        self.notice = chunk.notice or self.notice
        if chunk.finish == "length":
            self.notice = "code.notice.length"

    def snippet(self) -> Snippet:
        """The code so far; finds out whether it is over."""
        found = self._found(finished=False)
        self.over = found.complete
        if not self.over and circles(found.code):
            self.over, self.notice = True, "code.notice.circles"
        return Snippet(found.code, self.language.id, False, self.tokens, self._seconds(), notice=self.notice)

    def finished(self) -> Snippet:
        """The final code and what it is worth."""
        found = self._found(finished=True)
        spoken = named(found.label)
        if spoken is not None and spoken is not self.language:
            self.notice = "code.notice.other_language"
        judged = report(found.code, self.language)
        return Snippet(found.code, self.language.id, True, self.tokens, self._seconds(), judged, self.notice)

    def _found(self, *, finished: bool) -> Extraction:
        if self.opening is None:
            return extract(self.reply, self.language, finished=finished)
        first_line = self.opening.rsplit("\n", 1)[-1]
        end = natural_end(self.reply, first_line, self.language.ending)
        return Extraction((self.opening + self.reply[:end]).rstrip(), complete=end is not None)

    def _seconds(self) -> float:
        return time.monotonic() - self.began


def _followed(stream: Iterator[LoadProgress | TextChunk], draft: _Draft) -> Iterator[LoadProgress | Snippet]:
    """Read the model's output until it or the code ends, reporting at most twenty times a second."""
    draft.began = shown = time.monotonic()
    for chunk in stream:
        if isinstance(chunk, LoadProgress):
            draft.began = shown = time.monotonic()
            yield chunk
            continue
        draft.add(chunk)
        if time.monotonic() - shown < SECONDS_BETWEEN_UPDATES:
            continue
        shown = time.monotonic()
        yield draft.snippet()
        if draft.over:
            return


def _asked(description: str, language: CodeLanguage, engine: TextEngine, spec: ModelSpec, draft: _Draft) -> TextRequest:
    temperature = min(float(spec.defaults.get("temperature", TEMPERATURE)), TEMPERATURE)
    if engine.limits.chat:
        solved = engine.limits.context >= EXAMPLE_CONTEXT and bool(spec.defaults.get("example", True))
        messages = conversation(description, language, solved=solved)
        used = sum(engine.count_tokens(message.content) for message in messages) + TEMPLATE_TOKENS
        return TextRequest(messages=messages, max_tokens=_room(engine, used), temperature=temperature)
    prompt, draft.opening = beginning(description, language)
    room = _room(engine, engine.count_tokens(prompt))
    return TextRequest(prompt=prompt, max_tokens=room, temperature=temperature, repeat_penalty=1.1)


def _room(engine: TextEngine, used: int) -> int:
    """Tokens left for the answer; what does not fit at all, the engine refuses with the numbers."""
    return max(LEAST_ANSWER, min(LONGEST_ANSWER, engine.limits.context - used))


def _notice(description: str, loan: Loan) -> str | None:
    """A word of warning where the model is not the one it should be, or was not made for the language."""
    if loan.refused is not None:
        return "code.notice.instead"
    spec = loan.spec
    if spec.languages and not any(tag.startswith("zh") for tag in spec.languages) and written_in_chinese(description):
        return "code.notice.description"
    return None
