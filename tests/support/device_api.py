"""The service that lends GPUs to Spaces, as far as the `spaces` package asks it, on this machine."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from tests.support.listener import serving


@dataclass
class DeviceApi:
    """Where it listens, and what it was asked; `left` makes it refuse, saying that so many seconds are left."""

    url: str = ""
    left: int | None = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Paths and parameters, in order."""
    _lent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def paths(self, path: str) -> list[dict[str, str]]:
        """The parameters of all requests for one path."""
        return [parameters for asked, parameters in self.asked if asked == path]

    def answer(self, path: str) -> tuple[int, object]:
        """Status and JSON."""
        if path != "/schedule":
            return 200, {}
        if self.left is not None:
            return 429, {"left": self.left, "wait": 60}
        with self._lock:
            self._lent += 1
            # Each request gets a GPU of its own, so none finds an idle child.
            index = self._lent
        return 200, {"idle": False, "nvidiaIndex": index, "nvidiaUUID": f"GPU-{index}", "allowToken": f"token-{index}"}


@contextmanager
def device_api() -> Iterator[DeviceApi]:
    """Serve until the block ends."""
    api = DeviceApi()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            api.asked.append((parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}))
            status, answer = api.answer(parts.path)
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing on the terminal."""

    with serving(Handler) as api.url:
        yield api
