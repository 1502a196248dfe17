"""The oracle keeps the venue's books by other means, and says where somebody else's differ."""

import numpy as np
import pytest

from interlock.kernel.codes import BUY, SELL, Flag, Kind
from interlock.kernel.ledger import fill_units
from interlock.kernel.records import Rows, rows
from interlock.research.simulator.oracle import Oracle, Unit
from interlock.sim.world import new_world
from interlock.venues.port import Account, NewOrder, Report, VenueState
from tests.simulator.stage import policy

CASH = 1_000_000
UNIT = Unit(num=1, den=3, maker_ppm=-100, taker_ppm=1_000)


def oracle() -> Oracle:
    """Return the oracle of an account with two instruments."""
    return Oracle(cash_units=CASH, units=[UNIT, UNIT])


def new(name: str, **changed: object) -> NewOrder:
    """Return a new order: buy ten of the first instrument."""
    meant: dict[str, object] = {
        "client_id": name,
        "epoch": 1,
        "instrument": 0,
        "strategy": 0,
        "side": BUY,
        "order_kind": 1,
        "role": 1,
        "flags": 0,
        "qty": 10,
        "price": 100,
        "trigger": 0,
        "peer_client_id": "",
        "ts_ns": 1,
    }
    return NewOrder(**(meant | changed))  # type: ignore[arg-type]


def told(name: str, kind: Kind, **fields: int) -> Report:
    """Return a report about an order."""
    table: Rows = rows(1)
    table["kind"] = kind
    for field, value in ({"instrument": 0} | fields).items():
        table[field] = value
    return Report(client_id=name, peer_client_id="", row=table[0])


def fill(name: str, number: int, **fields: int) -> Report:
    """Return a fill: buy ten at a hundred, with the fee that belongs to it."""
    meant = {"side": BUY, "qty": 10, "price": 100, "ext_lo": number, "fee": 1} | fields
    return told(name, Kind.FILL, **meant)


def test_a_buy_rounds_up_and_a_sell_down() -> None:
    """1,000 ticks * lots at a third of a unit: 334 are paid, 333 received."""
    kept = oracle()
    kept.took(new("a"), [told("a", Kind.ACCEPTED), fill("a", 1, flags=int(Flag.LAST))])
    assert kept.money_units == CASH - 334 - 1
    assert kept.positions == [10, 0]
    kept.took(new("b", side=SELL), [fill("b", 2, side=SELL, flags=int(Flag.LAST))])
    assert kept.money_units == CASH - 334 - 1 + 333 - 1
    assert kept.positions == [0, 0]
    assert kept.wrong == []


def test_the_venue_rounds_the_same_way_and_shares_no_code() -> None:
    world = new_world(policy())
    spec = world["instruments"][0, 0]
    kept = oracle()
    for price in (1, 2, 3, 100, 9_999_999):
        for qty in (1, 7, 10**6):
            for side in (BUY, SELL):
                theirs = int(fill_units(spec, side, price, qty))
                assert kept.worth(0, side, price, qty) == theirs


def test_a_rebate_is_paid_rounded_down() -> None:
    kept = oracle()
    maker = {"flags": int(Flag.MAKER), "qty": 1_000, "price": 1_000}
    kept.took(new("a", qty=1_000), [fill("a", 1, fee=-33, **maker)])
    assert kept.wrong == []
    kept.took(new("b", qty=1_000), [fill("b", 2, fee=-34, **maker)])
    assert "instead of -33" in kept.wrong[0]


def test_a_fee_in_lots_leaves_the_position() -> None:
    kept = oracle()
    kept.took(new("a"), [fill("a", 1, fee=1, fee_asset=1)])
    assert kept.positions == [9, 0]
    assert kept.money_units == CASH - 334
    assert kept.wrong == []


def test_funding_and_strangers_count() -> None:
    kept = oracle()
    kept.happened([told("", Kind.FUNDING, value=-7), fill("x-1", 1, side=SELL, fee=1)])
    assert kept.money_units == CASH - 7 + 333 - 1
    assert kept.positions == [-10, 0]


