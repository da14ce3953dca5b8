"""The second stage: a tokenizer and a text encoder that know what a caption says before a picture is drawn.

The encoder learns to tell the facts of a scene from its caption, in both languages. That takes no picture and little
time, and brings English and Chinese to the same states, so that the denoiser has only pictures left to learn.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from recipes.starter_diffusion import scenes
from recipes.starter_diffusion.captions import Language, caption
from recipes.starter_diffusion.loop import Loop, Losses, device, trained_state
from recipes.starter_diffusion.profiles import Profile
from recipes.starter_diffusion.things import COLOURS, things

LENGTH = 77
SHORT = 40
"""Tokens of a caption and some of the padding behind it: enough to learn from, and half the work."""
START, END = "<|startoftext|>", "<|endoftext|>"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
WORDS = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
"""How CLIP's tokenizer cuts a text before pairs of bytes are joined."""
VOCABULARY = 4096
CORPUS = 40_000
FRAME = (
    "左边",
    "右边",
    "上面",
    "下面",
    "上方",
    "下方",
    "背景",
    "渐变",
    "大大的",
    "小小的",
    "贴纸",
    "图片",
    "插画",
    "立体",
    "扁平",
    "风格",
)
"""Chinese words of captions beside the names of things and colours."""
GLUE = "的和在，左右上下、一两三个只背底渐，画"
"""What follows a Chinese word inside a caption. No pair across a word's end is frequent enough to be joined."""


