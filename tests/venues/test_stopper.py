"""A stopper: what it does about what a venue shows, and what it never believes."""

import random
from dataclasses import replace
from typing import Any

import pytest

from interlock.kernel.codes import BUY, SELL, OrderKind, Role
from interlock.venues.port import (
    Cancel,
    Message,
    NewOrder,
    NotFound,
    Queued,
    Refused,
)
from interlock.venues.purpose import Purpose
from interlock.venues.simulated.asks import Ask, AskAccount, AskOrder, CancelAll
from interlock.venues.simulated.warden_wire import SimulatedWardenCodec
from interlock.venues.stopper import Killed, Unconfirmed
from tests.venues.caller import limit, stop_of
from tests.venues.stopping import MS, Far, Host


def target_of(name: str, price: int, lots: int = 100) -> NewOrder:
    """Return a target of a long position."""
    return replace(
        stop_of(name, price, lots), order_kind=OrderKind.LIMIT, role=Role.TARGET, trigger=0
    )


def closings(far: Far) -> list[NewOrder]:
    """Return what a stopper ordered."""
    return [ask for ask in far.asked if isinstance(ask, NewOrder)]


def killed(host: Host) -> Killed:
    """Run to a confirmed end."""
    verdict = host.run()
    assert isinstance(verdict, Killed), (verdict, host.notes)
    return verdict


def unconfirmed(host: Host) -> Unconfirmed:
    """Run to an end without confirmation."""
    verdict = host.run()
    assert isinstance(verdict, Unconfirmed), host.notes
    return verdict


def test_an_account_without_anything_is_looked_at_twice() -> None:
    far = Far()
    verdict = killed(Host(far, Purpose.FLATTEN))
    assert (verdict.cancelled, verdict.closed) == (0, 0)
    assert sum(isinstance(ask, AskAccount) for ask in far.asked) == 2
    assert closings(far) == []


def test_cancelling_leaves_positions_and_takes_every_order() -> None:
    far = Far()
    far.hold(100)
    far.take(limit("b", 9_000), stop_of("c", 9_000))
    assert killed(Host(far, Purpose.CANCEL)).cancelled == 2
    assert far.orders() == []
    assert far.positions() == {0: 100}


def test_flattening_closes_long_and_short_within_a_second() -> None:
    far = Far()
    far.hold(100)
    far.hold(-40, instrument=1)
    far.take(limit("b", 9_000), stop_of("c", 9_000))
    verdict = killed(Host(far, Purpose.FLATTEN))
    assert far.orders() == []
    assert far.positions() == {}
    assert (verdict.cancelled, verdict.closed) == (2, 2)
    assert verdict.took_ns < 1_000 * MS
    assert [(order.side, order.qty) for order in closings(far)] == [(BUY, 40), (SELL, 100)]


def test_what_was_only_taken_note_of_is_not_believed() -> None:
    """A venue says that all will be cancelled, and does nothing for a second."""

    def later(ask: Ask, _: Far) -> list[Message] | None:
        if isinstance(ask, CancelAll):
            return [Queued(what="cancel_all")]
        if isinstance(ask, Cancel):
            return [] if host.now < 1_000 * MS else None
        return None

    far = Far(later)
    far.take(limit("b", 9_000), limit("c", 8_000))
    host = Host(far, Purpose.CANCEL)
    assert killed(host).took_ns >= 1_000 * MS
    assert far.orders() == []


def test_nothing_is_concluded_from_silence() -> None:
    """It wants another connection, again and again, and ends unconfirmed."""
    far = Far(lambda ask, _: [] if isinstance(ask, AskAccount) else None)
    far.take(limit("b", 9_000))
    host = Host(far, Purpose.CANCEL)
    verdict = unconfirmed(host)
    assert verdict.why == "the venue does not answer"
    assert host.connections >= 4
    assert host.now >= 10_000 * MS


def test_a_venue_that_is_not_there_is_unconfirmed_and_one_that_comes_is_stopped() -> None:
    far = Far()
    far.take(limit("b", 9_000))
    host = Host(far, Purpose.CANCEL)
    host.is_there = False
    host.stopper.lost(0, "the venue could not be reached: no such file")
    for _ in range(50):
        host.step()
    assert host.stopper.verdict is None
    host.is_there = True
    killed(host)
    absent = Host(far, Purpose.CANCEL)
    absent.is_there = False
    assert unconfirmed(absent).orders == ()


def test_what_still_rests_at_the_end_is_named() -> None:
    far = Far(lambda ask, _: [] if isinstance(ask, Cancel | CancelAll) else None)
    far.hold(100, instrument=1)
    far.take(limit("b", 9_000))
    verdict = unconfirmed(Host(far, Purpose.FLATTEN))
    assert verdict.why == "the venue still shows 1 orders and 0 positions"
    assert verdict.orders == ("b",)
    assert verdict.positions == {}
    assert far.positions() == {}, "an order that cannot be cancelled stops no position's end"


