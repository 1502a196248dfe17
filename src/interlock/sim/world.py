"""The simulated venue's records: its rules, its books, and the orders that rest there."""

from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from interlock.kernel.policy import COSTS, SMALL, PolicyArray
from interlock.kernel.records import ROW, int64_record

WORLD_INSTRUMENT: Final = int64_record(
    (
        "unit_num",
        "unit_den",
        "lot",
        "native_oco",
        "fee_in_base",  # 1: a buy's fee is taken out of the bought asset
        "maker_ppm",
        "taker_ppm",
        "atr_periods",
        "atr_baseline_periods",
        "participation_ppm",  # of a bar's volume that our fills may be; 0: no cap
    )
)

NEVER_TOUCHED: Final = 2**62  # ticks: no price is as high
REPORT_ROWS: Final = 4_096  # the answers of one venue step
REPORTS: Final = np.dtype([("rows", ROW, (REPORT_ROWS,))], align=True)
ReportsArray: TypeAlias = NDArray[np.void]  # shape (1,), dtype REPORTS

VENUE_ORDER: Final = int64_record(
    (
        "order_id",  # 0: the slot is free
        "peer_id",
        "instrument",
        "strategy",
        "side",
        "order_kind",
        "role",
        "flags",
        "qty",
        "filled",
        "price",
        "trigger",
        "triggered",
        "active_ns",  # from when it may trade: its arrival
        "control",  # Kind.CANCEL or Kind.AMEND on its way; 0 none
        "control_ns",  # when that arrives
        "amend_qty",
        "amend_price",
        "amend_trigger",
        "next",  # slot + 1 within its instrument's list, in order of arrival
        "previous",
    )
)

VENUE_INSTRUMENT: Final = int64_record(
    (
        "position",  # lots, signed
        "locked",  # lots promised to resting sells, cash-settled only
        "mark",
        "previous_close",
        "atr_count",
        "first_order",
        "last_order",
        "takers",  # resting orders that take whatever price there is
        "controls",  # cancels and amendments on their way
        "touch_low",  # ticks: a bar that stays above it and below the other touches no order
        "touch_high",
        "volume_left",  # lots our fills may still take of the bar in hand
        "flow_units",  # what its margined fills would have paid and received since it was flat
    ),
    floats=("atr", "atr_baseline"),
)


@cache
def world_dtype(tier: tuple[int, int, int] = SMALL) -> np.dtype[np.void]:
    """Return the record of a venue's rules for ``tier`` (instruments, strategies, orders)."""
    return np.dtype(
        [
            ("latency_in_ns", np.int64),  # command to venue
            ("latency_out_ns", np.int64),  # report to engine
            ("costs", COSTS),
            ("instruments", WORLD_INSTRUMENT, (tier[0],)),
        ],
        align=True,
    )


@cache
def venue_dtype(tier: tuple[int, int, int] = SMALL) -> np.dtype[np.void]:
    """Return the record of a venue's books for ``tier``."""
    return np.dtype(
        [
            ("cash_units", np.int64),  # settled, fees included
            ("margin_flow_units", np.int64),  # the sum of the instruments' flow_units
            ("fees_units", np.int64),
            ("funding_units", np.int64),
            ("trades", np.int64),
            ("rejected", np.int64),
            ("free_order", np.int64),
            ("now_ns", np.int64),
            ("reports", np.int64),  # written by the step in hand
            ("instruments", VENUE_INSTRUMENT, (tier[0],)),
            ("orders", VENUE_ORDER, (tier[2],)),
        ],
        align=True,
    )


WorldArray: TypeAlias = NDArray[np.void]  # shape (1,), dtype world_dtype(tier)
VenueArray: TypeAlias = NDArray[np.void]  # shape (1,), dtype venue_dtype(tier)


def new_world(
    policy: PolicyArray,
    tier: tuple[int, int, int] = SMALL,
    *,
    latency_in_ns: int = 0,
    latency_out_ns: int = 0,
    participation_ppm: int = 0,
) -> WorldArray:
    """Return the rules of a venue that trades what ``policy`` knows, shape (1,).

    Args:
        policy: Shape (1,); instruments and cost model are taken from it.
        tier: Capacities.
        latency_in_ns: From the command to the venue, >= 0.
        latency_out_ns: From the venue's report to the engine, >= 0.
        participation_ppm: Share of a bar's volume that fills may be; 0 for no cap.
    """
    assert latency_in_ns >= 0
    assert latency_out_ns >= 0
    assert participation_ppm >= 0
    world = np.zeros(1, dtype=world_dtype(tier))
    world["latency_in_ns"] = latency_in_ns
    world["latency_out_ns"] = latency_out_ns
    world["costs"] = policy["account"]["costs"]
    specs = policy["instruments"][0]
    rules = world["instruments"][0]
    for name in (
        "unit_num",
        "unit_den",
        "lot",
        "native_oco",
        "maker_ppm",
        "taker_ppm",
        "atr_periods",
        "atr_baseline_periods",
    ):
        rules[name] = specs[name]
    rules["participation_ppm"] = participation_ppm
    return world


def new_venue(cash_units: int, tier: tuple[int, int, int] = SMALL) -> VenueArray:
    """Return the books of a venue where the account holds only ``cash_units``, shape (1,)."""
    assert cash_units >= 0
    venue = np.zeros(1, dtype=venue_dtype(tier))
    venue["cash_units"] = cash_units
    venue["instruments"]["touch_high"] = NEVER_TOUCHED
    slots = venue["orders"].shape[1]
    venue["free_order"] = 1
    venue["orders"]["next"][0] = np.append(np.arange(2, slots + 1), 0)
    return venue
