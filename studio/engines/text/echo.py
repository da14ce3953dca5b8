"""The fake language model that ships with the studio: it repeats the prompt, or says what it was told to say."""

import json
import math
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from studio.engines.text.base import TextChunk, TextLimits, TextRequest, TokenLogprob
from studio.errors import InvalidRequest, StudioError
from studio.registry import DeviceName, ModelSpec, Rung, Sharing

LONG: Final = 8
"""Characters of a word that it is unsure of."""
TOKEN: Final = re.compile(r"\s*(?:[⺀-鿿]|[^\s⺀-鿿]+)|\s+")
"""A word with the space before it, or one CJK character; together the matches are the whole text."""
OPTIONAL_DEPTH: Final = 6
"""How deep optional properties are filled in, so that a recursive schema ends."""


def instance(schema: Mapping[str, Any], words: Sequence[str] = ("text",)) -> Any:
    """The smallest value that fits a JSON schema, its strings made of `words`.

    Knows the part of draft 2020-12 that pydantic writes, without patterns and formats.
    """
    return _Example(schema, words or ("text",)).of(schema, 0)


class _Example:
    def __init__(self, root: Mapping[str, Any], words: Sequence[str]) -> None:
        self._root, self._words = root, words

    def of(self, schema: Mapping[str, Any], depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if choices := schema.get("anyOf") or schema.get("oneOf"):
            return self.of(choices[0], depth + 1)
        kinds = schema.get("type", "object" if "properties" in schema else "string")
        kind = kinds if isinstance(kinds, str) else kinds[0]
        if kind == "object":
            return self._object(schema, depth)
        return self._array(schema, depth) if kind == "array" else self._scalar(kind, schema)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with `$ref` and `allOf` folded into it."""
        merged = dict(schema)
        if reference := merged.pop("$ref", None):
            target: Any = self._root
            for part in reference.split("/")[1:]:
                target = target[part]
            merged = {**self._resolved(target), **merged}
        for part in merged.pop("allOf", ()):
            merged.update(self._resolved(part))
        return merged

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        return {
            name: self.of(member, depth + 1)
            for name, member in schema.get("properties", {}).items()
            if name in required or depth < OPTIONAL_DEPTH
        }

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        first = [self.of(item, depth + 1) for item in schema.get("prefixItems", ())]
        missing = max(0, schema.get("minItems", 0) - len(first))
        return first + [self.of(schema.get("items", {}), depth + 1) for _ in range(missing)]

    def _scalar(self, kind: str, schema: Mapping[str, Any]) -> object:
        if kind in ("integer", "number"):
            least = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
            least = min(least, schema.get("maximum", least))
            return math.ceil(least) if kind == "integer" else least
        return self._string(schema) if kind == "string" else {"boolean": False}.get(kind)

    def _string(self, schema: Mapping[str, Any]) -> str:
        text = " ".join(self._words[:6])
        least, most = schema.get("minLength", 0), schema.get("maxLength", 200)
        while len(text) < least:
            text = f"{text} {self._words[0]}"
        return text[:most].rstrip().ljust(least, ".")


class EchoEngine:
    """A `TextEngine` without weights, and what happened to it.

    It says `replies` in order, one a request, and the prompt once they are used up; a request with a JSON schema and no
    reply left gets the smallest value that fits. Everything it counts may be read at any time, from any thread.
    """

    def __init__(
        self,
        replies: Sequence[str] = (),
        *,
        context: int = 8192,
        chat: bool = True,
        delay: float = 0.0,
        notice: str | None = None,
        error: StudioError | None = None,
        error_after: int = 0,
        nbytes: int = 1000,
        sharing: Sharing = "shared",
        movable: bool = True,
        grammar: bool = False,
    ) -> None:
        """Take what to say and how; a `grammar` is taken and not followed.

        `delay` is seconds before each token; `error` is raised after `error_after` tokens of every stream; `notice`
        comes with the first chunk.
        """
        self._replies = list(replies)
        self._delay = delay
        self._notice = notice
        self._error, self._error_after = error, error_after
        self._lock = threading.Lock()
        self._limits = TextLimits(context=context, chat=chat, grammar=grammar)
        self._nbytes, self._sharing, self._movable = nbytes, sharing, movable
        self.requests: list[TextRequest] = []
        """Every request that was started."""
        self.produced = 0
        """Tokens handed out, over all streams."""
        self.opened = 0
        """Streams started."""
        self.closed = 0
        """Streams that ended, by themselves or by being closed."""
        self.most_at_once = 0
        """The largest number of streams that were open together."""
        self.device: DeviceName | None = None
        self.dropped = False
        """Whether `close` was called."""

    @property
    def limits(self) -> TextLimits:
        return self._limits

    @property
    def nbytes(self) -> int:
        return self._nbytes

    @property
    def sharing(self) -> Sharing:
        return self._sharing

    @property
    def movable(self) -> bool:
        return self._movable

    @property
    def active(self) -> int:
        """Streams that are open now."""
        return self.opened - self.closed

    def move(self, device: DeviceName) -> None:
        self.device = device

    def close(self) -> None:
        self.dropped = True

    def count_tokens(self, text: str) -> int:
        return len(TOKEN.findall(text))

    def stream(self, request: TextRequest) -> Iterator[TextChunk]:
        reply = self._begin(request)
        try:
            yield from self._say(request, reply)
        finally:
            with self._lock:
                self.closed += 1

    def _begin(self, request: TextRequest) -> str:
        prompt = _prompt(request)
        tokens = self.count_tokens(prompt)
        if tokens >= self._limits.context:
            raise InvalidRequest("prompt.context", tokens=tokens, context=self._limits.context)
        with self._lock:
            self.requests.append(request)
            self.opened += 1
            self.most_at_once = max(self.most_at_once, self.active)
            if self._replies:
                return self._replies.pop(0)
        if request.json_schema is not None:
            return json.dumps(instance(request.json_schema, re.findall(r"\w+", prompt)), ensure_ascii=False)
        return prompt

    def _say(self, request: TextRequest, reply: str) -> Iterator[TextChunk]:
        ends = [at for stop in request.stop if stop and (at := reply.find(stop)) >= 0]
        tokens = TOKEN.findall(reply[: min(ends)] if ends else reply)
        said = tokens[: request.max_tokens]
        for index, token in enumerate(said):
            if self._error and index >= self._error_after:
                raise self._error
            if self._delay:
                time.sleep(self._delay)
            with self._lock:
                self.produced += 1
            yield TextChunk(
                text=token,
                tokens=_logprobs(token, request.logprobs),
                notice=self._notice if index == 0 else None,
            )
        if self._error and self._error_after >= len(said):
            raise self._error
        yield TextChunk(
            finish="length" if len(tokens) > len(said) else "stop",
            prompt_tokens=self.count_tokens(_prompt(request)),
            completion_tokens=len(said),
        )


def _prompt(request: TextRequest) -> str:
    return request.prompt or (request.messages[-1].content if request.messages else "")


def _logprobs(token: str, alternatives: int) -> tuple[TokenLogprob, ...]:
    """It is as sure of a word as of any other together, and hardly of long ones."""
    if not alternatives:
        return ()
    share = 0.5 if len(token.strip()) < LONG else 0.01
    likeliest = (
        (token, math.log(share)),
        *((f"{token}{n}", math.log((1 - share) / alternatives)) for n in range(1, alternatives)),
    )
    return (TokenLogprob(token, math.log(share), likeliest),)


class EchoLoader:
    """Makes echo engines for the registry, and remembers them in `engines`."""

    def __init__(
        self, replies: Sequence[str] = (), *, delay: float = 0.0, nbytes: int | None = None, grammar: bool = False
    ) -> None:
        """Take what every engine says; `nbytes` is its pretended size, the catalogue's estimate when None."""
        self._replies, self._delay, self._nbytes, self.grammar = tuple(replies), delay, nbytes, grammar
        self.engines: list[EchoEngine] = []

    def __call__(self, spec: ModelSpec, weights: Path | None, device: DeviceName, rung: Rung = "whole") -> EchoEngine:
        engine = EchoEngine(
            self._replies,
            context=int(spec.defaults.get("context", 8192)),
            chat=spec.chat,
            delay=self._delay,
            nbytes=self._nbytes if self._nbytes is not None else spec.memory or 0,
            grammar=self.grammar,
        )
        engine.move(device)
        self.engines.append(engine)
        return engine
