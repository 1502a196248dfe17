"""A day of one engine: its entries, and the state after each of them."""

from collections.abc import Iterator, Sequence

from interlock.journal.rows import EMPTY, Entry, Row, RowKind
from interlock.kernel.codes import BUY, SELL, Kind
from interlock.kernel.policy import SMALL
from interlock.runtime.entries import layout_digest
from interlock.runtime.recover import Recovered, recover
from interlock.venues.port import Message
from tests.kernel.helpers import open_policy
from tests.runtime.pair import Pair
from tests.runtime.scripts import PRICE


class Kept:
    """A journal in memory, as far as recovering needs one."""

    name = "kept"

    def __init__(self, entries: list[Entry]) -> None:
        self.rows = [Row(entry=entry, previous=EMPTY.hash, hash=EMPTY.hash) for entry in entries]

    def read(self, after_seq: int = 0) -> Iterator[Row]:
        """Yield the rows beyond a seq."""
        yield from (row for row in self.rows if row.entry.seq > after_seq)

    def last(self, kinds: Sequence[RowKind]) -> Row | None:
        """Return the last row of one of these kinds."""
        return next((row for row in reversed(self.rows) if row.entry.kind in kinds), None)


def recovered(entries: list[Entry]) -> Recovered:
    """Return what a journal says."""
    found = recover(Kept(entries))  # type: ignore[arg-type]
    assert found is not None
    return found


def snapshot(pair: Pair, kind: RowKind = RowKind.SNAPSHOT) -> None:
    """Write down the state, as the driver would."""
    pair.engine.snapshot(
        kind,
        {
            "layout": layout_digest(SMALL),
            "policy_seq": int(pair.book.state["account"]["policy_seq"]),
            "start": pair.setup.said,
            "starts": pair.names.starts(),
        },
    )
    pair.pump()


class Session:
    """A day: entries, snapshots, fills, another policy; the state after every entry."""

    def __init__(self, *, snapshots: bool = True) -> None:
        self.states: dict[int, bytes] = {}
        pair = self.pair = Pair()
        self._note()
        pair.open()
        self._note()
        for close in (PRICE, PRICE + 10, PRICE - 5):
            self._tell(pair.venue.bar(close))
        pair.signal(BUY)
        entry = pair.last()
        self._tell(pair.venue.report(Kind.ACCEPTED, entry), pair.venue.fill(entry, 40))
        self._tell(pair.venue.fill(entry, 60))
        if snapshots:
            snapshot(pair)
        for order in pair.requests()[1:3]:
            self._tell(pair.venue.report(Kind.ACCEPTED, order))  # type: ignore[arg-type]
        pair.engine.set_policy(open_policy("sizing.fixed_lots=50"), b'{"v":2}')
        pair.pump()
        self._note()
        self._tell(pair.venue.bar(PRICE + 20))
        pair.signal(BUY, instrument=1)
        if snapshots:
            snapshot(pair, RowKind.SEGMENT)
        self._tell(pair.venue.bar(500, instrument=1))
        pair.signal(BUY, instrument=1)
        pair.signal(SELL)
        self._note()

    def _tell(self, *messages: Message) -> None:
        for message in messages:
            self.pair.receive(message)
            while self.pair.step():
                self._note()
        self._note()

    def _note(self) -> None:
        self.states[self.pair.engine.decider.seq] = self.pair.engine.decider.state.tobytes()

    @property
    def entries(self) -> list[Entry]:
        """Everything that was journaled."""
        return self.pair.entries
