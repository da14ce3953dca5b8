"""What the model is asked for when it plans, and how its answer becomes an outline."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json

from studio.writing.requests import Brief, Language, Outline, Section

HEADING_LENGTH: Final[dict[Language, int]] = {"en": 80, "zh": 40}
POINT_LENGTH: Final[dict[Language, int]] = {"en": 120, "zh": 60}
POINTS: Final = (2, 4)
ALTERNATIVES: Final = 2
SUMMARY_LENGTH: Final[dict[Language, int]] = {"en": 240, "zh": 120}
LEAST_WORDS: Final = 10

NUMBERING: Final = re.compile(
    r"^\W*(?:(?:section|part|chapter|heading|header|title|step)\s*\d+\b|第\s*[0-9一二三四五六七八九十]+\s*[节章部分]+"
    r"|\d{1,2}\s*[.):：、](?!\d)|[一二三四五六七八九十]+、)[\s.:：)、-]*",
    re.IGNORECASE,
)
LABEL: Final = re.compile(
    r"^(?:topic|readers?|tone|sections?|headings?|titles?|key points?|notes?|words to use|description|json"
    r"|主题|读者|语气|标题|小标题|要点|备注)\s*(?:\d*$|[:：#])",
    re.IGNORECASE,
)
"""A line of the brief or of the form, said back instead of a heading."""
RUBBISH: Final = re.compile(r"[{}\[\]<>\\]|https?://|www\.")
HAN: Final = re.compile(r"[㐀-鿿]")
WORD: Final = re.compile(r"[A-Za-z]{3,}")
ITEM: Final = re.compile(r"^\s*(?:#{1,4}\s+|\*\*)?(\d{1,2})\s*[.)、:：]\s*(.*)$")
BULLET: Final = re.compile(r"^\s*[-*•·]\s+(.*)$")
TITLE: Final = re.compile(r"^\s*(?:#\s+|(?:title|标题)\s*[:：]\s*)(.*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Draft:
    """A model's plan as it came: any field may be empty, repeated or cut short."""

    title: str = ""
    headings: tuple[str, ...] = ()
    key_points: tuple[tuple[str, ...], ...] = ()
    """One group per heading; the last ones may be missing."""
    alternative_titles: tuple[str, ...] = ()
    summary: str = ""


def schema(sections: int, language: Language) -> dict[str, Any]:
    """The JSON schema of a `Draft` with exactly so many headings.

    Each heading is followed by its own key points, which then belong to it.
    """
    text = {"type": "string", "minLength": 2}
    heading = {**text, "maxLength": HEADING_LENGTH[language]}
    point = {**text, "maxLength": POINT_LENGTH[language]}
    points = {"type": "array", "minItems": POINTS[0], "maxItems": POINTS[1], "items": point}
    section = _closed({"heading": heading, "key_points": points})
    listed = {"type": "array", "minItems": sections, "maxItems": sections, "items": section}
    titles = {"type": "array", "minItems": ALTERNATIVES, "maxItems": ALTERNATIVES, "items": heading}
    summary = {**text, "maxLength": SUMMARY_LENGTH[language]}
    return _closed({"title": heading, "sections": listed, "alternative_titles": titles, "summary": summary})


def read_draft(text: str) -> Draft:
    """A draft from whatever a model has said so far: JSON, finished or not, or a numbered list."""
    start = text.find("{")
    if start < 0:
        return _from_list(text)
    try:
        value = from_json(text[start:], allow_partial=True)
    except ValueError:
        end = text.rfind("}")
        try:
            value = from_json(text[start : end + 1])
        except ValueError:
            return _from_list(text)
    return _from_json(value)


def missing(brief: Brief, *drafts: Draft, kept: Iterable[str] = ()) -> int:
    """How many sections are still without a heading of their own; `kept` are headings that are there already."""
    return brief.sections - len(_sections(brief, drafts, kept))


def outlined(brief: Brief, *drafts: Draft, kept: Iterable[str] = ()) -> Outline:
    """The outline that these drafts give together, with exactly the sections that the brief asks for.

    Headings that repeat an earlier one or the title are replaced by those of the next draft, then by key points that
    can stand as one, then by a number. `kept` are headings beside which these will stand.
    """
    kept = tuple(kept)
    sections = _sections(brief, drafts, kept)
    used = {_key(heading) for heading in (*kept, *(heading for heading, _ in sections))}
    spare = [point for _, points in sections for point in points[POINTS[0] :]]
    for point in spare:
        if len(sections) < brief.sections and _key(point) not in used and len(point) <= HEADING_LENGTH[brief.language]:
            used.add(_key(point))
            sections.append((point, ()))
    while len(sections) < brief.sections:
        number = len(sections) + len(kept) + 1
        sections.append((f"Part {number}" if brief.language == "en" else f"第 {number} 节", ()))
    words = shares(brief.words, brief.sections)
    return Outline(
        title=_title(brief, drafts),
        language=brief.language,
        sections=tuple(
            Section(heading=heading, key_points=points, target_words=share)
            for (heading, points), share in zip(sections, words, strict=True)
        ),
        alternative_titles=_alternatives(brief, drafts),
        summary=next((found for draft in drafts if (found := _summary(draft.summary, brief.language))), ""),
        brief=brief,
    )


def replanned(brief: Brief, outline: Outline, fresh: Outline) -> Outline:
    """An outline whose locked sections stand where they stood, with fresh ones around them.

    The sections' targets stay; the title does, too, where a section is locked.
    """
    new = iter(fresh.sections)
    sections = tuple(
        section if section.locked else next(new).model_copy(update={"target_words": section.target_words})
        for section in outline.sections
    )
    kept = {"title": outline.title, "cover": outline.cover, "sections": sections, "brief": brief}
    return fresh.model_copy(update=kept)


