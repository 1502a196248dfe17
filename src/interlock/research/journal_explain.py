"""Why a session sent an order or refused a signal: its journal says so, record by record."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from interlock.journal.errors import JournalError
from interlock.journal.port import Store
from interlock.journal.rows import Entry, RowKind
from interlock.journal.rows import Row as JournalRow
from interlock.kernel.codes import Kind, Role
from interlock.kernel.records import ROW, ROW_BYTES, SUBS, Row, Rows, new_out
from interlock.kernel.step import step
from interlock.research.explanation import (
    Case,
    Explanation,
    Judged,
    Life,
    is_of,
    judged_alone,
    row_of,
)
from interlock.research.replay import begin_replay, first_row
from interlock.research.sizes import Sized, sizes_of
from interlock.research.traded import NAME, read_traded
from interlock.runtime.entries import (
    Said,
    commands_of,
    events_of,
    layout_digest,
    said_by,
    verdicts_of,
)
from interlock.runtime.ids import Id, IdError, read_client_name, read_id
from interlock.runtime.names import Names
from interlock.runtime.readable import Scale, rules_of, scale_of
from interlock.runtime.recover import genesis_of
from interlock.runtime.replaying import SNAPSHOTS
from interlock.runtime.session import strategies_in

_CLIENT: Final = "i-"
_NOT_REPLAYED: Final = "What was decided cannot be judged again, so its size is not shown: "


@dataclass(slots=True, kw_only=True)
class _Found:
    """What a journal says around one record.

    Attributes:
        starts: (seq, epoch) of every start before it.
        start: What the last of them said.
        snapshot: The last one before it that the kernel can go on from.
        bodies: Rows of its instrument, of the whole journal.
        dropped: Whether market data between the snapshot and it was dropped.
    """

    starts: list[tuple[int, int]] = field(default_factory=list)
    start: Said = field(default_factory=dict)
    snapshot: JournalRow | None = None
    bodies: bytearray = field(default_factory=bytearray)
    dropped: bool = False

    @property
    def log(self) -> Rows:
        """Every event but market data and every command of the instrument, in order."""
        return np.frombuffer(bytes(self.bodies), dtype=ROW)


def _no_such(store: Store, text: str) -> IdError:
    return IdError(
        f"{text} must be an order or a signal of journal {store.name}, and no record of it has "
        "that id. Next: take one from interlock journal show, or from the log."
    )


def read_any_id(text: str) -> Id:
    """Return what an id says: of an order, of a signal, or of an order as its venue knows it.

    Raises:
        IdError: It is none.
    """
    found = read_client_name(text.strip())
    if found is None:
        return read_id(text)
    order_id = found[1]
    return Id(kind="order", seq=order_id // SUBS, sub=order_id % SUBS)


def _entry_at(store: Store, asked: Id, text: str) -> Entry:
    """Return the entry of the event that an id names.

    Raises:
        IdError: There is none.
    """
    row = first_row(store, asked.seq)
    if row is None or row.entry.seq != asked.seq or row.entry.kind is not RowKind.EVENT:
        raise _no_such(store, text)
    return row.entry


def _is_common(entry: Entry) -> bool:
    """Return whether an entry's event is a bar, a quote or a trade."""
    return bool(Kind.BAR <= events_of(entry)["kind"][0] <= Kind.TRADE)


def _look_around(store: Store, seq: int, instrument: int, layout: str) -> _Found:
    """Read the whole journal for what belongs to one record."""
    found = _Found()
    with closing(store.read()) as rows:
        for row in rows:
            entry = row.entry
            if entry.kind is RowKind.EVENT:
                skipped = ROW_BYTES if _is_common(entry) else 0
                table = np.frombuffer(entry.body, dtype=ROW, offset=skipped)
                found.bodies += table[table["instrument"] == instrument].tobytes()
            elif entry.seq > seq:
                continue
            elif entry.kind is RowKind.NOTE:
                said = said_by(entry)
                if said.get("what") == "start":
                    found.starts.append((entry.seq, int(said["epoch"])))
                    found.start = said
            elif entry.kind in SNAPSHOTS and said_by(entry)["layout"] == layout:
                found.snapshot, found.dropped = row, False
            elif row.dropped:
                found.dropped = True
    return found


