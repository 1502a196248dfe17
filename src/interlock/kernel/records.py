"""Rows: what enters, what leaves, and what an order, a latch and a verdict look like.

Everything is a field of an aligned numpy record. A row is exactly 256 bytes; the journal format
depends on its layout, so fields are only ever added in ``spare`` places, with a new version.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

ROW_VERSION: Final = 1
SUBS: Final = 4_096  # more commands than one event may cause

_ROW_INT32: Final = (
    "kind",  # codes.Kind
    "version",
    "sub",  # position among the commands of one event, from 1; 0 for an event
    "instrument",  # index into the policy's table; ACCOUNT (-1) when it concerns none
    "strategy",  # index into the policy's table; ACCOUNT (-1) when it concerns none
    "side",  # BUY, SELL, or 0
    "order_kind",  # codes.OrderKind
    "role",  # codes.Role
    "flags",  # bits of codes.Flag
    "code",  # Cause, Metric, Alarm, Exit, Reason or OrderState, by kind
    "fee_asset",  # 0 the account's currency, 1 the base asset of the instrument
    "level",  # codes.Level
)
_ROW_INT64: Final = (
    "seq",  # of the event; a command carries the seq of the event that caused it
    "ts_ns",  # UTC, stamped by the sequencer, never decreasing
    "src_ts_ns",  # UTC, when the source says it happened
    "qty",  # lots
    "price",  # ticks; limit price or fill price
    "trigger",  # ticks; stop trigger
    "open",  # ticks; bid of a QUOTE
    "high",  # ticks; ask of a QUOTE
    "low",  # ticks
    "close",  # ticks; the price of a TRADE
    "volume",  # lots
    "order_id",  # seq * SUBS + sub of the SUBMIT that created it
    "peer_id",  # the other leg of a one-cancels-other group, or the parent order
    "ext_hi",  # first 16 bytes of SHA-256(venue, account, symbol, trade id)
    "ext_lo",
    "fee",  # account units, or lots of the base asset; negative is a rebate
    "edge_bps",  # expected gain before costs; with has_edge
    "has_edge",  # 1 when the source states an edge
    "stop_ticks",  # price of the stop the source proposes; 0 for none
    "target_ticks",  # price of the target the source proposes; 0 for none
    "payload_id",
    "mask_lo",  # REFUSED: bit r-1 is Reason r, r <= 62
    "mask_hi",  # REFUSED: bit r-63 is Reason r, r >= 63
    "value",  # measured; unit by kind
    "limit",
)
_ROW_FLOAT64: Final = ("score",)

ROW: Final = np.dtype(
    [(name, np.int32) for name in _ROW_INT32]
    + [(name, np.int64) for name in _ROW_INT64]
    + [(name, np.float64) for name in _ROW_FLOAT64],
    align=True,
)
ROW_BYTES: Final = 256
assert ROW.itemsize == ROW_BYTES  # the journal format depends on it

EVENT: Final = ROW
COMMAND: Final = ROW

Rows: TypeAlias = NDArray[np.void]  # shape (n,), dtype ROW
Row: TypeAlias = np.void  # one element of a record array: a view, written in place


# Commands of one event. A record and not an array of rows: an array handed from function to
# function costs a count of its owners at every call, a record is one pointer.
OUT_ROWS: Final = 4_000  # the worst event: everything cancelled and closed at once
OUT: Final = np.dtype([("rows", ROW, (OUT_ROWS,))], align=True)
OutArray: TypeAlias = NDArray[np.void]  # shape (1,), dtype OUT


def new_out() -> OutArray:
    """Return room for the commands of one event, shape (1,)."""
    return np.zeros(1, dtype=OUT)


def rows(count: int) -> Rows:
    """Return ``count`` empty rows, shape (count,), version set, no instrument or strategy."""
    assert count >= 0
    array = np.zeros(count, dtype=ROW)
    array["version"] = ROW_VERSION
    array["instrument"] = -1
    array["strategy"] = -1
    return array


def int64_record(names: tuple[str, ...], floats: tuple[str, ...] = ()) -> np.dtype[np.void]:
    """Return an aligned record of int64 fields followed by float64 fields."""
    return np.dtype(
        [(name, np.int64) for name in names] + [(name, np.float64) for name in floats], align=True
    )


ORDER: Final = int64_record(
    (
        "order_id",  # 0: the slot is free
        "peer_id",  # order id of the other leg of its one-cancels-other pair; 0 none
        "instrument",
        "strategy",
        "side",
        "order_kind",
        "role",
        "state",
        "flags",
        "qty",  # lots
        "filled",  # lots
        "price",  # ticks, LIMIT and STOP_LIMIT
        "trigger",  # ticks, STOP and STOP_LIMIT
        "notional_units",  # worst case of what is not filled yet; 0 for reduce-only
        "reserved_units",  # cash or margin held for what is not filled yet
        "stop_distance",  # ticks between entry and stop, decided with the size
        "target_distance",  # ticks between entry and target; 0 none
        "reference",  # ticks; the mark when it was decided, to measure slippage against
        "amend_qty",  # lots asked for by an amendment in flight; 0 none
        "amend_trigger",  # ticks asked for by an amendment in flight
        "cancel_asked",  # 1: we want it gone; asked again if it was lost sight of and is found
        "exit_code",  # codes.Exit of an EXIT order
        "ts_ns",  # of the intent
        "accepted_ns",
        "next",  # slot + 1 of the next order of the same instrument; 0 ends the list
        "previous",
    )
)

LATCH: Final = int64_record(
    (
        "cause",  # codes.Cause; 0: free
        "scope",  # codes.Scope
        "scope_id",
        "level",  # codes.Level
        "release",  # bits of codes.Release that have to happen
        "met",  # bits of codes.Release that have happened
        "set_ns",
        "set_seq",
        "value",
        "limit",
        "cooldown_until_ns",
        "proved_ns",  # last shadow proof
        "who",  # 0 a rule, else the operator's payload id
    )
)

VERDICT: Final = int64_record(("value", "limit", "failed", "assumed"))
