"""A small package index on this machine (the simple repository API), with wheels made to order and faults as well."""

import base64
import hashlib
import io
import threading
import time
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

from tests.support.listener import serving

CHUNK = 16 * 1024


@dataclass
class Faults:
    """What goes wrong; changed by a test while the index runs."""

    silent: dict[str, threading.Event] = field(default_factory=dict)
    """Paths that end in this are answered only when the event is set; `""` is all of them."""
    cuts: dict[str, int] = field(default_factory=dict)
    """How often the connection breaks off in the middle of a wheel whose name contains this."""
    status: int | None = None
    """Answer everything with this status."""
    login: str | None = None
    """Ask for this `user:password`."""
    seconds_per_chunk: float = 0.0
    """Wait before every 16 KiB of a wheel."""


class PackageIndex:
    """Wheels by the name of their file, served at `address`."""

    def __init__(self) -> None:
        self.wheels: dict[str, bytes] = {}
        self.faults = Faults()
        self.seen: list[str] = []
        self.address = ""

    def add(self, name: str, version: str, members: Mapping[str, bytes]) -> None:
        """Publish a wheel with these files."""
        self.wheels[f"{name.replace('-', '_')}-{version}-py3-none-any.whl"] = wheel(name, version, members)

    def environ(self, login: str | None = None, seconds: int = 60) -> dict[str, str]:
        """What makes uv and pip ask this index alone, each request once and for so many seconds.

        `login` is put into the address.
        """
        address = self.address.replace("://", f"://{login}@") if login else self.address
        uv = {"UV_DEFAULT_INDEX": f"{address}/simple", "UV_NO_CONFIG": "1", "UV_HTTP_TIMEOUT": str(seconds)}
        pip = {
            "PIP_INDEX_URL": f"{address}/simple",
            "PIP_CONFIG_FILE": "/dev/null",
            "PIP_DEFAULT_TIMEOUT": str(seconds),
        }
        return {
            **uv,
            **pip,
            **dict.fromkeys(("UV_HTTP_RETRIES", "PIP_RETRIES"), "0"),
            **dict.fromkeys(("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"), ""),
            **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1"),
        }

    @property
    def fetched(self) -> list[str]:
        """The distributions whose wheels were asked for, in order."""
        files = [path.rsplit("/", 1)[1] for path in self.seen if path.endswith(".whl")]
        return [file.split("-")[0].replace("_", "-") for file in files]


def wheel(name: str, version: str, members: Mapping[str, bytes]) -> bytes:
    """A wheel with these files and what the specification demands beside them."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        **members,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*lines, f"{info}/RECORD,,", ""]).encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return packed.getvalue()


def publish(index: PackageIndex, name: str, pieces: Sequence[bytes], version: str = "1.0") -> None:
    """Publish `pieces` in wheels `name1`, `name2`, …"""
    for number, piece in enumerate(pieces, 1):
        module = f"{name.replace('-', '_')}{number}"
        index.add(f"{name}{number}", version, {f"{module}/__init__.py": b"", f"{module}/data/piece.bin": piece})


@contextmanager
def package_index() -> Iterator[PackageIndex]:
    """Serve an index without packages until the block ends."""
    index = PackageIndex()

    class Handler(_Handler):
        served = index

    with serving(Handler) as index.address:
        try:
            yield index
        finally:
            for event in index.faults.silent.values():
                event.set()


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


class _Handler(BaseHTTPRequestHandler):
    served: PackageIndex
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        index, path = self.served, unquote(urlsplit(self.path).path)
        index.seen.append(path)
        for part, event in index.faults.silent.items():
            if path.endswith(part):
                event.wait(60)
        if index.faults.status is not None:
            return self._send(index.faults.status, b"", "text/plain")
        login = index.faults.login
        if login and self.headers.get("Authorization") != f"Basic {base64.b64encode(login.encode()).decode()}":
            return self._send(401, b"", "text/plain", {"WWW-Authenticate": 'Basic realm="index"'})
        file = path.rsplit("/", 1)[1]
        if file in index.wheels:
            return self._send_wheel(file, index.wheels[file])
        if file.removesuffix(".metadata") in index.wheels:
            return self._send(200, self._metadata(index.wheels[file.removesuffix(".metadata")]), "text/plain")
        project = path.strip("/").split("/")[-1]
        links = [
            f'<a href="/files/{name}" data-core-metadata="true">{name}</a>'
            for name in index.wheels
            if name.split("-")[0].replace("_", "-") == project
        ]
        page = f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode()
        return self._send(200 if links else 404, page, "text/html")

    def _metadata(self, content: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))

    def _send_wheel(self, file: str, content: bytes) -> None:
        faults = self.served.faults
        end = len(content)
        for part, left in faults.cuts.items():
            if part in file and left:
                faults.cuts[part] -= 1
                end //= 2
                self.close_connection = True
        self._head(200, len(content), "application/octet-stream", {})
        for offset in range(0, end, CHUNK):
            time.sleep(faults.seconds_per_chunk)
            self.wfile.write(content[offset : min(offset + CHUNK, end)])
            self.wfile.flush()

    def _send(self, status: int, content: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self._head(status, len(content), kind, headers or {})
        self.wfile.write(content)

    def _head(self, status: int, length: int, kind: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()
