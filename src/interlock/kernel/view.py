"""What the gate may see: the account as numbers, so that a probe can put its own in their place."""

from typing import Final

import numpy as np

from interlock.kernel.records import int64_record

# What is being asked: one order, before it exists. Scratch in the state, filled by its caller.
PROPOSAL: Final = np.dtype(
    [
        *(
            (name, np.int64)
            for name in (
                "instrument",
                "strategy",
                "side",
                "order_kind",
                "role",
                "flags",
                "qty",
                "price",  # ticks; what it would trade at: the limit, or the reference
                "trigger",
                "parent_qty",  # lots the parent order has left to give; 0: no parent
                "stop_distance",
                "target_distance",
                "edge_bps",
                "has_edge",
                "leverage_ppm",
                "notional_units",
                "cost_units",  # expected costs of the round trip
                "cash_needed_units",
                "margin_needed_units",
                "risk_units",  # worst loss at the stop, costs included
                "reducing",  # 1: it can only shrink the position
            )
        ),
    ],
    align=True,
)

VIEW: Final = int64_record(
    (
        # account
        "ts_ns",
        "policy_seq",  # of the last POLICY_SET; 0 none yet
        "account_level",
        "free_orders",
        "equity_units",
        "day_start_units",
        "peak_units",
        "cash_free_units",  # cash not held for orders in flight
        "margin_free_units",
        "gross_units",  # with everything in flight, as if filled
        "net_units",  # of positions alone: what is in flight may fill in part
        "pending_buy_units",
        "pending_sell_units",
        "exposure_units",
        "open_orders",
        "open_positions",
        "orders_second",
        "orders_minute",
        "orders_day",
        # strategy
        "strategy_level",
        "strategy_gross_units",
        "strategy_open_orders",
        "strategy_open_positions",
        "strategy_second",
        "strategy_minute",
        "strategy_day",
        "strategy_edge_bps",  # measured, net of costs
        "strategy_trades",
        # instrument
        "instrument_level",
        "position",
        "position_value_units",
        "entry_buy",
        "entry_sell",
        "reduce_buy",
        "reduce_sell",
        "instrument_pending_units",
        "owner",
        "opens_position",  # 1: the order would open a position that is not there
        "instrument_open_orders",
        "instrument_second",
        "instrument_minute",
        "instrument_day",
        "unknown_orders",
        "unprotected",
        "mark",
        "bid",
        "ask",
        "data_age_ns",
        "quarantined",
        "book_sound",
        "session_open",
        "blackouts",
        "venue_halted",
        "resting_opposite_best",  # ticks of our best resting order on the other side; 0 none
        "repeats",
        "not_reconciled",
    )
)