def _scale(genesis: Said, found: _Found, instrument: int, where: str) -> Scale:
    """Return how the instrument's numbers are written."""
    if NAME in found.start:
        return scale_of(read_traded(found.start, where).instruments[instrument])
    said = genesis["instruments"][instrument]
    return Scale(
        currency=str(genesis["currency"]),
        base=str(said["symbol"]),
        price_digits=int(said["price_digits"]),
        qty_digits=int(said["qty_digits"]),
    )


class _Judge:
    """Judges an order of a journal again, by the journaled table and by replaying up to it.

    Args:
        store: The journal.
        entry: Of the event that decided it.
        found: What the journal says around it.
        scale: Of its instrument.
    """

    def __init__(self, store: Store, entry: Entry, found: _Found, scale: Scale) -> None:
        self._store = store
        self._entry = entry
        self._found = found
        self._scale = scale
        self.why_not = ""

    def __call__(self, order: Row) -> Judged | None:
        """Return what was found on one order."""
        replayed: Judged | None = None
        try:
            replayed = self._replayed(order)
        except JournalError as error:
            self.why_not = str(error)
        table = verdicts_of(self._entry)
        if table is None or order["role"] != Role.ENTRY:
            return replayed
        sizing: tuple[Sized, ...] = () if replayed is None else replayed.sizing
        return Judged(rules=rules_of(table, self._scale), sizing=sizing)

    def _replayed(self, order: Row) -> Judged | None:
        """Return it from the state just after the event, compared with the journal up to there."""
        if self._found.dropped:
            raise JournalError("the market data before it was dropped after its retention.")
        begun = begin_replay(self._store, snapshot=self._found.snapshot)
        if begun.after_seq >= self._entry.seq:
            raise JournalError("the market data before it was dropped after its retention.")
        begun.replayer.run(self._before(begun.rows(self._store)))
        policy, before = begun.replayer.policy, begun.replayer.state
        event = events_of(self._entry)
        state = before.copy()
        step(policy, state, event.copy(), 0, new_out())
        if not is_of(state, order):
            state = judged_alone(policy, before, event, order)
            if not is_of(state, order):
                return None
        number = int(order["instrument"])
        return Judged(
            rules=rules_of(state["verdicts"][0], self._scale),
            sizing=sizes_of(policy, self._scale, state, number, int(event["qty"][0])),
        )

    def _before(self, rows: Iterator[JournalRow]) -> Iterator[JournalRow]:
        for row in rows:
            if row.entry.seq >= self._entry.seq:
                return
            yield row


def explain_journal(store: Store, text: str) -> Explanation:
    """Return everything about one order or signal of a journal.

    Args:
        store: Opened for reading is enough.
        text: ``o-...``, ``s-...``, or a venue's ``i-...``.

    Raises:
        IdError: The journal has no such order or signal.
        JournalError: It is none of ours, or empty.
    """
    asked = read_any_id(text)
    genesis = genesis_of(store)
    if genesis is None:
        raise JournalError(f"journal {store.name} must have records, and was empty.")
    said, tier = genesis
    entry = _entry_at(store, asked, text)
    here = np.concatenate([events_of(entry), commands_of(entry)])
    row = row_of(here, asked)
    if row is None:
        raise _no_such(store, text)
    number = int(row["instrument"])
    found = _look_around(store, entry.seq, number, layout_digest(tier))
    names = Names(found.starts)
    order_id = asked.order_id if asked.kind == "order" else 0
    if text.strip().startswith(_CLIENT) and names.client_id(order_id) != text.strip():
        raise _no_such(store, text)
    scale = _scale(said, found, number, store.name)
    judge = _Judge(store, entry, found, scale)
    explained = Case(
        asked=asked,
        row=row,
        life=Life(log=found.log, scale=scale),
        symbol=str(said["instruments"][number]["symbol"]),
        strategy=_strategy(strategies_in(said, found.start), row),
        judge=judge,
    ).explained()
    return _with_venue(explained, names, judge.why_not)


def _strategy(names: list[str], row: Row) -> str:
    """Return the name of the strategy that a row is of."""
    number = int(row["strategy"])
    return names[number] if 0 <= number < len(names) else ""


def _with_venue(explained: Explanation, names: Names, why_not: str) -> Explanation:
    """Add the order's name at its venue, and why something is missing."""
    order = dict(explained.order)
    if order and not explained.outcome.startswith("It was refused"):
        order["client_id"] = names.client_id(read_id(order["id"]).order_id)
    notes = explained.notes
    if why_not:
        notes = (_NOT_REPLAYED + why_not,)
    return replace(explained, order=order, notes=notes)
