"""The article as it is read and worked on: each section formatted, with an editor and what can be done with it."""

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

import gradio as gr

from studio.coding.languages import LANGUAGES
from studio.errors import InvalidRequest
from studio.messages import assets
from studio.ui.tabs.write.sheet import Sheet, plain, section_ids
from studio.ui.words import both
from studio.writing.checking.measuring import measured
from studio.writing.checking.measuring import plain as prose
from studio.writing.documents.rendering import rendered
from studio.writing.lengths import units
from studio.writing.outlining.outline import parse_outline
from studio.writing.requests import CHANGES, Brief, Language, PassageText

Written = dict[str, Any]
"""What is written: `texts`, Markdown by section id; `unfinished`, the id of a section that was stopped; `missing`,
facts that are not in a section, by its id; `unsure`, words of it that the model was unsure of, as [start, end,
probability]."""
Order = dict[str, Any]
"""What somebody wants done at a section: `do` is again, go_on or rewrite, `id` the section's; see `article.js`."""

OWN_FILES: Final = ("/library/file/", "/gradio_api/file=")
WORD: Final = re.compile(r"\s+|[㐀-鿿]|[^\s㐀-鿿]+")
MOST_COMPARED: Final = 4000
"""Words of a passage and its proposal that are compared one by one."""
LABELS: Final = (
    "edit",
    "done",
    "again",
    "go_on",
    "rewrite",
    "picture",
    "accept",
    "discard",
    "whole",
    "selected",
    "missing",
    "instruction",
    "apply",
    "proposal",
    "moved",
    "measures",
    "length",
    "minutes",
    "ease",
    "sentence.en",
    "sentence.zh",
    "keywords",
    "avoided",
    "phrases",
    "title",
    "summary",
    "skipped",
    "disagreeing",
    "code",
    "code.describe",
    "code.language",
    "code.write",
    "code.score",
    "code.again",
    "unsure",
    "unsure.note",
    "cover",
    "cover.again",
    "cover.remove",
    "earlier",
    "earlier.none",
    "earlier.close",
    *(f"change.{change}" for change in CHANGES if change != "instruction"),
)


class ArticleSheet(gr.HTML):
    """The sections that have been begun, under each other, and a list of all of them beside it.

    Its value is what `drawn` makes, and comes back as a `Written`. `input` fires when somebody has changed a text,
    `submit` with an `Order`.
    """

    def __init__(self, **options: Any) -> None:
        labels = {name: both(f"write.desk.{name}") for name in LABELS}
        labels["earlier.version"] = both("write.desk.earlier.version", number="{number}")
        scripts = [(assets() / "js" / name).read_text(encoding="utf-8") for name in ("passages.js", "article.js")]
        known = {"labels": labels, "languages": [(language.id, language.label) for language in LANGUAGES]}
        told = [f"const {name} = {json.dumps(value, ensure_ascii=False)};" for name, value in known.items()]
        given: dict[str, Any] = {
            "html_template": '<div class="sheet"><nav class="sections"></nav><article class="text"></article></div>',
            "js_on_load": "\n".join([*told, *scripts]),
            "apply_default_css": False,
        }
        super().__init__(**{**given, **options})

    def preprocess(self, payload: str | None) -> Any:
        return written_of(json.loads(payload)) if payload else nothing()

    def postprocess(self, value: Any) -> str | None:
        # Text, for the reason that `OutlineCards` gives.
        return None if not value or "sections" not in value else json.dumps(value, ensure_ascii=False)


def nothing() -> Written:
    """An article of which nothing is written."""
    return {"texts": {}, "unfinished": None, "missing": {}, "unsure": {}}


