"""Heads of GGUF files that lie: each is read, or refused in one way, and none takes time or memory that it claims."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.engines.text import LlamaCppLoader
from studio.engines.text.gguf import LEAST_CONTEXT, MOST_CONTEXT, Header
from studio.errors import WeightsUnavailable
from tests.support.properties import examples
from tests.support.text import smollm2, text_spec

HEAD = smollm2().read_bytes()[:4096]
HUGE = 2**63
ARRAY, STRING, UINT32 = 9, 8, 4


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def head(*entries: bytes, count: int | None = None, tensors: bytes = b"", number: int = 0) -> bytes:
    """A whole file: the metadata, and the tensors described."""
    kept = len(entries) if count is None else count
    return b"GGUF" + struct.pack("<IQQ", 3, number, kept) + b"".join(entries) + tensors


def own(key: str, value: int) -> bytes:
    return text(f"llama.{key}") + struct.pack("<IQ", 10, value)


def read(folder: Path, content: bytes) -> Header:
    file = folder / "model.gguf"
    file.write_bytes(content)
    return Header.read(file)


@pytest.mark.parametrize(
    "content",
    [
        head(count=HUGE),
        head(number=HUGE),
        head(text("a") + struct.pack("<IIQ", ARRAY, UINT32, HUGE)),
        head(text("a") + struct.pack("<IIQ", ARRAY, UINT32, 2**62)),
        head(text("a") + struct.pack("<IIQ", ARRAY, STRING, HUGE)),
        head(text("a") + struct.pack("<I", ARRAY) + struct.pack("<IQ", ARRAY, 1) * 5000),
        head(text("a") + struct.pack("<IIQ", ARRAY, ARRAY, HUGE)),
        head(struct.pack("<Q", 2**64 - 1)),
        head(tensors=text("w") + struct.pack("<I", 2**32 - 1), number=1),
        head(text("a") + struct.pack("<I", 77)),
    ],
)
def test_a_head_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"head|dimensions|arrays|value type"):
        read(tmp_path, content)


@pytest.mark.parametrize("claimed", [0, 1, LEAST_CONTEXT - 1, MOST_CONTEXT + 1, 2**64 - 1])
def test_a_context_that_cannot_be_is_refused(tmp_path: Path, claimed: int) -> None:
    architecture = text("general.architecture") + struct.pack("<I", STRING) + text("llama")
    assert read(tmp_path, head(architecture, own("context_length", 2048))).context == 2048
    with pytest.raises(ValueError, match="a context of"):
        read(tmp_path, head(architecture, own("context_length", claimed)))


def test_a_model_that_lies_about_its_context_is_refused_before_llama_cpp_sees_it(tmp_path: Path) -> None:
    lying = tmp_path / "lying.gguf"
    content = bytearray(smollm2().read_bytes())
    place = content.index(b"llama.context_length") + len(b"llama.context_length") + 4
    content[place : place + 4] = struct.pack("<I", 2**32 - 1)
    lying.write_bytes(content)
    with pytest.raises(WeightsUnavailable, match="a context of 4294967295 tokens"):
        LlamaCppLoader(1, 1)(text_spec(), lying, "cpu")


@pytest.mark.parametrize("key", ["block_count", "attention.head_count", "embedding_length"])
def test_a_size_that_cannot_be_is_not_reckoned_with(tmp_path: Path, key: str) -> None:
    architecture = text("general.architecture") + struct.pack("<I", STRING) + text("llama")
    sizes = {"block_count": 2, "attention.head_count": 4, "embedding_length": 64}
    entries = [own(name, size) for name, size in sizes.items()]
    assert read(tmp_path, head(architecture, *entries)).cache_bytes(100) == 2 * 100 * 2 * 4 * 32
    lying = [own(name, 2**63 if name == key else size) for name, size in sizes.items()]
    assert read(tmp_path, head(architecture, *lying)).cache_bytes(100) == 0


@given(st.data())
@settings(max_examples=examples(200))
def test_a_damaged_head_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    content = bytearray(HEAD)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(4, len(content) - 9))
        content[place : place + 8] = struct.pack("<Q", data.draw(st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**63])))
    try:
        header = read(tmp_path_factory.mktemp("heads"), bytes(content))
    except ValueError:
        return
    assert header.context is None or LEAST_CONTEXT <= header.context <= MOST_CONTEXT
    assert header.cache_bytes(1024) >= 0
