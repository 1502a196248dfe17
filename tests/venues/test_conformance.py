"""The numbered cases every venue has to pass, over a real socket (V09, time, is the feed's)."""

import asyncio
from pathlib import Path

import pytest

from interlock.kernel.codes import Flag, Kind, OrderKind, Role
from interlock.sim.venue import RATE_PARTS
from interlock.venues.port import (
    Account,
    Beat,
    Duplicate,
    Ended,
    Market,
    NotFound,
    Report,
    Turn,
    VenueState,
    Welcome,
)
from interlock.venues.simulated.manners import Manners
from tests.sim.tapes import CASH, SECOND_NS
from tests.venues.caller import (
    QUIET_BARS,
    Caller,
    amend,
    buy,
    cancel,
    is_closed,
    limit,
    on_the_line,
    reported,
    stop_of,
    venue_of,
)


def test_v01_accepted(tmp_path: Path) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            beat = await caller.beat()
            assert beat.strategies is Turn.IF_QUIET
            caller.ask(buy("a"))
            caller.answer(beat)
            fill = await caller.until_report(Kind.FILL, "a")
            assert reported(caller, "a") == [Kind.ACCEPTED, Kind.FILL]
            assert (fill.row["qty"], fill.row["price"]) == (100, 10_000)
            assert fill.row["order_id"] == fill.row["peer_id"] == 0
            assert fill.row["ext_hi"] != 0
            found = (await caller.found("a")).order
            assert found.state is VenueState.FILLED
            assert found.fills.tobytes() == fill.row.tobytes()

    asyncio.run(case())


@pytest.mark.parametrize(
    "order",
    [
        buy("a", 0),
        buy("a", 2**40 + 1),
        buy("a", side=0),
        buy("a", order_kind=9),
        limit("a", 0),
        limit("a", 2**40 + 1),
        stop_of("a", 9_800, flags=0),  # sells what is not there
        buy("a", peer_client_id="a"),
    ],
)
def test_v02_refused(tmp_path: Path, order: object) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            beat = await caller.beat()
            caller.ask(order)  # type: ignore[arg-type]
            caller.answer(beat)
            await caller.until_report(Kind.REJECTED, "a")
            assert (await caller.found("a")).order.state is VenueState.REJECTED

    asyncio.run(case())


def test_v03_timeout_then_found(tmp_path: Path) -> None:
    """The whole command arrives and the connection is cut: the order is there, asked by its id."""

    async def case() -> None:
        manners = Manners(cut_command=1, cut_bytes=2**20)
        async with on_the_line(venue_of(tmp_path / "v", manners=manners)) as caller:
            await caller.beat()
            caller.ask(limit("a", 9_000))
            assert await is_closed(caller)
            again = await Caller.connect(tmp_path / "v")
            await again.greet(feed=caller.feed)
            assert (await again.found("a")).order.state is VenueState.WORKING
            again.ask(limit("a", 9_000))
            assert await again.wait_for(Duplicate) == Duplicate(client_id="a")

    asyncio.run(case())


@pytest.mark.parametrize("arrived", [0, 1, 100])
def test_v04_timeout_then_absent(tmp_path: Path, arrived: int) -> None:
    """A part of the command arrives: the order is not there, and one answer proves it."""

    async def case() -> None:
        manners = Manners(cut_command=1, cut_bytes=arrived)
        async with on_the_line(venue_of(tmp_path / "v", manners=manners)) as caller:
            await caller.beat()
            caller.ask(limit("a", 9_000), limit("b", 9_000))
            assert await is_closed(caller)
            again = await Caller.connect(tmp_path / "v")
            await again.greet(feed=caller.feed)
            assert caller.codec.capabilities.absence_answers == 1
            for name in ("a", "b"):
                assert isinstance(await again.order(name), NotFound)

    asyncio.run(case())


