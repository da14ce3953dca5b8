"""Tokens a second on a CPU, through the studio's API and on its page, against its libraries called directly.

    uv run python -m benchmarks.text [--only api users] [--model smollm2-135m] [--rounds 3]

Claims, each a ratio of two things measured in turn in one run:

- api: an article through `gradio_client`, no browser, against xllamacpp with all cores given the very same requests.
- browser: from the click to the last word in Chromium on this machine, against a studio that always leaves a core free.
- users: four at once, against the same four one after another.
- prefix: prompt tokens that are read for each section, of those it has.
- transformers: the engine against transformers on the same file (SmolLM2).
"""

import argparse
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks.common import smollm2, verdict
from benchmarks.text_sides import api_seconds, client, raw, raw_rate
from studio.engines.installed import default_bindings
from studio.engines.text import Beside, LlamaCppLoader, Message, TextChunk, TextRequest, TransformersLoader
from studio.engines.text.cores import usable_cores
from studio.engines.text.llamacpp import LlamaCppEngine, chat_body
from studio.registry import Binding, Catalogue, ModelSpec, Rung
from studio.settings import Settings
from studio.studio import Studio
from studio.ui.app import serve
from studio.writing.outlining.outline import parse_outline
from studio.writing.requests import ArticleRequest

MODELS: Final = ("smollm2-135m", "qwen2.5-coder-1.5b")
PARTS: Final = ("api", "browser", "users", "prefix", "transformers")
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
TOPICS = ["City bees", "Bread at home", "Walking in winter", "Learning the piano"]
SECTIONS = {"Choosing a spot": "sun and wind", "The first hive": "frames and smoker", "Through the year": "swarms"}
OUTLINE: Final = {
    "title": "Urban beekeeping for beginners",
    "language": "en",
    "sections": [{"heading": name, "key_points": [point], "target_words": 160} for name, point in SECTIONS.items()],
}


class RecordingEngine:
    """The real engine, which also notes each request and the tokens it came to."""

    def __init__(self, engine: LlamaCppEngine, seen: list[tuple[TextRequest, int]]) -> None:
        self._engine = engine
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def stream(self, request: TextRequest) -> Iterator[TextChunk]:
        """The engine's own stream, whose consumer may end it early."""
        text = ""
        try:
            for chunk in self._engine.stream(request):
                text += chunk.text
                yield chunk
        finally:
            tokens = self._engine.count_tokens(text)
            self._seen.append((replace(request, max_tokens=max(1, tokens)), tokens))


