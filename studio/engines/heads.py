"""What the head of a weights file says, read without its tensors and without torch."""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from studio.errors import Reason
from studio.messages import data_size

PICKLES: Final = (".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle")
MOST_HEAD: Final = 8 * 2**20
"""Bytes of a head that are read; the largest of known files, adapters with all tags of their training, have two
million. The safetensors format allows 100 million."""
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


class HeadError(ValueError):
    """A file whose head cannot be used; `reason` is the sentence for it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.text())
        self.reason = reason


@dataclass(frozen=True)
class Head:
    """What a safetensors file says before its data."""

    tensors: Tensors
    metadata: Mapping[str, str]


def read_head(file: Path, *, whole: bool = True) -> Head:
    """The head of a safetensors file. A pickle is not even opened.

    The file is eight bytes with the length of the head, the head as JSON, and the data (the format's own README); all
    of it has to be there, if not `whole` is False.

    Raises:
        HeadError: it is another kind of file, damaged, cut off, or its head is longer than `MOST_HEAD`.
        OSError: it cannot be read.
    """
    if file.suffix.lower() in PICKLES:
        raise HeadError(Reason("adapter.pickle", {"file": file.name}))
    size = file.stat().st_size
    with file.open("rb") as opened:
        start = opened.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length + 8 > size or opened.read(1) != b"{":
            raise HeadError(Reason("adapter.not_safetensors", {"file": file.name}))
        if length > MOST_HEAD:
            details = {"file": file.name, "size": data_size(length), "most": data_size(MOST_HEAD)}
            raise HeadError(Reason("adapter.head_long", details))
        text = b"{" + opened.read(length - 1)
    try:
        head, data = _parsed(text, whole)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise HeadError(Reason("adapter.head", {"file": file.name})) from error
    if missing := max(0, 8 + length + data - size):
        raise HeadError(Reason("adapter.cut", {"file": file.name, "missing": data_size(missing)}))
    return head


def read_safetensors(file: Path) -> Tensors:
    """The tensors of a safetensors file, by name; raises what `read_head` does."""
    return read_head(file, whole=False).tensors


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


def _parsed(text: bytes, whole: bool) -> tuple[Head, int]:
    """The head, and how many bytes of data follow it; 0 where nobody needs all of them."""
    content = json.loads(text)
    given = content.pop("__metadata__", None)
    metadata = {str(key): value for key, value in given.items() if isinstance(value, str)} if given else {}
    tensors: dict[str, Tensor] = {}
    end = 0
    for name, entry in content.items():
        tensors[name] = Tensor(str(entry["dtype"]), tuple(_count(side) for side in entry["shape"]))
        if whole:
            end = max(end, _count(entry["data_offsets"][1]))
    return Head(tensors, metadata), end


def _count(number: Any) -> int:
    if not isinstance(number, int) or not 0 <= number < 2**63:
        raise ValueError(number)
    return number