def test_v05_duplicate_id(tmp_path: Path) -> None:
    """Also after the order ended, and the first one stays what it was."""

    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            beat = await caller.beat()
            caller.ask(limit("a", 9_000, 7), limit("a", 9_500, 8))
            caller.answer(beat)
            assert await caller.wait_for(Duplicate) == Duplicate(client_id="a")
            order = (await caller.found("a")).order
            assert (order.qty, order.price, order.state) == (7, 9_000, VenueState.WORKING)
            beat = await caller.beat()
            caller.ask(cancel("a"), limit("a", 9_500, 8))
            caller.answer(beat)
            await caller.wait_for(Duplicate)
            await caller.until_report(Kind.CANCELLED, "a")
            order = (await caller.found("a")).order
            assert (order.qty, order.state) == (7, VenueState.CANCELLED)
            assert reported(caller, "a") == [Kind.ACCEPTED, Kind.CANCELLED]

    asyncio.run(case())


def test_v06_partial_fills(tmp_path: Path) -> None:
    """Forty lots of a bar's hundred are ours: 100 lots take three bars."""

    async def case() -> None:
        venue = venue_of(tmp_path / "v", share_ppm=400_000)
        async with on_the_line(venue) as caller:
            beat = await caller.beat()
            caller.ask(buy("a"))
            caller.answer(beat)
            lots = []
            for _ in range(3):
                fill = await caller.until_report(Kind.FILL, "a")
                lots.append(int(fill.row["qty"]))
                order = (await caller.found("a")).order
                assert order.filled == sum(lots) == order.fills["qty"].sum()
                assert (order.state is VenueState.FILLED) == bool(fill.row["flags"] & Flag.LAST)
            assert lots == [40, 40, 20]

    asyncio.run(case())


def test_v07_fill_after_cancel(tmp_path: Path) -> None:
    """A cancel that arrives after the next bar's open loses to the fill there, and says so."""

    async def case() -> None:
        venue = venue_of(tmp_path / "v", latency=(50, 0))
        async with on_the_line(venue) as caller:
            beat = await caller.beat()
            caller.ask(buy("a", ts_ns=1), cancel("a"))
            caller.answer(beat)
            await caller.until_report(Kind.FILL, "a")
            beat = await caller.beat()
            caller.ask(cancel("a"))
            caller.answer(beat)
            await caller.until_report(Kind.CANCEL_REJECTED, "a")
            assert reported(caller, "a") == [Kind.ACCEPTED, Kind.FILL, Kind.CANCEL_REJECTED]
            assert (await caller.found("a")).order.state is VenueState.FILLED

    asyncio.run(case())


def test_v08_reconnect_gap(tmp_path: Path) -> None:
    """What was not heard is asked for; a row that was not journaled is told again, others not."""

    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            beat = await caller.beat()
            caller.ask(buy("a"), stop_of("s", 9_000))
            caller.answer(beat)
            await caller.until(lambda message: isinstance(message, Market))
            told = caller.feed
            await caller.leave()
            again = await Caller.connect(tmp_path / "v")
            await again.begin(feed=told - 1)
            market = await again.wait_for(Market)
            assert market.rows["ext_lo"].tolist() == [told]
            beat = await again.beat()
            assert beat.strategies is Turn.IF_QUIET
            assert reported(again, "a") == []
            order = (await again.found("a")).order
            assert order.fills["qty"].tolist() == [100]
            again.answer(beat)
            await again.to_the_end()
            rows = [m.rows["ext_lo"][0] for m in again.heard if isinstance(m, Market)]
            assert rows == list(range(told, 41))

    asyncio.run(case())


def test_v08_a_journaled_bar_is_not_told_again_but_its_turn_is_offered(tmp_path: Path) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            await caller.beat()
            await caller.leave()
            again = await Caller.connect(tmp_path / "v")
            await again.begin(feed=1)
            beat = await again.beat()
            assert beat.strategies is Turn.YES
            assert [type(message) for message in again.heard] == [Welcome, Beat]

    asyncio.run(case())


def test_an_amendment_changes_what_rests(tmp_path: Path) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            beat = await caller.beat()
            caller.ask(limit("a", 9_000), amend("a", 60, 9_100), amend("b", 1, 1))
            caller.answer(beat)
            row = (await caller.until_report(Kind.AMENDED, "a")).row
            assert (row["qty"], row["price"]) == (60, 9_100)
            await caller.until_report(Kind.AMEND_REJECTED, "b")
            order = (await caller.found("a")).order
            assert (order.qty, order.price) == (60, 9_100)
            assert isinstance(await caller.order("b"), NotFound)

    asyncio.run(case())