def test_a_position_is_closed_although_an_order_of_it_cannot_be_cancelled() -> None:
    far = Far(lambda ask, _: [] if isinstance(ask, Cancel | CancelAll) else None)
    far.hold(100)
    far.take(limit("b", 9_000))
    unconfirmed(Host(far, Purpose.FLATTEN))
    assert far.positions() == {}


def test_an_order_that_cannot_be_encoded_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    far = Far()
    far.hold(100)
    far.hold(60, instrument=1)
    close = SimulatedWardenCodec.close

    def break_down(self: SimulatedWardenCodec, closing: Any) -> bytes:
        if closing.instrument == 0:
            raise ValueError("no such thing")
        return close(self, closing)

    monkeypatch.setattr(SimulatedWardenCodec, "close", break_down)
    host = Host(far, Purpose.FLATTEN)
    verdict = unconfirmed(host)
    assert far.positions() == {0: 100}
    assert verdict.positions == {"AAA": 100}
    assert any("could not be made: ValueError: no such thing" in note for note in host.notes)


@pytest.mark.parametrize("lost_at", range(1, 12))
def test_a_connection_lost_at_any_moment_is_made_anew_and_nothing_is_exceeded(
    lost_at: int,
) -> None:
    far = Far(spot=False)
    far.hold(100)
    far.take(limit("b", 9_000))
    host = Host(far, Purpose.FLATTEN)
    for _ in range(lost_at * 3):
        host.step()
    host.hang_up()
    killed(host)
    assert far.positions() == {}
    assert sum(order.qty for order in closings(far)) == 100


def test_an_order_whose_fate_is_unknown_is_asked_about_before_another_is_given() -> None:
    """The venue takes it and the answer is lost; then it does not show it for a while."""
    lagging = [3]

    def lags(ask: Ask, far: Far) -> list[Message] | None:
        if isinstance(ask, AskAccount) and closings(far) and lagging[0] > 0:
            return [replace(far.account(), positions={0: 100})]
        if isinstance(ask, AskOrder) and lagging[0] > 0:
            lagging[0] -= 1
            return []
        return None

    far = Far(lags, spot=False)
    far.hold(100)
    killed(Host(far, Purpose.FLATTEN))
    assert len(closings(far)) == 1


def test_an_order_that_never_arrived_is_given_again_under_another_name() -> None:
    swallowed = [1]

    def swallows(ask: Ask, _: Far) -> list[Message] | None:
        if isinstance(ask, NewOrder) and swallowed[0] > 0:
            swallowed[0] -= 1
            return []
        return None

    far = Far(swallows)
    far.hold(100)
    killed(Host(far, Purpose.FLATTEN))
    assert [order.client_id for order in closings(far)] == ["w-T-1", "w-T-2"]


def test_a_closing_order_that_is_refused_is_tried_again_to_the_end() -> None:
    far = Far(
        lambda ask, _: (
            [Refused(client_id=ask.client_id, why="no")] if isinstance(ask, NewOrder) else None
        )
    )
    far.hold(100)
    host = Host(far, Purpose.FLATTEN)
    verdict = unconfirmed(host)
    assert verdict.positions == {"AAA": 100}
    assert 5 < len(closings(far)) < 15, "again and again, and not in a tight loop"


def test_a_closing_order_that_does_not_fill_is_cancelled_and_given_again() -> None:
    def waits(ask: Ask, far: Far) -> list[Message] | None:
        if isinstance(ask, NewOrder) and len(closings(far)) == 1:
            far.reports += far.exchange.handle(replace(ask, epoch=1), far.now_ns)  # type: ignore[arg-type]
            return []
        return None

    far = Far(waits)
    far.hold(100)
    verdict = killed(Host(far, Purpose.FLATTEN))
    assert verdict.took_ns >= 2_000 * MS
    assert len(closings(far)) == 2
    assert far.positions() == {}


def test_an_order_that_appears_between_two_looks_is_cancelled_too() -> None:
    """What an engine wrote before it froze may still be on its way."""
    far = Far()
    host = Host(far, Purpose.CANCEL)
    host.run(until=lambda: sum(isinstance(ask, AskAccount) for ask in far.asked) == 1)
    far.take(limit("late", 9_000))
    assert killed(host).cancelled == 1
    assert far.orders() == []


