"""A running studio as its API shows it: what is in memory there, and moving it."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from studio import errors
from studio.errors import Forbidden, InvalidRequest, ServerFailed, StudioError
from studio.messages import Locale

ADDRESS: Final = "http://127.0.0.1:7860"
"""Where `studio serve` listens unless told otherwise."""
WATCH_SECONDS: Final = 1.0
SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?", re.IGNORECASE)
POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}

Memory = dict[str, Any]
"""What `/memory` answers: {devices, models, journal}."""


@dataclass(frozen=True)
class Orders:
    """What to do with the models of a running studio; each part may be missing."""

    unpin: str | None = None
    drop: str | None = None
    offload: str | None = None
    budget: str | None = None
    load: str | None = None
    pin: str | None = None

    def calls(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The endpoints to call and their arguments: what makes room comes before what takes it.

        Raises:
            InvalidRequest: the budget is none.
        """
        budget = parse_budget(self.budget) if self.budget is not None else None
        for name in ("unpin", "drop", "offload"):
            if (model := getattr(self, name)) is not None:
                yield f"/{name}_model", (model,)
        if budget is not None:
            yield "/set_budget", budget
        for name in ("load", "pin"):
            if (model := getattr(self, name)) is not None:
                yield f"/{name}_model", (model,)

    def __bool__(self) -> bool:
        return any(part is not None for part in vars(self).values())


@dataclass
class RemoteStudio:
    """A studio at an address.

    Raises, from every method:
        ServerFailed: nobody answers there, or it is no studio of this version.
        StudioError: what the studio there refused, of the same kind as there.
    """

    address: str
    token: str = field(default_factory=lambda: os.environ.get("STUDIO_TOKEN", ""))
    """Where the studio asks who it is."""
    _client: Any = field(default=None, init=False)

    def memory(self, since: int = 0, locale: Locale = "en") -> Memory:
        """What is where now, and the journal after record number `since`."""
        answer: Memory = self.call("/memory", since, "zh" if locale == "zh-CN" else "en")
        return answer

    def call(self, endpoint: str, *arguments: Any) -> Any:
        """Call an endpoint and wait for its answer."""
        silence = "remote.unreachable" if self._client is None else "remote.lost"
        client = self._connected()
        return self._asked(lambda: client.predict(*arguments, api_name=endpoint), silence)

    def _connected(self) -> Any:
        if self._client is None:
            from gradio_client import Client

            # Without a scheme the client would look for a Space of that name, and a hub's token is nobody's business.
            address = self.address if "://" in self.address else f"http://{self.address}"
            headers = {"authorization": f"Bearer {self.token}"} if self.token else None
            self._client = self._asked(
                lambda: Client(address, token=False, headers=headers, verbose=False, analytics_enabled=False),
                "remote.unreachable",
            )
        return self._client

    def _asked(self, ask: Callable[[], Any], silence: str) -> Any:
        import httpx
        from gradio_client.exceptions import AppError, AuthenticationError

        try:
            return ask()
        except AppError as error:
            _refuse(error)
        except AuthenticationError as error:
            raise Forbidden("remote.token", address=self.address) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ServerFailed(silence, address=self.address) from error
        except ValueError as error:
            raise ServerFailed("remote.other", address=self.address) from error


def watch(memory: Callable[[int], Memory], pause: Callable[[float], object]) -> Iterator[Memory]:
    """What is where and the records that are new, whenever something has changed; never ends by itself.

    `memory` asks a studio for everything after a record, `pause` waits that many seconds.
    """
    since, before = 0, None
    while True:
        now = memory(since)
        # A measured budget wanders by itself; that alone is no news.
        seen = [(device["name"], device["held"], device["reserved"]) for device in now["devices"]], now["models"]
        if now["journal"] or seen != before:
            yield now
        since, before = (now["journal"][-1]["seq"] if now["journal"] else since), seen
        pause(WATCH_SECONDS)


def parse_budget(text: str) -> tuple[str, int | None]:
    """A memory and its budget in bytes, from `cuda:0=8GB`; None, to measure it, from `cuda:0=auto`.

    `kB`, `MB`, `GB` and `TB` are powers of 1000, `KiB` and its like of 1024; a bare number is bytes.

    Raises:
        InvalidRequest: it is nothing like that.
    """
    device, _, size = (part.strip() for part in text.rpartition("="))
    if device and size.lower() == "auto":
        return device, None
    found = SIZE.fullmatch(size)
    if not device or found is None:
        raise InvalidRequest("budget.unreadable", text=text)
    number, prefix, binary = found.groups()
    return device, round(float(number) * (1024 if binary else 1000) ** POWERS[(prefix or "").lower()])


def _refuse(error: Any) -> NoReturn:
    """Raise what the studio raised, as far as it can be told from its title and sentence."""
    kind = getattr(errors, str(error.title), None)
    if not (isinstance(kind, type) and issubclass(kind, StudioError) and kind is not StudioError):
        kind = ServerFailed
    raise kind("remote.refused", reason=error.message) from error
