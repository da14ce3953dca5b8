"""The app tier under load: calls a second, P99 and errors with many clients, beside a bare Gradio endpoint in one run;
and what 2,000 calls with a session each leave in memory.

    uv run --group load python -m benchmarks.load
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.server import free_port, live_server

BARE = """
import sys, gradio as gr
from gradio.events import api
def nothing(text: str) -> str:
    return text
with gr.Blocks() as page:
    api(nothing, api_name="nothing", concurrency_limit=16)
page.queue().launch(server_port=int(sys.argv[1]), ssr_mode=False, quiet=True)
"""
USERS = Path(__file__).with_name("load_user.py")


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--calls", type=int, default=2000, help="for the memory that stays")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with bare() as url:
            base = loaded(url, ["nothing"], given.clients, given.seconds)
        show("bare Gradio, nothing", base, base)
        with live_server(Path(folder)) as server:
            for names in (["read_infotext"], ["models"], ["score_code"], ["models", "score_code"]):
                show(" + ".join(names), loaded(server.url, names, given.clients, given.seconds), base)
        with live_server(Path(folder)) as server:
            remains(server.url, given.calls)


def loaded(url: str, names: list[str], clients: int, seconds: int) -> dict[str, float]:
    """What Locust saw of whole calls."""
    command = [sys.executable, "-m", "locust", "-f", str(USERS), "--headless", "--json", "--only-summary", "-H", url]
    command += ["-u", str(clients), "-r", str(clients), "-t", f"{seconds}s", "--exit-code-on-error", "0"]
    environ = os.environ | {"LOAD_CALLS": ",".join(names)}
    done = subprocess.run(
        command, check=True, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    rows = [row for row in json.loads(done.stdout) if row["method"] == "CALL"]
    count, failed = sum(row["num_requests"] for row in rows), sum(row["num_failures"] for row in rows)
    last = max(row["last_request_timestamp"] for row in rows) - min(row["start_time"] for row in rows)
    times = sorted(float(ms) for row in rows for ms, times in row["response_times"].items() for _ in range(times))
    return {"rate": count / last, "p99": times[int(0.99 * len(times))] / 1000, "errors": failed / max(count, 1)}


def remains(url: str, calls: int) -> None:
    """Memory, threads and files of the server before and after so many calls, four at a time."""
    from concurrent.futures import ThreadPoolExecutor

    process = next(each for each in psutil.Process().children() if "app.py" in each.cmdline())
    with httpx.Client(base_url=url, timeout=60) as client, ThreadPoolExecutor(4) as pool:

        def call(number: int) -> bool:
            name, data = (("models", []), ("score_code", ["x = 1", "python"]), ("memory", [0, "en"]))[number % 3]
            event = client.post(f"/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
            return "event: complete" in client.get(f"/gradio_api/call/{name}/{event}").text

        list(pool.map(call, range(200)))  # what every process holds once it is warm
        before = state(process)
        begun = time.monotonic()
        good = sum(pool.map(call, range(calls)))
        time.sleep(3)
    after = state(process)
    print(f"{good} of {calls} calls in {time.monotonic() - begun:.0f} s, a new session each")
    for name, value in before.items():
        print(f"  {name}: {value:.0f} before, {after[name]:.0f} after")


def state(process: psutil.Process) -> dict[str, float]:
    """What a process holds: resident megabytes, threads, open files and sockets."""
    return {
        "memory in MB": process.memory_info().rss / 2**20,
        "threads": float(process.num_threads()),
        "descriptors": float(process.num_fds()),
    }


@contextmanager
def bare() -> Iterator[str]:
    """A Gradio app with one endpoint that answers what it was asked."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", BARE, str(port)], stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                httpx.get(url, timeout=5)
                break
            except httpx.TransportError:
                time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def show(name: str, found: dict[str, Any], base: dict[str, Any]) -> None:
    """One line of the table."""
    share = found["rate"] / base["rate"]
    print(
        f"{name}: {found['rate']:.0f} calls a second ({share:.2f} of bare Gradio), "
        f"P99 {found['p99']:.2f} s, errors {100 * found['errors']:.2f} %",
        flush=True,
    )


if __name__ == "__main__":
    main()
