"""Writing commands: every row the kernel puts out is made here, so none carries old numbers."""

from interlock.kernel.codes import ACCOUNT, Alarm, Kind
from interlock.kernel.compiled import compiled
from interlock.kernel.records import OUT_ROWS, ROW_VERSION, SUBS, Row


@compiled
def blank(row: Row) -> None:
    """Set every field of a row to nothing."""
    row["kind"] = Kind.NONE
    row["version"] = ROW_VERSION
    row["sub"] = 0
    row["instrument"] = ACCOUNT
    row["strategy"] = ACCOUNT
    row["side"] = 0
    row["order_kind"] = 0
    row["role"] = 0
    row["flags"] = 0
    row["code"] = 0
    row["fee_asset"] = 0
    row["level"] = 0
    row["seq"] = 0
    row["ts_ns"] = 0
    row["src_ts_ns"] = 0
    row["qty"] = 0
    row["price"] = 0
    row["trigger"] = 0
    row["open"] = 0
    row["high"] = 0
    row["low"] = 0
    row["close"] = 0
    row["volume"] = 0
    row["order_id"] = 0
    row["peer_id"] = 0
    row["ext_hi"] = 0
    row["ext_lo"] = 0
    row["fee"] = 0
    row["edge_bps"] = 0
    row["has_edge"] = 0
    row["stop_ticks"] = 0
    row["target_ticks"] = 0
    row["payload_id"] = 0
    row["mask_lo"] = 0
    row["mask_hi"] = 0
    row["value"] = 0
    row["limit"] = 0
    row["score"] = 0.0


@compiled
def next_row(state: Row, out: Row, kind: int, instrument: int, strategy: int) -> Row:
    """Return the next free command row, blank but for what every command carries.

    Raises:
        AssertionError: The buffer is full. A host sizes it for the worst event, so this is a bug
            and crashes before anything was sent.
    """
    account = state["account"]
    sub = account["sub"]
    assert 0 <= sub < SUBS - 1
    assert sub < OUT_ROWS
    row: Row = out["rows"][sub]
    blank(row=row)
    account["sub"] = sub + 1
    row["kind"] = kind
    row["sub"] = sub + 1
    row["instrument"] = instrument
    row["strategy"] = strategy
    row["seq"] = account["seq"]
    row["ts_ns"] = account["ts_ns"]
    row["src_ts_ns"] = account["ts_ns"]
    return row


@compiled
def alarm(state: Row, out: Row, code: int, instrument: int, order_id: int, value: int) -> None:
    """Tell a person: one ALARM row."""
    assert code != Alarm.NONE
    row = next_row(state=state, out=out, kind=Kind.ALARM, instrument=instrument, strategy=ACCOUNT)
    row["code"] = code
    row["order_id"] = order_id
    row["value"] = value
