"""CPU cores: how many there are, how many write, and how threads wait for each other."""

import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

MANY_CORES: Final = 8
"""From this many on, one core more or less hardly changes how fast text is written; see `writing_cores`."""

WAITING: Final[Mapping[str, str]] = {"OMP_WAIT_POLICY": "active", "GOMP_SPINCOUNT": "300000"}
"""How threads of llama.cpp wait for each other, as its OpenMP library reads it when it is loaded.

A token passes hundreds of barriers. Waiting threads spin, some milliseconds at most as by default. But as soon as there
are more threads than cores, which two loaded models are enough for, the default cuts that to 100 turns; then every
barrier puts its threads to sleep, and two threads become slower than one. `active` makes it 1000, which outlasts a
barrier.
"""

_loading = threading.Lock()


def usable_cores() -> int:
    """CPU cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_running() -> int:
    """Threads of this machine that run or could, whoever asks among them (proc(5), stat); 0 where nothing tells."""
    try:
        told = Path("/proc/stat").read_text(encoding="ascii")
    except OSError:
        return 0
    found = re.search(r"^procs_running (\d+)$", told, re.MULTILINE)
    return int(found[1]) if found else 0


def others_running(running: Callable[[], int] = threads_running, samples: int = 8, apart: float = 0.005) -> bool:
    """Whether something else keeps a core of this machine busy right now, as far as the system tells.

    To be asked while no text is written: this process's own threads count as well. What only has something to do now
    and then, such as whoever sent the request, is missing in one look or another; then the answer is there at once.
    """
    for _ in range(samples):
        if running() <= 1:
            return False
        time.sleep(apart)
    return True


def writing_cores(cores: int, *, beside: bool) -> int:
    """How many of `cores` write a single text; `beside` says whether a browser on this machine, or something else,
    wants one meanwhile.

    A token passes hundreds of barriers, and whoever else wants a core holds up all threads there. So one core is left
    to the browser, and of many cores to whoever comes, because there one is worth little.
    """
    return max(1, cores - 1) if beside or cores >= MANY_CORES else cores


def llama_cpp() -> Any:
    """The library, loaded with `WAITING`; what the host's own environment says of it goes first."""
    with _loading:
        given = {name: value for name, value in WAITING.items() if name not in os.environ}
        os.environ.update(given)
        try:
            import xllamacpp
        finally:
            # Not for the programs that this one starts.
            for name in given:
                del os.environ[name]
    return xllamacpp
