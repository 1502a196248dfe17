"""The state record: everything the kernel believes. Losing it loses nothing; the journal has it."""

from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.policy import SMALL
from interlock.kernel.reasons import REASON_MAX
from interlock.kernel.records import LATCH, ORDER, VERDICT, int64_record
from interlock.kernel.units import PPM
from interlock.kernel.view import PROPOSAL, VIEW

RATE_BUCKETS: Final = 9  # eight make a window; the ninth is the one being filled
NO_STOP_POSSIBLE: Final = 2  # of "unprotected": a person has to act
NEITHER: Final = 2  # of "exit_waits"
RATE: Final = np.dtype([("bucket", np.int64), ("counts", np.int64, (RATE_BUCKETS,))], align=True)
REPEATS: Final = 8
FILL_SETS: Final = 256  # remembered fill ids: sets x ways
FILL_WAYS: Final = 4
LATCHES: Final = {64: 128, 512: 1_024}  # by number of instruments

_RATES: Final = [("per_second", RATE), ("per_minute", RATE), ("per_day", np.int64)]

ACCOUNT_STATE: Final = np.dtype(
    [
        *(
            (name, np.int64)
            for name in (
                # the ledger: cash + inventory = capital + realised - fees + funding
                "cash_units",
                "capital_units",
                "realised_units",
                "fees_units",
                "funding_units",
                "inventory_units",  # cost of the cash-settled positions
                # marked to market
                "unrealised_units",
                "equity_units",
                "peak_units",
                "day_start_units",
                "day_peak_units",
                "gross_units",  # sum of absolute notionals
                "net_units",  # signed sum of notionals
                "exposure_units",  # cash-settled notional plus posted margin
                "margin_units",  # posted
                # in flight, as if filled
                "pending_units",  # notional of entry orders, absolute
                "pending_buy_units",  # the buys among them
                "pending_exposure_units",
                "pending_cash_units",
                "pending_margin_units",
                "pending_positions",  # instruments with an entry order and no position
                "open_orders",
                "open_positions",  # ours; adopted ones are not counted
                # what the breakers watch
                "consecutive_losses",
                "size_scale_ppm",
                "latch_level",
                "daily_loss_at_units",  # equity at or below which the rule trips
                "max_drawdown_at_units",
                "drawdown_warn_at_units",
                "drawdown_at_units",
                "drawdown_emergency_at_units",
                "watch_at_units",  # the highest of the above: one comparison per bar
                "venue_equity_units",
                # counters
                "ts_ns",
                "seq",
                "sub",
                "events",
                "bars",
                "trades",
                "submitted",
                "refusals",
                "garbage",
                "illegal_transitions",
                "unknown_reports",
                "late_rejects",  # of a cancel or an amendment that the order's end overtook
                "duplicate_fills",
                "slippage_units",
                "days",
                "free_order",  # slot + 1 of the first free order slot
                "latches",  # rows in use
                "policy_seq",
                "commands_lost",  # the out buffer was full: a bug, and it halts
            )
        ),
        *_RATES,
        ("rejects", RATE),  # by the venue
    ],
    align=True,
)

STRATEGY_STATE: Final = np.dtype(
    [
        *(
            (name, np.int64)
            for name in (
                "latch_level",
                "consecutive_losses",
                "size_scale_ppm",
                "open_positions",
                "pending_positions",
                "gross_units",
                "pending_units",
                "open_orders",
                "trades",
                "wins",
            )
        ),
        ("win_sum", np.float64),  # of returns in R (profit over the risk taken at entry)
        ("loss_sum", np.float64),  # positive
        ("edge_sum_bps", np.float64),  # of net returns on entry notional
        *_RATES,
        ("entries", RATE),  # automated entries, for the order-rate breaker
    ],
    align=True,
)

