"""The policy record: every number a rule may use, frozen, built by ``config`` from files.

A limit of 0 is *not set*, and whatever is not set denies; ``units.LIMIT_NONE`` is a limit that
its owner switched off by name. Fractions are parts per million (ppm).
"""

from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.codes import Cause
from interlock.kernel.records import int64_record

BREAKER: Final = int64_record(
    (
        "enabled",
        "limit",  # unit by cause: ppm, ms, count
        "level",  # codes.Level to set
        "release",  # bits of codes.Release
        "cooldown_ns",
    )
)
CAUSES: Final = max(Cause) + 1

_RATE_LIMITS: Final = ("orders_per_second", "orders_per_minute", "orders_per_day")

ACCOUNT_LIMITS: Final = int64_record(
    (
        "order_notional_units",
        "gross_notional_units",
        "net_notional_units",
        "exposure_ppm",  # spot notional plus posted margin, of equity
        "leverage_ppm",  # gross notional over equity; 5x is 5,000,000
        "open_orders",
        "open_positions",
        *_RATE_LIMITS,
        "daily_loss_units",
        "daily_loss_ppm",
        "drawdown_ppm",  # from the all-time peak
    )
)
STRATEGY_LIMITS: Final = int64_record(
    (
        "order_notional_units",
        "gross_notional_units",
        "open_orders",
        "open_positions",
        *_RATE_LIMITS,
        "order_rate_count",  # automated entries within the window that disable the strategy
        "order_rate_window_ns",
    )
)
INSTRUMENT_LIMITS: Final = int64_record(
    (
        "order_lots",
        "order_notional_units",
        "order_notional_min_units",
        "position_lots",
        "position_notional_units",
        "position_ppm",  # of equity
        "leverage_ppm",
        "open_orders",
        *_RATE_LIMITS,
        "repeat_count",  # identical orders within the window, at most 8
        "repeat_window_ns",
        "collar_ppm",  # from the reference price
        "spread_ppm",
        "data_age_ns",
    )
)

SIZING: Final = int64_record(
    (
        "method",  # codes.SizingMethod
        "fixed_lots",  # FIXED by quantity; 0: not used
        "fixed_units",  # FIXED by notional; 0: not used
        "fraction_ppm",  # FIXED_FRACTIONAL: risk per trade
        "kelly_fraction_ppm",
        "kelly_trades_min",
        "risk_ppm",  # risk_per_trade: caps every method
        "position_ppm",  # max_position_pct: caps every method
        "exposure_ppm",  # total exposure: caps every method
    ),
    floats=("volatility_factor",),  # ATRs of adverse move that the risk budget has to pay for
)
EXITS: Final = int64_record(
    (
        "stop_method",  # codes.StopMethod
        "stop_ppm",  # PERCENT
        "stop_min_ppm",
        "stop_max_ppm",
        "target_method",  # codes.TargetMethod
        "time_periods",  # bars held; 0: off
        "volatility_enabled",
        "trailing_enabled",
        "break_even_enabled",
        "opposite_signal_exits",
    ),
    floats=(
        "stop_atr",  # ATR multiples
        "target_multiple",  # of the stop distance (R)
        "volatility_high",  # ATR over ATR at entry
        "volatility_low",
        "trailing_atr",  # ATR multiples behind the best price
        "break_even_multiple",  # of the stop distance, in profit, before the stop moves
    ),
)
COSTS: Final = int64_record(
    (
        "maker_ppm",
        "taker_ppm",
        "assumed_ppm",
        "slippage_base_ppm",
        "impact_from_units",  # notional from which market impact counts
        "edge_min_bps",  # after costs
    ),
    floats=(
        "volatility_factor",  # of the base slippage, per unit of ATR above its baseline
        "impact_ppm",  # per unit of sqrt(notional / impact_from) - 1
    ),
)
LOSS_STEPS: Final = int64_record(
    ("reduce_at", "reduce_ppm", "reduce_more_at", "reduce_more_ppm", "halt_at")
)

ACCOUNT_POLICY: Final = np.dtype(
    [
        ("limits", ACCOUNT_LIMITS),
        ("sizing", SIZING),
        ("exits", EXITS),
        ("costs", COSTS),
        ("losses", LOSS_STEPS),
        ("breakers", BREAKER, (CAUSES,)),
        ("drawdown_warn_ppm", np.int64),  # Cause.DRAWDOWN: its breaker row is the critical level
        ("drawdown_emergency_ppm", np.int64),
        ("shorting_allowed", np.int64),
        ("margin_allowed", np.int64),
        ("venue_equity_tolerance_ppm", np.int64),
        ("instruments", np.int64),  # rows in use
        ("strategies", np.int64),
    ],
    align=True,
)

STRATEGY_POLICY: Final = np.dtype(
    [
        ("limits", STRATEGY_LIMITS),
        ("enabled", np.int64),
        ("edge_required", np.int64),
        ("margin", np.int64),  # its entries ask for margin
        ("leverage_ppm", np.int64),  # asked for by its margin entries
    ],
    align=True,
)

INSTRUMENT_POLICY: Final = np.dtype(
    [
        ("unit_num", np.int64),  # notional_units = price * qty * unit_num / unit_den
        ("unit_den", np.int64),
        ("tick", np.int64),  # the venue's tick, in price units
        ("lot", np.int64),  # the venue's lot, in quantity units
        ("lot_min", np.int64),
        ("settle", np.int64),  # codes.Settle
        ("feed", np.int64),  # codes.Feed
        ("period_ns", np.int64),  # of its bars
        ("allowed", np.int64),
        ("shortable", np.int64),
        ("margin_allowed", np.int64),
        ("native_oco", np.int64),
        ("always_open", np.int64),  # 24/7: no session events come
        ("spread_assumed_ppm", np.int64),  # for feeds that carry no quotes
        ("maker_ppm", np.int64),
        ("taker_ppm", np.int64),
        ("atr_periods", np.int64),
        ("atr_baseline_periods", np.int64),
        ("limits", INSTRUMENT_LIMITS),
    ],
    align=True,
)

SMALL: Final = (64, 16, 256)  # instruments, strategies, open orders
LARGE: Final = (512, 64, 4_096)


@cache
def policy_dtype(tier: tuple[int, int, int] = SMALL) -> np.dtype[np.void]:
    """Return the record of a whole policy for ``tier`` (instruments, strategies, orders)."""
    instruments, strategies, _ = tier
    return np.dtype(
        [
            ("account", ACCOUNT_POLICY),
            ("strategies", STRATEGY_POLICY, (strategies,)),
            ("instruments", INSTRUMENT_POLICY, (instruments,)),
        ],
        align=True,
    )


PolicyArray: TypeAlias = NDArray[np.void]  # shape (1,), dtype policy_dtype(tier)


def empty_policy(tier: tuple[int, int, int] = SMALL) -> PolicyArray:
    """Return a policy of zeros, shape (1,): nothing is set, so it denies everything."""
    return np.zeros(1, dtype=policy_dtype(tier))
