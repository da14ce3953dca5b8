"""What the head of a GGUF file says, read without its tensors.

The layout is the GGUF specification of ggml (`docs/gguf.md` there). The `gguf` package reads the same and turns every
vocabulary entry into arrays on the way, which takes seconds for a large vocabulary; here arrays are stepped over.
"""

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

MAGIC: Final = b"GGUF"
STRING: Final = 8
ARRAY: Final = 9
SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""`struct` codes of the value types of fixed size."""
KEPT_ARRAY: Final = 1024
"""Arrays of numbers up to this length are kept: one number a layer, never a vocabulary."""
MOST_DIMENSIONS: Final = 8
"""Of a tensor; ggml has four."""
MOST_NESTED: Final = 4
"""Arrays within arrays; nobody writes even two."""
LEAST_CONTEXT: Final = 32
MOST_CONTEXT: Final = 2**25
"""Tokens that a model may claim to be trained for. llama.cpp believes the file, and some claims end the process."""
MOST: Final = 2**31
"""Of every number that memory is told from."""


@dataclass(frozen=True)
class Header:
    """The metadata of a GGUF file: numbers, strings and short arrays of numbers, by key; and how much it holds."""

    values: dict[str, Any]
    elements: int = 0
    """Numbers in all its tensors, however they are quantised."""

    @classmethod
    def read(cls, file: Path) -> "Header":
        """Read it from `file`.

        Raises:
            ValueError: this is no GGUF file, it ends inside its head, counts more than it holds, or says a context that
                cannot be.
        """
        try:
            with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
                header = cls(*_Cursor(data).head())
        except (struct.error, IndexError, OverflowError, UnicodeDecodeError) as error:
            raise ValueError("the head of the file is damaged") from error
        trained = header.context
        if trained is not None and not LEAST_CONTEXT <= trained <= MOST_CONTEXT:
            raise ValueError(f"a context of {trained} tokens")
        return header

    @property
    def context(self) -> int | None:
        """The longest context the model was trained for, in tokens."""
        trained = self._own("context_length")
        return trained if isinstance(trained, int) else None

    def cache_bytes(self, context: int) -> int:
        """Bytes of an fp16 key-value cache of `context` tokens; 0 where the head does not say."""
        layers, heads, width = (
            self._own("block_count"),
            self._own("attention.head_count"),
            self._own("embedding_length"),
        )
        if not (_is_count(layers) and _is_count(heads) and _is_count(width)):
            return 0
        shared = self._own("attention.head_count_kv")
        if isinstance(shared, list) and all(map(_is_count, shared)):
            total = sum(shared)
        else:
            total = layers * (shared if _is_count(shared) else heads)
        key, value = self._own("attention.key_length"), self._own("attention.value_length")
        sides = [side if _is_count(side) else width // heads for side in (key, value)]
        return int(2 * context * total * sum(sides))

    def _own(self, key: str) -> Any:
        return self.values.get(f"{self.values.get('general.architecture')}.{key}")


class _Cursor:
    """A place in the file, moving forward."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._at = data, 0

    def head(self) -> tuple[dict[str, Any], int]:
        if self._data[:4] != MAGIC:
            raise ValueError("not a GGUF file")
        self._at = 4
        version = self._scalar("I")
        if version not in (2, 3):
            raise ValueError(f"GGUF version {version}")
        tensors = self._scalar("Q")
        # The shortest entry has an empty key and one byte, the shortest tensor no name and no dimension.
        values = dict(self._entry() for _ in range(self._counted(self._scalar("Q"), 8 + 4 + 1)))
        return values, sum(self._elements() for _ in range(self._counted(tensors, 8 + 4 + 12)))

    def _counted(self, count: int, least: int) -> int:
        """A number of things that each take at least so many bytes of what is left of the file."""
        if count * least > len(self._data) - self._at:
            raise ValueError("the file ends inside its head")
        return count

    def _elements(self) -> int:
        """The size of the tensor that is described here; its kind and place in the file are stepped over."""
        self._string()
        dimensions = self._scalar("I")
        if dimensions > MOST_DIMENSIONS:
            raise ValueError(f"a tensor of {dimensions} dimensions")
        count: int = math.prod(self._scalar("Q") for _ in range(dimensions))
        self._at += struct.calcsize("<IQ")
        return count

    def _entry(self) -> tuple[str, Any]:
        key = self._string().decode()
        return key, self._value(self._scalar("I"))

    def _value(self, kind: int, nested: int = 0) -> Any:
        if kind == STRING:
            return self._string().decode(errors="replace")
        if kind == ARRAY:
            return self._array(nested + 1)
        if kind not in SCALARS:
            raise ValueError(f"value type {kind}")
        return self._scalar(SCALARS[kind])

    def _array(self, nested: int) -> list[Any] | None:
        kind, length = self._scalar("I"), self._scalar("Q")
        if nested > MOST_NESTED:
            raise ValueError("arrays within arrays")
        if kind in SCALARS:
            size = struct.calcsize(SCALARS[kind])
            if self._counted(length, size) > KEPT_ARRAY:
                self._at += length * size
                return None
        elif kind == STRING:
            for _ in range(self._counted(length, 8)):
                self._string()
            return None
        return [self._value(kind, nested) for _ in range(self._counted(length, 1))]

    def _scalar(self, code: str) -> Any:
        (value,) = struct.unpack_from(f"<{code}", self._data, self._at)
        self._at += struct.calcsize(code)
        return value

    def _string(self) -> bytes:
        (length,) = struct.unpack_from("<Q", self._data, self._at)
        start = self._at + 8
        self._at = start + length
        if self._at > len(self._data):
            raise ValueError("the file ends inside its head")
        return self._data[start : self._at]


def _is_count(number: Any) -> TypeGuard[int]:
    """Whether a head says a number of something; a bool is none."""
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number < MOST
