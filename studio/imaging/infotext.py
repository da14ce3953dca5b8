"""Generation settings as text inside a picture, in the form AUTOMATIC1111's web UI writes and reads."""

import json
from collections.abc import Mapping
from typing import Final

KEY: Final = "parameters"
"""The PNG text chunk that holds it."""


def quoted(value: object) -> str:
    """A value as the last line holds it: JSON-quoted where a comma, colon or line break would end it too early."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text


def format_infotext(prompt: str, negative_prompt: str, parameters: Mapping[str, object]) -> str:
    """The prompt, the negative prompt if there is one, and one line of `Key: value` pairs; None and "" are left out."""
    pairs = ", ".join(f"{key}: {quoted(value)}" for key, value in parameters.items() if value not in (None, ""))
    negative = [f"Negative prompt: {negative_prompt}"] if negative_prompt else []
    return "\n".join([prompt, *negative, pairs])
