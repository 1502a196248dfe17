"""How each thing that happened changes the projection's tables."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

Item = Mapping[str, Any]

BARS_KEPT: Final = 5_000  # of each symbol
EQUITY_KEPT: Final = 4_000  # points; beyond it every other one of the older half goes
VERDICTS_KEPT: Final = 1_000  # signals with every rule's verdict; older ones are explained anew
KEPT: Final = {
    "orders": 50_000,
    "order_events": 200_000,
    "fills": 50_000,
    "signals": 20_000,
    "trades": 50_000,
    "latches": 10_000,
    "happenings": 20_000,
    "stops": 50_000,
}

_OVER: Final = frozenset({"FILLED", "CANCELLED", "REJECTED", "EXPIRED", "ABANDONED"})
_QUIET: Final = frozenset({"bar", "equity", "order_update", "money"})  # no news by themselves
_BACK: Final = "CANCEL_REJECTED"


def dumped(body: Item) -> str:
    """Return a dictionary as text."""
    return json.dumps(body, separators=(",", ":"))


def apply_item(connection: sqlite3.Connection, item: Item) -> None:
    """Let one thing that happened be in the tables."""
    kind = str(item["type"])
    change = _CHANGES.get(kind)
    if change is not None:
        change(connection, item)
    if kind not in _QUIET:
        told = {name: value for name, value in item.items() if name != "verdicts"}
        connection.execute(
            "INSERT INTO happenings (seq, type, body) VALUES (?, ?, ?)",
            (item["seq"], kind, dumped(told)),
        )


def add_equity(connection: sqlite3.Connection, ts_ns: int, equity: str, source: str) -> None:
    """Keep one point of the account's worth."""
    connection.execute(
        "INSERT INTO equity (ts_ns, equity, source) VALUES (?, ?, ?) ON CONFLICT (ts_ns) DO UPDATE "
        "SET equity = excluded.equity, source = excluded.source WHERE excluded.source <> 'trade'",
        (ts_ns, equity, source),
    )


def read_meta(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what there is to know of the projection itself."""
    return dict(connection.execute("SELECT name, value FROM meta"))


def write_meta(connection: sqlite3.Connection, values: Mapping[str, object]) -> None:
    """Remember something of the projection itself."""
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [(name, str(value)) for name, value in values.items()],
    )


def prune(connection: sqlite3.Connection) -> None:
    """Forget what is older than anybody pages back to."""
    for table, kept in KEPT.items():
        open_ones = " AND open = 0" if table == "orders" else ""
        connection.execute(
            f"DELETE FROM {table} WHERE number <= (SELECT max(number) FROM {table}) - ?{open_ones}",  # noqa: S608 - our own names
            (kept,),
        )
    connection.execute(
        "UPDATE signals SET verdicts = NULL WHERE verdicts IS NOT NULL AND number <= "
        "(SELECT max(number) FROM signals) - ?",
        (VERDICTS_KEPT,),
    )
    for (symbol,) in connection.execute("SELECT DISTINCT symbol FROM bars").fetchall():
        connection.execute(
            "DELETE FROM bars WHERE symbol = ? AND ts_ns < (SELECT ts_ns FROM bars WHERE "
            "symbol = ? ORDER BY ts_ns DESC LIMIT 1 OFFSET ?)",
            (symbol, symbol, BARS_KEPT - 1),
        )
    while (points := _points(connection)) > EQUITY_KEPT:
        connection.execute(
            "DELETE FROM equity WHERE ts_ns IN (SELECT ts_ns FROM (SELECT ts_ns, row_number() OVER "
            "(ORDER BY ts_ns) AS place FROM equity) WHERE place <= ? AND place % 2 = 0)",
            (points // 2,),
        )


def _points(connection: sqlite3.Connection) -> int:
    (points,) = connection.execute("SELECT count(*) FROM equity").fetchone()
    return int(points)


# --- one function for each type of item -------------------------------------------------------


def _order(connection: sqlite3.Connection, item: Item) -> None:
    body = {**item, "filled": "0", "outcome": "", "updated_ns": item["ts_ns"]}
    connection.execute(
        "INSERT INTO orders (id, ts_ns, symbol, state, open, body) VALUES (?, ?, ?, ?, 1, ?) "
        "ON CONFLICT (id) DO NOTHING",
        (item["id"], item["ts_ns"], item["symbol"], item["state"], dumped(body)),
    )
    _event(connection, str(item["id"]), item, "SUBMIT")
    if item["role"] == "STOP" and item["trigger"] is not None:
        _begin_stop(connection, item, str(item["trigger"]))


def _update(connection: sqlite3.Connection, item: Item) -> None:
    _event(connection, str(item["id"]), item, str(item["what"]))

    def change(body: dict[str, Any]) -> None:
        for name in ("quantity", "price", "trigger"):
            if item.get(name) is not None:
                body[name] = item[name]
        wanted = item.get("state")
        if item["what"] == _BACK and body["state"] == "PENDING_CANCEL":
            wanted = "PARTIAL" if Decimal(body["filled"]) > 0 else "WORKING"
        if wanted == "WORKING" and Decimal(body["filled"]) > 0:
            wanted = "PARTIAL"
        if wanted is not None and body["state"] not in _OVER:
            body["state"] = wanted

    body = _change_order(connection, str(item["id"]), item, change)
    if body is not None and body["role"] == "STOP" and item.get("trigger") is not None:
        _end_stop(connection, item, str(item["id"]))
        _begin_stop(connection, {**body, "ts_ns": item["ts_ns"]}, str(item["trigger"]))


def _fill(connection: sqlite3.Connection, item: Item) -> None:
    connection.execute(
        "INSERT INTO fills (ts_ns, symbol, order_id, body) VALUES (?, ?, ?, ?)",
        (item["ts_ns"], item["symbol"], item["order"], dumped(item)),
    )
    if not item["order"]:
        return

    def change(body: dict[str, Any]) -> None:
        filled = Decimal(body["filled"]) + Decimal(item["quantity"])
        paid = Decimal(body.get("paid", "0")) + Decimal(item["quantity"]) * Decimal(item["price"])
        body["filled"], body["paid"] = f"{filled:f}", f"{paid:f}"
        body["average_price"] = f"{paid / filled:.8f}" if filled > 0 else None
        over = item["last"] or filled >= Decimal(body["quantity"])
        if over:
            body["state"] = "FILLED"
        elif body["state"] not in _OVER:
            body["state"] = "PARTIAL"

    _event(connection, str(item["order"]), item, "FILL")
    _change_order(connection, str(item["order"]), item, change)


def _change_order(
    connection: sqlite3.Connection,
    order_id: str,
    item: Item,
    change: Callable[[dict[str, Any]], None],
) -> dict[str, Any] | None:
    """Change an order's row; return what it is now, None when it was forgotten long ago."""
    found = connection.execute("SELECT body FROM orders WHERE id = ?", (order_id,)).fetchone()
    if found is None:
        return None
    body: dict[str, Any] = json.loads(found[0])
    change(body)
    body["updated_ns"] = item["ts_ns"]
    is_over = body["state"] in _OVER
    body["outcome"] = body["state"] if is_over else ""
    connection.execute(
        "UPDATE orders SET state = ?, open = ?, body = ? WHERE id = ?",
        (body["state"], int(not is_over), dumped(body), order_id),
    )
    if is_over and body["role"] == "STOP":
        _end_stop(connection, item, order_id)
    return body


def _event(connection: sqlite3.Connection, order_id: str, item: Item, what: str) -> None:
    names = ("seq", "ts", "ts_ns", "price", "quantity", "trigger", "fee", "state")
    body = {name: item[name] for name in names if item.get(name) is not None}
    connection.execute(
        "INSERT INTO order_events (id, body) VALUES (?, ?)",
        (order_id, dumped({"what": what, **body})),
    )


def _begin_stop(connection: sqlite3.Connection, item: Item, price: str) -> None:
    connection.execute(
        "INSERT INTO stops (id, symbol, from_ns, price) VALUES (?, ?, ?, ?)",
        (item["id"], item["symbol"], item["ts_ns"], price),
    )


def _end_stop(connection: sqlite3.Connection, item: Item, order_id: str) -> None:
    connection.execute(
        "UPDATE stops SET to_ns = ? WHERE id = ? AND to_ns IS NULL", (item["ts_ns"], order_id)
    )


def _signal(connection: sqlite3.Connection, item: Item) -> None:
    verdicts = list(item["verdicts"])
    body = {**item, "verdicts": [one for one in verdicts if one["failed"]]}
    connection.execute(
        "INSERT INTO signals (id, ts_ns, symbol, webhook_id, body, verdicts) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        (
            item["id"],
            item["ts_ns"],
            item["symbol"],
            item["webhook_id"],
            dumped(body),
            json.dumps(verdicts, separators=(",", ":")) if verdicts else None,
        ),
    )


