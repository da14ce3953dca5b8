"""The outline as cards that can be edited."""

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import gradio as gr

from studio.messages import assets
from studio.ui.words import both
from studio.writing.requests import Outline

Sheet = dict[str, Any]
"""An outline as the cards hold it: `Outline` as plain data, and an `id` in each section that survives rearranging."""
Texts = dict[str, str]
"""What is written, Markdown by section id."""

LABELS: Final = (
    "title",
    "heading",
    "points",
    "words",
    "up",
    "down",
    "remove",
    "add",
    "write",
    "lock",
    "unlock",
    "replan",
    "others",
    "summary",
)


class OutlineCards(gr.HTML):
    """A card per section: heading, key points, words, and buttons to move, remove and write it.

    Its value is a `Sheet` or None; `submit` fires with the section's `index` when it is to be written, `select` when it
    is to be planned anew. Cards are
    built from values, never from templates, because an outline is text that a model made.
    """

    def __init__(self, **options: Any) -> None:
        labels = {name: both(f"write.card.{name}") for name in LABELS}
        script = (assets() / "js" / "outline.js").read_text(encoding="utf-8")
        super().__init__(
            html_template='<div class="cards"></div>',
            js_on_load=f"const labels = {json.dumps(labels, ensure_ascii=False)};\n{script}",
            apply_default_css=False,
            **options,
        )

    def preprocess(self, payload: str | None) -> Any:
        return json.loads(payload) if payload else None

    def postprocess(self, value: Any) -> str | None:
        # JSON text, not an object: Gradio streams an object as edits to the one that the page already holds, and
        # what follows it in the stream would be applied to the cards.
        return None if value is None else json.dumps(value, ensure_ascii=False)


def sheet(outline: Outline) -> Sheet:
    """Cards for an outline."""
    data = outline.model_dump(mode="json")
    return {**data, "sections": [{"id": uuid4().hex[:8], **section} for section in data["sections"]]}


def plain(cards: Sheet | None) -> Any:
    """The outline without the cards' ids, unchecked: the craft judges it."""
    if not isinstance(cards, Mapping) or not isinstance(cards.get("sections"), list):
        return cards
    sections = [{k: v for k, v in section.items() if k != "id"} for section in cards["sections"]]
    return {**cards, "sections": sections}


def section_ids(cards: Sheet) -> list[str]:
    """The sections' ids in order."""
    return [section["id"] for section in cards["sections"]]


def kept_ids(fresh: Sheet, asked: Sheet, before: Sheet) -> Sheet:
    """An outline planned again, in which what was locked in `asked` is the section that it was, locked as `before`."""
    sections = [
        old if was.get("locked") else {**new, "locked": bool(old.get("locked"))}
        for new, was, old in zip(fresh["sections"], asked["sections"], before["sections"], strict=True)
    ]
    return {**fresh, "sections": sections}


def assembled(cards: Sheet | None, texts: Texts) -> str:
    """The article so far as Markdown: its title, and every section that has been begun, in the cards' order."""
    if not cards or not texts:
        return ""
    parts = [f"# {cards['title']}"]
    for section in cards["sections"]:
        if section["id"] in texts:
            parts += [f"## {section['heading']}", texts[section["id"]]]
    return "\n\n".join(part for part in parts if part) + "\n"
