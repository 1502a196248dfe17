"""What the projection makes of single things, and how much of them it keeps."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from interlock.service import projection_rows
from interlock.service.projection import Projection
from interlock.service.projection_reads import ProjectionReads
from interlock.service.projection_rows import add_equity, apply_all, prune
from interlock.service.projection_tables import open_tables

GENESIS = {"cash_units": 10**13, "currency": "USDT", "instruments": [], "strategies": []}


def test_what_nobody_pages_back_to_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection_rows, "KEPT", dict.fromkeys(projection_rows.KEPT, 20))
    monkeypatch.setattr(projection_rows, "BARS_KEPT", 30)
    monkeypatch.setattr(projection_rows, "EQUITY_KEPT", 50)
    connection = open_tables(tmp_path / "projection.db")
    for number in range(1, 400):
        order = {
            **dict.fromkeys(("id", "symbol", "state", "role", "quantity"), "x"),
            "type": "order",
            "id": f"o-{number}",
            "role": "ENTRY",
            "trigger": None,
            "seq": number,
            "ts": "",
            "ts_ns": number,
        }
        bar = {
            **dict.fromkeys(("open", "high", "low", "close", "volume"), "1"),
            "type": "bar",
            "symbol": "A",
            "seq": number,
            "ts": "",
            "ts_ns": number,
            "open_ns": 0,
        }
        apply_all(connection, [order, bar])
        add_equity(connection, number, "1", "status")
    prune(connection)
    counts = {
        name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
        for name in ("orders", "bars", "equity", "happenings", "order_events")
    }
    assert counts["orders"] == 399, "an order that is open is never forgotten"
    assert counts["bars"] == 30
    assert counts["equity"] <= 50
    assert counts["happenings"] == counts["order_events"] == 20
    connection.close()


def test_partial_fills_add_up(tmp_path: Path) -> None:
    path = tmp_path / "projection.db"
    projection = Projection(path)
    projection.begin("j", GENESIS)
    projection.take(_partial_life(), 9)
    order = ProjectionReads(path).order("o-1-1")
    assert order is not None
    assert (order["filled"], order["average_price"], order["state"]) == (
        *("3", "101.00000000", "CANCELLED"),
    )
    json.dumps(order)
    projection.close()


def _partial_life() -> Sequence[Mapping[str, Any]]:
    at = {"ts": "", "symbol": "A", "strategy": "s", "side": "BUY"}
    fill = {"type": "fill", "order": "o-1-1", "role": "ENTRY", "last": False, "fee": "0", **at}
    change = {
        "type": "order_update",
        "id": "o-1-1",
        "quantity": None,
        "price": None,
        **at,
        "trigger": None,
    }
    return [
        {
            "type": "order",
            "id": "o-1-1",
            "role": "ENTRY",
            "quantity": "10",
            **at,
            "trigger": None,
            "state": "INTENT",
            "seq": 1,
            "ts_ns": 1,
        },
        {**change, "what": "ACCEPTED", "state": "WORKING", "seq": 2, "ts_ns": 2},
        {**fill, "quantity": "1", "price": "99", "seq": 3, "ts_ns": 3},
        {**fill, "quantity": "2", "price": "102", "seq": 4, "ts_ns": 4},
        {**change, "what": "CANCEL", "state": "PENDING_CANCEL", "seq": 5, "ts_ns": 5},
        {**change, "what": "CANCEL_REJECTED", "state": None, "seq": 6, "ts_ns": 6},
        {**change, "what": "CANCEL", "state": "PENDING_CANCEL", "seq": 7, "ts_ns": 7},
        {**change, "what": "CANCELLED", "state": "CANCELLED", "seq": 8, "ts_ns": 8},
        {**change, "what": "ACCEPTED", "state": "WORKING", "seq": 9, "ts_ns": 9},
    ]
