"""What a model of transformers will take, told from the heads of its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from studio.engines.heads import read_json, read_safetensors
from studio.engines.text.gguf import Header
from studio.registry import Costs, Footprint, ModelSpec, Placement, Shape, estimate

CONTEXT: Final = 2048
"""Tokens where neither the catalogue nor the model says."""


@dataclass(frozen=True)
class TextCosts:
    """Weights, and a key-value cache that grows with the text.

    The cache is 2 (keys, values) × layers × key-value heads × width of a head × tokens × bytes of a number (grouped
    queries: Ainslie et al. 2023).
    """

    narrow: int
    """Bytes of the weights at two bytes a number."""
    wide: int
    """The same at four."""
    cache: int
    """Numbers in the cache for each token."""
    context: int
    """Tokens that it serves at most."""

    def footprint(self, placement: Placement) -> Footprint:
        nbytes = self.wide if placement.device == "cpu" else self.narrow
        return Footprint(nbytes) if placement.rung == "whole" else Footprint(nbytes, nbytes)

    def working(self, placement: Placement, shape: Shape) -> int:
        """The cache of `shape.tokens` tokens; of none where the shape does not say."""
        width = 4 if placement.device == "cpu" else 2
        return self.cache * min(shape.tokens, self.context) * width * shape.batch


def text_costs(spec: ModelSpec, weights: Path | None) -> Costs:
    """The costs of a folder or a GGUF file; the catalogue's number where they cannot be read."""
    if weights is None:
        return estimate(spec, weights)
    try:
        return _from_gguf(spec, weights) if weights.is_file() else _from_folder(spec, weights)
    except (OSError, TypeError, ValueError):
        return estimate(spec, weights)


def _from_gguf(spec: ModelSpec, file: Path) -> TextCosts:
    header = Header.read(file)
    # The head's own cache is in fp16, two bytes a number.
    return TextCosts(
        narrow=header.elements * 2,
        wide=header.elements * 4,
        cache=header.cache_bytes(1) // 2,
        context=_context(spec, header.context),
    )


def _from_folder(spec: ModelSpec, folder: Path) -> TextCosts:
    config = read_json(folder / "config.json")
    # Models that also see or hear keep what concerns their text apart.
    config = config.get("text_config") or config
    files = sorted(folder.glob("model*.safetensors"))
    tensors = {name: tensor for file in files for name, tensor in read_safetensors(file).items()}
    if tensors:
        narrow, wide = (sum(tensor.nbytes(width) for tensor in tensors.values()) for width in (2, 4))
    else:
        # torch's own files have no head that tells; they are read as what they mostly are, two bytes a number.
        narrow = sum(file.stat().st_size for file in folder.glob("pytorch_model*.bin"))
        wide = narrow * 2
    if not narrow:
        raise ValueError("no weights are here")
    return TextCosts(narrow, wide, _cache(config), _context(spec, config.get("max_position_embeddings")))


def _cache(config: Mapping[str, Any]) -> int:
    layers, heads = config.get("num_hidden_layers", 0), config.get("num_attention_heads", 0)
    if not layers or not heads:
        return 0
    width = config.get("head_dim") or config.get("hidden_size", 0) // heads
    return int(2 * layers * (config.get("num_key_value_heads") or heads) * width)


def _context(spec: ModelSpec, trained: int | None) -> int:
    wanted = int(spec.defaults.get("context") or trained or CONTEXT)
    return min(wanted, trained or wanted)