def written_of(value: Any) -> Written:
    """What is written, of a value as the page holds it or as a draft has kept it; of nonsense, nothing."""
    if not isinstance(value, Mapping):
        return nothing()
    if isinstance(value.get("texts"), Mapping):
        return {**nothing(), **{name: value[name] for name in nothing() if value.get(name) is not None}}
    found = nothing()
    for section in value.get("sections") or ():
        if isinstance(section, Mapping) and isinstance(section.get("text"), str):
            found["texts"][str(section["id"])] = section["text"]
            if section.get("missing"):
                found["missing"][str(section["id"])] = [str(fact) for fact in section["missing"]]
            if isinstance(section.get("unsure"), list) and section["unsure"]:
                found["unsure"][str(section["id"])] = section["unsure"]
            if section.get("state") == "unfinished":
                found["unfinished"] = str(section["id"])
    return found


def drawn(
    cards: Sheet | None,
    written: Written,
    proposal: Mapping[str, Any] | None = None,
    brief: Brief | None = None,
    beside: Mapping[str, Any] | None = None,
) -> dict[str, Any] | None:
    """The sheet's value; None while nothing is written. Its figures hold the words that the `brief` asks for.

    `beside` is what is shown at a section for once: what a check found in its code, or its texts of versions before.
    """
    texts = written["texts"]
    if not cards or not any(section["id"] in texts for section in cards["sections"]):
        return None
    language: Language = cards.get("language") or "en"
    sections = []
    for section in cards["sections"]:
        key, text = section["id"], texts.get(section["id"])
        state = "empty" if text is None else "unfinished" if written["unfinished"] == key else "done"
        told = {"id": key, "heading": section["heading"], "target": section["target_words"], "state": state}
        if text is not None:
            told |= {"text": text, "html": formatted(text), "words": units(prose(text), language)}
            told |= {name: written[name].get(key, []) for name in ("missing", "unsure")}
        sections.append(told)
    told_of = dict(proposal) if proposal else None
    page: dict[str, Any] = {"title": cards["title"], "sections": sections, "proposal": told_of, **(beside or {})}
    if cover := cards.get("cover"):
        page["cover"] = {"text": cover, "html": formatted(cover)}
    if proposal is None and written["unfinished"] is None:
        page["measures"] = _measures(cards, texts, brief)
    return page


def _measures(cards: Sheet, texts: Mapping[str, str], brief: Brief | None) -> dict[str, Any] | None:
    """The figures beside the text; None while the outline is being typed and is none."""
    try:
        outline = parse_outline(plain(cards))
    except InvalidRequest:
        return None
    outline = outline.model_copy(update={"brief": brief or outline.brief})
    numbered = {place: texts[key] for place, key in enumerate(section_ids(cards)) if key in texts}
    return asdict(measured(outline, numbered)) | {"language": outline.language}


def proposed(order: Order, step: PassageText) -> dict[str, Any]:
    """A passage written anew beside the old one, and once it is done what differs: [sign, text] with = - or +."""
    old = str(order.get("passage", ""))
    told = {"id": order["id"], "before": order.get("before", ""), "after": order.get("after", ""), "old": old}
    told |= {"code": order.get("do") == "code"}
    return told | {"text": step.text, "done": step.done, "difference": difference(old, step.text) if step.done else []}


def difference(old: str, new: str) -> list[tuple[str, str]]:
    """What two texts share and what only one has, word by word, in Chinese by characters."""
    before, after = WORD.findall(old), WORD.findall(new)
    if len(before) + len(after) > MOST_COMPARED:
        return [("-", old), ("+", new)]
    parts: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(("=", "".join(before[a:b])))
            continue
        parts += [(sign, "".join(words)) for sign, words in (("-", before[a:b]), ("+", after[c:d])) if words]
    return parts


@lru_cache(maxsize=512)
def formatted(text: str) -> str:
    """Markdown as HTML that shows the studio's own pictures and no others, which would tell strangers who reads."""
    return rendered(text, lambda address: address if address.startswith(OWN_FILES) else None)


def numbered(cards: Sheet | None, written: Written) -> dict[str, str]:
    """The texts by the number of their section."""
    texts = written["texts"]
    return {str(place): texts[key] for place, key in enumerate(section_ids(cards) if cards else ()) if key in texts}
