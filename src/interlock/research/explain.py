"""Why an order was sent or a signal refused: the run is played again up to that very decision."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from interlock.kernel.codes import Exit, Flag, Kind, OrderKind, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import SUBS, Row, Rows, new_out
from interlock.kernel.state import StateArray
from interlock.kernel.step import step
from interlock.research.backtest import Finished, play
from interlock.research.ids import Id, IdError, order_name, signal_name
from interlock.research.readable import (
    Scale,
    limit_text,
    relation_of,
    scale_of,
    stands,
    time_text,
    value_text,
)
from interlock.research.sizes import Sized, sizes_of

_LEVELS: Final = ((30, "account"), (60, "strategy"), (len(Reason) + 1_000, "instrument"))
_SAME: Final = ("instrument", "side", "order_kind", "role", "qty", "price", "trigger")
_NOT_TOLD: Final = (Kind.SUBMIT, Kind.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule's verdict on one order.

    Attributes:
        reason: Its name, and that of the refusal.
        number: The reason's number; the lowest that fails is the one that is given.
        level: ``account``, ``strategy`` or ``instrument``.
        value: Measured, raw.
        limit: Raw.
        value_text: As people read it.
        limit_text: As people read it.
        relation: How value has to stand to limit.
        passed: The verdict.
        applied: False where it passed although value and limit do not stand so: the rule is about
            another kind of order (an order that only reduces is let through by every limit on
            adding), or was told not to hold.
        assumed: True where the feed does not carry what the rule needs.
    """

    reason: str
    number: int
    level: str
    value: int
    limit: int
    value_text: str
    limit_text: str
    relation: str
    passed: bool
    applied: bool
    assumed: bool


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


def rules_of(state: StateArray, scale: Scale) -> tuple[Rule, ...]:
    """Return the verdicts of the last judgement, in the order in which the rules run."""
    verdicts = state["verdicts"][0]
    found = []
    for reason in Reason:
        if reason is Reason.NONE:
            continue
        row = verdicts[reason]
        value, limit = int(row["value"]), int(row["limit"])
        found.append(
            Rule(
                reason=reason.name,
                number=int(reason),
                level=next(level for below, level in _LEVELS if reason < below),
                value=value,
                limit=limit,
                value_text=value_text(reason, value, scale),
                limit_text=limit_text(reason, limit, scale),
                relation=relation_of(reason),
                passed=bool(row["failed"] == 0),
                applied=bool(row["failed"] == 1) or stands(reason, value, limit),
                assumed=bool(row["assumed"] == 1),
            )
        )
    return tuple(found)


def _is_of(state: StateArray, row: Row) -> bool:
    """Return whether the scratch is of the decision that wrote ``row``."""
    return all(state["proposal"][name][0] == row[name] for name in _SAME)


def _judged(finished: Finished, row: Row) -> StateArray | None:
    """Return the state with the gate's scratch just after ``row`` was decided, if it can be had.

    One event may send a stop and its target; the scratch is then the target's. For the stop the
    same event is handed to a kernel whose venue takes no pairs, which judges the stop alone.
    """
    seq = int(row["seq"])
    state = play(finished.inputs, finished.tape, stop_seq=seq).state
    if _is_of(state, row):
        return state
    log = finished.recording.log
    event = log[(log["seq"] == seq) & (log["kind"] < Kind.SUBMIT)]
    if len(event) == 1 and seq > 1:
        state = play(finished.inputs, finished.tape, stop_seq=seq - 1).state
        policy = finished.inputs.policy.copy()
        policy["instruments"]["native_oco"] = 0
        step(policy, state, event.copy(), 0, new_out())
        if _is_of(state, row):
            return state
    return None


def _signal(row: Row, scale: Scale, strategy: str) -> dict[str, Any]:
    """Return what the strategy said."""
    return {
        "id": signal_name(int(row["seq"])),
        "ts": time_text(int(row["ts_ns"])),
        "strategy": strategy,
        "side": "BUY" if row["side"] > 0 else "SELL",
        "exit_only": bool(row["flags"] & Flag.EXIT_ONLY),
        "edge_bps": int(row["edge_bps"]) if row["has_edge"] else None,
        "stop": scale.price(int(row["stop_ticks"])) if row["stop_ticks"] else None,
        "target": scale.price(int(row["target_ticks"])) if row["target_ticks"] else None,
        "score": float(row["score"]),
    }