def test_a_pair_is_told_by_its_client_ids(tmp_path: Path) -> None:
    """The target names the stop, and from then on the stop's reports name the target."""
    bars = QUIET_BARS.replace("0 180 240 10000 10010 9990", "0 180 240 10000 10010 8000")

    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v", bars)) as caller:
            beat = await caller.beat()
            caller.ask(buy("a"))
            caller.answer(beat)
            await caller.until_report(Kind.FILL, "a")
            beat = await caller.beat()
            target = limit(
                "t", 12_000, side=-1, role=Role.TARGET, flags=Flag.REDUCE_ONLY, peer_client_id="s"
            )
            caller.ask(stop_of("s", 9_000), target)
            caller.answer(beat)
            accepted = await caller.until_report(Kind.ACCEPTED, "t")
            assert accepted.peer_client_id == "s"
            filled = await caller.until_report(Kind.FILL, "s")
            assert filled.peer_client_id == "t"
            await caller.until_report(Kind.CANCELLED, "t")

    asyncio.run(case())


def test_a_pair_may_name_an_order_that_comes_after_it(tmp_path: Path) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            beat = await caller.beat()
            caller.ask(limit("a", 9_000, peer_client_id="b"), limit("b", 8_000, peer_client_id="a"))
            caller.answer(beat)
            assert (await caller.until_report(Kind.ACCEPTED, "a")).peer_client_id == "b"
            assert (await caller.until_report(Kind.ACCEPTED, "b")).peer_client_id == "a"

    asyncio.run(case())


def test_the_account_adds_up(tmp_path: Path) -> None:
    async def case() -> None:
        facts = f"125:FUNDING:{RATE_PARTS // 100}"
        async with on_the_line(venue_of(tmp_path / "v", facts=facts)) as caller:
            beat = await caller.beat()
            caller.ask(buy("a"), limit("b", 9_000))
            caller.answer(beat)
            await caller.to_the_end()
            funding = [
                message
                for message in caller.heard
                if isinstance(message, Report) and message.row["kind"] == Kind.FUNDING
            ]
            assert [(m.client_id, int(m.row["value"])) for m in funding] == [("", -10_000)]
            caller.say(caller.codec.ask_account())
            account = await caller.wait_for(Account)
            assert [order.client_id for order in account.orders] == ["b"]
            assert account.positions == {0: 100}
            assert account.marks == {0: 10_000}
            assert account.cash_units == CASH - 1_000_000 - 10_000
            assert account.equity_units == CASH - 10_000
            assert account.trades == 1
            assert account.now_ns == 40 * 60 * SECOND_NS

    asyncio.run(case())


def test_after_the_end_orders_are_still_answered(tmp_path: Path) -> None:
    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v")) as caller:
            await caller.to_the_end()
            caller.ask(limit("a", 9_000))
            await caller.until_report(Kind.ACCEPTED, "a")
            caller.answer(await caller.beat())
            caller.ask(cancel("a"))
            await caller.until_report(Kind.CANCELLED, "a")
            assert sum(isinstance(message, Ended) for message in caller.heard) == 1

    asyncio.run(case())


def test_stop_market_orders_fill_through_a_gap(tmp_path: Path) -> None:
    bars = QUIET_BARS.replace("0 180 240 10000 10010 9990", "0 180 240 8500 10010 8000")

    async def case() -> None:
        async with on_the_line(venue_of(tmp_path / "v", bars)) as caller:
            beat = await caller.beat()
            caller.ask(buy("a"))
            caller.answer(beat)
            await caller.until_report(Kind.FILL, "a")
            caller.ask(stop_of("s", 9_000))
            caller.answer(await caller.beat())
            fill = await caller.until_report(Kind.FILL, "s")
            assert fill.row["order_kind"] == OrderKind.STOP
            assert fill.row["price"] == 8_500
            assert fill.row["src_ts_ns"] == 180 * SECOND_NS

    asyncio.run(case())
