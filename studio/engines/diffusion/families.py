"""Which family of image models an adapter or a base belongs to, told from what its files say of themselves.

Nothing is loaded: of a file only its head is read, of a folder only its configurations. Kohya's names begin with
`lora_unet_` and `lora_te_`, those of diffusers and peft with the component: `unet.`, `text_encoder.`
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from studio.engines.diffusion.conditioning.chunks import CAPACITY
from studio.engines.heads import Head, HeadError, Tensor, Tensors, read_head, read_json
from studio.errors import Reason

Family = Literal["sd1", "sd2", "sdxl", "sd3", "flux"]
FAMILIES: Final[Mapping[Family, str]] = {
    "sd1": "Stable Diffusion 1.5",
    "sd2": "Stable Diffusion 2",
    "sdxl": "SDXL",
    "sd3": "Stable Diffusion 3",
    "flux": "FLUX.1",
}
"""What people call them, in any language."""

_BY_TEXT: Final[Mapping[int, Family]] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
"""Families by the width of the text that the cross-attention of their UNet reads."""
_CLAIMS: Final[tuple[tuple[str, Family], ...]] = (
    (r"xl", "sdxl"),
    (r"flux(?![-_.]?2)", "flux"),
    (r"sd[-_]?v?3|stable-diffusion-(v)?3", "sd3"),
    (r"sd[-_]?v?2|stable-diffusion-v2", "sd2"),
    (r"sd[-_]?v?1|stable-diffusion-v1", "sd1"),
)
"""How `modelspec.architecture` and kohya's `ss_base_model_version` name them."""
_UNETS: Final = ("sd1", "sd2", "sdxl")
_UNET: Final = re.compile(r"(?:^|[._])(?:(?:down|up|input|output)_blocks|mid_block|middle_block)[._]")
_TRANSFORMER: Final = re.compile(r"(single_transformer|single|double|joint|transformer)_blocks[._](\d{1,4})[._]")
_ENCODER: Final = re.compile(r"(?:base_model\.model\.)?(?:lora_te(\d?)_|text_encoder(?:_(\d))?\.)")
_LORA: Final = re.compile(r"lora_(?:down|up|A|B)\b|lora[._](?:down|up)\b|lora_linear_layer\.|hada_w[12]_|lokr_w[12]")
_DOWN: Final = (
    "lora_down.weight",
    "lora_A.weight",
    "lora_A.default.weight",
    "lora.down.weight",
    "lora_linear_layer.down.weight",
    "hada_w1_b",
)
"""The first of the two thin matrices of a layer: as many rows as the rank, as many columns as what it reads."""
_READS_TEXT: Final = re.compile(r"attn2[._](?:processor[._])?to_[kv][._]")
_READS_WORDS: Final = re.compile(r"[qkv]_proj|fc1|to_[qkv]_lora")
_SD3_WIDTHS: Final = (1536, 2432)
_FLUX_WIDTH: Final = 3072
_FLUX_LAST: Final = ({18, None}, {37, None})
"""Its last block of either kind. Other transformers share its names and width, but not the number of blocks."""


@dataclass(frozen=True)
class Make:
    """What an adapter was made for, or what a base is. What nothing tells is None or empty."""

    kind: Literal["lora", "inversion", "base", "other"]
    family: Family | None = None
    network: Literal["unet", "transformer"] | None = None
    text: int | None = None
    """Numbers of each token of text that the network reads."""
    encoders: tuple[int | None, ...] = ()
    """The widths of its text encoders; for a LoRA, None where it leaves one alone."""
    rank: int | None = None
    """The largest of a LoRA's layers."""


def adapter_make(head: Head) -> Make:
    """What the layers of an adapter fit; where they leave it open, what its metadata claims."""
    names = list(head.tensors)
    if not any(_LORA.search(name) for name in names):
        return _inversion(head.tensors)
    down = {name: tensor.shape for name, tensor in head.tensors.items() if _down(name, tensor)}
    network = _network(names)
    text = _common(shape[1] for name, shape in down.items() if _READS_TEXT.search(name))
    return Make(
        "lora",
        _lora_family(network, text, down) or _claimed(head.metadata, network),
        network,
        text,
        _lora_encoders(names, down),
        max((shape[0] for shape in down.values()), default=None),
    )


def base_make(weights: Path | None) -> Make:
    """What a base is: a folder in the format of diffusers, or one checkpoint file. Never raises; what is not here, or
    is of another kind, is unknown."""
    if weights is None:
        return Make("base")
    return _checkpoint(weights) if weights.is_file() else _folder(weights)


def compatible(adapter: Make, base: Make, *, file: str, model: str) -> Reason | None:
    """Why an adapter cannot work with a base; None where it can, or where one of the two is unknown.

    `file` and `model` are what people call them.
    """

    def reason(code: str, **details: object) -> Reason:
        return Reason(code, {"file": file, "model": model, **details})

    if adapter.family and base.family and adapter.family != base.family:
        return reason("adapter.family", made=FAMILIES[adapter.family], base=FAMILIES[base.family])
    if adapter.network and base.network and adapter.network != base.network:
        return reason("adapter.transformer" if adapter.network == "transformer" else "adapter.unet")
    if adapter.text and base.text and adapter.text != base.text:
        return reason("adapter.width", made=adapter.text, base=base.text)
    if not base.encoders:
        return None
    if adapter.kind == "inversion":
        fits = (len(adapter.encoders) > 1) == (len(base.encoders) > 1) and set(adapter.encoders) & set(base.encoders)
        return None if fits else reason("adapter.word", made=_sum(adapter.encoders), base=_sum(base.encoders))
    if len(adapter.encoders) > len(base.encoders):
        return reason("adapter.encoders", made=len(adapter.encoders), base=len(base.encoders))
    for made, there in zip(adapter.encoders, base.encoders, strict=False):
        if made and there and made != there:
            return reason("adapter.width", made=made, base=there)
    return None


