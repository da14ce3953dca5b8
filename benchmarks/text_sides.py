"""What `benchmarks.text` measures against, each in a process of its own: xllamacpp as it comes, and a client.

The threads of two llama.cpp servers in one process would get in each other's way.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from studio.engines.text.cores import usable_cores

_held: dict[str, Any] = {}


def raw(weights: str) -> ProcessPoolExecutor:
    """A process that holds xllamacpp as its documentation sets it up, with all cores; submit `raw_rate` to it."""
    return ProcessPoolExecutor(1, get_context("spawn"), _hold, (weights,))


def client() -> ProcessPoolExecutor:
    """A process for a client; submit `api_seconds` to it."""
    return ProcessPoolExecutor(1, get_context("spawn"))


def _hold(weights: str) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.n_ctx, params.n_parallel, params.verbosity = 8192, 1, -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = usable_cores()
    _held["server"] = xllamacpp.Server(params)


def raw_rate(bodies: list[dict[str, Any]]) -> float:
    """Tokens a second, one request after another, with nothing around them."""
    tokens = 0
    started = time.perf_counter()
    for body in bodies:
        last: dict[str, Any] = {}

        def take(event: dict[str, Any], last: dict[str, Any] = last) -> bool:
            last.update(event.get("usage") or {})
            return False

        _held["server"].handle_chat_completions(body, take)
        tokens += last["completion_tokens"]
    return tokens / (time.perf_counter() - started)


def api_seconds(address: str, outline: dict[str, Any], model: str) -> float:
    """Seconds from asking for an article to having all of it, with `gradio_client`."""
    from gradio_client import Client

    if _held.get("address") != address:
        _held.update(address=address, client=Client(address, verbose=False))
    started = time.perf_counter()
    for _ in _held["client"].submit(outline, model, api_name="/write_article"):
        pass
    return time.perf_counter() - started
