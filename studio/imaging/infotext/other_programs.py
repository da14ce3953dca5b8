"""Other programs that draw, recognised by what they write into their pictures."""

import json
from collections.abc import Mapping
from typing import Any, Final

CHUNKS: Final[tuple[tuple[str, str], ...]] = (
    ("invokeai_metadata", "InvokeAI"),
    ("invokeai_graph", "InvokeAI"),
    ("sd-metadata", "InvokeAI"),
    ("Dream", "InvokeAI"),
    ("fooocus_scheme", "Fooocus"),
    ("workflow", "ComfyUI"),
)
"""Text chunks that only one program writes."""
MARKS: Final[tuple[tuple[str, str], ...]] = (
    ("sui_image_params", "SwarmUI"),
    ("app_version", "InvokeAI"),
    ("positive_prompt", "InvokeAI"),
    ("uc", "NovelAI"),
    ("base_model_hash", "Fooocus"),
    ("nodes", "ComfyUI"),
)
"""Keys at the top of the JSON that each of them writes."""


def maker_of_text(text: str) -> str | None:
    """Whose settings a JSON text holds, "" for a program nobody knows; None where it is no JSON object."""
    if not text.startswith("{") or not text.endswith("}"):
        return None
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    if any(isinstance(node, dict) and "class_type" in node for node in content.values()):
        return "ComfyUI"
    return next((maker for mark, maker in MARKS if mark in content), "")


def maker_of_chunks(chunks: Mapping[Any, object]) -> str | None:
    """Who wrote a picture's text chunks; None where they tell of nobody that draws."""
    if "NovelAI" in (chunks.get("Software"), chunks.get("Source")):
        return "NovelAI"
    named = next((maker for key, maker in CHUNKS if key in chunks), None)
    prompt = chunks.get("prompt")
    return named or (maker_of_text(prompt.strip()) if isinstance(prompt, str) else None)
