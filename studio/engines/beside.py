"""Who else needs this machine while a model runs on it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address


class Beside:
    """Browsers on this very machine that are being shown results at the moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown = 0

    @property
    def busy(self) -> bool:
        """Whether there is one."""
        return self._shown > 0

    @contextmanager
    def shown(self, host: str | None) -> Iterator[None]:
        """While a page at the address `host` is shown the results of a run; only one on this machine counts."""
        here = _here(host)
        with self._lock:
            self._shown += here
        try:
            yield
        finally:
            with self._lock:
                self._shown -= here


def _here(host: str | None) -> bool:
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"