def shares(words: int, sections: int) -> list[int]:
    """An article's words shared out evenly, at least ten for each section."""
    each, rest = divmod(words, sections)
    return [max(LEAST_WORDS, each + (index < rest)) for index in range(sections)]


def tidy(text: str, most: int) -> str:
    """A heading or key point without numbering, mark-up, quotes or a word cut in half; empty if nothing is left."""
    text = " ".join(text.split())
    cut = len(text) >= most
    text = NUMBERING.sub("", text.strip("#*_ \"'“”‘’`")).strip("#*_ \"'“”`")
    if LABEL.match(text) or RUBBISH.search(text):
        return ""
    text = _uncut(text[:most]) if cut else text
    text = text.rstrip(" .,;:-–、，。；：")
    return text if any(character.isalpha() for character in text) else ""


def _uncut(text: str) -> str:
    """A text that ends in mid-air, up to its last sentence, clause or word."""
    for ends in ("[.!?](?= )|[。！？]", "[,;:](?= )|[，；：、]", " "):
        places = [match.start() for match in re.finditer(ends, text)]
        if places and places[-1] > len(text) // 3:
            return text[: places[-1]]
    return text


def _sections(brief: Brief, drafts: Iterable[Draft], kept: Iterable[str] = ()) -> list[tuple[str, tuple[str, ...]]]:
    """Headings that differ, and for each the key points that nothing before them says."""
    used = {_key(_title(brief, drafts))} if brief.sections > 1 else set()
    used |= {_key(heading) for heading in kept}
    found: list[tuple[str, tuple[str, ...]]] = []
    for draft in drafts:
        for index, raw in enumerate(draft.headings):
            heading = tidy(raw, HEADING_LENGTH[brief.language])
            if not _key(heading) or _foreign(heading, brief) or _key(heading) in used or len(found) == brief.sections:
                continue
            used.add(_key(heading))
            found.append((heading, draft.key_points[index] if index < len(draft.key_points) else ()))
    sections = []
    for heading, group in found:
        sections.append((heading, _points(group, brief.language, used)))
        used |= {_key(point) for point in sections[-1][1]}
    return sections


def _foreign(heading: str, brief: Brief) -> bool:
    """Whether a heading has words of the other script that the brief does not have."""
    if brief.language == "en":
        return bool(HAN.search(heading)) and not HAN.search(brief.topic)
    known = " ".join((brief.topic, brief.keywords, brief.notes)).casefold()
    return any(word.casefold() not in known for word in WORD.findall(heading) if word != word.upper())


def _points(group: Iterable[str], language: Language, said: set[str]) -> tuple[str, ...]:
    seen = set(said)
    kept = []
    for raw in group:
        point = tidy(raw, POINT_LENGTH[language])
        if point and _key(point) not in seen:
            seen.add(_key(point))
            kept.append(point)
    return tuple(kept[: POINTS[1]])


def _title(brief: Brief, drafts: Iterable[Draft]) -> str:
    titles = (tidy(draft.title, 2 * HEADING_LENGTH[brief.language]) for draft in drafts)
    return next((title for title in titles if title), brief.topic.splitlines()[0][:120].strip())


def _alternatives(brief: Brief, drafts: Iterable[Draft]) -> tuple[str, ...]:
    """Other titles than the one that was taken, as many as differ."""
    used, kept = {_key(_title(brief, drafts))}, list[str]()
    for draft in drafts:
        for raw in (draft.title, *draft.alternative_titles):
            title = tidy(raw, 2 * HEADING_LENGTH[brief.language])
            if title and _key(title) not in used:
                used.add(_key(title))
                kept.append(title)
    return tuple(kept[: 2 * ALTERNATIVES])


def _summary(text: str, language: Language) -> str:
    text = " ".join(text.split())
    return "" if RUBBISH.search(text) else _uncut(text) if len(text) >= SUMMARY_LENGTH[language] else text


def _key(text: str) -> str:
    """What makes two headings the same: letters and digits only."""
    return "".join(character for character in text.casefold() if character.isalnum())


def _from_json(value: Any) -> Draft:
    if not isinstance(value, Mapping):
        return Draft()
    sections = value.get("sections")
    if isinstance(sections, list):
        known = [section for section in sections if isinstance(section, Mapping)]
        headings = tuple(str(section.get("heading", "")) for section in known)
        points = tuple(_strings(section.get("key_points")) for section in known)
    else:
        headings = _strings(value.get("headings"))
        groups = value.get("key_points")
        points = tuple(_strings(group) for group in groups) if isinstance(groups, list) else ()
    title, summary = value.get("title"), value.get("summary")
    return Draft(
        title if isinstance(title, str) else "",
        headings,
        points,
        _strings(value.get("alternative_titles")),
        summary if isinstance(summary, str) else "",
    )


def _closed(fields: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object with exactly these fields."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _from_list(text: str) -> Draft:
    """A numbered list of headings with bulleted points; a line above it is the title."""
    title, headings, points = "", list[str](), list[list[str]]()
    for line in text.splitlines():
        if item := ITEM.match(line):
            if int(item[1]) < len(headings):
                break
            headings.append(item[2])
            points.append([])
        elif (bullet := BULLET.match(line)) and points:
            points[-1].append(bullet[1])
        elif not headings and not title and line.strip():
            named = TITLE.match(line)
            title = named[1] if named else line.strip()
    return Draft(title, tuple(headings), tuple(tuple(group) for group in points))
