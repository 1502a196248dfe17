"""The dead man's switch of the simulated venue: silence ends what could open, and nothing else."""

import asyncio
from pathlib import Path

from interlock.venues.port import Found, VenueState
from tests.venues.caller import Caller, buy, limit, on_the_line, running, stop_of, venue_of
from tests.venues.test_warden import bought

SOON_S = 0.05


async def state(caller: Caller, name: str) -> VenueState:
    """Return where an order is."""
    found = await caller.order(name)
    assert isinstance(found, Found)
    return found.order.state


def test_an_engine_that_falls_silent_loses_what_could_open(tmp_path: Path) -> None:
    """The stop of its position stays."""

    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            await bought(caller, limit("b", 9_000), stop_of("c", 9_000))
            caller.say(caller.codec.dead_man(timeout_ms=50))
            assert await state(caller, "b") is VenueState.WORKING
            await asyncio.sleep(SOON_S * 3)
            assert await state(caller, "b") is VenueState.CANCELLED
            assert await state(caller, "c") is VenueState.WORKING

    asyncio.run(case())


def test_one_that_renews_in_time_keeps_it_and_so_does_one_that_disarms(tmp_path: Path) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            await bought(caller, limit("b", 9_000))
            for _ in range(8):
                caller.say(caller.codec.dead_man(timeout_ms=200))
                await asyncio.sleep(SOON_S)
            assert await state(caller, "b") is VenueState.WORKING
            caller.say(caller.codec.dead_man(timeout_ms=0))
            await asyncio.sleep(0.3)
            assert await state(caller, "b") is VenueState.WORKING

    asyncio.run(case())


def test_an_engine_that_is_gone_lets_it_lapse_also_over_a_venue_that_starts_again(
    tmp_path: Path,
) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            caller.ask(buy("a"), limit("b", 9_000))
            caller.say(caller.codec.dead_man(timeout_ms=100))
            assert await state(caller, "b") is VenueState.WORKING
        async with running(venue_of(tmp_path / "v")):
            await asyncio.sleep(0.3)
            again = await Caller.connect(tmp_path / "v")
            await again.greet(epoch=2)
            assert await state(again, "b") is VenueState.CANCELLED

    asyncio.run(case())