class RecordingLoader:
    """Loads engines that record into one list, and know of the browsers that `beside` knows of."""

    def __init__(self) -> None:
        self.seen: list[tuple[TextRequest, int]] = []
        self.beside = Beside()

    def __call__(self, spec: ModelSpec, weights: Path | None, device: str, rung: Rung = "whole") -> Any:
        return RecordingEngine(LlamaCppLoader(beside=self.beside)(spec, weights, device, rung), self.seen)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was asked of the engine, as xllamacpp takes it."""
        return [chat_body(request) for request, _ in self.seen]

    @property
    def tokens(self) -> int:
        """What it wrote."""
        return sum(tokens for _, tokens in self.seen)


@contextmanager
def studio_with(model: str) -> Iterator[tuple[Studio, RecordingLoader]]:
    """A studio whose only text model is `model`, loaded."""
    settings = Settings.read(keep_alive=0)
    loader = RecordingLoader()
    bindings = {**default_bindings(settings), "llamacpp": Binding(loader, accelerated=lambda: False, alone=False)}
    entries = Catalogue.read(settings.catalogue)
    one = Catalogue([entry for entry in entries if entry.task not in ("text", "code") or entry.id == model])
    with tempfile.TemporaryDirectory() as name:
        settings = settings.model_copy(update={"outputs": Path(name) / "outputs", "data": Path(name) / "data"})
        with Studio(settings, catalogue=one, bindings=bindings) as studio:
            loader.beside = studio.beside
            list(studio.load(model))
            yield studio, loader


def through_the_api(studio: Studio, loader: RecordingLoader, model: str, rounds: int) -> list[float]:
    """Ratios of the studio to xllamacpp, round by round."""
    address, weights = serve(studio, block=False).address, studio.registry.weights(studio.catalogue.get(model))
    ratios = []
    with client() as caller, raw(str(weights)) as library:
        for turn in range(rounds + 1):
            loader.seen.clear()
            seconds = caller.submit(api_seconds, address, OUTLINE, model).result()
            ours = loader.tokens / seconds
            theirs = library.submit(raw_rate, loader.bodies).result()
            if turn:
                print(f"studio {ours:.1f} tokens/s, xllamacpp {theirs:.1f} tokens/s", flush=True)
                ratios.append(ours / theirs)
    return ratios


def browser_seconds(page: Any) -> float:
    """Seconds from the click on "write" to the last change of the article on the page."""
    page.evaluate("""() => {
        window.clicked = window.changed = 0;
        new MutationObserver((changes) => {
            const inside = (node) => (node.closest ? node : node.parentElement)?.closest('#write-text');
            if (changes.some((change) => inside(change.target))) window.changed = performance.now();
        }).observe(document.body, {subtree: true, childList: true, characterData: true});
        document.querySelector('#write-article-start')
            .addEventListener('click', () => { window.clicked = performance.now(); }, {capture: true, once: true});
    }""")
    page.click("#write-article-start")
    page.wait_for_selector("#write-article-stop", state="visible")
    page.wait_for_selector("#write-article-start", state="visible", timeout=300_000)
    return float(page.evaluate("(window.changed - window.clicked) / 1000"))


def click_to_browser(studio: Studio, loader: RecordingLoader, model: str, rounds: int) -> list[float]:
    """Ratios of the studio to one that always leaves a core free, round by round."""
    from playwright.sync_api import sync_playwright

    address, ratios, always = serve(studio, block=False).address, [], Beside()
    with sync_playwright() as playwright, always.shown("127.0.0.1"):
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page()
        page.goto(address)
        page.fill("#write-topic textarea", "Urban beekeeping for beginners")
        page.fill("#write-sections input", "3")
        page.fill("#write-words input", "480")
        page.keyboard.press("Tab")
        page.click("#write-outline-start")
        page.wait_for_selector("#write-article-start", state="visible", timeout=120_000)
        page.wait_for_selector("#write-outline-start", state="visible", timeout=120_000)
        for turn in range(rounds + 1):
            rates = []
            for beside in (studio.beside, always):
                loader.beside = beside
                # The click loads it, as the first one does for whoever opens the page.
                studio.drop(model)
                loader.seen.clear()
                seconds = browser_seconds(page)
                rates.append(loader.tokens / seconds)
            if turn:
                print(f"studio {rates[0]:.1f} tokens/s, one core left free {rates[1]:.1f} tokens/s", flush=True)
                ratios.append(rates[0] / rates[1])
        browser.close()
    loader.beside = studio.beside
    return ratios


def engine_rate(engine: Any) -> float:
    """Tokens a second of one engine for one short request, its prompt included, after a warm-up."""
    request = TextRequest((Message("user", "Write about bees in the city."),), max_tokens=64)
    list(engine.stream(replace(request, max_tokens=4)))
    started = time.perf_counter()
    last = list(engine.stream(request))[-1]
    return float(last.completion_tokens / (time.perf_counter() - started))


def against_transformers(rounds: int) -> list[float]:
    """Ratios of llama.cpp to transformers on the same file, in turn."""
    spec = ModelSpec.model_validate(
        {"id": "same", "name": "same", "task": "text", "engine": "either", "licence": "", "memory": 1}
    )
    ours, theirs = LlamaCppLoader()(spec, smollm2(), "cpu"), TransformersLoader()(spec, smollm2(), "cpu")
    ratios = []
    for _ in range(rounds):
        fast, slow = engine_rate(ours), engine_rate(theirs)
        print(f"studio {fast:.1f} tokens/s, transformers {slow:.1f} tokens/s", flush=True)
        ratios.append(fast / slow)
    ours.close()
    return ratios


def four_users(engine: LlamaCppEngine, rounds: int, length: int) -> tuple[list[float], bool]:
    """Ratios of four at once to one after another, and whether all had begun before the first was done."""

    def write(topic: str) -> tuple[int, float, float]:
        request = TextRequest((Message("user", f"Write a long article about: {topic}"),), max_tokens=length)
        first = 0.0
        tokens = 0
        for chunk in engine.stream(request):
            first = first or (time.perf_counter() if chunk.text else 0.0)
            tokens = chunk.completion_tokens or tokens
        return tokens, first, time.perf_counter()

    def together() -> tuple[float, bool]:
        results: list[tuple[int, float, float]] = []
        threads = [threading.Thread(target=lambda topic=topic: results.append(write(topic))) for topic in TOPICS]
        seconds = timed(lambda: [thread.start() for thread in threads] and [thread.join() for thread in threads])
        overlap = max(first for _, first, _ in results) < min(end for _, _, end in results)
        return sum(tokens for tokens, _, _ in results) / seconds, overlap

    ratios, overlaps = [], []
    for _ in range(rounds):
        tokens: list[int] = []
        seconds = timed(lambda tokens=tokens: [tokens.append(write(topic)[0]) for topic in TOPICS])
        alone = sum(tokens) / seconds
        at_once, overlap = together()
        print(f"four at once {at_once:.1f} tokens/s, one after another {alone:.1f} tokens/s", flush=True)
        ratios.append(at_once / alone)
        overlaps.append(overlap)
    return ratios, all(overlaps)


def prompts_read(studio: Studio, loader: RecordingLoader, model: str) -> list[tuple[int, int]]:
    """For each section of an article, the tokens of its prompt and how many of them were read, by a fresh engine."""
    loader.seen.clear()
    for _ in studio.writer.write_article(ArticleRequest.of(outline=parse_outline(OUTLINE), model=model)):
        pass
    requests = [request for request, _ in loader.seen]
    studio.drop(model)
    list(studio.load(model))
    with studio.registry.lease(model) as lease:
        last = [list(lease.model.stream(replace(request, max_tokens=8)))[-1] for request in requests]
    return [(chunk.prompt_tokens, chunk.prompt_tokens - chunk.cached_tokens) for chunk in last]


def timed(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(model: str, parts: list[str], rounds: int) -> None:
    """Print what was asked for about one model."""
    with studio_with(model) as (studio, loader):
        if "api" in parts:
            ratios = through_the_api(studio, loader, model, rounds)
            verdict(f"{model}, API without a browser, studio / xllamacpp with all cores", ratios, at_least=0.95)
        if "browser" in parts:
            ratios = click_to_browser(studio, loader, model, rounds)
            verdict(f"{model}, click to browser, studio / one core left free", ratios, at_least=1)
        if "users" in parts:
            with studio.registry.lease(model) as lease:
                ratios, overlap = four_users(lease.model, rounds, 160 if model == MODELS[0] else 96)
            verdict(f"{model}, four users, at once / one after another", ratios, at_least=1.15)
            print(f"each saw a first token before the first was done: {overlap}")
        if "prefix" in parts:
            found = prompts_read(studio, loader, model)
            share = statistics.mean(read / whole for whole, read in found[1:])
            told = ", ".join(f"{read} of {whole}" for whole, read in found)
            print(f"{model}, prompt tokens read for each section: {told}; after the first, {share:.0%}")


def main() -> None:
    """Measure what was asked for, else everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=PARTS)
    parser.add_argument("--model", nargs="*", default=list(MODELS), help="ids of the catalogue; fetched if need be")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{usable_cores()} cores")
    if set(options.only) - {"transformers"}:
        for model in options.model:
            measure(model, options.only, options.rounds)
    if "transformers" in options.only and MODELS[0] in options.model:
        verdict("studio / transformers, same weights", against_transformers(options.rounds), at_least=4)


if __name__ == "__main__":
    main()
