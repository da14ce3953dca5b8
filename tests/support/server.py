"""A studio as users run it: `app.py` in a process of its own, on a free port of this machine."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class LiveServer:
    """Where it answers, and what it has logged so far."""

    url: str
    log: list[str]
    terminate: Callable[[], None] = lambda: None
    """Tell it to end."""


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def live_server(folder: Path, **settings: str) -> Iterator[LiveServer]:
    """Start the studio with its cache and outputs in `folder`; `settings` are `STUDIO_*` variables in lower case.

    Nothing is fetched by itself, and with the studio's own catalogue SmolLM2 writes, whose words do not matter.
    """
    port = free_port()
    # Tests run two at a time: threads of two studios on all cores would wait for each other more than they write.
    quiet = {"STUDIO_PREFETCH": "off", "STUDIO_THREADS": "1"}
    if "catalogue" not in settings:
        quiet["STUDIO_DEFAULT_MODELS"] = "text=smollm2-135m, code=smollm2-135m"
    given = {
        **quiet,
        "STUDIO_CACHE": str(folder / "cache"),
        "STUDIO_OUTPUTS": str(folder / "outputs"),
        "STUDIO_DATA": str(folder / "data"),
        "STUDIO_PORT": str(port),
        "GRADIO_TEMP_DIR": str(folder / "gradio"),
        "STUDIO_DRAIN": "0",
        **{f"STUDIO_{name.upper()}": value for name, value in settings.items()},
    }
    process = subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, **given},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log: list[str] = []
    reader = threading.Thread(target=lambda: log.extend(process.stdout or ()), daemon=True)
    reader.start()
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log)
        yield LiveServer(url, log, process.terminate)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait(url: str, process: "subprocess.Popen[str]", log: list[str], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError("the studio ended while starting:\n" + "".join(log))
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return  # it wants to know who asks
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("the studio did not answer:\n" + "".join(log))
