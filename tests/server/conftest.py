"""A studio with accounts, running, and its people."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from studio.identity.accounts import Accounts
from tests.support.server import LiveServer, live_server

PASSWORD = "a long password"
ECHO = """
models:
  - {id: echo, name: Echo, task: text, engine: echo, licence: none}
"""


@dataclass(frozen=True)
class Team:
    """A server, and a client each for an admin, two users and nobody."""

    server: LiveServer
    folder: Path
    tokens: dict[str, str]

    def client(self, name: str | None = None) -> httpx.Client:
        """Calls in somebody's name, by their token; in nobody's without one."""
        headers = {"authorization": f"Bearer {self.tokens[name]}"} if name else {}
        return httpx.Client(base_url=self.server.url, headers=headers, timeout=60)


@pytest.fixture(scope="session")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    folder = tmp_path_factory.mktemp("team")
    accounts = Accounts(folder / "data")
    tokens = {}
    for name in ("ada", "mei", "tom"):
        accounts.add(name, "admin" if name == "ada" else "user", PASSWORD)
        tokens[name] = accounts.issue(name, "admin" if name == "ada" else "use").text
    with live_server(folder, auth="users") as server:
        yield Team(server, folder, tokens)