def train_tokenizer(folder: Path, seed: int) -> CLIPTokenizer:
    """A `CLIPTokenizer` whose pairs are learnt from English captions and from Chinese words on their own.

    Chinese has no spaces: learnt from whole captions, tokens would cross the borders of words, and an unusual sentence
    would be cut in ways that training never showed.
    """
    tokenizer = Tokenizer(models.BPE(unk_token=END, continuing_subword_prefix="", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(WORDS, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        min_frequency=40,
        special_tokens=[START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(seed), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    made = folder / "tokenizer"
    made.mkdir(parents=True, exist_ok=True)
    (made / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False))
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (made / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    read = CLIPTokenizer(
        vocab=model["vocab"], merges=[tuple(pair) for pair in model["merges"]], model_max_length=LENGTH
    )
    read.save_pretrained(made)
    return read


def _corpus(seed: int) -> list[str]:
    rng = np.random.default_rng((seed, 2))
    styles = ("fluent", "noto")
    english = [caption(scenes.sample(rng, styles), rng, "en", len(styles)) for _ in range(CORPUS)]
    words = {name for thing in things() for name in (*thing.chinese, thing.measure)}
    words |= {name for colour in COLOURS for name in colour.chinese}
    words |= set(FRAME)
    # A word at the end of a text and inside of one, where its last letter has no mark of an end.
    chinese = [word + after for word in sorted(words) for after in ("", *GLUE) for _ in range(20 if after else 80)]
    return english + chinese


class Facts(nn.Module):
    """Reads a scene's facts off the state of one token; only there to train the encoder."""

    def __init__(self, width: int) -> None:
        super().__init__()
        many = len(things()) + 1
        self.slots = nn.ModuleList([nn.Linear(width, many) for _ in range(3)])
        self.background = nn.Linear(width, len(COLOURS) + 1)
        self.arrangement = nn.Linear(width, len(ARRANGEMENTS))

    def forward(self, states: torch.Tensor) -> list[torch.Tensor]:
        """Logits of each fact, for states (n, width)."""
        return [*(slot(states) for slot in self.slots), self.background(states), self.arrangement(states)]


ARRANGEMENTS = tuple(
    f"{layout}/{size}/{place}"
    for layout, sizes, places in (
        ("one", ("small", "middle", "big"), ("centre", "left", "right", "top", "bottom")),
        ("row", ("middle",), ("centre",)),
        ("column", ("middle",), ("centre",)),
    )
    for size in sizes
    for place in places
)


class Reader(nn.Module):
    """The text encoder with its reader of facts."""

    def __init__(self, profile: Profile, vocabulary: int, end: int, start: int) -> None:
        super().__init__()
        self.encoder = CLIPTextModel(_config(profile, vocabulary, end, start))
        self.facts = Facts(profile.text_width)


def _config(profile: Profile, vocabulary: int, end: int, start: int) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=profile.text_width,
        intermediate_size=4 * profile.text_width,
        projection_dim=profile.text_width,
        num_hidden_layers=profile.text_layers,
        num_attention_heads=profile.text_width // 64,
        max_position_embeddings=LENGTH,
        bos_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
    )


def train(profile: Profile, folder: Path, seed: int) -> None:
    """Learns to tell the facts from the state of the last token and of the padding behind it."""
    tokenizer = tokenizer_of(folder, seed)
    reader = _reader(profile, tokenizer).to(device())
    loop = Loop(folder, "text", profile.text, reader, seed)

    def losses(rng: np.random.Generator) -> Losses:
        drawn = _scenes(profile, rng, profile.text.batch)
        texts = [caption(scene, rng, LANGUAGES[rng.integers(2)], len(profile.styles)) for scene in drawn]
        tokens, positions, ends = _tokens(tokenizer, texts, rng)
        with torch.autocast(device().type, torch.bfloat16):
            states = reader.encoder(tokens, position_ids=positions).last_hidden_state
            picked = torch.stack([ends, torch.randint_like(ends, SHORT).maximum(ends)])
            rows = torch.arange(len(texts), device=device())
            answers = [reader.facts(states[rows, where]) for where in picked]
        truth = _truth(drawn)
        parts = [
            nn.functional.cross_entropy(a.float(), t) for answer in answers for a, t in zip(answer, truth, strict=True)
        ]
        right = (answers[0][0].argmax(-1) == truth[0]).float().mean()
        return {"loss": torch.stack(parts).sum() / len(answers), "first_thing": right.detach()}

    loop.run(losses)


def _scenes(profile: Profile, rng: np.random.Generator, count: int) -> list[scenes.Scene]:
    return [scenes.sample(rng, profile.styles) for _ in range(count)]


def _truth(drawn: list[scenes.Scene]) -> list[torch.Tensor]:
    nothing = len(things())
    slots = [[(*scene.things, nothing, nothing)[slot] for scene in drawn] for slot in range(3)]
    facts = [
        *slots,
        [scene.background for scene in drawn],
        [ARRANGEMENTS.index(f"{scene.layout}/{scene.size}/{scene.place}") for scene in drawn],
    ]
    return [torch.tensor(fact, device=device()) for fact in facts]


def _tokens(
    tokenizer: Any, texts: list[str], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Token ids and positions (n, SHORT), and where each text ends; the padding stands at positions drawn from all."""
    read = tokenizer(texts, padding="max_length", max_length=SHORT, truncation=True)
    ends = np.asarray(read["attention_mask"]).sum(1) - 1
    positions = np.tile(np.arange(SHORT), (len(texts), 1))
    for row, end in enumerate(ends):
        behind = SHORT - end - 1
        positions[row, end + 1 :] = np.sort(rng.choice(np.arange(end + 1, LENGTH), behind, replace=False))
    made = (torch.tensor(each, device=device()) for each in (np.asarray(read["input_ids"]), positions, ends))
    ids, places, last = made
    return ids, places, last


@cache
def tokenizer_of(folder: Path, seed: int) -> Any:
    """The tokenizer of this folder, trained the first time."""
    made = folder / "tokenizer"
    return CLIPTokenizer.from_pretrained(made) if made.is_dir() else train_tokenizer(folder, seed)


def _reader(profile: Profile, tokenizer: Any) -> Reader:
    return Reader(profile, len(tokenizer), tokenizer.eos_token_id, tokenizer.bos_token_id)


def trained(profile: Profile, folder: Path, seed: int) -> tuple[Any, Any]:
    """The tokenizer and the learnt encoder."""
    tokenizer = tokenizer_of(folder, seed)
    reader = _reader(profile, tokenizer)
    reader.load_state_dict(trained_state(folder, "text"))
    return tokenizer, reader.encoder.to(device()).eval()