def _trade(connection: sqlite3.Connection, item: Item) -> None:
    connection.execute(
        "INSERT INTO trades (ts_ns, symbol, body) VALUES (?, ?, ?)",
        (item["ts_ns"], item["symbol"], dumped(item)),
    )
    known = read_meta(connection)
    realised = Decimal(known.get("realised", "0")) + Decimal(item["pnl"])
    write_meta(connection, {"realised": f"{realised:f}"})
    worth = Decimal(known.get("cash", "0")) + realised
    add_equity(connection, int(item["ts_ns"]), f"{worth:f}", "trade")


def _latch(connection: sqlite3.Connection, item: Item) -> None:
    connection.execute(
        "INSERT INTO latches (ts_ns, body) VALUES (?, ?)", (item["ts_ns"], dumped(item))
    )


def _bar(connection: sqlite3.Connection, item: Item) -> None:
    names = ("seq", "ts", "ts_ns", "open_ns", "open", "high", "low", "close", "volume")
    connection.execute(
        "INSERT INTO bars VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (item["symbol"], item["ts_ns"], dumped({name: item[name] for name in names})),
    )


def _equity(connection: sqlite3.Connection, item: Item) -> None:
    add_equity(connection, int(item["ts_ns"]), str(item["equity"]), "journal")


def _note(connection: sqlite3.Connection, item: Item) -> None:
    """Begin the series of the account's worth with what it began with."""
    if item["what"] == "genesis":
        cash = read_meta(connection).get("cash", "0")
        add_equity(connection, int(item["ts_ns"]), cash, "journal")


_CHANGES: Final[dict[str, Callable[[sqlite3.Connection, Item], None]]] = {
    "order": _order,
    "order_update": _update,
    "fill": _fill,
    "signal": _signal,
    "trade": _trade,
    "latch": _latch,
    "bar": _bar,
    "equity": _equity,
    "note": _note,
}


def apply_all(connection: sqlite3.Connection, items: Iterable[Item]) -> None:
    """Let everything that happened be in the tables."""
    for item in items:
        apply_item(connection, item)
