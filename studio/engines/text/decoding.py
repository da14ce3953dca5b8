"""One token after another from a transformers model.

`generate` draws from torch's global random numbers, hands tokens out only through a second thread, and cannot be
stopped while it reads a prompt; the loop here does without all three.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from studio.engines.text.base import Finish, TextChunk, TextRequest, TokenLogprob
from studio.engines.text.stops import StopFilter

PROMPT_BATCH: Final = 512
"""Prompt tokens read at a time; the stream can be closed between two batches."""
REPLACEMENT: Final = "�"
"""What decodes from a token that ends inside a UTF-8 character."""


class Decoder:
    """Decodes one request; `matcher` is llguidance's, for output that keeps to a grammar."""

    def __init__(self, model: Any, tokenizer: Any, request: TextRequest, *, matcher: Any = None) -> None:
        import torch

        self._model, self._tokenizer, self._request, self._matcher = model, tokenizer, request, matcher
        self._device = model.device
        self._ends = _end_tokens(model, tokenizer)
        self._random = torch.Generator(device=self._device)
        if request.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(request.seed)
        self._processors = _processors(request)
        self._cache: Any = None

    def chunks(self, prompt: Sequence[int]) -> Iterator[TextChunk]:
        """Read `prompt`, token ids with at least one among them, then write."""
        for start in range(0, len(prompt) - PROMPT_BATCH, PROMPT_BATCH):
            self._read(prompt[start : start + PROMPT_BATCH])
            yield TextChunk()
        rest = (len(prompt) - 1) // PROMPT_BATCH * PROMPT_BATCH
        logits = self._read(prompt[rest:])
        ids, finish = list(prompt), "length"
        text, filtered = _Detokenizer(self._tokenizer), StopFilter(self._request.stop)
        while len(ids) - len(prompt) < self._request.max_tokens:
            token = self._draw(logits, ids)
            if token in self._ends or (self._matcher and not self._matcher.consume_token(token)):
                finish = "stop"
                break
            ids.append(token)
            yield TextChunk(filtered.push(text.push(token)), self._logprobs(logits, token))
            if filtered.stopped or (self._matcher and self._matcher.is_stopped()):
                finish = "stop"
                break
            if len(ids) - len(prompt) < self._request.max_tokens:
                logits = self._read([token])
        tail = filtered.push(text.flush()) + filtered.flush()
        ended: Finish = "stop" if finish == "stop" else "length"
        yield TextChunk(tail, finish=ended, prompt_tokens=len(prompt), completion_tokens=len(ids) - len(prompt))

    def _read(self, tokens: Sequence[int]) -> Any:
        """Take `tokens` in and return the logits of what follows, shape (1, vocabulary), fp32."""
        import torch

        with torch.inference_mode():
            given = torch.tensor([list(tokens)], device=self._device)
            output = self._model(input_ids=given, past_key_values=self._cache, use_cache=True, logits_to_keep=1)
            self._cache = output.past_key_values
            return output.logits[:, -1, :].float()

    def _draw(self, logits: Any, ids: Sequence[int]) -> int:
        import torch

        with torch.inference_mode():
            scores = logits.clone()
            if self._matcher:
                scores[:, ~self._allowed(scores.shape[-1])] = -torch.inf
            scores = self._processors(torch.tensor([list(ids)], device=self._device), scores)
            if self._request.temperature <= 0:
                return int(scores.argmax())
            return int(torch.multinomial(scores.softmax(-1), 1, generator=self._random))

    def _allowed(self, size: int) -> Any:
        """Which of the `size` tokens the grammar allows next, as a boolean tensor."""
        import numpy as np
        import torch

        bits = np.unpackbits(np.frombuffer(self._matcher.compute_bitmask(), np.uint8), bitorder="little")[:size]
        allowed = torch.zeros(size, dtype=torch.bool)
        allowed[: len(bits)] = torch.from_numpy(bits.astype(bool))
        return allowed.to(self._device)

    def _logprobs(self, logits: Any, token: int) -> tuple[TokenLogprob, ...]:
        if not self._request.logprobs:
            return ()
        import torch

        with torch.inference_mode():
            likely = logits[0].log_softmax(-1)
            values, places = likely.topk(min(self._request.logprobs, likely.shape[-1]))
            alternatives = [
                (self._tokenizer.decode([place]), value)
                for place, value in zip(places.tolist(), values.tolist(), strict=True)
            ]
            return (TokenLogprob(self._tokenizer.decode([token]), float(likely[token]), tuple(alternatives)),)


def _processors(request: TextRequest) -> Any:
    from transformers import (
        LogitsProcessorList,
        RepetitionPenaltyLogitsProcessor,
        TemperatureLogitsWarper,
        TopPLogitsWarper,
    )

    processors = LogitsProcessorList()
    if request.repeat_penalty != 1:
        processors.append(RepetitionPenaltyLogitsProcessor(request.repeat_penalty))
    if request.temperature > 0:
        processors.append(TemperatureLogitsWarper(request.temperature))
        if request.top_p < 1:
            processors.append(TopPLogitsWarper(request.top_p))
    return processors


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer: a chat model's configuration may name several."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    listed = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in (*listed, tokenizer.eos_token_id) if token is not None)


class _Detokenizer:
    """Token ids to text, piece by piece, holding back characters that are not whole yet."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._start = 0
        self._shown = 0

    def push(self, token: int) -> str:
        self._ids.append(token)
        return "" if self._text(self._start).endswith(REPLACEMENT) else self.flush()

    def flush(self) -> str:
        # Decoded together with the tokens before it, a piece keeps the space that some tokenizers drop at the start.
        before = self._tokenizer.decode(self._ids[self._start : self._shown], skip_special_tokens=True)
        piece = self._text(self._start)[len(before) :]
        self._start, self._shown = self._shown, len(self._ids)
        return piece

    def _text(self, start: int) -> str:
        text: str = self._tokenizer.decode(self._ids[start:], skip_special_tokens=True)
        return text
