"""Connections to the venue: made, broken, made anew, and waited on."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interlock.kernel.codes import Kind
from interlock.runtime.inbox import Room
from interlock.runtime.link import Phase
from interlock.venues import connection as connections
from interlock.venues.connection import Connection
from interlock.venues.port import NewOrder, Turn
from interlock.venues.simulated.asks import Done
from tests.runtime.rig import BUY_AT, SOON_NS, Rig

Story = Callable[[Rig], Awaitable[None]]


def play(rig: Rig, story: Story, *, venue: bool = True) -> None:
    """Run a story against a running driver."""

    async def run() -> None:
        async with rig.running(venue=venue):
            await story(rig)

    asyncio.run(run())


async def buy(rig: Rig, beat: int = 1) -> None:
    """Let the strategy ask for an order."""
    rig.tell(rig.pair.venue.bar(BUY_AT), rig.pair.venue.beat(beat, Turn.IF_QUIET))


def test_a_venue_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    """And said so, once."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.until(lambda: "venue_unreachable" in rig.events())
        await rig.serve()
        await rig.ready()

    play(rig, story, venue=False)
    assert rig.events().count("venue_unreachable") == 1


@pytest.mark.parametrize("how", ["hangs up", "says nonsense", "says half a line"])
def test_a_connection_that_breaks_is_made_anew(tmp_path: Path, how: str) -> None:
    """And everything is asked about again."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.until(lambda: Done(beat=0, spoke=False) in rig.heard)
        if how == "says nonsense":
            rig.say(b"<html>\n")
        else:
            if how == "says half a line":
                rig.say(b'{"t":')
            rig.hang_up()
        await rig.until(lambda: rig.greetings == 2)
        await rig.until(lambda: rig.heard.count(Done(beat=0, spoke=False)) == 2)
        await rig.ready()
        await buy(rig)
        await rig.until(lambda: len(rig.requests()) == 1)

    play(rig, story)


def test_a_venue_that_hangs_up_at_once_is_asked_less_and_less_often(tmp_path: Path) -> None:
    """Maintenance is no reason for a storm; a reconciliation begins anew."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()
        assert rig.driver._attempt == 0
        rig.welcomes = False
        for times in (2, 3, 4):
            rig.hang_up()
            await rig.until(lambda times=times: rig.greetings == times)  # type: ignore[misc]
        assert rig.driver._attempt == 3
        rig.welcomes = True
        rig.hang_up()
        await rig.ready()
        await rig.until(lambda: rig.driver._attempt == 0)

    play(rig, story)


def test_a_greeting_without_an_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another connection is made."""
    rig = Rig(tmp_path)
    monkeypatch.setattr(rig.pair.link, "_answer_ns", SOON_NS)
    rig.welcomes = False

    async def story(rig: Rig) -> None:
        await rig.until(lambda: rig.greetings == 2)
        rig.welcomes = True
        await rig.ready()

    play(rig, story)
    assert ("disconnected", {"why": "the venue did not answer the greeting"}) in rig.reports


def test_the_venue_waits_while_its_reports_pile_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read from it meanwhile, nothing is dropped, and then it is read again."""
    rig = Rig(tmp_path, room=Room(report=8, market=8))
    engine = rig.pair.engine
    works = engine.work
    stuck = False

    def work() -> bool:
        if stuck and len(engine.inbox) >= 8:
            return False
        return works()

    monkeypatch.setattr(engine, "work", work)

    async def story(rig: Rig) -> None:
        nonlocal stuck
        await rig.ready()
        await buy(rig)
        await rig.until(lambda: len(rig.requests()) == 1)
        (order,) = rig.requests()
        assert isinstance(order, NewOrder)
        stuck = True
        for _ in range(20):
            rig.tell(rig.pair.venue.report(Kind.ACCEPTED, order))
        await rig.until(lambda: rig.driver._paused)
        rig.tell(rig.pair.venue.fill(order))
        await asyncio.sleep(0.05)
        assert rig.pair.book.inst("position") == 0
        stuck = False
        await rig.until(lambda: rig.pair.book.inst("position") == 100)
        assert not rig.driver._paused

    play(rig, story)


def test_a_connection_that_goes_while_it_waits_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reader was removed before."""
    rig = Rig(tmp_path, room=Room(report=1, market=1))

    async def story(rig: Rig) -> None:
        await rig.ready()
        monkeypatch.setattr(rig.pair.engine.inbox, "is_full", lambda _: True)
        rig.driver._pump()
        assert rig.driver._paused
        rig.driver._disconnect("a test")
        monkeypatch.undo()
        await rig.until(lambda: rig.greetings == 2)
        await rig.ready()

    play(rig, story)


# --- the socket -------------------------------------------------------------------------------


def listening(folder: Path) -> socket.socket:
    """Return a socket that listens."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(folder / "s"))
    server.listen()
    return server


def test_bytes_are_handed_over_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than fits at once waits for the reader; one that takes nothing is an error."""
    with listening(tmp_path) as server:
        mine = Connection(tmp_path / "s")
        theirs, _ = server.accept()
        assert mine.read() is None
        data = bytes(range(256)) * 4_000
        found = bytearray()

        def read() -> None:
            while len(found) < len(data):
                found.extend(theirs.recv(65_536))

        reader = threading.Thread(target=read)
        reader.start()
        mine.write(data)
        reader.join()
        assert bytes(found) == data
        monkeypatch.setattr(connections, "WRITE_TIMEOUT_S", 0.01)
        with pytest.raises(TimeoutError, match="took no bytes"):
            mine.write(data)
        theirs.close()
        mine.close()


def test_a_socket_that_nobody_listens_at_is_let_go(tmp_path: Path) -> None:
    """Nothing is left open."""
    with pytest.raises(OSError, match="No such file"):
        Connection(tmp_path / "nobody")


def test_a_venue_that_resets_is_noticed_when_something_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was heard of it is not known: the order is asked about."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()
        found = rig.driver._connection
        assert found is not None

        def fails(_: bytes) -> None:
            raise BrokenPipeError("broken")

        monkeypatch.setattr(found, "write", fails)
        await buy(rig)
        await rig.until(lambda: rig.greetings == 2)
        await rig.until(lambda: rig.pair.phase() is Phase.READY)
        assert rig.pair.link.found.abandoned == 1

    play(rig, story)
    assert ("disconnected", {"why": "broken"}) in rig.reports


def test_a_read_that_fails_ends_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one without anything to read changes nothing."""
    rig = Rig(tmp_path)

    async def story(rig: Rig) -> None:
        await rig.ready()
        found = rig.driver._connection
        assert found is not None
        monkeypatch.setattr(found, "read", lambda: None)
        rig.driver._on_readable()
        assert "disconnected" not in rig.events()

        def fails() -> bytes:
            raise ConnectionResetError("reset")

        monkeypatch.setattr(found, "read", fails)
        rig.driver._on_readable()
        assert rig.reports[-1] == ("disconnected", {"why": "reset"})
        rig.driver._on_readable()
        await rig.until(lambda: rig.greetings == 2)

    play(rig, story)
