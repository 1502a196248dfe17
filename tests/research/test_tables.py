"""Orders, trades and latches from logs that were written by hand."""

import pytest

from interlock.kernel.codes import Cause, Exit, Flag, Kind, Level, OrderKind, Role
from interlock.kernel.reasons import Reason
from interlock.research.latched import latches_table, releases_of
from interlock.research.orders import orders_table
from interlock.research.trades import trades_table
from interlock.runtime.readable import reasons_of
from interlock.sim.loop import OPERATOR
from tests.research.makers import cents, log_of

UNIT = 10**8
ORDER = 7 * 4096 + 1
SECOND_NS = 10**9

Fields = dict[str, int]
SUBMIT: Fields = {
    "kind": Kind.SUBMIT,
    "seq": 7,
    "sub": 1,
    "order_id": ORDER,
    "side": 1,
    "order_kind": OrderKind.LIMIT,
    "role": Role.ENTRY,
    "qty": 10,
    "price": 12_345,
    "ts_ns": 1,
}
ACCEPTED: Fields = {"kind": Kind.ACCEPTED, "order_id": ORDER, "ts_ns": 2}


def fill(qty: int, price: int, ts_ns: int = 3) -> Fields:
    """Return a fill of the order, with a fee of one."""
    told = {"kind": Kind.FILL, "order_id": ORDER, "qty": qty, "price": price}
    return told | {"fee": UNIT, "ts_ns": ts_ns}


def ended(kind: Kind) -> Fields:
    """Return an end of the order."""
    return {"kind": kind, "order_id": ORDER, "ts_ns": 9}


@pytest.mark.parametrize(
    ("reports", "outcome", "filled", "average"),
    [
        ([], "INTENT", 0.0, None),
        ([ACCEPTED], "WORKING", 0.0, None),
        ([ACCEPTED, fill(4, 10_000)], "PARTIAL", 4.0, 100.0),
        ([ACCEPTED, fill(4, 10_000), fill(6, 11_000)], "FILLED", 10.0, 106.0),
        ([ACCEPTED, fill(4, 10_000), ended(Kind.CANCELLED)], "CANCELLED", 4.0, 100.0),
        ([ended(Kind.REJECTED)], "REJECTED", 0.0, None),
        ([ACCEPTED, ended(Kind.EXPIRED)], "EXPIRED", 0.0, None),
        ([ended(Kind.ABSENT)], "ABANDONED", 0.0, None),
    ],
)
def test_what_became_of_an_order(
    reports: list[Fields], outcome: str, filled: float, average: float | None
) -> None:
    table = orders_table(log_of(SUBMIT, *reports), cents(), {0: "cross"})

    row = table.row(0, named=True)
    assert (row["outcome"], row["filled"], row["average_price"]) == (outcome, filled, average)
    assert row["fees"] == float(sum(one["kind"] == Kind.FILL for one in reports))
    assert (row["id"], row["signal"], row["symbol"]) == ("o-7-1", "s-7", "SPY")
    assert (row["side"], row["kind"], row["role"], row["strategy"]) == (
        *("buy", "LIMIT", "ENTRY", "cross"),
    )
    assert (row["price"], row["trigger"], row["reason"]) == (123.45, None, None)


def test_an_amended_order_shows_what_the_venue_made_of_it() -> None:
    stop = SUBMIT | {"order_kind": OrderKind.STOP, "role": Role.STOP, "trigger": 9_000}
    stop |= {"flags": Flag.REDUCE_ONLY, "side": -1}
    amended = {"kind": Kind.AMENDED, "order_id": ORDER, "qty": 4, "price": 9_500, "trigger": 9_500}
    table = orders_table(log_of(stop, amended, fill(4, 9_400)), cents(), {})

    row = table.row(0, named=True)
    assert (row["qty"], row["price"], row["trigger"]) == (4.0, None, 95.0)
    assert (row["outcome"], row["signal"], row["reduce_only"]) == ("FILLED", None, True)


def test_a_refusal_is_a_row_of_its_own_in_its_place() -> None:
    refused = {"kind": Kind.REFUSED, "seq": 6, "sub": 1, "code": Reason.CASH_SHORT, "side": 1}
    refused |= {"order_kind": OrderKind.MARKET, "role": Role.ENTRY, "qty": 3, "value": 5}
    refused |= {"limit": 4, "mask_lo": 1 << 16, "mask_hi": 1 << 40}
    table = orders_table(log_of(SUBMIT, refused), cents(), {})

    assert table["id"].to_list() == ["s-6", "o-7-1"]
    row = table.row(0, named=True)
    assert (row["outcome"], row["reason"], row["value"], row["limit"]) == (
        *("REFUSED", "CASH_SHORT", 5, 4),
    )
    assert row["reasons"] == "CASH_SHORT, DATA_QUARANTINED"


def test_a_refused_stop_has_the_id_that_it_would_have_had() -> None:
    refused = {"kind": Kind.REFUSED, "seq": 6, "sub": 3, "code": Reason.PRICE_OFF_TICK}
    table = orders_table(log_of(refused | {"role": Role.STOP}), cents(), {})

    assert table.select("id", "signal").row(0) == ("o-6-3", None)


