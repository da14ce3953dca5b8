"""What a request names has to be its owner's, and what it brings within bounds."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Message, Receive

from studio.errors import Forbidden, InvalidRequest, StudioError
from studio.identity.identity import Identity
from studio.identity.owners import Owner
from studio.settings import Settings
from studio.ui.gate.calls import Calls
from studio.ui.gate.doors import Door, Thing
from studio.ui.gate.guarded import Guarded
from studio.ui.gate.temporary import Temporary

UPLOADS: Final = 4
"""Files of the largest size that one upload may bring."""
SMALL_BODY: Final = 64 * 2**10
TOLD_LATER: Final = ("auth.file", "body.arguments")
"""What is wrong with a call that can be told where its answer would be: clients show those words, and of a status only
its number."""
ARRIVE_SECONDS: Final = 30.0
"""How long a body may take to begin, or to go on."""


@dataclass(frozen=True)
class House:
    """What the gate has to know of what stands behind it."""

    identity: Identity
    settings: Settings
    functions: Callable[[], Any]
    temporary: Temporary
    public_files: tuple[Path, ...]
    """Folders of files for everybody, such as the sample pictures."""
    inside: str
    """The studio's word for itself."""
    on_space: bool = False


Way = Callable[[Request, Receive, Guarded, Owner], Awaitable[Receive]]


class Contents:
    """Asks, for each thing that a request can name, whether it is its owner's."""

    def __init__(self, house: House) -> None:
        self._house, self._belongings = house, house.identity.belongings
        self._calls = Calls(house.functions, self._belongings, self._may_read)
        self._ways: Mapping[Thing, Way] = {
            "none": self._plain,
            "file": self._file,
            "session": self._session,
            "event": self._event,
            "call": self._call,
            "cancel": self._cancel,
            "upload": self._upload,
            "blob": self._blob,
        }

    async def admitted(self, found: Door, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        """Where to read the body from.

        Raises:
            StudioError: something is another's, or too large, or cannot be understood.
        """
        if found.thing == "upload":
            send.answered = lambda answer: self._given(answer, owner)
        return await self._ways[found.thing](request, receive, send, owner)

    async def _plain(self, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        return bounded(receive, request, self._house.settings.max_body)

    async def _file(self, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        file = request.scope["path"].partition("/file=")[2]
        if not await run_in_threadpool(self._may_read, file, owner):
            raise Forbidden("auth.unknown")
        return receive

    async def _session(self, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        path = request.scope["path"]
        session = path.rsplit("/", 1)[-1] if "/heartbeat/" in path else _query(request, "session_hash")
        # The studio itself, calling for whoever uses MCP, reads what it asked for in their name.
        if not session or not (request.scope["state"]["inside"] or self._belongings.claim(session, owner.id)):
            raise Forbidden("auth.unknown")
        return receive

    async def _event(self, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        if not self._belongings.has_event(request.scope["path"].rsplit("/", 1)[-1], owner.id):
            raise Forbidden("auth.unknown")
        return receive

    async def _call(self, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        body, path = await self._body(request, receive), request.scope["path"]
        try:
            if len(body) > SMALL_BODY:
                # Parsing megabytes takes a moment in which nobody else would be served.
                await run_in_threadpool(self._calls.check, path, body, owner)
            else:
                self._calls.check(path, body, owner)
        except StudioError as error:
            if not path.endswith("/queue/join") or error.code not in TOLD_LATER:
                raise
            request.scope["state"]["refused"] = error
        return _again(body, receive)

    async def _cancel(self, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        body = await self._body(request, receive)
        self._calls.check_cancel(body, owner)
        return _again(body, receive)

    async def _upload(self, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        length, most = _length(request), UPLOADS * self._house.settings.max_upload
        if length is None:
            raise InvalidRequest("body.length")
        _within(length, most)
        self._house.identity.limits.upload(owner, length)
        await run_in_threadpool(self._house.temporary.expect_room, length)
        return bounded(receive, request, most)

    async def _blob(self, request: Request, receive: Receive, send: Guarded, owner: Owner) -> Receive:
        # Files come in parts and go to the disk; what comes as JSON is parsed where everybody waits.
        parts = request.headers.get("content-type", "").startswith("multipart/form-data")
        return await (self._upload if parts else self._plain)(request, receive, send, owner)

    def _may_read(self, file: str, owner: Owner) -> bool:
        path = Path(file)
        public = any(path.resolve().is_relative_to(folder.resolve()) for folder in self._house.public_files)
        return public or self._belongings.has_file(path, owner.id)

    def _given(self, answer: bytes, owner: Owner) -> None:
        """Uploaded files are their owner's."""
        try:
            files = orjson.loads(answer)
        except ValueError:
            return
        for file in files if isinstance(files, list) else []:
            if isinstance(file, str):
                self._belongings.give(file, owner.id)

    async def _body(self, request: Request, receive: Receive) -> bytes:
        """The whole body; its announced length is looked at before the first byte is read."""
        receive, parts = bounded(receive, request, self._house.settings.max_body), []
        while True:
            try:
                message = await asyncio.wait_for(receive(), ARRIVE_SECONDS)
            except TimeoutError as error:
                raise InvalidRequest("body.slow") from error
            if message["type"] == "http.disconnect":
                raise InvalidRequest("body.malformed")
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                return b"".join(parts)


def bounded(receive: Receive, request: Request, most: int) -> Receive:
    """`receive`, which refuses to go beyond `most` bytes, or to begin where more are announced.

    Raises:
        InvalidRequest: more are announced; so does what is returned, where more come.
    """
    _within(_length(request) or 0, most)
    arrived = 0

    async def within() -> Message:
        nonlocal arrived
        message = await receive()
        arrived += len(message.get("body", b""))
        _within(arrived, most)
        return message

    return within


def _again(body: bytes, after: Receive) -> Receive:
    """A body that was read already, to be read again; `after` it comes only that the client left."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return await after()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _length(request: Request) -> int | None:
    told = request.headers.get("content-length", "")
    return int(told) if re.fullmatch(r"\d{1,15}", told) else None


def _within(size: int, most: int) -> None:
    if size > most:
        raise InvalidRequest("body.too_large", most=f"{most / 2**20:.0f}")


def _query(request: Request, name: str) -> str:
    query = str(request.scope.get("query_string", b""), "latin-1")
    return parse_qs(query).get(name, [""])[0]
