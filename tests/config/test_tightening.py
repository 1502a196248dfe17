"""A number that its owner lowered must never let more through."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from interlock.config.build import unused_names
from interlock.config.errors import PolicyError
from tests.config.samples import policy_of, record_of, used


def nested(path: str, value: object) -> str:
    """Return a YAML file with one key."""
    parts = path.split(".")
    return "{" + ": {".join(parts) + f": {value}" + "}" * len(parts)


LOWER_IS_TIGHTER: Sequence[str] = (
    "position_sizing.risk_per_trade",
    "position_sizing.max_exposure_fraction",
    "risk.max_daily_loss",
    "risk.max_daily_loss_money",
    "risk.max_drawdown",
    "risk.venue_equity_tolerance",
    "limits.account.order_notional",
    "limits.account.gross_notional",
    "limits.account.net_notional",
    "limits.account.leverage",
    "limits.account.open_orders",
    "limits.account.open_positions",
    "limits.account.orders.per_second",
    "limits.account.orders.per_day",
    "limits.strategies.default.order_notional",
    "limits.strategies.default.orders.per_minute",
    "limits.strategies.by_name.ema_cross.open_positions",
    "limits.instruments.by_symbol.BTC_USDT.order_notional",
    "limits.instruments.by_symbol.BTC_USDT.order_quantity",
    "limits.instruments.by_symbol.BTC_USDT.position_fraction",
    "limits.instruments.by_symbol.BTC_USDT.repeats.max_count",
    "limits.instruments.by_symbol.BTC_USDT.market.max_spread_bps",
    "market.max_spread_bps",
    "market.collar_fraction",
    "market.bar_age_extra_seconds",
)
WHOLE_NUMBERS = ("open_", "per_second", "per_minute", "per_day", "max_count")


@given(
    path=st.sampled_from(LOWER_IS_TIGHTER),
    pair=st.tuples(st.integers(1, 1_000), st.integers(1, 1_000)),
    scale=st.sampled_from(["1", "0.001", "0.00005"]),
)
def test_tightening_a_number_never_loosens_the_record(
    path: str, pair: tuple[int, int], scale: str
) -> None:
    whole = path.rsplit(".", maxsplit=1)[-1].startswith(WHOLE_NUMBERS)
    records = []
    for number in sorted(pair):
        value = number if whole else Decimal(number) * Decimal(scale)
        try:
            records.append(used(record_of(policy_of(nested(path, value)))))
        except PolicyError:
            return  # outside the range of this key, or less than a lot
    tighter, looser = records
    assert all(tighter[name] <= looser[name] for name in tighter)


def test_a_limit_under_a_name_that_nothing_has_is_said() -> None:
    """A misspelt symbol's limit holds for nobody."""
    policy = policy_of(
        """
        limits:
          instruments: {allowed: [BTC_USDT, XYZ], by_symbol: {BTC_USTD: {order_quantity: 1}}}
          strategies: {by_name: {ema_cross: {open_orders: 1}}}
        strategies: {by_name: {ema_corss: {enabled: false}}}
        """
    )

    assert unused_names(policy, ["BTC_USDT"], ["ema_cross"]) == (
        "limits.instruments.by_symbol: BTC_USTD is not in this run; did you mean BTC_USDT?",
        "limits.instruments.allowed: XYZ is not in this run.",
        "strategies.by_name: ema_corss is not in this run; did you mean ema_cross?",
    )
