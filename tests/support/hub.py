"""A small model hub on this machine that speaks the protocol of the Hugging Face hub, with faults to order."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import unquote, urlsplit

from tests.support.listener import serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1024
"""Files from this size are listed as LFS files, with their SHA-256."""


@dataclass
class Faults:
    """What goes wrong; changed by a test while the hub runs."""

    cut_after: int | None = None
    """Close the connection after so many bytes of a file's answer."""
    cuts: int = 10**9
    """How many answers are cut."""
    replace: dict[str, bytes] = field(default_factory=dict)
    """Send these contents instead of the listed ones."""
    status: int | None = None
    error_code: str = ""
    """Answer everything with this status and `X-Error-Code`."""
    gated: bool = False
    """Ask for a bearer token."""
    seconds_per_chunk: float = 0.0
    """Wait before every 64 KiB."""
    silent: threading.Event | None = None
    """Send headers and one chunk of a file, then nothing until this is set."""
    no_ranges: bool = False
    """Ignore Range, as some proxies do."""
    listed_size: int | None = None
    """The size that the listing claims for every file."""
    page: bytes | None = None
    """Answer the listing with this page, as a captive portal does."""
    elsewhere: bool = False
    """Redirect files to another origin, as the hub does with large ones."""


@dataclass(frozen=True)
class Seen:
    """One request as the hub saw it."""

    method: str
    path: str
    range: str | None
    authorization: str | None


class LocalHub:
    """Repositories as `{"owner/name": {"path": content}}`, served at `endpoint`."""

    def __init__(self, repositories: Mapping[str, Mapping[str, bytes]]) -> None:
        self.repositories = repositories
        self.faults = Faults()
        self.seen: list[Seen] = []
        self.endpoint = ""

    @property
    def files(self) -> list[Seen]:
        """The requests for files, in order."""
        return [seen for seen in self.seen if "/resolve/" in seen.path]

    def listing(self, repository: str) -> bytes:
        """The answer to `/api/models/{repo}/revision/{rev}?blobs=true`."""
        siblings: list[dict[str, Any]] = []
        for path, content in self.repositories[repository].items():
            size = self.faults.listed_size or len(content)
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry: dict[str, Any] = {"rfilename": path, "size": size, "blobId": blob}
            if len(content) >= LARGE:
                digest = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": digest, "size": size, "pointerSize": 130}
            siblings.append(entry)
        return json.dumps({"id": repository, "modelId": repository, "sha": COMMIT, "siblings": siblings}).encode()


@contextmanager
def local_hub(repositories: Mapping[str, Mapping[str, bytes]]) -> Iterator[LocalHub]:
    """Serve `repositories` until the block ends."""
    hub = LocalHub(repositories)

    class Handler(_Handler):
        served = hub

    with serving(Handler) as hub.endpoint:
        yield hub


class _Handler(BaseHTTPRequestHandler):
    served: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub, path = self.served, unquote(urlsplit(self.path).path)
        headers = self.headers
        hub.seen.append(Seen(self.command, path, headers.get("Range"), headers.get("Authorization")))
        if hub.faults.status is not None:
            return self._refuse(hub.faults.status, hub.faults.error_code)
        if hub.faults.gated and not headers.get("Authorization"):
            return self._refuse(401, "GatedRepo")
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", path):
            return self._list(match[1], match[2])
        if hub.faults.elsewhere and "/resolve/" in path and not path.startswith("/elsewhere/"):
            port = urlsplit(hub.endpoint).port
            return self._send(302, b"", {"Location": f"http://localhost:{port}/elsewhere{self.path}"})
        path = path.removeprefix("/elsewhere")
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self._send_file(match[1], match[2], match[3], body)
        return self._refuse(404, "")

    def _list(self, repository: str, revision: str) -> None:
        hub = self.served
        if repository not in hub.repositories:
            return self._refuse(401, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._refuse(404, "RevisionNotFound")
        return self._send(200, hub.faults.page or hub.listing(repository), {"Content-Type": "application/json"})

    def _send_file(self, repository: str, revision: str, name: str, body: bool) -> None:
        hub = self.served
        files = hub.repositories.get(repository)
        if files is None:
            return self._refuse(401, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self._refuse(404, "RevisionNotFound")
        if name not in files:
            return self._refuse(404, "EntryNotFound")
        content = hub.faults.replace.get(name, files[name])
        start, status = 0, 200
        etag = hashlib.sha256(files[name]).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        headers |= {"X-Linked-Size": str(len(content)), "X-Linked-Etag": f'"{etag}"'}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if wanted and not hub.faults.no_ranges:
            start, status = int(wanted[1]), 206
            if start >= len(content):
                return self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self._send(status, content[start:], headers, body=body, faulty=True)

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code} if code else {})

    def _send(
        self, status: int, content: bytes, headers: Mapping[str, str], body: bool = True, faulty: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not body or self.command == "HEAD":
            return
        try:
            self._stream(content, faulty)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _stream(self, content: bytes, faulty: bool) -> None:
        faults = self.served.faults
        cut = faults.cut_after if faulty and faults.cut_after is not None and faults.cuts > 0 else None
        if cut is not None and cut < len(content):
            faults.cuts -= 1
            content = content[:cut]
            self.close_connection = True
        for offset in range(0, len(content), 64 * 1024):
            if faulty and faults.seconds_per_chunk:
                time.sleep(faults.seconds_per_chunk)
            self.wfile.write(content[offset : offset + 64 * 1024])
            self.wfile.flush()
            if faulty and faults.silent is not None:
                faults.silent.wait(60)
                self.close_connection = True
                return
