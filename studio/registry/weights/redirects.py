"""A hub may send a client on to where its large files lie, but not into the network that the client stands in."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Final

import httpx

LOOK_UP_SECONDS: Final = 5.0


class PrivateRedirect(httpx.TransportError):
    """A public hub redirected to an address that is none of the public internet."""


class PublicRedirects:
    """A hook for each request of a client of one hub; where the hub itself is private, so may be what it names.

    Raises, when called:
        PrivateRedirect: a host other than the hub's own has an address that is not public.
    """

    def __init__(self, host: str) -> None:
        self._host = host.lower()
        self._private: bool | None = None

    async def __call__(self, request: httpx.Request) -> None:
        target = request.url.host.lower()
        if target == self._host:
            return
        if self._private is None:
            self._private = await _is_private(self._host)
        if not self._private and await _is_private(target):
            raise PrivateRedirect("redirected to a private address", request=request)


async def _is_private(host: str) -> bool:
    """Whether any of a host's addresses is not public. One that nobody here knows is for a proxy to find."""
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        pass
    try:
        looking = asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        found = await asyncio.wait_for(looking, LOOK_UP_SECONDS)
        return any(not ip_address(str(entry[4][0]).partition("%")[0]).is_global for entry in found)
    except (OSError, TimeoutError, UnicodeError):
        return False
