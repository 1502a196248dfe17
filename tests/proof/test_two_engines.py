"""One account, two engines: one of them trades, and the other one is told so.

Real processes, a real PostgreSQL server, and the simulated venue in a process of its own. An engine
that is stopped goes on as if nothing had been; that others have taken over meanwhile it finds out
before a byte of an order leaves.
"""

import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import apsw
import pytest

from tests.postgres import PostgresServer, UnavailableError
from tests.proof.journal_session import at_night, fast_folder
from tests.proof.kill_life import Client, server

BARS: Final = 3_000
SEED: Final = 7_031
LEASE_S: Final = 2
WAIT_S: Final = 30.0
# Where the first engine is stopped, and how often it passes there before.
PLACES: Final = {
    "begun": 1,
    "compared": 1,
    "decided": 80,
    "before_commit": 40,
    "after_commit": 40,
    "heard": 20,
    "before_send": 20,
    "after_send": 20,
}
SUPERSEDED: Final = ("FencedError", "Superseded")  # that another engine has the account
MOMENTS: Final = at_night(3, 100)

Told = dict[str, Any]


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[Client]:
    """Return what starts engines."""
    with server(root) as found:
        yield found


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return an empty folder."""
    with fast_folder() as found:
        yield found / "life"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """Yield a running server."""
    try:
        made = PostgresServer()
    except UnavailableError as error:
        pytest.skip(f"needs a PostgreSQL server of its own: {error}")
    yield made.start()
    made.remove()


def begin(client: Client, folder: Path, changes: Told | None = None) -> None:
    """Begin a life with a venue."""
    folder.mkdir()
    client.ask("life", folder=str(folder), seed=SEED, bars=BARS, changes=changes or {})
    client.ask("venue")


def shared_journal(postgres: PostgresServer) -> Told:
    """Return the configuration of an engine on a new database."""
    return {"journal.url": postgres.url(postgres.new_database()), "journal.lease_seconds": LEASE_S}


def wait_for(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    until_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < until_s, f"{what} did not happen within {WAIT_S:g} s"
        time.sleep(0.02)


def commands(folder: Path) -> list[int]:
    """Return the epochs of everything that the venue took, in its order."""
    path = str(folder / "home/venue/venue.db")
    with closing(apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)) as books:
        books.set_busy_timeout(5_000)
        return [epoch for (epoch,) in books.execute("SELECT epoch FROM commands ORDER BY id")]


def wait_for_second(client: Client, folder: Path, epochs: int) -> None:
    """Wait until the venue took an order of one more engine than before."""
    try:
        wait_for("an order of the second", lambda: len(set(commands(folder))) > epochs)
    except AssertionError as error:
        raise AssertionError(f"{error}: {client.ask('look', name='other')}") from None


def greeted(folder: Path, epoch: int) -> Told:
    """Return what the venue answers to an engine of this epoch."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(WAIT_S)
        peer.connect(str(folder / "home/venue/venue.sock"))
        hello = {"epoch": epoch, "feed": 0, "t": "hello", "version": 1}
        peer.sendall(json.dumps(hello, separators=(",", ":"), sort_keys=True).encode() + b"\n")
        answer: Told = json.loads(peer.recv(65_536).splitlines()[0])
    return answer


def test_a_second_engine_on_the_same_home_is_refused_and_told_whose_it_is(
    client: Client, folder: Path
) -> None:
    begin(client, folder)
    first = client.ask("start", name="home")["pid"]
    wait_for("a first order", lambda: len(commands(folder)) > 0)

    second = client.ask("engine", name="other", after_s=WAIT_S)

    assert second["status"] != 0
    assert not second["killed"]
    assert f"is held by process {first}: one engine runs on a journal" in second["errors"]
    assert second["seq"] == 0
    before = len(commands(folder))
    wait_for("another order of the first", lambda: len(commands(folder)) > before)
    assert len(set(commands(folder))) == 1
    client.ask("end", name="home", after_s=0)


def test_a_second_engine_on_the_same_account_is_refused_and_told_who_runs(
    client: Client, folder: Path, postgres: PostgresServer
) -> None:
    begin(client, folder, shared_journal(postgres))
    first = client.ask("start", name="home")["pid"]
    wait_for("a first order", lambda: len(commands(folder)) > 0)

    second = client.ask("engine", name="other", home="other", after_s=WAIT_S)

    assert second["status"] != 0
    assert not second["killed"]
    assert "is run by another engine" in second["errors"]
    assert f"process {first} holds the lease" in second["errors"]
    assert second["seq"] == 0
    assert len(set(commands(folder))) == 1
    client.ask("end", name="home", after_s=0)


def places() -> list[tuple[str, int]]:
    """Return where the first engine is stopped: at every place, and at moments of chance."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    found = [(name, chance.randint(1, count)) for name, count in PLACES.items()]
    return [*found, *(("", chance.randint(300, 900)) for _ in range(MOMENTS))]


@pytest.mark.parametrize(("place", "count"), places())
def test_an_engine_that_was_stopped_sends_nothing_once_another_has_taken_over(
    client: Client, folder: Path, postgres: PostgresServer, place: str, count: int
) -> None:
    """It is stopped before the last gate; its lease ends; a second one trades; it goes on."""
    begin(client, folder, shared_journal(postgres))
    client.ask("start", name="home", point=place, count=count, stops=True)
    if place:
        wait_for(f"the stop at {place}", lambda: bool(client.ask("look", name="home")["hit"]))
    else:
        time.sleep(count / 1_000)
        client.ask("stop", name="home")
    time.sleep(LEASE_S)
    client.ask("start", name="other", home="other")
    old = set(commands(folder))
    assert len(old) <= 1
    wait_for_second(client, folder, len(old))

    client.ask("go_on", name="home")
    first = client.ask("end", name="home", after_s=WAIT_S)

    assert not first["killed"], "an engine that lost its account must end by itself"
    assert first["status"] != 0
    assert first["sent_after"] == 0, f"{first['sent_after']} bytes of orders left"
    assert any(name in first["errors"] for name in SUPERSEDED), first["errors"]
    found = commands(folder)
    assert found == sorted(found)
    assert len(set(found)) == len(old) + 1
    for epoch in old:
        assert greeted(folder, epoch) == {"epoch": max(found), "t": "fenced"}
    before = len(found)
    try:
        wait_for("the second to go on", lambda: len(commands(folder)) > before)
    except AssertionError as error:
        raise AssertionError(f"{error}: {client.ask('look', name='other')}") from None
    client.ask("end", name="other", after_s=0)


def test_a_byte_that_the_gate_let_through_before_the_stop_is_refused_by_the_venue(
    client: Client, folder: Path, postgres: PostgresServer
) -> None:
    """Between the gate's last question and the write nobody can look: the venue's epoch does."""
    begin(client, folder, shared_journal(postgres))
    client.ask("start", name="home", point="in_gate", count=5, stops=True)
    wait_for("the stop", lambda: bool(client.ask("look", name="home")["hit"]))
    time.sleep(LEASE_S)
    client.ask("start", name="other", home="other")
    old = set(commands(folder))
    wait_for_second(client, folder, len(old))

    client.ask("go_on", name="home")
    first = client.ask("end", name="home", after_s=WAIT_S)

    assert first["status"] != 0
    assert not first["killed"]
    found = commands(folder)
    assert found == sorted(found)
    client.ask("end", name="other", after_s=0)
