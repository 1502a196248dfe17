"""What has to hold between a dead engine's journal and the books of its venue, whenever it died."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import apsw
import numpy as np

from interlock.app.venue import _made_of
from interlock.journal.anchors import read_anchors
from interlock.journal.rows import EMPTY, Head, Row, RowKind
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from interlock.kernel.codes import Alarm, Flag, Kind, OrderState, Role
from interlock.kernel.records import ROW
from interlock.kernel.state import StateArray
from interlock.research.inputs import Inputs
from interlock.runtime.decide import Command
from interlock.runtime.entries import commands_of, events_of, said_by
from interlock.runtime.names import Names
from interlock.runtime.recover import recover
from interlock.sim.venue import venue_equity_units
from interlock.sim.world import VenueArray, venue_dtype
from interlock.venues.port import NewOrder
from interlock.venues.simulated.asks import read_ask
from interlock.venues.simulated.ledger import Ledger
from interlock.venues.simulated.lines import Symbols
from interlock.venues.simulated.wire import SimulatedCodec
from tests.proof.kill_market import SYMBOLS

_ORDERS: Final = (int(Kind.SUBMIT), int(Kind.CANCEL), int(Kind.AMEND))
_FILL_FIELDS: Final = ("instrument", "side", "qty", "price", "fee", "fee_asset", "src_ts_ns")

Fill = tuple[int | str, ...]


@dataclass(slots=True)
class Counts:
    """What was checked, over all lives."""

    rows: int = 0
    acknowledged: int = 0
    starts: int = 0
    orders: int = 0
    changes: int = 0
    fills: int = 0
    partial: int = 0
    unknown: int = 0
    abandoned: int = 0
    stops: int = 0
    growing: int = 0
    leaving: int = 0
    unprotected: int = 0

    def add(self, other: "Counts") -> None:
        """Count another's as well."""
        for name in Counts.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def fill_of(client_id: str, row: np.void) -> Fill:
    """Return what two sides have to agree on."""
    return (client_id, *(int(row[name]) for name in _FILL_FIELDS))


@dataclass(slots=True)
class _Journal:
    """What of the journal was read before, and has to be there the next time."""

    head: Head = EMPTY
    last: Row | None = None
    starts: list[tuple[int, int]] = field(default_factory=list)
    wires: set[bytes] = field(default_factory=set)
    fills: Counter[Fill] = field(default_factory=Counter)


@dataclass(slots=True)
class _Venue:
    """What of the venue's books was read before."""

    command: int = 0
    report: int = 0
    given: Counter[str] = field(default_factory=Counter)
    fills: Counter[Fill] = field(default_factory=Counter)


