"""Wardens at the simulated venue: they look, cancel and close at once, and displace nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from interlock.kernel.codes import BUY, SELL, Flag, Kind, Role
from interlock.venues.port import (
    Account,
    Closing,
    Ended,
    Found,
    Listing,
    Message,
    NewOrder,
    NotFound,
    Queued,
    Refused,
    Report,
    VenueState,
)
from interlock.venues.simulated.asks import CancelAll, Done, Hello, ask_bytes
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.server import SOCKET_NAME
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec
from tests.venues.caller import (
    NAMES,
    PATIENCE_S,
    Caller,
    amend,
    buy,
    cancel,
    is_closed,
    limit,
    on_the_line,
    reported,
    running,
    stop_of,
    venue_of,
)

M = TypeVar("M", bound=Message)
SYMBOLS = Symbols(NAMES)


class Guest:
    """One warden's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.codec = SimulatedWardenCodec()
        self.unread: list[Message] = []

    def say(self, wire: bytes) -> None:
        """Send bytes."""
        self.writer.write(wire)

    async def wait_for(self, kind: type[M]) -> M:
        """Return the next message of a kind."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.unread:
                    if isinstance(message, kind):
                        self.unread.remove(message)
                        return message
                data = await self.reader.read(65_536)
                if not data:
                    raise ConnectionResetError
                self.unread += self.codec.receive(data)

    async def account(self) -> Account:
        """Ask for the account."""
        self.say(self.codec.ask_account())
        return await self.wait_for(Account)

    async def order(self, name: str) -> Found | NotFound:
        """Ask about an order."""
        self.say(self.codec.ask_order(client_id=name, instrument=0))
        return await self.wait_for(Found)


@asynccontextmanager
async def attended(folder: Path) -> AsyncIterator[Guest]:
    """Greet a venue as a warden."""
    guest = Guest(*await asyncio.open_unix_connection(folder / SOCKET_NAME))
    guest.say(guest.codec.greet(who="tests"))
    assert await guest.wait_for(Listing) == Listing(symbols=NAMES)
    try:
        yield guest
    finally:
        guest.writer.close()


def close(name: str, lots: int = 100, side: int = SELL, **more: int) -> Closing:
    """Return an order of a warden."""
    return Closing(client_id=name, instrument=0, side=side, qty=lots, **more)


async def bought(caller: Caller, *more: NewOrder) -> None:
    """Buy 100 lots, let other orders rest, and stop before the next beat is answered."""
    caller.ask(buy("a"))
    await caller.until_report(Kind.FILL, "a")
    await caller.beat()
    caller.ask(*more)
    for order in more:
        await caller.until_report(Kind.ACCEPTED, order.client_id)
    await caller.beat()


def play(
    folder: Path,
    story: Callable[[Caller, Guest], Awaitable[None]],
    latency: tuple[int, int] = (0, 0),
    share_ppm: int = 0,
) -> None:
    """Run a story with an engine that waits in the middle of a recording, and a warden."""

    async def case() -> None:
        venue = venue_of(folder / "v", latency=latency, share_ppm=share_ppm)
        async with on_the_line(venue) as caller, attended(folder / "v") as guest:
            await story(caller, guest)

    asyncio.run(case())


def test_a_warden_looks_and_displaces_nobody(tmp_path: Path) -> None:
    async def story(caller: Caller, guest: Guest) -> None:
        await bought(caller, limit("b", 9_000))
        seen = await guest.account()
        assert [order.client_id for order in seen.orders] == ["b"]
        assert seen.orders[0].side == BUY
        assert not seen.orders[0].is_reduce_only
        assert seen.positions == {0: 100}
        assert isinstance(await caller.order("b"), Found)

    play(tmp_path, story)


def test_everything_is_cancelled_at_once_while_the_engine_says_nothing(tmp_path: Path) -> None:
    """Also what had a cancel on its way already, which would have arrived with the next bar."""

    async def story(caller: Caller, guest: Guest) -> None:
        await bought(caller, limit("b", 9_000), stop_of("c", 9_000))
        beat = await caller.beat()
        caller.ask(cancel("b"), amend("c", 50))
        assert isinstance(await caller.order("b"), Found)
        guest.say(guest.codec.cancel_all())
        assert await guest.wait_for(Queued) == Queued(what="cancel_all")
        assert (await guest.account()).orders == ()
        caller.answer(beat)
        await caller.until_report(Kind.CANCELLED, "c")
        assert Kind.CANCELLED in reported(caller, "b")

    play(tmp_path, story, latency=(5, 7))


def test_a_position_is_closed_at_the_last_mark_while_the_engine_says_nothing(
    tmp_path: Path,
) -> None:
    """However little of a bar's volume fills may be, and however far away the engine is."""

    async def story(caller: Caller, guest: Guest) -> None:
        caller.ask(buy("a", 1))
        await caller.until_report(Kind.FILL, "a")
        guest.say(guest.codec.close(close("w-T-1", 1)))
        found = await guest.order("w-T-1")
        assert isinstance(found, Found)
        assert found.order.state is VenueState.FILLED
        assert found.order.fills["price"].tolist() == [10_000]
        assert (await guest.account()).positions == {}
        told = await caller.until_report(Kind.FILL, "w-T-1")
        assert told.row["qty"] == 1

    play(tmp_path, story, latency=(5, 7), share_ppm=10_000)


