"""Journaled rows as plain numbers: unpacked once, for every check that reads them."""

import struct
from typing import Final, NamedTuple

from interlock.kernel.records import ROW_BYTES, SUBS

_ROW: Final = struct.Struct("<12i25qd")
_MARKET: Final = struct.Struct("<i8xi40xqq24xqqqqq120x")
assert _ROW.size == _MARKET.size == ROW_BYTES


class Facts(NamedTuple):
    """One row; the fields are those of ``kernel.records.ROW``, in its order."""

    kind: int
    version: int
    sub: int
    instrument: int
    strategy: int
    side: int
    order_kind: int
    role: int
    flags: int
    code: int
    fee_asset: int
    level: int
    seq: int
    ts_ns: int
    src_ts_ns: int
    qty: int
    price: int
    trigger: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    order_id: int
    peer_id: int
    ext_hi: int
    ext_lo: int
    fee: int
    edge_bps: int
    has_edge: int
    stop_ticks: int
    target_ticks: int
    payload_id: int
    mask_lo: int
    mask_hi: int
    value: int
    limit: int
    score: float


class Told(NamedTuple):
    """One row of the market: no more of it than prices and times."""

    kind: int
    instrument: int
    ts_ns: int
    src_ts_ns: int
    open: int
    high: int
    low: int
    close: int
    volume: int


def facts_in(body: bytes) -> list[Facts]:
    """Return the rows in a body, an event before its commands."""
    return [Facts._make(each) for each in _ROW.iter_unpack(body)]


def told_in(body: bytes) -> list[Told]:
    """Return the rows in a body of market data."""
    return [Told._make(each) for each in _MARKET.iter_unpack(body)]


def place_of(order_id: int) -> tuple[int, int]:
    """Return the seq of the event that caused an order, and its place among the commands."""
    return divmod(order_id, SUBS)