class Books:
    """Compares one life's journal with its venue, kill after kill.

    Args:
        home: Where both are.
        inputs: What both were made of.
    """

    def __init__(self, home: Path, inputs: Inputs) -> None:
        self._home = home
        self._inputs = inputs
        self._alarms: dict[int, int] = {}
        self._refused: set[int] = set()  # whose stop may not be amended before the next bar
        self._journal = _Journal()
        self._venue = _Venue()
        self._codec = SimulatedCodec(SYMBOLS)
        self._symbols = Symbols(SYMBOLS)
        self.counts = Counts()

    def check_dead(self, acknowledged: Head) -> None:
        """Check what has to hold whenever an engine is dead.

        Args:
            acknowledged: What it was told is durable; ``EMPTY`` when it was told nothing.
        """
        if (self._home / "journal.db").exists():
            self._read_journal(acknowledged)
        else:
            assert acknowledged == EMPTY
        self._read_venue()

    # --- the journal ------------------------------------------------------------------------------

    def _read_journal(self, acknowledged: Head) -> None:
        kept = self._journal
        before = kept.head.seq
        with closing(SqliteStore(self._home / "journal.db", read_only=True)) as store:
            if kept.last is not None:
                with closing(store.read(kept.last.entry.seq - 1)) as rows:
                    assert next(rows) == kept.last, "what was durable is another row now"
            heads = {kept.head.seq: kept.head.hash}
            for row in store.read(before):
                assert row.previous == kept.head.hash
                assert row.entry.seq == kept.head.seq + 1
                assert row.is_sound()
                kept.head = Head(seq=row.entry.last_seq, hash=row.hash)
                kept.last = row
                heads[kept.head.seq] = row.hash
                self._take(row)
            assert store.head() == kept.head
        if acknowledged != EMPTY:
            assert heads.get(acknowledged.seq) == acknowledged.hash, (
                f"record {acknowledged.seq} was acknowledged and is lost; the journal was at "
                f"{before} and ends at {kept.head.seq}"
            )
            self.counts.acknowledged += acknowledged.seq - before

    def _take(self, row: Row) -> None:
        """Take what the venue may have got, or said, from one row."""
        entry, kept = row.entry, self._journal
        self.counts.rows += 1
        if entry.kind is RowKind.NOTE:
            said = said_by(entry)
            if said["what"] == "start":
                assert all(int(said["epoch"]) > epoch for _, epoch in kept.starts)
                kept.starts.append((entry.seq, int(said["epoch"])))
                self.counts.starts += 1
            return
        for each in events_of(entry):
            if each["kind"] == Kind.BAR:
                self._refused.discard(int(each["instrument"]))
        if entry.kind is not RowKind.EVENT:
            return
        event = events_of(entry)[0]
        kind = int(event["kind"])
        for command in commands_of(entry):
            if command["kind"] == Kind.ALARM and command["code"] == Alarm.UNPROTECTED:
                self._alarms[int(command["instrument"])] = entry.seq
        if kind == Kind.AMEND_REJECTED and event["role"] == Role.STOP:
            self._refused.add(int(event["instrument"]))
        self.counts.unknown += kind == Kind.OUTCOME_UNKNOWN
        self.counts.abandoned += kind == Kind.ABSENT
        names = Names(kept.starts)
        if kind == Kind.FILL:
            fill = fill_of(names.client_id(int(event["order_id"])), event)
            kept.fills[fill] += 1
            self.counts.partial += not event["flags"] & Flag.LAST
        for command in commands_of(entry):
            if command["kind"] in _ORDERS:
                # A recording's order leaves when its cause was told, or was stamped later.
                for name in ("ts_ns", "src_ts_ns"):
                    request = names.request(Command(row=command, told_ns=int(event[name])))
                    kept.wires.add(self._codec.request(request))

    # --- the venue --------------------------------------------------------------------------------

    def _read_venue(self) -> None:
        path = self._home / "venue" / "venue.db"
        if not path.exists():
            return
        seen = self._venue
        books = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        books.set_busy_timeout(5_000)
        with closing(books), books:
            found = books.execute("SELECT id, line FROM commands WHERE id > ?", (seen.command,))
            for number, line in found:
                seen.command = number
                self._check_command(str(line).encode())
            told = books.execute(
                "SELECT id, client_id, row FROM reports WHERE kind = 7 AND id > ?", (seen.report,)
            )
            for number, client_id, raw in told:
                seen.report = number
                seen.fills[fill_of(client_id, np.frombuffer(raw, dtype=ROW)[0])] += 1
            kept = {name for (name,) in books.execute("SELECT client_id FROM orders")}
        assert kept == set(seen.given), "an order was never given, or is not in the books"
        missing = self._journal.fills - seen.fills
        assert not missing, f"journaled and not at the venue, or twice: {missing}"

    def _check_command(self, wire: bytes) -> None:
        assert wire in self._journal.wires, f"no durable intent says {wire!r}"
        request = read_ask(wire, self._symbols)
        if isinstance(request, NewOrder):
            self._venue.given[request.client_id] += 1
            assert self._venue.given[request.client_id] == 1, f"{request.client_id} came twice"
            self.counts.orders += 1
        else:
            self.counts.changes += 1

    # --- when nothing is under way any more -------------------------------------------------------

    def check_quiet(self, *, repeated: bool) -> None:
        """Check that both sides are the same, now that the engine has reconciled and stopped.

        Args:
            repeated: Whether the venue said things twice, which is counted and changes nothing.
        """
        assert self._journal.fills == self._venue.fills, (
            f"not journaled: {self._venue.fills - self._journal.fills}"
        )
        self.counts.fills += self._journal.fills.total()
        anchors, _ = read_anchors(self._home / "anchors" / "heads.jsonl")
        with closing(SqliteStore(self._home / "journal.db", read_only=True)) as store:
            assert verify(store, anchors=anchors).anchored_seq == self._journal.head.seq
            recovered = recover(store)
        assert recovered is not None
        assert recovered.remembered.stopped
        assert not (recovered.state["orders"][0]["state"] == OrderState.UNKNOWN).any()
        state = recovered.state
        with closing(Ledger(self._home / "venue" / "venue.db", _made_of(self._inputs))) as ledger:
            venue = ledger.read_state(venue_dtype(self._inputs.tier))
            assert venue is not None
            resting = [
                (Role(entry.role), order.instrument, order.qty - order.filled)
                for order in ledger.open_orders()
                if (entry := ledger.entry(order.client_id)) is not None
            ]
        self._compare(state, venue, resting)
        assert repeated or int(state["account"]["illegal_transitions"][0]) == 0

    def _compare(
        self, state: StateArray, venue: VenueArray, resting: list[tuple[Role, int, int]]
    ) -> None:
        """Compare positions, money and stops with the venue's."""
        account = state["account"][0]
        believed = state["instruments"][0]
        assert believed["position"].tolist() == venue["instruments"][0]["position"].tolist()
        assert int(account["open_orders"]) == len(resting)
        assert int(account["fees_units"]) == int(venue["fees_units"][0])
        assert int(account["funding_units"]) == int(venue["funding_units"][0])
        equity = venue_equity_units(self._inputs.world[0], venue[0], len(SYMBOLS))
        assert int(account["equity_units"]) == int(equity)
        if not venue["instruments"][0]["flow_units"].any():
            assert int(account["cash_units"]) == int(venue["cash_units"][0])
        for name in ("commands_lost", "garbage"):
            assert int(account[name]) == 0, name
        for number in np.flatnonzero(believed["position"]).tolist():
            self._check_protected(number, believed[number], resting)

    def _check_protected(
        self, number: int, one: np.void, resting: list[tuple[Role, int, int]]
    ) -> None:
        """Check that a position has its stop, is being closed, or that people were told."""
        lots = abs(int(one["position"]))
        stops = [qty for role, place, qty in resting if (role, place) == (Role.STOP, number)]
        if one["unprotected"] == 0:
            grows = number in self._refused and len(stops) == 1 and stops[0] < lots
            assert stops == [lots] or grows, f"the stops of {SYMBOLS[number]} are {stops} of {lots}"
            self.counts.stops += not grows
            self.counts.growing += grows
        elif (Role.EXIT, number, lots) in resting:
            self.counts.leaving += 1
        else:
            told = self._alarms.get(number, 0) >= one["entry_seq"]
            assert told, f"{SYMBOLS[number]} is unprotected, and nobody was told"
            self.counts.unprotected += 1
