from collections.abc import Iterator

import pytest

from tests.support.server import LiveServer, live_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One studio for all tests that talk to a live one."""
    with live_server(tmp_path_factory.mktemp("studio")) as live:
        yield live
