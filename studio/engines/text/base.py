"""The protocol of every language model, and the data that crosses it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length"]

GATHER_SECONDS: Final = 0.02
"""How long after a first piece more may join its batch: a model's threads are held up by every wake."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class TextRequest:
    """What to write: a conversation for chat models, `prompt` for base models that complete text."""

    messages: tuple[Message, ...] = ()
    """Where the last turn is the assistant's, it is gone on with, in mid-sentence too, if `limits.prefill` is true."""
    prompt: str | None = None
    max_tokens: int = 512
    temperature: float = 0.7
    """0 is greedy decoding."""
    top_p: float = 0.95
    repeat_penalty: float = 1.0
    """Divides the logits of tokens already seen (CTRL, Keskar et al. 2019); 1 leaves them alone."""
    seed: int | None = None
    stop: tuple[str, ...] = ()
    """Generation ends before any of these strings, which are not part of the output."""
    json_schema: Mapping[str, Any] | None = None
    """The output is constrained to JSON that fits this schema."""
    grammar: str | None = None
    """The output is constrained to this grammar in llama.cpp's GBNF, by engines whose `limits.grammar` says so."""
    logprobs: int = 0
    """Alternatives to report per token; 0 reports none."""


@dataclass(frozen=True)
class TokenLogprob:
    """One generated token, its natural-log probability, and the likeliest alternatives."""

    token: str
    logprob: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class TextChunk:
    """A piece of output. The last chunk of a stream carries `finish` and the token counts."""

    text: str = ""
    tokens: tuple[TokenLogprob, ...] = ()
    finish: Finish | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that were not read again, because an earlier request began with the same ones."""
    completion_tokens: int = 0
    notice: str | None = None
    """A message key for something the user should know, such as a fallback to 4-bit weights."""


def is_spoken(chunk: TextChunk) -> bool:
    """Whether a reader has seen something of it."""
    return bool(chunk.text)


@dataclass(frozen=True)
class TextLimits:
    """What one text model can take."""

    context: int
    """Tokens of prompt and output together."""
    chat: bool = True
    schema: bool = True
    """Whether `json_schema` is honoured by constrained decoding."""
    logprobs: bool = True
    grammar: bool = False
    """Whether `grammar` is honoured by constrained decoding."""
    prefill: bool = True
    """Whether an answer that was begun is gone on with."""


class TextEngine(Protocol):
    """A language model that is ready to write. Implements `studio.registry.models.loaded.Loaded` as well."""

    @property
    def limits(self) -> TextLimits: ...

    def stream(self, request: TextRequest) -> Iterator[TextChunk]:
        """Write, piece by piece. Closing the iterator stops the model within one token.

        A chunk may be empty: it comes while a model is silent, so that the consumer gets the chance to stop.

        Raises:
            EngineFailed: the library or the endpoint broke off.
            InvalidRequest: the prompt does not fit the context.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` takes, without any template around it; an estimate where no tokenizer is at hand."""
        ...