INSTRUMENT_STATE: Final = np.dtype(
    [
        *(
            (name, np.int64)
            for name in (
                # market
                "mark",  # ticks; 0: none yet
                "bid",
                "ask",
                "previous_close",
                "good_ns",  # source time of the last good number
                "atr_count",
                "bars",
                "garbage",
                "quarantined",
                "book_sound",
                "session_open",
                "blackouts",  # running
                "venue_halted",
                "latch_level",
                # position
                "position",  # lots, signed
                "cost_units",  # signed, exact
                "value_units",  # signed notional at the mark
                "unrealised_units",
                "exposure_units",
                "margin_units",
                "margined",
                "leverage_ppm",
                "owner",  # strategy
                "adopted",
                # orders
                "first_order",  # slot + 1
                "open_orders",
                "entry_orders",
                "entry_buy",  # lots not filled yet of orders that may add
                "entry_sell",
                "reduce_buy",  # lots not filled yet of reduce-only orders outside an OCO pair
                "reduce_sell",
                "pending_units",
                "unknown_orders",
                "stop_order",  # slot + 1
                "target_order",  # slot + 1
                "exit_order",  # slot + 1
                "exit_code",  # codes.Exit of the exit under way; 0 none
                # 1 after an exit that did not happen, NEITHER if after it no stop could rest; both
                "exit_waits",  # end with the next bar or TIMER
                # the trade under way
                "entry_ns",
                "entry_bar",
                "entry_seq",
                "entry_order_id",
                "entry_lots",
                "entry_units",  # notional bought or sold to open
                "exit_filled_lots",
                "exit_units",
                "trade_realised_units",
                "trade_fees_units",
                "trade_funding_units",
                "trade_slippage_units",
                "risk_units",  # worst loss at the stop, when it was opened
                "entry_price",  # ticks; mean of the entry fills, rounded against us
                "stop_distance",
                "target_distance",
                "stop_price",  # ticks; what the resting stop should be at
                "target_price",
                "stop_flags",  # TRAILED, BREAK_EVEN
                "best",  # ticks; best price for the position since entry
                "worst",
                "unprotected",  # 1 while no stop rests; 2 when none can and a person has to act
                "repeat_next",
                "pending_position",  # strategy + 1 while its entry waits and there is no position
                "suspect",  # ticks of the last price that jumped too far
                "suspects",  # how many in a row jumped there
            )
        ),
        ("atr", np.float64),  # ticks
        ("atr_baseline", np.float64),
        ("atr_entry", np.float64),
        *_RATES,
        ("repeat_key", np.int64, (REPEATS,)),
        ("repeat_ns", np.int64, (REPEATS,)),
    ],
    align=True,
)

SIZING_SCRATCH: Final = int64_record(
    (
        "price",  # ticks the entry is expected to pay, slippage included
        "stop_distance",
        "target_distance",
        "risk_per_lot",  # ticks lost at the stop, costs included
        "method_lots",
        "risk_lots",
        "position_lots",
        "exposure_lots",
        "limit_lots",
        "scale_ppm",
        "lots",
        "cost_ppm",  # of the round trip, at the largest size
        "cost_bps",  # of the round trip, at the size taken
    )
)

FILL_ID: Final = int64_record(("hi", "lo"))


@cache
def state_dtype(tier: tuple[int, int, int] = SMALL) -> np.dtype[np.void]:
    """Return the record of a whole state for ``tier`` (instruments, strategies, orders)."""
    instruments, strategies, orders = tier
    return np.dtype(
        [
            ("account", ACCOUNT_STATE),
            ("instruments", INSTRUMENT_STATE, (instruments,)),
            ("strategies", STRATEGY_STATE, (strategies,)),
            ("orders", ORDER, (orders,)),
            ("latches", LATCH, (LATCHES[instruments],)),
            ("fill_ids", FILL_ID, (FILL_SETS, FILL_WAYS)),
            ("fill_next", np.int64, (FILL_SETS,)),
            # scratch of the decision in hand, journaled with it
            ("sizing", SIZING_SCRATCH),
            ("view", VIEW),
            ("proposal", PROPOSAL),
            ("verdicts", VERDICT, (REASON_MAX + 1,)),
            ("masks", np.int64, (2,)),  # of the last judgement
        ],
        align=True,
    )


StateArray: TypeAlias = NDArray[np.void]  # shape (1,), dtype state_dtype(tier)


def new_state(cash_units: int, tier: tuple[int, int, int] = SMALL) -> StateArray:
    """Return the state of an account that holds only ``cash_units``, shape (1,)."""
    assert cash_units >= 0
    state = np.zeros(1, dtype=state_dtype(tier))
    account = state["account"]
    for name in ("cash_units", "capital_units", "equity_units", "peak_units"):
        account[name] = cash_units
    for name in ("day_start_units", "day_peak_units"):
        account[name] = cash_units
    account["size_scale_ppm"] = PPM
    state["strategies"]["size_scale_ppm"] = PPM
    state["instruments"]["owner"] = -1
    state["instruments"]["book_sound"] = 1
    slots = state["orders"].shape[1]
    account["free_order"] = 1
    state["orders"]["next"][0] = np.append(np.arange(2, slots + 1), 0)
    return state
