"""A llama.cpp server that is built anew when other threads have come to pay."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

RELOAD_SHARE: Final = 20
"""How many times as long as it took to load a server is kept at least, so that reloading costs 5 % at most."""


class Serving:
    """Lends one server to several readers at once.

    Its number of threads is fixed when it is loaded. When it is lent while nobody else has it, and `threads` says
    another number by now, it is loaded again first; its weights are in the page cache then.
    """

    def __init__(self, build: Callable[[int], Any], threads: Callable[[], int], keep: float = RELOAD_SHARE) -> None:
        """`build` loads a server that writes a single text with so many threads; what it raises comes out here too.

        A server is kept `keep` times as long as it took to load.
        """
        self._build = build
        self._wanted = threads
        self._keep = keep
        self._lock = threading.Lock()
        self._readers = 0
        self._server: Any = None
        self._tokenizer: httpx.Client | None = None
        self._threads = 0
        self._kept_until = 0.0
        self._load(threads())

    @property
    def threads(self) -> int:
        """How many threads write a single text at present."""
        return self._threads

    @contextmanager
    def lent(self) -> Iterator[Any]:
        """The server, to be used by one more reader."""
        with self._lock:
            if self._server is None:
                self._load(self._wanted())
            elif not self._readers and time.monotonic() >= self._kept_until:
                # Asked only now, because finding out may take a moment.
                self._suit(self._wanted())
            self._readers += 1
            server = self._server
        try:
            yield server
        finally:
            del server
            with self._lock:
                self._readers -= 1

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` takes."""
        with self._lock:
            tokenizer = self._tokenizer or self._load(self._wanted())
            answer = tokenizer.post("/tokenize", json={"content": text})
        return len(answer.json()["tokens"])

    def close(self) -> None:
        """Let the server go; nobody may use it any more."""
        with self._lock:
            self._unload()

    def _suit(self, threads: int) -> None:
        if threads != self._threads:
            self._load(threads)

    def _load(self, threads: int) -> httpx.Client:
        self._unload()
        started = time.monotonic()
        self._server, self._threads = self._build(threads), threads
        self._tokenizer = tokenizer = _client(self._server.listening_address)
        took = time.monotonic() - started
        self._kept_until = started + took + self._keep * took
        return tokenizer

    def _unload(self) -> None:
        if self._tokenizer is not None:
            self._tokenizer.close()
        self._server = self._tokenizer = None


def _client(address: str) -> httpx.Client:
    """A client for llama.cpp's own web server, which alone offers its tokenizer."""
    if address.startswith("unix://"):
        transport = httpx.HTTPTransport(uds=address.removeprefix("unix://"))
        return httpx.Client(transport=transport, base_url="http://llama", timeout=30)
    return httpx.Client(base_url=address, timeout=30, trust_env=False)
