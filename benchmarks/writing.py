"""What the writer makes of forty briefs with each small model: outlines, lengths, language, facts, repeats, likeness.

    uv run python -m benchmarks.writing --texts /tmp/texts --models qwen2.5-coder-1.5b --briefs 2

Each brief gives an outline and all its sections, written into the folder of texts, one file for a model and brief; what
is there already is not written again, so that a long run may be done in slices or be stopped anywhere. The table counts
everything in the folder. Without `--seed` every run draws anew: a seed makes runs repeatable, but then no prompt is
read from a cache.

With `--plain` each brief gives one plain call instead, in a folder of its own beside the model's; see
`benchmarks.writing_plain`.
"""

import argparse
import json
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.writing_measures import COUNTS, SECTIONS, WORDS, measured
from benchmarks.writing_plain import SUFFIX, write_plain
from studio.engines.installed import default_bindings
from studio.engines.text import LlamaCppLoader, TextChunk, TextRequest
from studio.engines.text.llamacpp import LlamaCppEngine
from studio.registry import Binding, ModelSpec
from studio.settings import Settings
from studio.studio import Studio
from studio.writing.documents.markdown import article_markdown
from studio.writing.requests import Brief, Outline, SectionRequest, SectionText

MODELS: Final = ("qwen2.5-coder-1.5b", "qwen2.5-coder-0.5b", "smollm2-135m")
BRIEFS: Final = Path(__file__).with_name("writing_briefs.yaml")


class SeededEngine:
    """The real engine, which draws each request from a seed of its own."""

    def __init__(self, engine: LlamaCppEngine, seed: int) -> None:
        self._engine = engine
        self._seed = seed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def stream(self, request: TextRequest) -> Iterator[TextChunk]:
        """The engine's own stream; the seed depends on what is asked, not on what was asked before."""
        asked = "\n".join(turn.content for turn in request.messages) + (request.prompt or "")
        return self._engine.stream(replace(request, seed=zlib.crc32(asked.encode(), self._seed)))


class SeededLoader(LlamaCppLoader):
    """Loads engines that draw from seeds."""

    def __init__(self, threads: int | None, seed: int) -> None:
        super().__init__(threads, slots=1)
        self._seed = seed

    def __call__(self, spec: ModelSpec, weights: Path | None, device: str, *rest: Any) -> Any:
        return SeededEngine(super().__call__(spec, weights, device, *rest), self._seed)


def planned(studio: Studio, model: str, fields: dict[str, str], language: str) -> dict[str, Any]:
    """An article without a section yet, as plain data: its brief and its outline."""
    wanted = {name: value for name, value in fields.items() if name != "id"}
    brief = Brief.of(**wanted, language=language, sections=SECTIONS, words=WORDS[language], model=model)
    started = time.monotonic()
    outline = [step for step in studio.writer.outline(brief) if isinstance(step, Outline)][-1]
    seconds = round(time.monotonic() - started, 1)
    plan = outline.model_dump(mode="json")
    return {"brief": fields, "language": language, "outline": plan, "sections": [], "seconds": seconds}


def written(studio: Studio, model: str, article: dict[str, Any]) -> dict[str, Any]:
    """The next section of an article, as plain data; it is asked for as the writer does within an article."""
    outline = Outline.model_validate(article["outline"])
    before = {section["index"]: section["text"] for section in article["sections"]}
    request = SectionRequest.of(
        outline=outline, index=len(before), article=article_markdown(outline, before) if before else "", model=model
    )
    return asdict([step for step in studio.writer.write_section(request) if isinstance(step, SectionText)][-1])


def finish(studio: Studio, model: str, fields: dict[str, str], language: str, path: Path) -> None:
    """Write an article into its file, on from where a run before this one was stopped."""
    part = path.with_suffix(".part")
    if part.exists():
        article = json.loads(part.read_text(encoding="utf-8"))
    else:
        article = planned(studio, model, fields, language)
    while len(article["sections"]) < SECTIONS:
        part.write_text(json.dumps(article, ensure_ascii=False, indent=1), encoding="utf-8")
        article["sections"].append(written(studio, model, article))
        print(f"{model} {fields['id']}: section {len(article['sections'])} of {SECTIONS}", flush=True)
    part.write_text(json.dumps(article, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(path)


def table(folder: Path) -> str:
    """Everything written so far, a row for each model and language, as Markdown."""
    lines = [
        "| model | language | briefs | " + " | ".join(COUNTS) + " |",
        "|---|---|---|" + "---|" * len(COUNTS),
    ]
    for model in sorted(path.name for path in folder.iterdir() if path.is_dir()):
        for language in WORDS:
            found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / model).glob("*.json"))]
            ours = [measured(article) for article in found if article["language"] == language]
            if ours:
                cells = [
                    f"{sum(one[name][0] for one in ours)} of {sum(one[name][1] for one in ours)}" for name in COUNTS
                ]
                lines.append(f"| {model} | {language} | {len(ours)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Write what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=Path, required=True, help="folder of the texts, written and to be read")
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--briefs", type=int, default=20, help="how many of each language")
    parser.add_argument("--languages", nargs="*", default=["zh", "en"], choices=list(WORDS))
    parser.add_argument("--most", type=int, default=1000, help="articles to write in this run")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--threads", type=int, help="1 is fastest where something else runs too")
    parser.add_argument("--plain", action="store_true", help="one plain call for each brief, not the writer's article")
    options = parser.parse_args()
    options.texts.mkdir(parents=True, exist_ok=True)
    suffix = SUFFIX if options.plain else ""
    left = missing(options.texts, options.models, options.languages, options.briefs, suffix)[: options.most]
    if left:
        (write_plain if options.plain else write)(left, Settings.read(), options.seed, options.threads)
    print(table(options.texts))


def write(
    left: list[tuple[str, str, dict[str, str], Path]], settings: Settings, seed: int | None, threads: int | None
) -> None:
    """Let the studio's writer write every missing article."""
    loader: Callable[..., Any] = LlamaCppLoader(threads, 1) if seed is None else SeededLoader(threads, seed)
    bindings = {**default_bindings(settings), "llamacpp": Binding(loader, accelerated=lambda: False)}
    with Studio(settings, bindings=bindings) as studio:
        for model, language, fields, path in left:
            path.parent.mkdir(exist_ok=True)
            finish(studio, model, fields, language, path)


def missing(
    folder: Path, models: list[str], languages: list[str], briefs: int, suffix: str = ""
) -> list[tuple[str, str, dict[str, str], Path]]:
    """The model, language, brief and file of every article that is not there yet, the languages in turn.

    The folders are the models' names with `suffix`.
    """
    known: dict[str, list[dict[str, str]]] = yaml.safe_load(BRIEFS.read_text(encoding="utf-8"))
    wanted = [
        (
            model,
            language,
            known[language][number],
            folder / f"{model}{suffix}" / f"{known[language][number]['id']}.json",
        )
        for model in models
        for number in range(briefs)
        for language in languages
        if number < len(known[language])
    ]
    return [article for article in wanted if not article[-1].exists()]


if __name__ == "__main__":
    main()
