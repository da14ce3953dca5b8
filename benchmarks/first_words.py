"""From the README's first command in an empty clone to words worth reading: seconds and bytes.

    uv run python -m benchmarks.first_words [--cold]

The clone is new, and so is the studio's own cache: everything is installed, and the default model is fetched. With
`--cold` the installer's cache is empty as well, so that every byte crosses the network; otherwise it is the user's own.
"""

import argparse
import os
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
from gradio_client import Client

from benchmarks.common import ROOT, free_port

MODEL: Final = "qwen2.5-coder-1.5b"
BRIEF: Final = {
    "topic": "城市养蜂入门",
    "audience": "有阳台、没经验的人",
    "tone": "亲切、实用",
    "keywords": "蜂箱，邻居，蜂蜜",
    "language": "zh",
    "sections": 4,
    "words": 800,
}
POLL_SECONDS: Final = 0.2
LIMIT_SECONDS: Final = 1800


class Watch:
    """Seconds since the start, and bytes that this machine has received since then."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._received = psutil.net_io_counters().bytes_recv

    def tell(self, what: str) -> None:
        """Print both for one moment."""
        seconds = time.perf_counter() - self._started
        received = psutil.net_io_counters().bytes_recv - self._received
        print(f"{what}: {seconds:.1f} s, {received / 1e6:,.0f} MB received", flush=True)


@contextmanager
def running(folder: Path, cold: bool) -> Any:
    """The README's first command in a clone of this repository; yields the address it will answer at."""
    clone, port = folder / "clone", free_port()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV")}
    environment |= {
        "STUDIO_PORT": str(port),
        "STUDIO_CACHE": str(folder / "cache"),
        "STUDIO_OUTPUTS": str(folder / "outputs"),
        "STUDIO_DATA": str(folder / "data"),
    }
    if cold:
        environment["UV_CACHE_DIR"] = str(folder / "uv")
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        ["uv", "run", "app.py"], cwd=clone, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield f"http://127.0.0.1:{port}/", process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        log.close()


def wait(condition: Any, process: "subprocess.Popen[bytes]") -> Any:
    """Ask again and again, until the answer is something; the error of the last attempt where it never is."""
    end = time.monotonic() + LIMIT_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            if answer := condition():
                return answer
        except (urllib.error.URLError, OSError, ValueError):
            pass
        time.sleep(POLL_SECONDS)
    raise RuntimeError("the studio ended, or never came that far")


def main() -> None:
    """Start, and tell the moments as they come."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cold", action="store_true", help="begin with an empty cache of the installer")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        watch = Watch()
        with running(Path(name), options.cold) as (url, process):
            wait(lambda: urllib.request.urlopen(url, timeout=30).read(), process)
            watch.tell("the page")
            client = Client(url, verbose=False)

            def present() -> bool:
                return any(model["id"] == MODEL and model["present"] for model in client.predict(api_name="/models"))

            wait(present, process)
            watch.tell("the last byte of the default model")
            outline = client.predict(**BRIEF, api_name="/outline")
            watch.tell("a Chinese outline")
            text = client.predict(outline=outline, index=0, api_name="/write_section")
            watch.tell("the end of a first Chinese section")
            print(f"\n# {outline['title']}\n\n## {outline['sections'][0]['heading']}\n\n{text}")


if __name__ == "__main__":
    main()
