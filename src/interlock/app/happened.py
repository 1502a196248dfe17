"""What a journal's records say, as plain dictionaries for whoever shows, counts or tells them.

One record becomes any number of items, in the order in which things happened. Every item has
``type``, ``seq``, ``ts`` (RFC 3339) and ``ts_ns``; money, prices and quantities are text with every
digit. Nothing here decides anything, and nothing is kept but what the journal said at its begin.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from interlock.app.happened_rows import (
    Digits,
    alarm_item,
    bar_items,
    fill_item,
    latch_item,
    moment,
    order_item,
    trade_item,
    update_item,
)
from interlock.app.happened_signals import signal_item, signal_note
from interlock.config.canonical import from_canonical
from interlock.config.compare import compare
from interlock.config.errors import PolicyError
from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry, Row, RowKind
from interlock.kernel.codes import Kind, OrderState
from interlock.kernel.records import SUBS, Rows
from interlock.runtime.amounts import amount
from interlock.runtime.entries import (
    Said,
    commands_of,
    events_of,
    layout_digest,
    said_by,
    state_of,
)
from interlock.runtime.ids import client_name

Item = dict[str, Any]

_STATES: Final = {
    Kind.ACCEPTED: OrderState.WORKING,
    Kind.REJECTED: OrderState.REJECTED,
    Kind.CANCELLED: OrderState.CANCELLED,
    Kind.EXPIRED: OrderState.EXPIRED,
    Kind.OUTCOME_UNKNOWN: OrderState.UNKNOWN,
    Kind.ABSENT: OrderState.ABANDONED,
    Kind.AMENDED: None,
    Kind.CANCEL_REJECTED: None,
    Kind.AMEND_REJECTED: None,
    Kind.CANCEL: OrderState.PENDING_CANCEL,
    Kind.AMEND: None,
}
_MONEY: Final = frozenset({Kind.FUNDING, Kind.CASH, Kind.BUST, Kind.ADOPTED})
_SAYING: Final = frozenset({Kind.HALT, Kind.RESUME})
_SNAPSHOTS: Final = frozenset({RowKind.SNAPSHOT, RowKind.SEGMENT})


class Happened:
    """Reads the records of one journal, from any of them on.

    Args:
        genesis: What its first record says.
    """

    def __init__(self, genesis: Mapping[str, Any]) -> None:
        self.currency = str(genesis["currency"])
        self._strategies = [str(name) for name in genesis["strategies"]]
        self._digits = [
            Digits(
                symbol=str(one["symbol"]),
                price=int(one["price_digits"]),
                quantity=int(one["qty_digits"]),
                currency=self.currency,
            )
            for one in genesis["instruments"]
        ]
        first, second, third = (int(number) for number in genesis["tier"])
        self._tier = (first, second, third)
        self._policies: dict[int, Said] = {}  # that were read, by their seqs
        self._starts: list[tuple[int, int]] = []  # of engines: seq and epoch, oldest first

    def knows(self, starts: Iterable[tuple[int, int]], strategies: Sequence[str] = ()) -> None:
        """Take what was said before the records that are read.

        Args:
            starts: Of engines, (seq, epoch): orders are named so at their venue.
            strategies: Names, as the last of them called them; none leaves them as they are.
        """
        self._starts = sorted({*self._starts, *starts})
        self._strategies = [str(name) for name in strategies] or self._strategies

    def items(self, row: Row) -> list[Item]:
        """Return what one record says."""
        entry = row.entry
        if entry.kind in {RowKind.EVENT, RowKind.MARKET}:
            return self._events(entry)
        if entry.kind in _SNAPSHOTS:
            return self._snapshot(entry)
        return self._note(entry)

    # --- what processes say -------------------------------------------------------------------

    def _note(self, entry: Entry) -> list[Item]:
        said = said_by(entry)
        what = "genesis" if entry.kind is RowKind.GENESIS else str(said.get("what", ""))
        if what == "start":
            self.knows([(entry.seq, int(said["epoch"]))], said.get("strategies") or ())
            said = {name: said[name] for name in _START if name in said}
        found: Item = {
            "type": "note",
            **moment(entry.seq, entry.ts_ns),
            "what": what,
            "wall_ns": said.get("wall_ns"),
            "says": said,
        }
        as_signal = signal_note(found)
        return [found] if as_signal is None else [found, as_signal]

    def _snapshot(self, entry: Entry) -> list[Item]:
        if said_by(entry).get("layout") != layout_digest(self._tier):
            return []  # of another version: the next one of this version says it again
        try:
            account = state_of(entry, self._tier)["account"][0]
        except JournalError:
            return []
        return [
            {
                "type": "equity",
                **moment(entry.seq, entry.ts_ns),
                "equity": amount(int(account["equity_units"])),
                "realised": amount(int(account["realised_units"])),
            }
        ]

    # --- what happened and what was decided ---------------------------------------------------

    def _events(self, entry: Entry) -> list[Item]:
        events, commands = events_of(entry), commands_of(entry)
        if entry.kind is RowKind.MARKET:
            return bar_items(events, self._digits)
        event = events[0]
        kind = int(event["kind"])
        found: list[Item] = []
        said: Said = {}
        if kind == Kind.BAR:
            found += bar_items(events, self._digits)
        elif kind == Kind.SIGNAL:
            found.append(
                signal_item(entry, event, commands, self._of(event), self._strategy(event))
            )
        elif kind == Kind.FILL:
            found.append(fill_item(event, self._of(event)))
        elif kind in _STATES:
            found.append(update_item(event, self._of(event), _STATES[Kind(kind)]))
        elif kind == Kind.VENUE_EQUITY:
            found.append(
                {
                    "type": "equity",
                    **moment(entry.seq, entry.ts_ns),
                    "equity": amount(int(event["value"])),
                    "realised": None,
                }
            )
        elif kind in _MONEY:
            found.append(self._money(event))
        elif kind == Kind.POLICY_SET:
            found.append(self._policy(entry))
        elif kind in _SAYING:
            said = said_by(entry)
            if said:
                what = str(said.get("what", ""))
                told = {"what": what, "wall_ns": said.get("wall_ns"), "says": said}
                found.append({"type": "note", **moment(entry.seq, entry.ts_ns), **told})
        found += self._decided(commands, kind, entry.seq, said)
        return found

    def _decided(self, commands: Rows, kind: int, seq: int, said: Said) -> Iterator[Item]:
        """Yield what one event caused."""
        for row in commands:
            match int(row["kind"]):
                case Kind.SUBMIT:
                    signal = seq if kind == Kind.SIGNAL else 0
                    yield order_item(
                        row, self._of(row), self._strategy(row), self._client_id(row), signal
                    )
                case Kind.CANCEL | Kind.AMEND as asked:
                    yield update_item(row, self._of(row), _STATES[Kind(asked)])
                case Kind.LATCHED | Kind.RELEASED:
                    yield latch_item(row, self._name_of(row), said, self._of(row))
                case Kind.CLOSED:
                    yield trade_item(row, self._of(row), self._strategy(row))
                case Kind.ALARM:
                    yield alarm_item(row, self._name_of(row))
                case _:
                    pass  # REFUSED is a part of its signal

    def _money(self, row: Any) -> Item:
        return {
            "type": "money",
            **moment(int(row["seq"]), int(row["ts_ns"])),
            "what": Kind(row["kind"]).name,
            "symbol": self._of(row).symbol,
            "value": int(row["value"]),
        }

    def _policy(self, entry: Entry) -> Item:
        said = said_by(entry)
        self._policies[entry.seq] = said
        last = max((seq for seq in self._policies if seq < entry.seq), default=0)
        before = self._policies.get(last, {})
        return {
            "type": "policy",
            **moment(entry.seq, entry.ts_ns),
            "digest": str(said.get("digest", "")),
            "before": str(before.get("digest", "")),
            "changes": _changes(before, said),
        }

    # --- names --------------------------------------------------------------------------------

    def _of(self, row: Any) -> Digits:
        number = int(row["instrument"])
        if 0 <= number < len(self._digits):
            return self._digits[number]
        return Digits(symbol="", price=0, quantity=0, currency=self.currency)

    def _strategy(self, row: Any) -> str:
        number = int(row["strategy"])
        return self._strategies[number] if 0 <= number < len(self._strategies) else ""

    def _name_of(self, row: Any) -> tuple[str, str]:
        """Return what a latch or an alarm is over: its scope and its name."""
        if int(row["instrument"]) >= 0:
            return "INSTRUMENT", self._of(row).symbol
        if int(row["strategy"]) >= 0:
            return "STRATEGY", self._strategy(row)
        return "ACCOUNT", "account"

    def _client_id(self, row: Any) -> str:
        order_id = int(row["order_id"])
        place = bisect_right(self._starts, order_id // SUBS, key=itemgetter(0)) - 1
        return client_name(self._starts[place][1], order_id) if place >= 0 else ""


def _changes(before: Said, after: Said) -> list[str]:
    """Return what one policy changed of the one before; nothing where that is not known."""
    texts = [str(said.get("canonical", "")).encode() for said in (before, after)]
    if not all(texts):
        return []
    try:
        rules = [from_canonical(text) for text in texts]
    except PolicyError:
        return []  # of another version
    return [str(change) for change in compare(rules[0], rules[1]).changes]


# What a start says that is worth showing; the rest is for replaying it.
_START: Final = ("epoch", "version", "build", "pid", "wall_ns", "configuration", "what")
