"""Weighted prompts of any length as embeddings, for Stable Diffusion 1 and 2 and for XL.

Follows AUTOMATIC1111's web UI in what its users see: chunks, stress and clip skip. Where nothing is stressed and all
fits into one chunk, the embeddings are those that diffusers makes itself.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from studio.engines.diffusion.base import DiffusionRequest, Words
from studio.engines.diffusion.conditioning.chunks import CAPACITY, COMMA, Chunk, chunked
from studio.engines.diffusion.conditioning.inversions import Inversions, filled_in
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    import torch

ENCODERS: Final = ("text_encoder", "text_encoder_2")
MOST_WEIGHT: Final = 100.0
"""Heavier ones draw the same noise, and in half precision they overflow."""
LEAST_MEAN: Final = 1e-5
"""Of the spread of an embedding; those of trained encoders have a hundredth of it and more."""
XL_SKIP: Final = 2
"""XL was trained on the last layer but one, so that is where it begins to count."""


@dataclass(frozen=True)
class Reader:
    """One text encoder with its tokenizer."""

    tokenizer: Any
    encoder: Any

    def chunks(self, words: Words, inversions: Inversions) -> list[Chunk]:
        """The words in chunks of this tokenizer's tokens."""
        return chunked(words, self.tokenize, _comma(self.tokenizer), inversions.names(self.tokenize), self.capacity)

    def tokenize(self, text: str) -> list[int]:
        """Tokens without those that mark the beginning and the end."""
        return list(self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids)

    @property
    def capacity(self) -> int:
        """Tokens of a chunk."""
        return min(int(self.tokenizer.model_max_length), CAPACITY + 2) - 2


def readers(pipe: Any, tokenizers: Mapping[str, Any]) -> tuple[Reader, ...]:
    """The encoders that are read from here; none for models that read prompts in another way."""
    own = [name for name in pipe.components if name.startswith("text_encoder") and pipe.components[name] is not None]
    known = [name for name in own if name in ENCODERS and type(pipe.components[name]).__name__.startswith("CLIPText")]
    takes = "prompt_embeds" in inspect.signature(pipe.__call__).parameters
    if not own or known != own or "unet" not in pipe.components or not takes:
        return ()
    found = [(tokenizers.get(name.replace("text_encoder", "tokenizer")), pipe.components[name]) for name in own]
    return tuple(Reader(*pair) for pair in found) if all(tokenizer is not None for tokenizer, _ in found) else ()


