"""The bar under a result: that it is kept, its stars, its history, and the latest works of its kind."""

import json
from typing import Any

import gradio as gr

from studio.keeping.keeper import Kept, Unkept
from studio.library.values import Kind
from studio.ui.words import complaint


class ResultBar(gr.HTML):
    """Its value is where a result is kept, or why it is not; `assets/js/library.js` draws it."""

    def __init__(self, **options: Any) -> None:
        script = """window.studioLibrary?.bar(element, props);
watch('value', () => window.studioLibrary?.bar(element, props));"""
        given: dict[str, Any] = {
            "js_on_load": script,
            "apply_default_css": False,
            "elem_classes": ["kept-bar", "rests"],
        }
        super().__init__(**{**given, **options})

    def preprocess(self, payload: str | None) -> Any:
        return json.loads(payload) if payload else None

    def postprocess(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False)


def shown(kept: Kept) -> dict[str, Any]:
    """A bar's value."""
    if isinstance(kept, Unkept):
        return {"error": complaint(kept.error)}
    return {"work": kept.work, "version": kept.version}


def result_bar(kind: Kind, tab: str) -> ResultBar:
    """The bar under the results of a tab."""
    return ResultBar(
        html_template=f'<div class="kept" data-kind="{kind}" data-tab="{tab}"></div>', elem_id=f"{tab}-kept"
    )
