"""The venue's process: who may speak to it, how it ends, and how it misbehaves when told to."""

import asyncio
import stat
from pathlib import Path

import pytest

from interlock.kernel.codes import Kind
from interlock.venues.port import Account, Beat, Market, NotFound, VenueState, Welcome
from interlock.venues.simulated import server
from interlock.venues.simulated.ledger import LedgerError
from interlock.venues.simulated.manners import Manners
from interlock.venues.simulated.place import VenueError
from interlock.venues.simulated.server import SOCKET_NAME, serve_until
from tests.venues.caller import Caller, buy, is_closed, limit, reported, running, venue_of


def test_the_socket_is_for_its_user_alone_and_gone_afterwards(tmp_path: Path) -> None:
    async def case() -> None:
        async with running(venue_of(tmp_path / "v")):
            await (await Caller.connect(tmp_path / "v")).begin()
            path = tmp_path / "v" / SOCKET_NAME
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert not path.exists()

    asyncio.run(case())


def test_another_user_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system says who the other side is."""
    monkeypatch.setattr(server, "_is_ours", lambda _: False)

    async def case() -> None:
        async with running(venue_of(tmp_path / "v")):
            caller = await Caller.connect(tmp_path / "v")
            caller.say(caller.codec.hello(epoch=1, feed=0))
            assert await is_closed(caller)
            assert caller.unread == []

    asyncio.run(case())


def test_it_ends_by_itself_when_no_engine_comes(tmp_path: Path) -> None:
    async def case() -> None:
        await serve_until(venue_of(tmp_path / "v", linger_s=0.01), asyncio.Event())

    asyncio.run(case())


def test_it_ends_by_itself_when_the_engine_has_left(tmp_path: Path) -> None:
    async def case() -> None:
        venue = venue_of(tmp_path / "v", linger_s=0.3)
        task = asyncio.create_task(serve_until(venue, asyncio.Event()))
        caller = await Caller.connect(tmp_path / "v")
        await caller.begin()
        await caller.beat()
        assert not task.done()
        await caller.leave()
        await task

    asyncio.run(case())


def test_two_venues_never_share_a_folder(tmp_path: Path) -> None:
    async def case() -> None:
        async with running(venue_of(tmp_path / "v")):
            await Caller.connect(tmp_path / "v")
            with pytest.raises(VenueError, match=r"runs in .* already"):
                await serve_until(venue_of(tmp_path / "v"), asyncio.Event())

    asyncio.run(case())


def test_a_folder_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir(mode=0o755)
    (tmp_path / "v").chmod(0o755)
    with pytest.raises(VenueError, match=r"must belong to this user alone .0700., was 0755"):
        asyncio.run(serve_until(venue_of(tmp_path / "v"), asyncio.Event()))


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VenueError, match="must be at most 107 bytes"):
        asyncio.run(serve_until(venue_of(tmp_path / ("v" * 100)), asyncio.Event()))


def test_it_does_not_start_on_books_that_it_may_not_use(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir(mode=0o700)
    (tmp_path / "v" / "venue.db").write_bytes(b"something else altogether" * 99)
    with pytest.raises(LedgerError, match="could not be read"):
        asyncio.run(serve_until(venue_of(tmp_path / "v"), asyncio.Event()))


def test_a_commit_that_fails_ends_it_and_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def case() -> None:
        task = asyncio.create_task(serve_until(venue_of(tmp_path / "v"), asyncio.Event()))
        caller = await Caller.connect(tmp_path / "v")
        await caller.begin()
        beat = await caller.beat()

        def fail(_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("interlock.venues.simulated.ledger.Ledger.commit", fail)
        caller.ask(limit("a", 9_000))
        caller.answer(beat)
        assert await is_closed(caller)
        assert caller.unread == []
        with pytest.raises(OSError, match="No space left"):
            await task
        monkeypatch.undo()
        async with running(venue_of(tmp_path / "v")):
            again = await Caller.connect(tmp_path / "v")
            await again.greet(feed=caller.feed)
            assert isinstance(await again.order("a"), NotFound)

    asyncio.run(case())


# --- manners ----------------------------------------------------------------------------------


def test_reports_can_be_dropped_and_repeated(tmp_path: Path) -> None:
    async def case() -> None:
        manners = Manners(drop_report_every=3, repeat_report_every=2)
        async with running(venue_of(tmp_path / "v", manners=manners)):
            caller = await Caller.connect(tmp_path / "v")
            await caller.begin()
            await caller.beat()
            caller.ask(limit("a", 9_000), limit("b", 9_000), limit("c", 9_000))
            caller.answer(await caller.beat())
            await caller.beat()
            assert [reported(caller, name) for name in "abc"] == [
                [Kind.ACCEPTED],
                [Kind.ACCEPTED, Kind.ACCEPTED],
                [],
            ]
            assert (await caller.found("c")).order.state is VenueState.WORKING

    asyncio.run(case())


def test_answers_can_be_dropped_and_lag(tmp_path: Path) -> None:
    async def case() -> None:
        manners = Manners(drop_answers=1, hide_answers=2)
        async with running(venue_of(tmp_path / "v", manners=manners)):
            caller = await Caller.connect(tmp_path / "v")
            await caller.begin()
            await caller.beat()
            caller.say(caller.codec.ask_account())
            caller.ask(limit("a", 9_000))
            assert isinstance(await caller.order("a"), NotFound)
            assert isinstance(await caller.order("a"), NotFound)
            assert (await caller.found("a")).order.client_id == "a"
            assert not any(isinstance(message, Account) for message in caller.heard)

    asyncio.run(case())


def test_maintenance_and_delay(tmp_path: Path) -> None:
    async def case() -> None:
        manners = Manners(refuse_connections=2, delay_s=0.001)
        async with running(venue_of(tmp_path / "v", manners=manners)):
            for _ in range(2):
                assert await is_closed(await Caller.connect(tmp_path / "v"))
            caller = await Caller.connect(tmp_path / "v")
            await caller.begin()
            await caller.beat()

    asyncio.run(case())


def test_a_recording_can_run_freely(tmp_path: Path) -> None:
    async def case() -> None:
        venue = venue_of(tmp_path / "v", manners=Manners(is_free_running=True))
        async with running(venue):
            caller = await Caller.connect(tmp_path / "v")
            assert isinstance(await caller.greet(), Welcome)
            caller.ask(buy("a", ts_ns=0))
            caller.say(caller.codec.done(beat=0, spoke=False))
            while caller.feed < 40:
                await caller.wait_for(Market)
            await caller.wait_for(Beat)
            assert reported(caller, "a") == [Kind.ACCEPTED, Kind.FILL]
            assert caller.unanswered is not None

    asyncio.run(case())