def test_every_reason_has_its_place_in_the_masks() -> None:
    for reason in Reason:
        if reason is not Reason.NONE:
            low = 1 << (reason - 1) if reason <= 62 else 0
            high = 1 << (reason - 63) if reason > 62 else 0
            assert reasons_of(low, high) == (reason,)


CLOSED: Fields = {
    "kind": Kind.CLOSED,
    "side": 1,
    "code": Exit.STOP,
    "src_ts_ns": 5,
    "ts_ns": 25,
    "qty": 4,
    "open": 400 * UNIT,
    "close": 380 * UNIT,
    "high": 10_300,
    "low": 9_400,
    "volume": 2 * UNIT,
    "fee": UNIT,
    "trigger": -UNIT,
    "order_id": ORDER,
    "peer_id": ORDER + 1,
    "stop_ticks": 9_500,
    "value": -22 * UNIT,
    "limit": 3,
    "mask_lo": 20 * UNIT,
}


def test_a_long_trade_reads_as_it_happened() -> None:
    """Four shares, 100 to 95; it was at 103 and at 94; a fee of 1 and funding of 1."""
    row = trades_table(log_of(CLOSED), cents(), {0: "cross"}).row(0, named=True)

    assert (row["entry_price"], row["exit_price"], row["quantity"]) == (100.0, 95.0, 4.0)
    assert (row["pnl"], row["fees"], row["funding"], row["slippage"]) == (-22.0, 1.0, 1.0, 2.0)
    assert (row["mae"], row["mfe"]) == (-24.0, 12.0)
    assert (row["mae_pct"], row["mfe_pct"]) == (-6.0, 3.0)
    assert (row["return_pct"], row["r_multiple"]) == (-5.5, -1.1)
    assert (row["stop_price"], row["target_price"]) == (95.0, None)
    assert (row["side"], row["exit_reason"], row["bars_held"]) == ("long", "STOP", 3)
    assert (row["trade_id"], row["entry_order"], row["exit_order"]) == ("o-7-1", "o-7-1", "o-7-2")


def test_a_short_trade_is_the_mirror_of_a_long_one() -> None:
    row = trades_table(log_of(CLOSED | {"side": -1}), cents(), {}).row(0, named=True)

    assert (row["mae"], row["mfe"], row["side"]) == (-12.0, 24.0, "short")


def test_a_contract_s_price_is_per_unit_and_its_excursion_counts_the_multiplier() -> None:
    """Fifty dollars a point: the same four contracts cost fifty times as much."""
    told = CLOSED | {"open": 20_000 * UNIT, "close": 19_000 * UNIT}
    row = trades_table(log_of(told), cents(multiplier=50), {}).row(0, named=True)

    assert (row["entry_price"], row["exit_price"], row["mae"]) == (100.0, 95.0, -1_200.0)


def latch(kind: Kind, seconds: int, **fields: int) -> Fields:
    """Return a row about a latch over the account."""
    told: Fields = {"kind": kind, "code": Cause.DAILY_LOSS, "ts_ns": seconds * SECOND_NS}
    return {"instrument": -1, "strategy": -1, "level": Level.HALTED} | told | fields


def test_a_latch_is_one_row_from_its_setting_to_its_release() -> None:
    log = log_of(
        latch(Kind.LATCHED, 10, level=Level.WARNED, value=5, limit=6),
        latch(Kind.LATCHED, 12, value=3, limit=4),
        latch(Kind.RESUME, 20, payload_id=OPERATOR),
        latch(Kind.RELEASED, 20, payload_id=OPERATOR),
        latch(Kind.LATCHED, 30, code=Cause.PRICE_MOVE, instrument=0),
        latch(Kind.RELEASED, 31, code=Cause.PRICE_MOVE, instrument=0),
        latch(Kind.LATCHED, 40, code=Cause.ORDER_RATE, strategy=0),
    )
    table = latches_table(log, 50 * SECOND_NS, {0: "SPY"}, {0: "cross"})

    columns = ("cause", "scope", "subject", "level", "value", "limit", "released_by", "seconds")
    assert table.select(columns).rows() == [
        ("DAILY_LOSS", "ACCOUNT", None, "HALTED", 5, 6, "simulated operator", 10.0),
        ("PRICE_MOVE", "INSTRUMENT", "SPY", "HALTED", 0, 0, "rule", 1.0),
        ("ORDER_RATE", "STRATEGY", "cross", "HALTED", 0, 0, None, 10.0),
    ]
    assert table["released_ts"].null_count() == 1
    releases = releases_of(table)
    assert (releases.count, releases.halted_s, releases.by_cause) == (1, 10.0, {"DAILY_LOSS": 1})


def test_a_latch_that_still_waited_for_its_cooldown_counts_as_the_operator_s() -> None:
    """He did his part earlier; the rest was time."""
    log = log_of(
        latch(Kind.LATCHED, 10),
        latch(Kind.RESUME, 20, payload_id=OPERATOR),
        latch(Kind.RELEASED, 25),
    )
    table = latches_table(log, 50 * SECOND_NS, {}, {})

    assert table["released_by"].to_list() == ["simulated operator"]


def test_empty_logs_make_empty_tables() -> None:
    log = log_of()

    assert orders_table(log, cents(), {}).height == 0
    assert trades_table(log, cents(), {}).height == 0
    assert latches_table(log, 0, {}, {}).height == 0
