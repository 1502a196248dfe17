"""A journal in every kind of store: what holds for one has to hold for all."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from interlock.journal.port import Store
from interlock.journal.postgres import open_postgres
from interlock.journal.sqlite import SqliteStore
from tests.postgres import PostgresServer, UnavailableError

# Opens the same journal again and again: opener() to write it, opener(read_only=True) to read.
Opener = Callable[..., Store]


def _new_server() -> PostgresServer:
    try:
        return PostgresServer()
    except UnavailableError as error:
        pytest.skip(f"needs a PostgreSQL server of its own: {error}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Yield a running server that the tests share, each with a database of its own."""
    server = _new_server()
    yield server.start()
    server.remove()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Yield a server that the test may start, kill and start again."""
    server = _new_server()
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """Return the URL of an empty database."""
    return postgres.url(postgres.new_database())


@pytest.fixture(params=["sqlite", "postgres"])
def opener(tmp_path: Path, request: pytest.FixtureRequest) -> Opener:
    """Return what opens one journal that nobody has written yet."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return partial(open_postgres, url, account="paper")
    return partial(SqliteStore, tmp_path / "journal.db")


@pytest.fixture
def store(opener: Opener) -> Iterator[Store]:
    """Yield that journal, open and empty."""
    found = opener()
    yield found
    found.close()
