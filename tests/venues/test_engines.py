"""Which engine may speak to the venue, and what happens to one that speaks badly."""

import asyncio
from pathlib import Path

import pytest

from interlock.kernel.codes import Kind
from interlock.venues.port import Fenced, NotFound, VenueState, Welcome
from tests.venues.caller import (
    Caller,
    buy,
    cancel,
    is_closed,
    limit,
    on_the_line,
    running,
    venue_of,
)


def test_an_older_engine_is_fenced_and_a_later_one_takes_over(tmp_path: Path) -> None:
    async def case() -> None:
        async with running(venue_of(tmp_path / "v")):
            first = await Caller.connect(tmp_path / "v")
            await first.begin(epoch=5)
            await first.beat()
            second = await Caller.connect(tmp_path / "v")
            assert isinstance(await second.greet(epoch=6), Welcome)
            first.ask(limit("old", 9_000, epoch=5))
            assert await is_closed(first)
            assert isinstance(await second.order("old"), NotFound)
            second.ask(limit("older", 9_000, epoch=5))
            assert await second.wait_for(Fenced) == Fenced(epoch=6)
            assert await is_closed(second)
            third = await Caller.connect(tmp_path / "v")
            assert await third.greet(epoch=5) == Fenced(epoch=6)
            assert await is_closed(third)
            fourth = await Caller.connect(tmp_path / "v")
            assert isinstance(await fourth.greet(epoch=6), Welcome)
            assert isinstance(await fourth.order("older"), NotFound)

    asyncio.run(case())


def test_books_and_epoch_outlive_the_venue(tmp_path: Path) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            beat = await caller.beat()
            caller.ask(buy("a"), limit("b", 9_000))
            caller.answer(beat)
            await caller.until_report(Kind.FILL, "a")
            told = caller.feed
        async with running(venue_of(tmp_path / "v")):
            again = await Caller.connect(tmp_path / "v")
            welcome = await again.greet(epoch=2, feed=told)
            assert isinstance(welcome, Welcome)
            assert not welcome.ended
            assert (await again.found("a")).order.state is VenueState.FILLED
            assert (await again.found("b")).order.state is VenueState.WORKING
            again.ask(cancel("b", epoch=2))
            again.say(again.codec.done(beat=0, spoke=False))
            await again.until_report(Kind.CANCELLED, "b")
            again.answer(await again.beat())
            await again.to_the_end()
            assert again.feed == 40
        async with running(venue_of(tmp_path / "v")):
            last = await Caller.connect(tmp_path / "v")
            assert await last.greet(epoch=1) == Fenced(epoch=2)
            last = await Caller.connect(tmp_path / "v")
            welcome = await last.greet(epoch=2, feed=40)
            assert isinstance(welcome, Welcome)
            assert welcome.ended

    asyncio.run(case())


@pytest.mark.parametrize(
    "wire",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b'{"t":"account"}\n',
        b"x" * 70_000,
        b'{"epoch":1,"feed":0,"t":"hello","version":2}\n',
    ],
)
def test_who_does_not_greet_is_closed_and_harms_nobody(tmp_path: Path, wire: bytes) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            await caller.beat()
            stranger = await Caller.connect(tmp_path / "v")
            stranger.say(wire)
            assert await is_closed(stranger)
            assert isinstance(await caller.order("nothing"), NotFound)

    asyncio.run(case())


def test_garbage_after_a_greeting_closes_the_connection_and_changes_nothing(
    tmp_path: Path,
) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            await caller.beat()
            caller.say(b'{"t":"new"}\n' + caller.codec.request(limit("a", 9_000)))
            assert await is_closed(caller)
            again = await Caller.connect(tmp_path / "v")
            await again.greet(feed=caller.feed)
            assert isinstance(await again.order("a"), NotFound)

    asyncio.run(case())


def test_an_answer_to_another_beat_closes_the_connection(tmp_path: Path) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            beat = await caller.beat()
            caller.say(caller.codec.done(beat=beat.number + 1, spoke=True))
            assert await is_closed(caller)

    asyncio.run(case())
