"""Tokens a second of SmolLM2-135M on a CPU, from the click to the browser, against its library called directly.

    uv run python -m benchmarks.text

Three claims, each a ratio measured in one run: the studio against xllamacpp given the very same requests; the studio
against transformers on the same weights; four users at once against the same four one after another.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.common import smollm2, verdict
from studio.engines.text import Message, TextChunk, TextRequest
from studio.engines.text.hf import TransformersLoader
from studio.engines.text.llamacpp import LlamaCppEngine, LlamaCppLoader, chat_body, usable_cores
from studio.registry.entry import Binding
from studio.registry.spec import ModelSpec
from studio.settings import Settings
from studio.studio import Studio, default_bindings
from studio.ui.app import serve

ROUNDS = 3
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
TOPICS = ["City bees", "Bread at home", "Walking in winter", "Learning the piano"]


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
            self._seen.append((replace(request, max_tokens=tokens), tokens))


class RecordingLoader:
    """Loads engines that record into one list."""

    def __init__(self) -> None:
        self._loader = LlamaCppLoader()
        self.seen: list[tuple[TextRequest, int]] = []

    def __call__(self, spec: ModelSpec, weights: Path | None, device: str) -> Any:
        return RecordingEngine(self._loader(spec, weights, device), self.seen)


def raw_server() -> Any:
    """xllamacpp as its own documentation sets it up, with the threads that suit this machine."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(smollm2())
    params.n_ctx, params.n_parallel, params.verbosity = 8192, 1, -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = usable_cores()
    return xllamacpp.Server(params)


def raw_rate(server: Any, requests: list[TextRequest]) -> float:
    """Tokens a second of xllamacpp itself, one request after another, with nothing around it."""
    tokens = 0
    started = time.perf_counter()
    for request in requests:
        last: dict[str, Any] = {}

        def take(event: dict[str, Any], last: dict[str, Any] = last) -> bool:
            last.update(event.get("usage") or {})
            return False

        server.handle_chat_completions(chat_body(request), take)
        tokens += last["completion_tokens"]
    return tokens / (time.perf_counter() - started)


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


def click_to_browser(studio: Studio, loader: RecordingLoader, address: str) -> list[float]:
    """Ratios of the studio to xllamacpp, round by round."""
    from playwright.sync_api import sync_playwright

    ratios = []
    server = raw_server()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
        page = browser.new_page()
        page.goto(address)
        page.fill("#write-topic textarea", "Urban beekeeping for beginners")
        page.fill("#write-sections input", "3")
        page.fill("#write-words input", "240")
        page.keyboard.press("Tab")
        page.click("#write-outline-start")
        page.wait_for_selector("#write-article-start", state="visible", timeout=120_000)
        page.wait_for_selector("#write-outline-start", state="visible", timeout=120_000)
        for turn in range(ROUNDS + 1):
            loader.seen.clear()
            seconds = browser_seconds(page)
            ours = sum(tokens for _, tokens in loader.seen) / seconds
            raw = raw_rate(server, [request for request, _ in loader.seen])
            if turn:
                print(f"studio {ours:.1f} tokens/s, xllamacpp {raw:.1f} tokens/s")
                ratios.append(ours / raw)
        browser.close()
    return ratios


def engine_rate(engine: Any) -> float:
    """Tokens a second of one engine for one short request, its prompt included, after a warm-up."""
    request = TextRequest((Message("user", "Write about bees in the city."),), max_tokens=64)
    list(engine.stream(replace(request, max_tokens=4)))
    started = time.perf_counter()
    last = list(engine.stream(request))[-1]
    return float(last.completion_tokens / (time.perf_counter() - started))


def against_transformers() -> list[float]:
    """Ratios of llama.cpp to transformers on the same file, in turn."""
    spec = ModelSpec.model_validate(
        {"id": "same", "name": "same", "task": "text", "engine": "either", "licence": "", "memory": 1}
    )
    ours, theirs = LlamaCppLoader()(spec, smollm2(), "cpu"), TransformersLoader()(spec, smollm2(), "cpu")
    ratios = []
    for _ in range(ROUNDS):
        fast, slow = engine_rate(ours), engine_rate(theirs)
        print(f"studio {fast:.1f} tokens/s, transformers {slow:.1f} tokens/s")
        ratios.append(fast / slow)
    return ratios


def four_users(engine: LlamaCppEngine) -> tuple[list[float], bool]:
    """Ratios of four at once to one after another, and whether all had begun before the first was done."""

    def write(topic: str) -> tuple[int, float, float]:
        request = TextRequest((Message("user", f"Write a long article about: {topic}"),), max_tokens=160)
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
    for _ in range(ROUNDS):
        tokens: list[int] = []
        seconds = timed(lambda tokens=tokens: [tokens.append(write(topic)[0]) for topic in TOPICS])
        alone = sum(tokens) / seconds
        at_once, overlap = together()
        print(f"four at once {at_once:.1f} tokens/s, one after another {alone:.1f} tokens/s")
        ratios.append(at_once / alone)
        overlaps.append(overlap)
    return ratios, all(overlaps)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """Run the three and print their ratios."""
    print(f"{usable_cores()} cores")
    with tempfile.TemporaryDirectory() as name:
        settings = Settings(cache=Path(name) / "cache", outputs=Path(name) / "outputs", keep_alive=0)
        loader = RecordingLoader()
        bindings = {**default_bindings(settings), "llamacpp": Binding(loader, accelerated=lambda: False)}
        with Studio(settings, bindings=bindings) as studio:
            ratios = click_to_browser(studio, loader, serve(studio, block=False))
            verdict("click to browser, studio / xllamacpp", ratios, at_least=0.95)
            with studio.registry.lease("smollm2-135m") as lease:
                shared, overlap = four_users(lease.model)
            verdict("four users, at once / one after another", shared, at_least=1.15)
            print(f"each saw a first token before the first was done: {overlap}")
    verdict("studio / transformers, same weights", against_transformers(), at_least=4)


if __name__ == "__main__":
    main()