def test_a_trade_that_is_taken_back_leaves_nothing_but_a_rounding() -> None:
    kept = oracle()
    kept.took(new("a"), [fill("a", 1)])
    kept.happened([told("a", Kind.BUST, side=BUY, qty=10, price=100, ext_lo=1, fee=-1)])
    assert kept.positions == [0, 0]
    assert kept.money_units == CASH - 1


def test_an_order_of_the_same_name_is_made_once() -> None:
    kept = oracle()
    assert kept.created("a") == 0
    kept.took(new("a"), [told("a", Kind.ACCEPTED)])
    assert (kept.created("a"), kept.twice) == (1, [])
    kept.took(new("a"), [told("a", Kind.ACCEPTED)])
    assert (kept.created("a"), kept.twice) == (2, ["a"])


def test_an_order_rests_until_it_is_over() -> None:
    for kind in (Kind.CANCELLED, Kind.EXPIRED, Kind.REJECTED):
        kept = oracle()
        assert not kept.rests("a")
        kept.took(new("a"), [told("a", Kind.ACCEPTED)])
        assert kept.rests("a")
        kept.happened([told("a", kind, flags=int(Flag.LAST))])
        assert not kept.rests("a")
        kept.happened([told("a", kind, flags=int(Flag.LAST))])
        assert "after it had been" in kept.wrong[0]


@pytest.mark.parametrize(
    ("before", "side", "qty", "words"),
    [(0, SELL, 10, "did not reduce"), (10, BUY, 10, "did not reduce"), (5, SELL, 10, "turned")],
)
def test_what_only_reduces_never_opens_at_the_venue(
    before: int, side: int, qty: int, words: str
) -> None:
    kept = oracle()
    if before:
        kept.took(new("a", qty=before), [fill("a", 1, qty=before)])
    order = new("b", side=side, qty=qty, flags=int(Flag.REDUCE_ONLY))
    kept.took(order, [fill("b", 2, side=side, qty=qty)])
    assert any(words in one for one in kept.wrong)


def test_no_order_is_filled_beyond_its_quantity() -> None:
    kept = oracle()
    kept.took(new("a"), [fill("a", 1), fill("a", 2)])
    assert any("20 of 10" in one for one in kept.wrong)
    kept = oracle()
    kept.took(new("a"), [told("a", Kind.AMENDED, qty=20), fill("a", 1), fill("a", 2)])
    assert kept.wrong == []


def test_the_same_trade_counts_once() -> None:
    kept = oracle()
    kept.took(new("a"), [fill("a", 1), fill("a", 1)])
    assert kept.positions == [10, 0]
    assert kept.twice == ["trade 1"]


def account(kept: Oracle, **changed: object) -> Account:
    """Return what a venue says that agrees, but for what is changed."""
    meant: dict[str, object] = {
        "now_ns": 1,
        "orders": (),
        "positions": {0: 10},
        "marks": {0: 100},
        "cash_units": 0,
        "equity_units": kept.money_units + 333,
        "trades": 1,
    }
    return Account(**(meant | changed))  # type: ignore[arg-type]


def test_differences_are_named() -> None:
    kept = oracle()
    kept.took(new("a"), [fill("a", 1, flags=int(Flag.LAST))])
    assert kept.orders["a"].state is VenueState.FILLED
    good = account(kept)
    assert kept.differences(good, good.marks) == []
    changes: tuple[dict[str, object], ...] = (
        {"positions": {}},
        {"equity_units": 5},
        {"positions": {0: 10, 1: 1}},
    )
    for changed in changes:
        other = account(kept, **changed)
        assert len(kept.differences(other, other.marks)) == 1
    kept.took(new("b"), [told("b", Kind.ACCEPTED)])
    assert "b" in kept.differences(good, good.marks)[0]


def test_a_strangers_order_is_remembered_while_it_rests() -> None:
    kept = oracle()
    kept.happened([told("x-1", Kind.ACCEPTED, instrument=1)])
    assert kept.foreign == {"x-1": 1}
    kept.happened([told("x-1", Kind.CANCELLED, instrument=1, flags=int(Flag.LAST))])
    assert kept.foreign == {}


def test_the_oracle_works_in_whole_numbers_of_any_size() -> None:
    kept = oracle()
    big = 2**40
    assert kept.worth(0, BUY, big, big) == -(-(big * big) // 3)
    assert isinstance(kept.worth(0, BUY, int(np.int64(5)), 5), int)
