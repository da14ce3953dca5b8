"""What stands beside the writer's articles: one plain call for each brief, with the same weights and library defaults.

The call asks for all that the brief asks for, the form included, so that its text can be parted and counted as the
articles are. The library is the one that the studio writes with; nothing of the studio is around it.
"""

import json
import re
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.writing_measures import SECTIONS, WORDS
from studio.engines.text.cores import llama_cpp
from studio.errors import InvalidRequest
from studio.registry import Catalogue, WeightsStore
from studio.settings import Settings
from studio.writing.documents.importing import parted

SUFFIX: Final = " plain"
"""What the folder of a model's plain texts is called by, after the model."""
CONTEXT: Final = 4096
MOST_TOKENS: Final = 1600
ASKED: Final = {
    "en": (
        "Write a blog post in English on the topic “{topic}”, about {words} words long. Write it in Markdown: a title"
        " that begins with #, then exactly {sections} sections, each with a heading that begins with ##. The readers"
        " are {audience}, and the tone is {tone}. Use the keywords {keywords}. Tell these facts:\n{facts}"
    ),
    "zh": (
        "请用中文写一篇博客文章，主题是“{topic}”，全文约 {words} 字。用 Markdown 格式：标题以 # 开头，然后正好"
        " {sections} 节，每一节的小标题以 ## 开头。读者是{audience}，语气要{tone}。请用到这些关键词：{keywords}。"
        "请写进这些事实：\n{facts}"
    ),
}
WRAPPED: Final = re.compile(r"^```(?:markdown|md)[ \t]*\n(.*?)(?:^```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
"""A text handed over as a block of code, the end of which may be cut off."""


class PlainModel:
    """A model as its library serves it by itself; only the length of the context is set."""

    def __init__(self, weights: Path, threads: int | None) -> None:
        xllamacpp = llama_cpp()
        params = xllamacpp.CommonParams()
        params.model.path = str(weights)
        params.n_ctx, params.verbosity = CONTEXT, -1
        if threads:  # they change how fast it writes, not what
            params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        self._server = xllamacpp.Server(params)

    def say(self, content: str, seed: int | None) -> tuple[str, str]:
        """The answer to one message, and why it ended."""
        body: dict[str, Any] = {"messages": [{"role": "user", "content": content}], "max_tokens": MOST_TOKENS}
        if seed is not None:
            body["seed"] = seed
        answer = self._server.handle_chat_completions(body)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        choice = answer["choices"][0]
        return choice["message"]["content"] or "", choice["finish_reason"]


def plain_weights(model: str, settings: Settings) -> Path:
    """The file that the studio would take for a model, fetched as it would be."""
    spec = Catalogue.read(settings.catalogue).get(model)
    if spec.engine != "llamacpp":
        raise SystemExit(f"{model} is not written with llama.cpp, and there is no plain call of its engine here")
    return WeightsStore(settings.cache).fetch(spec.name, spec.sources, lambda done, total: None, starter=spec.starter)


def asked(fields: dict[str, str], language: str) -> str:
    """A brief as one message."""
    facts = "\n".join(f"- {fact}" for fact in fields["notes"].splitlines())
    return ASKED[language].format(**fields, facts=facts, words=WORDS[language], sections=SECTIONS)


def as_article(fields: dict[str, str], language: str, said: str) -> dict[str, Any]:
    """A plain text in the form of the writer's articles: its headings are the outline, each section has its share.

    What stands before the first heading belongs to the first section, as in a draft that is brought to the studio.
    """
    try:
        outline, texts = parted(WRAPPED.sub(r"\1", said), fields["topic"])
    except InvalidRequest:  # nothing was said at all: every section is missing
        plan: dict[str, Any] = {"title": fields["topic"], "sections": []}
        texts = {}
    else:
        plan = outline.model_dump(mode="json")
    for section in plan["sections"]:
        section["target_words"] = WORDS[language] // SECTIONS
    sections = [
        {"index": index, "heading": section["heading"], "text": unmade(texts.get(index, ""), said)}
        for index, section in enumerate(plan["sections"])
    ]
    return {"brief": fields, "language": language, "outline": {**plan, "language": language}, "sections": sections}


def unmade(text: str, said: str) -> str:
    """A section without the headings that are the reader's: it puts what is beyond twelve sections under the last."""
    own = {line.strip() for line in said.splitlines()}
    kept = [line for line in text.splitlines() if not line.startswith("### ") or line.strip() in own]
    return "\n".join(kept).strip()


def write_plain(
    left: Iterable[tuple[str, str, dict[str, str], Path]], settings: Settings, seed: int | None, threads: int | None
) -> None:
    """Write each missing text into its file, with one call and as it comes."""
    held: tuple[str, PlainModel] | None = None
    for model, language, fields, path in left:
        if held is None or held[0] != model:
            held = None  # the one before goes first: two may be more than fits
            held = (model, PlainModel(plain_weights(model, settings), threads))
        content = asked(fields, language)
        started = time.monotonic()
        said, finish = held[1].say(content, None if seed is None else zlib.crc32(content.encode(), seed))
        seconds = round(time.monotonic() - started, 1)
        kept = as_article(fields, language, said) | {"said": said, "finish": finish, "seconds": seconds}
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(kept, ensure_ascii=False, indent=1), encoding="utf-8")
        part.replace(path)
        print(f"{model} {fields['id']}: one plain call, {seconds} s, {len(kept['sections'])} sections", flush=True)
