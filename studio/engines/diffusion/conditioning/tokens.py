"""How many tokens a prompt takes, from the tokenizer's files alone: no model is loaded for it."""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from studio.engines.diffusion.base import Words
from studio.engines.diffusion.conditioning.chunks import CAPACITY, COMMA, chunked

UNKNOWN: Final = "<|endoftext|>"
PATTERN: Final = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
"""What CLIP takes for a word: https://github.com/openai/CLIP/blob/main/clip/simple_tokenizer.py"""


class TokenCount(NamedTuple):
    """Tokens of a prompt, and the capacity of its chunks."""

    used: int
    capacity: int


def token_counter(weights: Path | None) -> Callable[[Words], TokenCount] | None:
    """What counts the tokens of prompts for a model in diffusers' folders; None where its tokenizer is not to be had.

    Chunks are counted as the encoder gets them, so that one which ends early counts in full.
    """
    folder = weights / "tokenizer" if weights is not None and weights.is_dir() else None
    if folder is None or not folder.is_dir() or not _splits_into_chunks(weights):
        return None
    try:
        tokenizer = _tokenizer(folder)
    except Exception:  # the library raises that and no other; a count is a comfort, and drawing tells what is wrong
        return None

    def count(words: Words) -> TokenCount:
        chunks = chunked(
            words, lambda text: tokenizer.encode(text, add_special_tokens=False).ids, tokenizer.token_to_id(COMMA)
        )
        return TokenCount(CAPACITY * (len(chunks) - 1) + len(chunks[-1].tokens), CAPACITY * len(chunks))

    return count


def _splits_into_chunks(weights: Path | None) -> bool:
    """Whether this is a model with a UNet, whose prompts are read in chunks."""
    return weights is not None and (weights / "unet").is_dir()


@lru_cache(maxsize=4)
def _tokenizer(folder: Path) -> Any:
    """The tokenizer in `folder`, whichever of the two forms it is kept in."""
    from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    if (folder / "tokenizer.json").is_file():
        kept = Tokenizer.from_file(str(folder / "tokenizer.json"))
        kept.no_truncation()
        kept.no_padding()
        return kept
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
    # The first line tells the version; others may begin with the same sign.
    merges = [(left, right) for left, _, right in (line.partition(" ") for line in lines[1:]) if right]
    tokenizer = Tokenizer(
        BPE(vocabulary, merges, end_of_word_suffix="</w>", continuing_subword_prefix="", unk_token=UNKNOWN)
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return tokenizer
