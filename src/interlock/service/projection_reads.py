"""Looking things up in the projection. Each look is short, and sees what was whole then."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from interlock.runtime.moments import rfc3339
from interlock.service.problems import Problem
from interlock.service.projection_rows import read_meta
from interlock.service.projection_tables import open_reading

Said = dict[str, Any]

LIMIT_MAX: Final = 1_000


class ProjectionReads:
    """What the journal said so far, to be looked up. Every method blocks for some milliseconds.

    Lists come as ``{"items": [...], "next": cursor or None}``, the newest first; ``before`` takes a
    cursor. Whatever cannot be read is a Problem 503: it is being made again.

    Args:
        path: Of the projection's file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    # --- pages --------------------------------------------------------------------------------

    def orders(
        self,
        limit: int,
        before: int | None = None,
        symbol: str | None = None,
        state: str | None = None,
    ) -> Said:
        """Return a page of orders; ``state`` is ``open``, or the name of one."""
        where: list[tuple[str, object]] = []
        if state == "open":
            where.append(("open = ?", 1))
        elif state:
            where.append(("state = ?", state))
        return self._page("orders", limit, before, symbol, where)

    def fills(self, limit: int, before: int | None = None, symbol: str | None = None) -> Said:
        """Return a page of fills."""
        return self._page("fills", limit, before, symbol)

    def signals(self, limit: int, before: int | None = None, symbol: str | None = None) -> Said:
        """Return a page of signals, with the verdicts that failed alone."""
        return self._page("signals", limit, before, symbol)

    def trades(self, limit: int, before: int | None = None, symbol: str | None = None) -> Said:
        """Return a page of trades that are over."""
        return self._page("trades", limit, before, symbol)

    def latches(self, limit: int, before: int | None = None) -> Said:
        """Return a page of latches that were set and released."""
        return self._page("latches", limit, before, None)

    # --- one ----------------------------------------------------------------------------------

    def order(self, order_id: str) -> Said | None:
        """Return an order with its ``events`` and ``fills``; None when there is none."""
        with self._looking() as connection:
            found = _one(connection, "SELECT body FROM orders WHERE id = ?", order_id)
            if found is None:
                return None
            return {
                **found,
                "events": _bodies(
                    connection, "SELECT body FROM order_events WHERE id = ?", order_id
                ),
                "fills": _bodies(connection, "SELECT body FROM fills WHERE order_id = ?", order_id),
            }

    def signal(self, signal_id: str) -> Said | None:
        """Return a signal with every verdict, by its own id or its webhook's; None for none."""
        sql = (
            "SELECT body, verdicts FROM signals WHERE id = ?1 OR (webhook_id = ?1 AND ?1 <> '') "
            "ORDER BY number DESC LIMIT 1"
        )
        with self._looking() as connection:
            row = connection.execute(sql, (signal_id,)).fetchone()
        if row is None:
            return None
        body: Said = json.loads(row[0])
        return {**body, "verdicts": json.loads(row[1])} if row[1] else body

    # --- series -------------------------------------------------------------------------------

    def equity(self, points: int = 500) -> list[Said]:
        """Return what the account was worth, the oldest first, at most so many points."""
        with self._looking() as connection:
            rows = connection.execute(
                "SELECT ts_ns, equity, source FROM equity ORDER BY ts_ns"
            ).fetchall()
        step = -(-len(rows) // max(points, 1)) or 1
        kept = rows[::-1][::step][::-1]  # the newest is always among them
        return [
            {"ts": rfc3339(ts_ns), "ts_ns": ts_ns, "equity": equity, "source": source}
            for ts_ns, equity, source in kept
        ]

    def bars(self, symbol: str, count: int) -> list[Said]:
        """Return the newest bars of an instrument, the oldest first."""
        with self._looking() as connection:
            rows = _bodies(
                connection,
                "SELECT body FROM bars WHERE symbol = ? ORDER BY ts_ns DESC LIMIT ?",
                symbol,
                min(count, LIMIT_MAX),
            )
        return rows[::-1]

    def stops(self, symbol: str, since_ns: int) -> list[Said]:
        """Return where stops rested since a moment; ``to_ns`` is None of one that rests."""
        with self._looking() as connection:
            rows = connection.execute(
                "SELECT id, from_ns, to_ns, price FROM stops WHERE symbol = ? AND "
                "(to_ns IS NULL OR to_ns >= ?) ORDER BY number DESC LIMIT ?",
                (symbol, since_ns, LIMIT_MAX),
            ).fetchall()
        names = ("id", "from_ns", "to_ns", "price")
        return [dict(zip(names, row, strict=True)) for row in reversed(rows)]

    def happenings(self, after: int, limit: int = 200) -> Said:
        """Return what happened after a place, the oldest first.

        Returns:
            ``{"items": [...], "next": place}``: every item has its ``number``, and ``next`` is the
            place to go on from.
        """
        with self._looking() as connection:
            rows = connection.execute(
                "SELECT number, body FROM happenings WHERE number > ? ORDER BY number LIMIT ?",
                (after, min(limit, LIMIT_MAX)),
            ).fetchall()
        items = [{"number": number, **json.loads(body)} for number, body in rows]
        return {"items": items, "next": items[-1]["number"] if items else after}

    def newest(self) -> int:
        """Return the place of the newest happening; 0 when there is none."""
        with self._looking() as connection:
            (found,) = connection.execute("SELECT max(number) FROM happenings").fetchone()
        return int(found or 0)

    def seq(self) -> int:
        """Return the last record of the journal that it knows."""
        with self._looking() as connection:
            return int(read_meta(connection).get("seq", 0))

    # --- inside -------------------------------------------------------------------------------

    def _page(
        self,
        table: str,
        limit: int,
        before: int | None,
        symbol: str | None,
        where: list[tuple[str, object]] | None = None,
    ) -> Said:
        clauses = list(where or ())
        if before is not None:
            clauses.append(("number < ?", before))
        if symbol:
            clauses.append(("symbol = ?", symbol))
        said = " AND ".join(clause for clause, _ in clauses)
        limit = max(1, min(limit, LIMIT_MAX))
        sql = (
            f"SELECT number, body FROM {table} {'WHERE ' + said if said else ''} "  # noqa: S608 - our own names
            "ORDER BY number DESC LIMIT ?"
        )
        with self._looking() as connection:
            rows = connection.execute(sql, (*(value for _, value in clauses), limit + 1)).fetchall()
        items = [json.loads(body) for _, body in rows[:limit]]
        return {"items": items, "next": rows[limit - 1][0] if len(rows) > limit else None}

    @contextmanager
    def _looking(self) -> Iterator[sqlite3.Connection]:
        connection: sqlite3.Connection | None = None
        try:
            connection = open_reading(self._path)
            yield connection
        except sqlite3.Error as error:
            raise Problem(
                status=503,
                code="PROJECTION_DOWN",
                message="what happened is being read from the journal again. Next: ask again.",
            ) from error
        finally:
            if connection is not None:
                connection.close()


def _one(connection: sqlite3.Connection, sql: str, *values: object) -> Said | None:
    row = connection.execute(sql, values).fetchone()
    if row is None:
        return None
    found: Said = json.loads(row[0])
    return found


def _bodies(connection: sqlite3.Connection, sql: str, *values: object) -> list[Said]:
    return [json.loads(body) for (body,) in connection.execute(sql, values)]
