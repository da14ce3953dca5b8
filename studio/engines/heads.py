"""What the head of a weights file says, read without its tensors and without torch."""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MOST_HEAD: Final = 100_000_000
"""The longest head that the safetensors format allows, bytes."""
SIZES: Final = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "U32": 4, "I32": 4, "U64": 8, "I64": 8}


@dataclass(frozen=True)
class Tensor:
    """The kind and shape of one tensor."""

    dtype: str
    """As safetensors writes it: `F32`, `BF16`, `I64`, …"""
    shape: tuple[int, ...]

    def nbytes(self, width: int) -> int:
        """Bytes in memory, where numbers with a fraction take `width` bytes each and others stay what they are."""
        return math.prod(self.shape) * SIZES.get(self.dtype, width)


Tensors = Mapping[str, Tensor]


def read_safetensors(file: Path) -> Tensors:
    """The tensors of a safetensors file, by name.

    The file is eight bytes with the length of the head, the head as JSON, and the data (the format's own README).

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file, or shorter than its head says.
    """
    with file.open("rb") as opened:
        start = opened.read(8)
        (length,) = struct.unpack("<Q", start) if len(start) == 8 else (MOST_HEAD + 1,)
        if length > MOST_HEAD:
            raise ValueError(f"{file.name} is no safetensors file")
        try:
            head = json.loads(opened.read(length))
            tensors = {name: _tensor(entry) for name, entry in head.items() if name != "__metadata__"}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the head of {file.name} is damaged") from error
    return tensors


def read_json(file: Path) -> Mapping[str, Any]:
    """A JSON object; empty where the file is missing or holds something else."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def leaves(tensors: Tensors, width: int) -> dict[str, int]:
    """Bytes of each layer that has tensors of its own; a layer's name is its tensors' up to the last dot."""
    sizes: dict[str, int] = {}
    for name, tensor in tensors.items():
        layer = name.rpartition(".")[0]
        sizes[layer] = sizes.get(layer, 0) + tensor.nbytes(width)
    return sizes


def _tensor(entry: Mapping[str, Any]) -> Tensor:
    return Tensor(str(entry["dtype"]), tuple(int(side) for side in entry["shape"]))