def test_no_more_is_closed_than_is_held(tmp_path: Path) -> None:
    async def story(caller: Caller, guest: Guest) -> None:
        await bought(caller)
        guest.say(guest.codec.close(close("w-T-1", 70)) + guest.codec.close(close("w-T-2", 70)))
        assert (await guest.account()).positions == {0: 30}  # the second did not fit
        guest.say(guest.codec.close(close("w-T-3", 30)))
        guest.say(guest.codec.close(close("w-T-4", 70, BUY)))
        seen = await guest.account()
        assert seen.positions == {}
        assert seen.orders == ()

    play(tmp_path, story)


@pytest.mark.parametrize(
    "changed",
    [
        {"flags": 0},
        {"client_id": "i-1-1-1"},
        {"role": Role.ENTRY},
        {"peer_client_id": "a"},
        {"order_kind": 2},
        {"order_kind": 77},
    ],
)
def test_what_could_open_is_refused_and_leaves_nothing(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    async def story(caller: Caller, guest: Guest) -> None:
        given = {"client_id": "w-T-1", "role": Role.EXIT, "flags": Flag.REDUCE_ONLY} | changed
        order = replace(buy("x"), **given)  # type: ignore[arg-type]
        guest.say(caller.codec.request(order))
        refused = await guest.wait_for(Refused)
        assert refused.client_id == order.client_id
        guest.say(guest.codec.ask_order(client_id=order.client_id, instrument=0))
        assert (await guest.wait_for(NotFound)).client_id == order.client_id

    play(tmp_path, story)


@pytest.mark.parametrize(
    "wire",
    [
        ask_bytes(Done(beat=0, spoke=True), SYMBOLS),
        ask_bytes(Hello(epoch=9, feed=0), SYMBOLS),
        b"nonsense\n",
    ],
)
def test_a_warden_that_speaks_like_an_engine_is_dropped_alone(tmp_path: Path, wire: bytes) -> None:
    async def story(caller: Caller, guest: Guest) -> None:
        guest.say(wire)
        with pytest.raises(ConnectionResetError):
            await guest.account()
        assert isinstance(await caller.order("nothing"), NotFound)

    play(tmp_path, story)


def test_an_engine_may_not_speak_like_a_warden(tmp_path: Path) -> None:
    async def story(caller: Caller, _: Guest) -> None:
        caller.say(ask_bytes(CancelAll(), SYMBOLS))
        assert await is_closed(caller)

    play(tmp_path, story)


def test_what_a_warden_did_is_told_to_the_engine_that_comes_next(tmp_path: Path) -> None:
    """Before it compares positions, every time it comes, and after the venue has ended too."""

    async def case() -> None:
        venue = venue_of(tmp_path / "v")
        async with on_the_line(venue) as caller:
            await bought(caller)
            await caller.leave()
            async with attended(tmp_path / "v") as guest:
                guest.say(guest.codec.close(close("w-T-1")))
                assert (await guest.account()).positions == {}
        for epoch in (2, 3):
            async with running(venue_of(tmp_path / "v")):
                again = await Caller.connect(tmp_path / "v")
                await again.greet(epoch=epoch, feed=1)
                again.say(again.codec.ask_account())
                told = await again.next()
                assert isinstance(told, Report)
                assert told.client_id == "w-T-1"
                assert (told.row["kind"], told.row["qty"]) == (Kind.FILL, 100)
                assert isinstance(await again.next(), Account)

    asyncio.run(case())


def test_an_engine_at_the_end_of_a_recording_hears_of_a_warden_too(tmp_path: Path) -> None:
    async def story(caller: Caller, guest: Guest) -> None:
        await bought(caller)
        await caller.to_the_end()
        assert isinstance(caller.heard[-1], Ended)
        guest.say(guest.codec.close(close("w-T-1")))
        await caller.until_report(Kind.FILL, "w-T-1")

    play(tmp_path, story)
