"""What a journal says at its end: the account's money, what is held, and what is in force."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from interlock.journal.port import Store
from interlock.journal.rows import Row, RowKind
from interlock.kernel.codes import Kind
from interlock.kernel.reasons import Reason
from interlock.kernel.state import StateArray
from interlock.runtime.entries import Said, commands_of, layout_digest, said_by, state_of
from interlock.runtime.recover import genesis_of
from interlock.runtime.replaying import SNAPSHOTS
from interlock.runtime.session import strategies_in
from interlock.runtime.status import (
    latches_of,
    level_of,
    limits_of,
    money_of,
    orders_of,
    positions_of,
)
from interlock.runtime.turns import Scale

RECORDS_COUNTED_MAX: Final = 2_000_000  # beyond it, reading all of them again takes too long
COUNTS: Final = ("bars", "trades", "submitted", "refusals", "open_orders", "open_positions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an account is.

    Attributes:
        feed: The last number of the venue's feed that a snapshot tells of.
        why: Why the last process stopped; nothing when it did not say.
    """

    feed: int
    why: str


def _why(store: Store) -> str:
    """Return why the last process stopped; nothing when it did not say."""
    note = store.last([RowKind.NOTE])
    said = {} if note is None else said_by(note.entry)
    return str(said["why"]) if said.get("what") == "stop" else ""


def place_in(store: Store) -> Place:
    """Return where the account of a journal was at its last snapshot."""
    snapshot = store.last(SNAPSHOTS)
    feed = 0 if snapshot is None else int(said_by(snapshot.entry)["feed"])
    return Place(feed=feed, why=_why(store))


def last_words(store: Store, *, counts_reasons: bool) -> Said | None:
    """Return what the last snapshot of a journal says; None when there is nothing to say.

    Args:
        store: Opened for reading is enough.
        counts_reasons: Whether to read every record for why entries were refused.

    Raises:
        JournalError: It is not one of ours.
    """
    found = genesis_of(store)
    if found is None:
        return None
    genesis, tier = found
    head = store.head()
    last: dict[str, Any] = {
        "account": genesis["account"],
        "mode": genesis["mode"],
        "currency": genesis["currency"],
        "journal": store.name,
        "seq": head.seq,
        "stopped": _why(store),
    }
    snapshot = store.last(SNAPSHOTS)
    if snapshot is None or said_by(snapshot.entry)["layout"] != layout_digest(tier):
        return last
    last |= _state_said(genesis, snapshot, state_of(snapshot.entry, tier))
    if counts_reasons and head.seq <= RECORDS_COUNTED_MAX:
        last["refusals"] = refusals_in(store)
    return last


def _state_said(genesis: Said, snapshot: Row, state: StateArray) -> Said:
    """Return a snapshot as a status says it."""
    scales = [
        Scale(symbol=one["symbol"], price_digits=one["price_digits"], qty_digits=one["qty_digits"])
        for one in genesis["instruments"]
    ]
    account = state["account"][0]
    strategies = strategies_in(genesis, said_by(snapshot.entry)["start"])
    return {
        "snapshot_seq": snapshot.entry.seq,
        "now_ns": snapshot.entry.ts_ns,
        "level": level_of(state),
        "cash_begun": int(genesis["cash_units"]),
        "money": money_of(state),
        "positions": positions_of(state, scales),
        "orders": orders_of(state, scales),
        "latches": latches_of(state, scales, strategies),
        "limits": limits_of(state),
        "counts": {name: int(account[name]) for name in COUNTS},
    }


def refusals_in(store: Store) -> dict[str, int]:
    """Return how often each rule came first in refusing an entry, the most frequent first."""
    codes: dict[int, int] = {}
    with closing(store.read()) as rows:
        for row in rows:
            if row.entry.kind is not RowKind.EVENT:
                continue
            commands = commands_of(row.entry)
            for code in commands["code"][commands["kind"] == Kind.REFUSED].tolist():
                codes[code] = codes.get(code, 0) + 1
    ordered = sorted(codes.items(), key=lambda one: (-one[1], one[0]))
    return {Reason(code).name: count for code, count in ordered}