class Encoding:
    """One request's prompts on their way through the encoders of its pipeline."""

    def __init__(
        self, pipe: Any, readers: tuple[Reader, ...], request: DiffusionRequest, proceed: Callable[[], None]
    ) -> None:
        """`proceed` is called before each chunk and raises where nobody waits any more."""
        self._readers, self._request, self._proceed = readers, request, proceed
        self._device = pipe._execution_device
        self._xl = "pooled_prompt_embeds" in inspect.signature(pipe.__call__).parameters
        self._zeros = bool(pipe.config.get("force_zeros_for_empty_prompt", False))
        self._inversions = [Inversions.read(request.inversions, reader.encoder, self._xl) for reader in readers]
        self._read: dict[tuple[int, Chunk], tuple[Any, Any]] = {}

    @property
    def notice(self) -> str | None:
        """A message key for what could not be done."""
        fitting = {name for inversions in self._inversions for name in inversions.fitting}
        return "imaging.notice.inversion" if {word.name for word in self._request.inversions} - fitting else None

    def arguments(self) -> dict[str, Any]:
        """What the pipeline is called with in place of the prompts.

        Raises:
            InvalidRequest: the encoders have not as many layers as are to be skipped.
            WeightsUnavailable: a textual inversion cannot be read.
        """
        import torch

        request = self._request
        sides = [request.said, request.unsaid] if request.guidance_scale > 1 else [request.said]
        spoken = [self._chunks(words) for words in sides]
        count = max(len(chunks) for side in spoken for chunks in side)
        with torch.no_grad():
            embeds, pooled = self._encoded(spoken[0], count)
            given = {"prompt_embeds": embeds, "pooled_prompt_embeds": pooled}
            if len(sides) == 2:
                if self._zeros and not any(text.strip() for text, _ in request.unsaid):
                    others = torch.zeros_like(embeds), torch.zeros_like(pooled)
                else:
                    others = self._encoded(spoken[1], count)
                given |= {"negative_prompt_embeds": others[0], "negative_pooled_prompt_embeds": others[1]}
        return given if self._xl else {name: value for name, value in given.items() if "pooled" not in name}

    def _chunks(self, words: Words) -> list[list[Chunk]]:
        """The chunks of a prompt for each of the encoders."""
        return [reader.chunks(words, known) for reader, known in zip(self._readers, self._inversions, strict=True)]

    def _encoded(self, spoken: list[list[Chunk]], count: int) -> tuple["torch.Tensor", Any]:
        """Embeddings (1, 77 × count, width) of one prompt, and what the last encoder makes of its first chunk."""
        import torch

        parts = []
        pooled = None
        for number, chunks in enumerate(spoken):
            read = [self._chunk(number, chunk) for chunk in (*chunks, *[Chunk()] * (count - len(chunks)))]
            parts.append(torch.cat([embeds for embeds, _ in read], dim=1))
            pooled = read[0][1]
        return torch.cat(parts, dim=-1), pooled

    def _chunk(self, number: int, chunk: Chunk) -> tuple[Any, Any]:
        if (number, chunk) not in self._read:
            self._proceed()
            self._read[number, chunk] = self._run(number, chunk)
        return self._read[number, chunk]

    def _run(self, number: int, chunk: Chunk) -> tuple[Any, Any]:
        """The embeddings (1, 77, width) of one chunk, and the pooled ones."""
        import torch

        reader = self._readers[number]
        tokenizer, encoder = reader.tokenizer, reader.encoder
        padding = [tokenizer.pad_token_id] * (reader.capacity - len(chunk.tokens))
        # A learned vector takes the place of any token but the last, by which encoders know the end.
        plain = [max(token, 0) for token in chunk.tokens]
        ids = torch.tensor([[tokenizer.bos_token_id, *plain, tokenizer.eos_token_id, *padding]], device=self._device)
        rows = {place: -1 - token for place, token in enumerate(chunk.tokens, 1) if token < 0}
        with filled_in(encoder, self._inversions[number].vectors, rows):
            skip = self._request.clip_skip
            if self._xl:
                out = encoder(ids, output_hidden_states=True)
                embeds = _layer(out.hidden_states, max(skip or XL_SKIP, XL_SKIP))
            elif skip is None or skip == 1:
                out = encoder(ids)
                embeds = out[0]
            else:
                out = encoder(ids, output_hidden_states=True)
                norm = getattr(encoder, "text_model", encoder).final_layer_norm
                embeds = norm(_layer(out.hidden_states, skip))
        return _stressed(embeds, chunk) if chunk.weighted else embeds, out[0]


def _layer(states: tuple[Any, ...], skip: int) -> Any:
    if skip > len(states) - 1:
        raise InvalidRequest("draw.clip_skip", skip=skip, most=len(states) - 1)
    return states[-skip]


def _stressed(embeds: "torch.Tensor", chunk: Chunk) -> "torch.Tensor":
    """Each token's embedding times its weight, and then all of them scaled to the mean they had."""
    import torch

    weights = torch.ones(embeds.shape[1], dtype=torch.float32)
    bounded = [max(-MOST_WEIGHT, min(MOST_WEIGHT, weight)) for weight in chunk.weights]
    weights[1 : len(bounded) + 1] = torch.tensor(bounded)
    wide = embeds.float()
    mean = wide.mean()
    wide = wide * weights.to(wide.device)[None, :, None]
    changed = wide.mean()
    # Around zero a mean is rounding noise, and dividing by it would scale everything by chance.
    least = LEAST_MEAN * wide.std()
    if mean.abs() > least and changed.abs() > least:
        wide = wide * (mean / changed)
    return wide.to(embeds.dtype)


def _comma(tokenizer: Any) -> int | None:
    number = tokenizer.convert_tokens_to_ids(COMMA)
    return None if number is None or number == tokenizer.unk_token_id else int(number)
