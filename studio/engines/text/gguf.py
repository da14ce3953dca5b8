"""What the head of a GGUF file says, read without its tensors.

The layout is the GGUF specification of ggml (`docs/gguf.md` there). The `gguf` package reads the same and turns every
vocabulary entry into arrays on the way, which takes seconds for a large vocabulary; here arrays are stepped over.
"""

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

MAGIC: Final = b"GGUF"
STRING: Final = 8
ARRAY: Final = 9
SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""`struct` codes of the value types of fixed size."""
KEPT_ARRAY: Final = 1024
"""Arrays of numbers up to this length are kept: one number a layer, never a vocabulary."""


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
            ValueError: this is no GGUF file, or it ends inside its head.
        """
        try:
            with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return cls(*_Cursor(data).head())
        except (struct.error, IndexError, UnicodeDecodeError) as error:
            raise ValueError("the head of the file is damaged") from error

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
        if not isinstance(layers, int) or not isinstance(heads, int) or not isinstance(width, int) or not heads:
            return 0
        shared = self._own("attention.head_count_kv")
        total = sum(shared) if isinstance(shared, list) else layers * (shared if isinstance(shared, int) else heads)
        key = self._own("attention.key_length") or width // heads
        value = self._own("attention.value_length") or width // heads
        return int(2 * context * total * (key + value))

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
        values = dict(self._entry() for _ in range(self._scalar("Q")))
        return values, sum(self._elements() for _ in range(tensors))

    def _elements(self) -> int:
        """The size of the tensor that is described here; its kind and place in the file are stepped over."""
        self._string()
        count: int = math.prod(self._scalar("Q") for _ in range(self._scalar("I")))
        self._at += struct.calcsize("<IQ")
        return count

    def _entry(self) -> tuple[str, Any]:
        key = self._string().decode()
        return key, self._value(self._scalar("I"))

    def _value(self, kind: int) -> Any:
        if kind == STRING:
            return self._string().decode(errors="replace")
        if kind == ARRAY:
            return self._array()
        if kind not in SCALARS:
            raise ValueError(f"value type {kind}")
        return self._scalar(SCALARS[kind])

    def _array(self) -> list[Any] | None:
        kind, length = self._scalar("I"), self._scalar("Q")
        if kind in SCALARS and length > KEPT_ARRAY:
            self._at += length * struct.calcsize(SCALARS[kind])
            return None
        if kind == STRING:
            for _ in range(length):
                self._string()
            return None
        return [self._value(kind) for _ in range(length)]

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
