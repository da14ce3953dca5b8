"""Under which names the studio answers, from which pages it takes orders, and which proxies it believes."""

import os
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from studio.settings import Settings, is_loopback

FORWARDED: Final = ("forwarded", "x-real-ip", "x-gradio-server", "x-direct-url")
"""Headers that only a proxy may set, beside all that begin with `x-forwarded-`."""


class Names:
    """The names of this studio.

    An address in numbers is always good: a page elsewhere can make its own name point here (DNS rebinding), and then
    that name is what the browser sends.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        space = environ.get("SPACE_HOST", "").split(",")
        names = (*settings.allowed_hosts, settings.host, *space)
        self._names = frozenset(name.strip().lower() for name in names if name.strip())

    def allow(self, host: str) -> bool:
        """Whether the studio answers to this `Host` header."""
        name = hostname(host)
        return bool(name) and (is_loopback(name) or _is_number(name) or name in self._names)


def hostname(host: str) -> str:
    """The name in a `Host` header, without its port; empty where there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def same_origin(headers: Mapping[str, str], host: str) -> bool:
    """Whether an order comes from a page of this very address, or from a program that is no page at all."""
    origin = headers.get("origin")
    if origin is not None:
        try:
            return urlsplit(origin).netloc.lower() == host.lower()
        except ValueError:
            return False
    return headers.get("sec-fetch-site", "none") in ("same-origin", "none")


class Proxies:
    """Those that the host named."""

    def __init__(self, named: Iterable[str]) -> None:
        """`*` means that everything that comes was handed on by one, as on a Space.

        Raises:
            ValueError: one is neither an address nor a network.
        """
        named = tuple(named)
        self._all = "*" in named
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(name, strict=False) for name in named if name != "*"
        )

    def trust(self, address: str) -> bool:
        """Whether what comes from this address may say for whom it comes."""
        if self._all:
            return True
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self._networks)

    def client(self, forwarded: str, peer: str) -> str:
        """Who sent it: the last address that no proxy of ours has.

        Where everything comes through proxies that nobody can name, as on a Space, it is the first: a visitor can make
        that up, which only chooses under whose limits their guests count; the last would be one for all visitors.
        """
        if self._all:
            return forwarded.split(",", maxsplit=1)[0].strip() or peer
        for address in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
            if not self.trust(address):
                return address
        return peer


def _is_number(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