def test_protecting_keeps_what_reduces_and_takes_what_opens() -> None:
    far = Far(spot=False)
    far.hold(100)
    far.take(limit("b", 9_000), stop_of("c", 9_000), target_of("d", 12_000))
    verdict = killed(Host(far, Purpose.PROTECT))
    assert (verdict.cancelled, verdict.closed) == (1, 0)
    assert far.orders() == ["c", "d"]
    assert far.positions() == {0: 100}


@pytest.mark.parametrize("lots", [100, -100])
def test_protecting_places_the_stop_that_is_missing(lots: int) -> None:
    far = Far(spot=False)
    far.hold(lots)
    verdict = killed(Host(far, Purpose.PROTECT))
    assert verdict.closed == 1
    (stop,) = far.account().orders
    assert (stop.qty, stop.is_reduce_only, stop.order_kind) == (100, True, OrderKind.STOP)
    assert (stop.side, stop.trigger) == ((SELL, 9_800) if lots > 0 else (BUY, 10_200))


def test_protecting_covers_what_a_stop_leaves_uncovered() -> None:
    far = Far(spot=False)
    far.hold(100)
    far.take(stop_of("c", 9_000, 30))
    killed(Host(far, Purpose.PROTECT))
    assert [order.qty for order in far.account().orders] == [30, 70]


def test_protecting_a_balance_takes_away_the_target_that_locks_it() -> None:
    far = Far()
    far.hold(100)
    far.take(target_of("d", 12_000))
    killed(Host(far, Purpose.PROTECT))
    (stop,) = far.account().orders
    assert stop.order_kind == OrderKind.STOP


def test_withdrawing_takes_the_wardens_orders_alone() -> None:
    far = Far(spot=False)
    far.hold(100)
    far.take(limit("b", 9_000))
    killed(Host(far, Purpose.PROTECT))
    far.take(limit("e", 9_000))
    verdict = killed(Host(far, Purpose.WITHDRAW))
    assert verdict.cancelled == 1
    assert far.orders() == ["e"]


def test_two_stoppers_at_once_close_what_is_held_once() -> None:
    far = Far(spot=False)
    far.hold(100)
    far.take(limit("b", 9_000))
    first = Host(far, Purpose.FLATTEN)
    second = Host(far, Purpose.FLATTEN, delay=30 * MS)
    second.stopper._name = "U"
    while first.stopper.verdict is None or second.stopper.verdict is None:
        first.step()
        second.step()
    assert isinstance(first.stopper.verdict, Killed)
    assert isinstance(second.stopper.verdict, Killed)
    assert far.positions() == {}


def test_a_lost_answer_about_an_order_proves_nothing() -> None:
    """Found, then not found: absence is believed only as often as this venue needs it."""
    far = Far()
    far.hold(100)
    host = Host(far, Purpose.FLATTEN)
    host.stopper._hear(NotFound(client_id="w-T-9", now_ns=0), 0)
    killed(host)


def test_garbage_costs_the_connection_and_no_more() -> None:
    far = Far()
    far.take(limit("b", 9_000))
    host = Host(far, Purpose.CANCEL)
    for _ in range(3):
        host.step()
    host.stopper.receive(b"<html>\n", host.now)
    killed(host)
    assert host.connections == 2


@pytest.mark.parametrize("seed", range(100))
def test_whatever_is_lost_on_the_way_killed_means_empty_and_nothing_is_exceeded(
    seed: int,
) -> None:
    """Questions, answers and orders are lost, the connection is cut, orders rest for a while."""
    chance = random.Random(seed)  # noqa: S311 - a script, no secret
    loss = chance.choice([0.0, 0.05, 0.2, 0.5])

    def trouble(ask: Ask, far: Far) -> list[Message] | None:
        if chance.random() >= loss:
            return None
        if isinstance(ask, NewOrder) and chance.random() < 0.5:
            far.reports += far.exchange.handle(  # type: ignore[arg-type]
                replace(ask, epoch=far.exchange.epoch), far.now_ns
            )
        return []

    far = Far(trouble, spot=chance.random() < 0.5)
    held = chance.choice([0, 100, -40])
    if held:
        far.hold(held)
    far.hold(60, instrument=1)
    far.take(*(limit(f"b{number}", 9_000) for number in range(chance.randint(0, 5))))
    host = Host(far, Purpose.FLATTEN, delay=chance.choice([0, 10, 90]) * MS)
    while host.stopper.verdict is None:
        host.step()
        if chance.random() < loss / 20:
            host.hang_up()
        lots = far.positions().get(0, 0)
        assert min(held, 0) <= lots <= max(held, 0)
        assert 0 <= far.positions().get(1, 0) <= 60
    if isinstance(host.stopper.verdict, Killed):
        assert (far.positions(), far.orders()) == ({}, [])
    else:
        assert loss >= 0.2, host.stopper.verdict