def _order(row: Row, scale: Scale) -> dict[str, Any]:
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
                said = _order(row, self.scale)
                at = said["trigger"] or said["price"] or "market"
                happened = self.events(int(row["order_id"]))
                last = happened[-1].what if happened else "nothing yet"
                yield Told(
                    ts=said["ts"],
                    what=f"{said['id']} {said['role']} at {at}: {last}",
                    seq=int(row["seq"]),
                )


def _life(finished: Finished, instrument: int) -> Life:
    log = finished.recording.log
    scale = scale_of(finished.inputs.instruments[instrument])
    return Life(log=log[log["instrument"] == instrument], scale=scale)


def _row_of(log: Rows, asked: Id) -> Row | None:
    """Return the SUBMIT or REFUSED row of an order, or the SIGNAL row of a signal."""
    if asked.kind == "signal":
        found = log[(log["kind"] == Kind.SIGNAL) & (log["seq"] == asked.seq)]
    else:
        found = log[
            np.isin(log["kind"], (Kind.SUBMIT, Kind.REFUSED))
            & (log["seq"] == asked.seq)
            & (log["sub"] == asked.sub)
        ]
    return found[0] if len(found) else None


def explain(finished: Finished, asked: Id) -> Explanation:
    """Return everything about one order or signal of a finished run.

    Raises:
        IdError: The run has no such order or signal.
    """
    row = _row_of(finished.recording.log, asked)
    if row is None:
        orders = int(finished.recording.state["account"]["submitted"][0])
        raise IdError(
            f"{asked} must be an order or a signal of this run, and none of its {orders:,} orders "
            "and its signals has that id. Next: take one from orders.parquet."
        )
    if row["kind"] == Kind.SIGNAL:
        return _of_signal(finished, asked, row)
    signal = None
    if row["role"] == Role.ENTRY:
        signal = _row_of(finished.recording.log, Id(kind="signal", seq=asked.seq))
    return _of_decision(finished, asked, row, signal)


def _of_signal(finished: Finished, asked: Id, row: Row) -> Explanation:
    """Explain a signal: by what was decided on it, or by what it closed, or that it did nothing."""
    log = finished.recording.log
    caused = log[(log["seq"] == asked.seq) & (log["kind"] >= Kind.SUBMIT)]
    decided = caused[
        np.isin(caused["kind"], (Kind.SUBMIT, Kind.REFUSED)) & (caused["role"] == Role.ENTRY)
    ]
    if len(decided):
        return _of_decision(finished, asked, decided[0], row)
    life = _life(finished, int(row["instrument"]))
    entry_id = life.entry_of(asked.seq) if len(caused) else None
    closed = life.closed(entry_id)
    outcome = (
        "Nothing was done: there was no position of this strategy for it to close, or one was "
        "being closed already."
    )
    if entry_id is not None:
        outcome = f"It closed the position of {order_name(entry_id)}."
    return Explanation(
        id=str(asked),
        outcome=outcome,
        symbol=finished.inputs.sets[int(row["instrument"])].symbol,
        signal=_signal(row, life.scale, finished.inputs.strategy.name),
        belongs_to=None if entry_id is None else order_name(entry_id),
        events=tuple(_told(one, life.scale) for one in caused),
        trade={} if closed is None else _trade(closed, life.scale),
    )


def _of_decision(finished: Finished, asked: Id, row: Row, signal: Row | None) -> Explanation:
    """Explain an order, or the refusal of one."""
    instrument = int(row["instrument"])
    life = _life(finished, instrument)
    entry = row["role"] == Role.ENTRY
    sent = row["kind"] == Kind.SUBMIT
    state = _judged(finished, row)
    order_id = int(row["order_id"])
    entry_id: int | None = order_id if entry else life.entry_of(int(row["seq"]))
    closed = life.closed(entry_id) if sent else None
    events = life.events(order_id) if sent else ()
    outcome = f"It was sent, and ended: {events[-1].what}." if events else "It was sent."
    if not sent:
        outcome = f"It was refused: {Reason(row['code']).name}."
    notes = []
    if state is None:
        notes.append("One event decided several orders, and only the last one's rules were kept.")
    return Explanation(
        id=str(asked),
        outcome=outcome,
        symbol=finished.inputs.sets[instrument].symbol,
        signal={} if signal is None else _signal(signal, life.scale, finished.inputs.strategy.name),
        belongs_to=None if entry or entry_id is None else order_name(entry_id),
        rules=() if state is None else rules_of(state, life.scale),
        sizing=sizes_of(finished.inputs, state, instrument) if entry and state is not None else (),
        order=_order(row, life.scale),
        events=events,
        protection=tuple(life.protection(order_id)) if entry and sent else (),
        trade={} if closed is None else _trade(closed, life.scale),
        notes=tuple(notes),
    )