def _down(name: str, tensor: Tensor) -> bool:
    return len(tensor.shape) >= 2 and name.endswith(_DOWN)


def _common(widths: Iterable[int]) -> int | None:
    """The one width that all have; None where they differ, or there are none."""
    found = set(widths)
    return found.pop() if len(found) == 1 else None


def _network(names: Iterable[str]) -> Literal["unet", "transformer"] | None:
    layers = [name for name in names if not _ENCODER.match(name)]
    # First, because the blocks of a UNet have blocks of transformers inside.
    if any(_UNET.search(name) for name in layers):
        return "unet"
    return "transformer" if any(_TRANSFORMER.search(name) for name in layers) else None


def _lora_family(network: str | None, text: int | None, down: Mapping[str, tuple[int, ...]]) -> Family | None:
    if network == "unet":
        return _BY_TEXT.get(text or 0)
    if network != "transformer":
        return None
    if any("joint_blocks" in name for name in down):
        return "sd3"
    layers = {name: shape[1] for name, shape in down.items() if not _ENCODER.match(name)}
    if any("attn" in name and "single" not in name and width in _SD3_WIDTHS for name, width in layers.items()):
        return "sd3"
    last = _last(layers, single=False), _last(layers, single=True)
    flux = any(last) and all(number in known for number, known in zip(last, _FLUX_LAST, strict=True))
    return "flux" if flux and _FLUX_WIDTH in layers.values() else None


def _last(names: Iterable[str], *, single: bool) -> int | None:
    """The highest number of a transformer's blocks, of those for one stream or for two."""
    found = [match for match in map(_TRANSFORMER.search, names) if match]
    return max((int(match[2]) for match in found if match[1].startswith("single") == single), default=None)


def _claimed(metadata: Mapping[str, str], network: str | None) -> Family | None:
    for key in ("modelspec.architecture", "ss_base_model_version"):
        said = metadata.get(key, "").casefold()
        family = next((family for pattern, family in _CLAIMS if re.search(pattern, said)), None)
        if family and (network is None or (network == "unet") == (family in _UNETS)):
            return family
    return None


def _lora_encoders(names: Iterable[str], down: Mapping[str, tuple[int, ...]]) -> tuple[int | None, ...]:
    widths: dict[int, set[int]] = {}
    for name in names:
        if found := _ENCODER.match(name):
            own = widths.setdefault(max(1, int(found[1] or found[2] or 1)), set())
            if name in down and _READS_WORDS.search(name):
                own.add(down[name][1])
    return tuple(_common(widths.get(number, ())) for number in range(1, max(widths, default=0) + 1))


def _inversion(tensors: Tensors) -> Make:
    """Learned vectors: a few short tables, one for each encoder; diffusers calls the table by its word."""
    shapes = [tensor.shape for tensor in tensors.values()]
    if not 1 <= len(shapes) <= 3 or not all(_table(shape) for shape in shapes):
        return Make("other")
    widths = tuple(tensors[name].shape[-1] for name in sorted(tensors, reverse=True))
    ordered = tuple(sorted(widths)) if {"clip_l", "clip_g"} <= set(tensors) else widths
    alone: Family | None = _BY_TEXT.get(ordered[0]) if ordered[0] != 2048 else None
    family: Family | None = "sdxl" if ordered == (768, 1280) else alone if len(ordered) == 1 else None
    return Make("inversion", family, encoders=ordered)


def _table(shape: tuple[int, ...]) -> bool:
    return len(shape) == 1 or (len(shape) == 2 and 0 < shape[0] <= CAPACITY)


def _folder(folder: Path) -> Make:
    encoders = tuple(
        _encoder_width(read_json(folder / name / "config.json"))
        for name in ("text_encoder", "text_encoder_2", "text_encoder_3")
        if (folder / name).is_dir()
    )
    if (folder / "transformer").is_dir():
        kind = str(read_json(folder / "transformer" / "config.json").get("_class_name"))
        families: dict[str, Family] = {"SD3Transformer2DModel": "sd3", "FluxTransformer2DModel": "flux"}
        return Make("base", families.get(kind), "transformer", encoders=encoders)
    text = read_json(folder / "unet" / "config.json").get("cross_attention_dim")
    width = text[0] if isinstance(text, list) and text else text
    if not isinstance(width, int):
        return Make("base", encoders=encoders)
    return Make("base", _BY_TEXT.get(width), "unet", width, encoders)


def _encoder_width(config: Mapping[str, Any]) -> int | None:
    width = config.get("hidden_size") or config.get("d_model")
    return width if isinstance(width, int) else None


def _checkpoint(file: Path) -> Make:
    try:
        tensors = read_head(file).tensors
    except (OSError, HeadError):
        return Make("base")
    text = _common(t.shape[-1] for name, t in tensors.items() if name.endswith("attn2.to_k.weight") and t.shape)
    return Make("base", _BY_TEXT.get(text), "unet", text) if text else Make("base")


def _sum(widths: Iterable[int | None]) -> str:
    return " + ".join(str(width or "?") for width in widths)
