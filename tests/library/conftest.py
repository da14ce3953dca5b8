import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy

from studio.library.library import Library

POSTGRESQL = os.environ.get("STUDIO_TEST_POSTGRESQL", "")
"""The address of a server where databases may be made; `.ci/run` starts one."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield ""
        return
    if not POSTGRESQL:
        if os.environ.get("STUDIO_REQUIRE_POSTGRESQL"):
            pytest.fail("no PostgreSQL to test with")
        pytest.skip("STUDIO_TEST_POSTGRESQL names no server")
    name = f"studio_{uuid4().hex}"
    server = sqlalchemy.create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
    yield str(server.url.set(database=name).render_as_string(hide_password=False))
    with server.connect() as connection:
        connection.execute(sqlalchemy.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture
def library(tmp_path: Path, url: str) -> Iterator[Library]:
    library = Library(tmp_path / "library", url)
    yield library
    library.close()
