"""What there is to say of one order or signal, from whatever kept its run.

A backtest is played again up to that very decision (``research.explain``); of a session its journal
knows it (``research.journal_explain``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from interlock.kernel.codes import Alarm, Exit, Flag, Kind, OrderKind, Role
from interlock.kernel.policy import PolicyArray
from interlock.kernel.reasons import Reason
from interlock.kernel.records import SUBS, Row, Rows, new_out
from interlock.kernel.state import StateArray
from interlock.kernel.step import step
from interlock.research.sizes import Sized
from interlock.runtime.ids import Id, order_name, signal_name
from interlock.runtime.readable import Rule, Scale, time_text

_SAME: Final = ("instrument", "side", "order_kind", "role", "qty", "price", "trigger")
_NOT_TOLD: Final = (Kind.SUBMIT, Kind.CLOSED)
_DECISIONS: Final = (Kind.SUBMIT, Kind.REFUSED)
_ONE_KEPT: Final = "One event decided several orders, and only the last one's rules were kept."


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that happened to an order: when, what, and the event's sequence number."""

    ts: str
    what: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything about one order or signal, in the order in which it happened.

    Attributes:
        id: What was asked about.
        outcome: In a sentence.
        symbol: Of the instrument.
        signal: What the strategy said; empty for an order without one.
        belongs_to: The entry that a stop, a target or an exit is of.
        rules: Every rule's verdict; empty where nothing was judged.
        sizing: How the quantity came about; empty for an order that only reduces.
        order: What was sent, or would have been; empty where nothing was.
        events: What became of it.
        protection: The orders that an entry brought with it: id and what became of it.
        trade: How the position ended; empty while it is open.
        notes: What cannot be shown, and why.
    """

    id: str
    outcome: str
    symbol: str
    signal: dict[str, Any] = field(default_factory=dict)
    belongs_to: str | None = None
    rules: tuple[Rule, ...] = ()
    sizing: tuple[Sized, ...] = ()
    order: dict[str, Any] = field(default_factory=dict)
    events: tuple[Told, ...] = ()
    protection: tuple[Told, ...] = ()
    trade: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the gate found on one order, and how its quantity came about."""

    rules: tuple[Rule, ...]
    sizing: tuple[Sized, ...]


def is_of(state: StateArray, row: Row) -> bool:
    """Return whether the scratch is of the decision that wrote ``row``."""
    return all(state["proposal"][name][0] == row[name] for name in _SAME)


_SIDES: Final = {1: "BUY", -1: "SELL", 0: "CLOSE"}
_FIELDS: Final = {"quantity": "qty", "price_seen": "price"}


def _signal(row: Row, scale: Scale, strategy: str) -> dict[str, Any]:
    """Return what the strategy said; one from outside may say how much and at which price."""
    asked = {
        "quantity": scale.quantity(int(row["qty"])),
        "price_seen": scale.price(int(row["price"])),
    }
    return {
        "id": signal_name(int(row["seq"])),
        "ts": time_text(int(row["ts_ns"])),
        "strategy": strategy,
        "side": _SIDES[int(row["side"])],
        "exit_only": bool(row["flags"] & Flag.EXIT_ONLY),
        "edge_bps": int(row["edge_bps"]) if row["has_edge"] else None,
        "stop": scale.price(int(row["stop_ticks"])) if row["stop_ticks"] else None,
        "target": scale.price(int(row["target_ticks"])) if row["target_ticks"] else None,
        "score": float(row["score"]),
        **{name: text for name, text in asked.items() if row[_FIELDS[name]]},
    }


def order_of(row: Row, scale: Scale) -> dict[str, Any]:
    """Return what was sent, or would have been."""
    kind = OrderKind(row["order_kind"])
    limited = kind in {OrderKind.LIMIT, OrderKind.STOP_LIMIT}
    stopped = kind in {OrderKind.STOP, OrderKind.STOP_LIMIT}
    return {
        "id": order_name(int(row["seq"]) * SUBS + int(row["sub"])),
        "ts": time_text(int(row["ts_ns"])),
        "role": Role(row["role"]).name,
        "side": "BUY" if row["side"] > 0 else "SELL",
        "kind": kind.name,
        "quantity": scale.quantity(int(row["qty"])),
        "price": scale.price(int(row["price"])) if limited else None,
        "trigger": scale.price(int(row["trigger"])) if stopped else None,
        "expected_price": scale.price(int(row["price"])) if kind is OrderKind.MARKET else None,
        "reduce_only": bool(row["flags"] & Flag.REDUCE_ONLY),
        "margin": bool(row["flags"] & Flag.MARGIN),
    }


