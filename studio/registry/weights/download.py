"""Bytes from a hub to a file: listed, resumed, counted, verified, and stopped at once when asked."""

import asyncio
import errno
import hashlib
import re
import shutil
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx

from studio.errors import Cancelled, Reason, StorageFailed
from studio.pace import Pace
from studio.registry.catalogue.spec import Source
from studio.registry.weights.digests import CHUNK
from studio.registry.weights.redirects import PrivateRedirect, PublicRedirects

T = TypeVar("T")
Progress = Callable[[int, int | None], None]
"""Called with bytes done and bytes in all, when known."""

TIMEOUT: Final = httpx.Timeout(20, connect=5)
ATTEMPTS_WITHOUT_PROGRESS: Final = 3
CANCEL_CHECK_SECONDS: Final = 0.1
ROOM_TO_SPARE: Final = 64 * 2**20
FULL_DISK: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SourceError(Exception):
    """One source of weights could not deliver; the next one may. Never leaves the registry."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True)
class HubFile:
    """One file of a repository as the hub lists it; `blob` is its git object id, `sha256` known for large files."""

    path: str
    size: int | None
    sha256: str | None
    blob: str | None


@dataclass(frozen=True)
class Listing:
    """The files of a repository at one commit."""

    commit: str
    files: tuple[HubFile, ...]

    def wanted(self, source: Source) -> list[HubFile]:
        """The files that a source asks for, small ones first so that the wait ends with the weights.

        Raises:
            SourceError: there are none, or the one file is not the one that the catalogue means.
        """
        from huggingface_hub.utils import filter_repo_objects

        if source.file:
            found = [file for file in self.files if file.path == source.file]
            if not found:
                raise SourceError(Reason("weights.reason.no_hub_file", {"file": source.file}))
            if source.sha256 and found[0].sha256 and found[0].sha256 != source.sha256:
                raise SourceError(Reason("weights.reason.checksum", {"file": source.file}))
            return found
        allow = list(source.allow) or None
        matching = list(filter_repo_objects(self.files, allow_patterns=allow, key=lambda file: file.path))
        paths = {file.path for file in matching}
        for pattern in source.allow:
            if not set(pattern) & set("*?[") and pattern not in paths:
                raise SourceError(Reason("weights.reason.no_hub_file", {"file": pattern}))
        if not matching:
            raise SourceError(Reason("weights.reason.no_match", {"patterns": ", ".join(source.allow)}))
        return sorted(matching, key=lambda file: file.size or 0)


class Remote:
    """A connection to one hub, for the length of one fetch."""

    def __init__(self, endpoint: str, token: str | None) -> None:
        self._endpoint = endpoint
        self._host = urlsplit(endpoint).hostname or endpoint
        headers = {"user-agent": "aigc-studio", "accept-encoding": "identity"}
        if token:
            headers["authorization"] = f"Bearer {token}"
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=TIMEOUT,
            follow_redirects=True,
            event_hooks={"request": [PublicRedirects(urlsplit(endpoint).hostname or "")]},
        )
        self._meter = Meter(lambda done, total: None, None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def listing(self, source: Source) -> Listing:
        """What the repository holds at the source's revision (hub API, `GET /api/models/{repo}/revision/{rev}`).

        Raises:
            SourceError: the hub cannot be reached, refuses, or answers something else.
        """
        url = f"{self._endpoint}/api/models/{source.hub}/revision/{quote(source.revision, safe='')}?blobs=true"
        try:
            answer = await self._client.get(url)
        except (httpx.TransportError, httpx.InvalidURL, httpx.TooManyRedirects) as error:
            raise self._unreachable(error) from error
        self._raise_for_refusal(answer, source)
        try:
            return _listing(answer.json())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(Reason("weights.reason.malformed", {"host": self._host})) from error

    def expect(self, wanted: Sequence[tuple[HubFile, Path]], progress: Progress) -> None:
        """Begin counting `wanted`, pairs of a file and where it goes.

        Raises:
            StorageFailed: the disk has no room for what is missing.
        """
        sizes = [file.size for file, _ in wanted]
        total = sum(size for size in sizes if size is not None) if None not in sizes else None
        self._meter = Meter(progress, total)
        missing = sum(file.size or 0 for file, target in wanted if not target.exists())
        if missing:
            require_room(missing, wanted[0][1])

    async def download(self, source: Source, commit: str, file: HubFile, partial: Path, target: Path) -> str | None:
        """Bring one file to `target` by way of `partial`; returns its SHA-256, None where it was there before.

        Raises:
            SourceError: the transfer broke off repeatedly, or what arrived is not what is listed.
            StorageFailed: the disk refused the write.
        """
        if target.exists() and (file.size is None or target.stat().st_size == file.size):
            self._meter.finish(target.stat().st_size)
            return None
        url = f"{self._endpoint}/{source.hub}/resolve/{commit}/{quote(file.path)}"
        try:
            partial.parent.mkdir(parents=True, exist_ok=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            await self._complete(source, url, file, partial)
            digest = await _verified(partial, file, source.sha256)
            self._meter.finish(partial.stat().st_size)
            partial.replace(target)
        except OSError as error:
            raise storage_failed(error, target.parent) from error
        return digest

    async def _complete(self, source: Source, url: str, file: HubFile, partial: Path) -> None:
        """Append to `partial` until it is whole, connecting again as long as that brings it further."""
        furthest, failures = 0, 0
        while not (file.size is not None and _size(partial) == file.size and partial.exists()):
            if file.size is not None and _size(partial) > file.size:
                partial.unlink()
            try:
                await self._stream(source, url, partial)
                if file.size is None:
                    return
                if _size(partial) > file.size:
                    partial.unlink()
                    raise SourceError(Reason("weights.reason.checksum", {"file": file.path}))
            except (httpx.TransportError, httpx.InvalidURL, httpx.TooManyRedirects) as error:
                cause = self._unreachable(error)
            else:
                cause = SourceError(Reason("weights.reason.broken", {"host": self._host}))
            reached = _size(partial)
            failures = 0 if reached > furthest else failures + 1
            furthest = max(furthest, reached)
            if failures >= ATTEMPTS_WITHOUT_PROGRESS:
                raise cause
            if file.size is None or reached != file.size:
                await asyncio.sleep(0.25 * 2**failures)

    async def _stream(self, source: Source, url: str, partial: Path) -> None:
        """One request for what is missing of a file (RFC 9110, 14: range requests)."""
        have = _size(partial)
        headers = {"range": f"bytes={have}-"} if have else {}
        async with self._client.stream("GET", url, headers=headers) as answer:
            if answer.status_code in (408, 416, 429) or answer.status_code >= 500:
                if answer.status_code == 416:
                    partial.unlink()
                raise httpx.RemoteProtocolError(f"status {answer.status_code}")
            self._raise_for_refusal(answer, source)
            start = re.match(r"bytes (\d+)-", answer.headers.get("content-range", ""))
            resumed = answer.status_code == 206 and start is not None and int(start[1]) == have
            have = have if resumed else 0
            with partial.open("ab" if resumed else "wb") as out:
                async for chunk in answer.aiter_bytes():
                    out.write(chunk)
                    have += len(chunk)
                    self._meter.at(have)

    def _raise_for_refusal(self, answer: httpx.Response, source: Source) -> None:
        if answer.is_success:
            return
        code = answer.headers.get("x-error-code", "")
        details = {"repository": source.hub, "revision": source.revision, "host": self._host}
        if code == "RevisionNotFound":
            raise SourceError(Reason("weights.reason.no_revision", details))
        if code == "EntryNotFound":
            raise SourceError(Reason("weights.reason.no_hub_file", {"file": source.file or source.hub}))
        if code == "GatedRepo" or answer.status_code == 403:
            raise SourceError(Reason("weights.reason.gated", details))
        if answer.status_code in (401, 404):
            # The hub answers 401 for a repository that does not exist, so that private ones cannot be guessed.
            raise SourceError(Reason("weights.reason.no_repository", details))
        raise SourceError(Reason("weights.reason.status", {"host": self._host, "status": answer.status_code}))

    def _unreachable(self, error: Exception) -> SourceError:
        if isinstance(error, PrivateRedirect):
            return SourceError(Reason("weights.reason.private", {"host": self._host}))
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return SourceError(Reason("weights.reason.address", {"address": self._endpoint}))
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            return SourceError(Reason("weights.reason.unreachable", {"host": self._host}))
        return SourceError(Reason("weights.reason.broken", {"host": self._host}))


class Meter:
    """Counts the bytes of several files and reports them at most twenty times a second."""

    def __init__(self, progress: Progress, total: int | None) -> None:
        self._progress = progress
        self._total = total
        self._before = 0
        self._pace = Pace()

    def at(self, size: int) -> None:
        """The current file has this many bytes."""
        if self._pace.due():
            self._progress(self._before + size, self._total)

    def finish(self, size: int) -> None:
        """The current file is whole; the next one begins."""
        self._before += size
        self._progress(self._before, self._total)


def detached(work: Callable[[], Awaitable[T]], cancelled: Callable[[], bool]) -> T:
    """Run `work` on a loop and thread of its own, and stop it as soon as `cancelled` turns true.

    A loop can be interrupted where a blocking read cannot. The thread is not joined: closing a loop waits for name
    look-ups, which nothing can interrupt and which take long on a machine that is offline.
    """
    outcome: Future[T] = Future()
    stop: list[Callable[[], Any]] = []
    started = threading.Event()

    async def run() -> None:
        inner = asyncio.ensure_future(work())
        loop = asyncio.get_running_loop()
        stop.append(lambda: loop.call_soon_threadsafe(inner.cancel))
        started.set()
        try:
            outcome.set_result(await inner)
        except asyncio.CancelledError:
            outcome.set_exception(Cancelled())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=lambda: asyncio.run(run()), name="fetch", daemon=True).start()
    started.wait()
    while not wait([outcome], timeout=CANCEL_CHECK_SECONDS).done:
        if cancelled():
            stop[0]()
            break
    return outcome.result()


def require_room(needed: int, target: Path) -> None:
    """See to it that the disk of `target`, which need not exist yet, has `needed` bytes and some to spare.

    Raises:
        StorageFailed: it has not.
    """
    folder = next(parent for parent in target.parents if parent.exists())
    free = shutil.disk_usage(folder).free
    if needed + ROOM_TO_SPARE > free:
        raise StorageFailed("weights.no_room", needed=_megabytes(needed), free=_megabytes(free), path=str(folder))


def storage_failed(error: OSError, folder: Path) -> StorageFailed:
    """What a person is told when the cache cannot be written."""
    if error.errno in FULL_DISK:
        return StorageFailed("weights.disk_full", path=str(folder))
    return StorageFailed("weights.unwritable", path=str(folder), reason=error.strerror or str(error))


async def _verified(path: Path, file: HubFile, wanted: str | None) -> str:
    """The SHA-256 of a fetched file; one that is not what was promised is deleted."""
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    expected = [digest for digest in (wanted, file.sha256) if digest]
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            sha256.update(chunk)
            if not expected:
                blob.update(chunk)
            await asyncio.sleep(0)
    found = sha256.hexdigest()
    as_listed = all(digest == found for digest in expected) if expected else file.blob in (None, blob.hexdigest())
    if not as_listed:
        path.unlink()
        raise SourceError(Reason("weights.reason.checksum", {"file": file.path}))
    return found


def _listing(answer: Any) -> Listing:
    commit = str(answer["sha"])
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        raise ValueError(commit)
    files = []
    for sibling in answer["siblings"]:
        large = sibling.get("lfs") or {}
        size = large.get("size", sibling.get("size"))
        digest = large.get("sha256") or large.get("oid")
        path = str(sibling["rfilename"])
        files.append(HubFile(path, None if size is None else int(size), digest, sibling.get("blobId")))
    return Listing(commit, tuple(files))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"
