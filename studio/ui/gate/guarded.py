"""Sending what the studio answers: with the headers that every answer has, and never waiting for ever."""

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

READ_SECONDS: Final = 30.0
"""How long a client may leave what it is sent unread before it is dropped."""


class Stalled(Exception):
    """A client does not read, or does not send what it announced."""


class Guarded:
    """Sends, with the headers every answer has, and gives up on a client that does not read."""

    def __init__(self, send: Send, headers: dict[str, str], seconds: float = READ_SECONDS) -> None:
        """`seconds` is how long a client may leave what it is sent unread."""
        self._send, self._headers, self._seconds = send, headers, seconds
        self.cookie: str | None = None
        self.answered: Callable[[bytes], None] | None = None
        """Told the body of an answer that is all well."""
        self.started = False
        self._body = bytearray()
        self._well = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
            if self.cookie:
                headers.append("Set-Cookie", self.cookie)
            self._well = message["status"] == 200
        elif self.answered and self._well and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                # Before the client can act on it: what it is told is already its own.
                self.answered(bytes(self._body))
        try:
            await asyncio.wait_for(self._send(message), self._seconds)
        except TimeoutError as error:
            raise Stalled from error
