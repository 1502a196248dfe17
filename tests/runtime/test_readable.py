"""Verdicts as people read them: every rule, every cause, and nothing that claims too much."""

import pytest

from interlock.kernel.codes import Cause, Level
from interlock.kernel.reasons import Reason
from interlock.kernel.units import LIMIT_NONE
from interlock.runtime.readable import (
    Scale,
    cause_text,
    limit_text,
    money_text,
    relation_of,
    stands,
    time_text,
    value_text,
)

SCALE = Scale(currency="USDT", base="BTC", price_digits=2, qty_digits=3)


@pytest.mark.parametrize("reason", [one for one in Reason if one is not Reason.NONE])
def test_every_rule_can_be_read(reason: Reason) -> None:
    assert value_text(reason, 1, SCALE)
    assert limit_text(reason, 1, SCALE)
    assert relation_of(reason) in {"<=", ">=", "<", "=", "over a multiple of"}
    assert isinstance(stands(reason, 1, 2), bool)


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_can_be_read(cause: Cause) -> None:
    assert cause_text(cause, 1_000_000, SCALE)


@pytest.mark.parametrize(
    ("reason", "value", "limit", "text", "holds"),
    [
        (Reason.ACCOUNT_ORDER_NOTIONAL, 123 * 10**8, LIMIT_NONE, "123.00 USDT <= none", True),
        (Reason.ACCOUNT_ORDER_NOTIONAL, LIMIT_NONE, 0, "unbounded <= not set", False),
        (Reason.SIZE_IS_ZERO, 0, 1, "0.000 BTC >= 0.001 BTC", False),
        (Reason.PRICE_COLLAR, 60_000, 50_000, "6 % <= 5 %", False),
        (Reason.ACCOUNT_LEVERAGE, 2_500_000, 5_000_000, "2.5 x <= 5 x", True),
        (Reason.ACCOUNT_LATCHED, Level.HALTED, Level.REDUCED, "HALTED <= REDUCED", False),
        (Reason.DATA_STALE, 361 * 10**9, 360 * 10**9, "6.017 min <= 6 min", False),
        (Reason.EDGE_TOO_SMALL, -3, 10, "-3 bp >= 10 bp", False),
        (Reason.STOP_MISSING, 0, 1, "0.00 >= 0.01", False),
        (Reason.SHORTING_NOT_ALLOWED, 1, 0, "yes <= no", False),
        (Reason.DAILY_LOSS_MONEY, 10**8, 10**8, "1.00 USDT < 1.00 USDT", False),
        (Reason.BLACKOUT, 1, 0, "1 = 0", False),
        (Reason.QTY_OFF_LOT, 0, 2, "0.000 BTC over a multiple of 0.002 BTC", True),
    ],
)
def test_a_verdict_reads_as_a_comparison(
    reason: Reason, value: int, limit: int, text: str, holds: bool
) -> None:
    said = f"{value_text(reason, value, SCALE)} {relation_of(reason)}"

    assert f"{said} {limit_text(reason, limit, SCALE)}" == text
    assert stands(reason, value, limit) == holds


def test_money_is_shown_to_the_cent_and_never_as_nothing() -> None:
    assert money_text(-150_000_000, "USD") == "-1.50 USD"
    assert money_text(0, "USD") == "0.00 USD"
    assert money_text(1, "USD") == "0.00000001 USD"


def test_times_are_shown_as_exactly_as_they_are() -> None:
    assert time_text(0) == "1970-01-01 00:00:00Z"
    assert time_text(1_500_000_000) == "1970-01-01 00:00:01.5Z"