def _told(row: Row, scale: Scale) -> Told:
    """Return one event of an order's life in words."""
    kind = Kind(row["kind"])
    what = kind.name
    if kind is Kind.FILL:
        what = f"FILL {scale.quantity(int(row['qty']))} at {scale.price(int(row['price']))}"
        what += f", fee {scale.money(int(row['fee']))}"
        what += ", maker" if row["flags"] & Flag.MAKER else ""
    elif kind in {Kind.AMEND, Kind.AMENDED}:
        at = int(row["trigger"]) or int(row["price"])
        what += f" to {scale.quantity(int(row['qty']))} at {scale.price(at)}"
    elif kind is Kind.ALARM:
        what += f": {Alarm(row['code']).name}"
    return Told(ts=time_text(int(row["ts_ns"])), what=what, seq=int(row["seq"]))


def _trade(row: Row, scale: Scale) -> dict[str, Any]:
    """Return how a position ended."""
    return {
        "entry_ts": time_text(int(row["src_ts_ns"])),
        "exit_ts": time_text(int(row["ts_ns"])),
        "bars_held": int(row["limit"]),
        "side": "long" if row["side"] > 0 else "short",
        "quantity": scale.quantity(int(row["qty"])),
        "bought_or_sold_for": scale.money(int(row["open"])),
        "closed_for": scale.money(int(row["close"])),
        "exit_reason": Exit(row["code"]).name,
        "fees": scale.money(int(row["fee"])),
        "slippage": scale.money(int(row["volume"])),
        "funding": scale.money(-int(row["trigger"])),
        "pnl": scale.money(int(row["value"])),
        "entry_order": order_name(int(row["order_id"])),
        "exit_order": order_name(int(row["peer_id"])),
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Life:
    """The rows of one instrument, to find out what belongs together."""

    log: Rows
    scale: Scale

    def events(self, order_id: int) -> tuple[Told, ...]:
        """Return what happened to an order after it was sent."""
        rows = self.log[(self.log["order_id"] == order_id) & ~np.isin(self.log["kind"], _NOT_TOLD)]
        return tuple(_told(row, self.scale) for row in rows)

    def entry_of(self, seq: int) -> int | None:
        """Return the last entry that was filled by ``seq``: one position at a time is held."""
        log = self.log
        filled = (log["kind"] == Kind.FILL) & (log["role"] == Role.ENTRY) & (log["seq"] <= seq)
        found = log["order_id"][filled]
        return int(found[-1]) if len(found) else None

    def closed(self, entry_id: int | None) -> Row | None:
        """Return the row of the trade that an entry opened, if it is over."""
        log = self.log
        found = log[(log["kind"] == Kind.CLOSED) & (log["order_id"] == (entry_id or -1))]
        return found[0] if len(found) else None

    def protection(self, entry_id: int) -> Iterator[Told]:
        """Yield the orders that belong to an entry, with how each ended."""
        for row in self.log[(self.log["kind"] == Kind.SUBMIT) & (self.log["role"] != Role.ENTRY)]:
            if self.entry_of(int(row["seq"])) == entry_id:
                said = order_of(row, self.scale)
                at = said["trigger"] or said["price"] or "market"
                happened = self.events(int(row["order_id"]))
                last = happened[-1].what if happened else "nothing yet"
                yield Told(
                    ts=said["ts"],
                    what=f"{said['id']} {said['role']} at {at}: {last}",
                    seq=int(row["seq"]),
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One order or signal, with everything that was recorded of its instrument.

    Attributes:
        asked: What was asked about.
        row: Its SUBMIT, REFUSED or SIGNAL.
        life: Of the instrument.
        symbol: Of the instrument.
        strategy: Whose signal it was.
        judge: Judges an order again; None when that cannot be done.
    """

    asked: Id
    row: Row
    life: Life
    symbol: str
    strategy: str
    judge: Callable[[Row], Judged | None]

    def explained(self) -> Explanation:
        """Return everything about it."""
        if self.row["kind"] == Kind.SIGNAL:
            return self._of_signal()
        signal = None
        if self.row["role"] == Role.ENTRY:
            signal = row_of(self.life.log, Id(kind="signal", seq=self.asked.seq))
        return self._of_decision(self.row, signal)

    def _of_signal(self) -> Explanation:
        """Explain it by what was decided on it, by what it closed, or that it did nothing."""
        log, life = self.life.log, self.life
        caused = log[(log["seq"] == self.asked.seq) & (log["kind"] >= Kind.SUBMIT)]
        decided = caused[np.isin(caused["kind"], _DECISIONS) & (caused["role"] == Role.ENTRY)]
        if len(decided):
            return self._of_decision(decided[0], self.row)
        entry_id = life.entry_of(self.asked.seq) if len(caused) else None
        closed = life.closed(entry_id)
        outcome = (
            "Nothing was done: there was no position of this strategy for it to close, or one was "
            "being closed already."
        )
        if entry_id is not None:
            outcome = f"It closed the position of {order_name(entry_id)}."
        return Explanation(
            id=str(self.asked),
            outcome=outcome,
            symbol=self.symbol,
            signal=_signal(self.row, life.scale, self.strategy),
            belongs_to=None if entry_id is None else order_name(entry_id),
            events=tuple(_told(one, life.scale) for one in caused),
            trade={} if closed is None else _trade(closed, life.scale),
        )

    def _of_decision(self, row: Row, signal: Row | None) -> Explanation:
        """Explain an order, or the refusal of one."""
        life = self.life
        entry = row["role"] == Role.ENTRY
        sent = row["kind"] == Kind.SUBMIT
        judged = self.judge(row)
        order_id = int(row["order_id"])
        entry_id: int | None = order_id if entry else life.entry_of(int(row["seq"]))
        closed = life.closed(entry_id) if sent else None
        events = life.events(order_id) if sent else ()
        outcome = f"It was sent, and ended: {events[-1].what}." if events else "It was sent."
        if not sent:
            outcome = f"It was refused: {Reason(row['code']).name}."
        return Explanation(
            id=str(self.asked),
            outcome=outcome,
            symbol=self.symbol,
            signal={} if signal is None else _signal(signal, life.scale, self.strategy),
            belongs_to=None if entry or entry_id is None else order_name(entry_id),
            rules=() if judged is None else judged.rules,
            sizing=judged.sizing if entry and judged is not None else (),
            order=order_of(row, life.scale),
            events=events,
            protection=tuple(life.protection(order_id)) if entry and sent else (),
            trade={} if closed is None else _trade(closed, life.scale),
            notes=() if judged is not None else (_ONE_KEPT,),
        )


def row_of(log: Rows, asked: Id) -> Row | None:
    """Return the SUBMIT or REFUSED row of an order, or the SIGNAL row of a signal."""
    if asked.kind == "signal":
        found = log[(log["kind"] == Kind.SIGNAL) & (log["seq"] == asked.seq)]
    else:
        decisions = np.isin(log["kind"], _DECISIONS)
        found = log[decisions & (log["seq"] == asked.seq) & (log["sub"] == asked.sub)]
    return found[0] if len(found) else None


def judged_alone(policy: PolicyArray, before: StateArray, event: Rows, row: Row) -> StateArray:
    """Return the state after an event at a venue that takes no pairs of stop and target.

    One event may send a stop and its target; the gate's scratch is the target's then. At such a
    venue the stop alone is judged.

    Args:
        policy: Shape (1,); not changed.
        before: Shape (1,), just before the event; not changed.
        event: Shape (1,).
        row: What it decided.
    """
    assert row["seq"] == event["seq"][0]
    alone, state = policy.copy(), before.copy()
    alone["instruments"]["native_oco"] = 0
    step(alone, state, event.copy(), 0, new_out())
    return state
