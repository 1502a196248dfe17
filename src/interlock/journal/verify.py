"""Whether a journal is what was written: every row, every link, its end, and every anchor."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from interlock.journal.anchors import Anchor, check_journal
from interlock.journal.errors import DamageError
from interlock.journal.evidence import Place, broken_chain, damage_error
from interlock.journal.port import Store
from interlock.journal.rows import EMPTY, NOTHING, Head, Row, RowKind

PROGRESS_ROWS: Final = 10_000
_COMMON: Final = frozenset({RowKind.EVENT, RowKind.MARKET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found in order.

    Attributes:
        name: Of the journal.
        rows: How many.
        records: In them.
        head: Where it ends.
        dropped: Rows whose body was dropped after its retention, of which a digest is left.
        anchors: How many of those given agree; all do, else it would not be verified.
        anchored_seq: Of the newest of them; 0 without any. What is beyond was never written
            down elsewhere.
    """

    name: str
    rows: int
    records: int
    head: Head
    dropped: int
    anchors: int
    anchored_seq: int


def verify(
    store: Store,
    *,
    anchors: Iterable[Anchor] = (),
    on_progress: Callable[[int], None] | None = None,
) -> Verified:
    """Walk the whole journal, also while it is being written.

    Args:
        store: Opened for reading is enough.
        anchors: What was written down of it elsewhere.
        on_progress: Told the last seq every ``PROGRESS_ROWS`` rows; may raise to stop it.

    Raises:
        DamageError: It names the first bad record and what was done to it.
    """
    walk = Walk(store, anchors)
    for _ in walk.rows():
        if on_progress is not None and walk.count % PROGRESS_ROWS == 0:
            on_progress(walk.head.seq)
    return walk.verified()


class Walk:
    """Goes from row to row, and stops at the first that is not in order.

    Args:
        store: Opened for reading is enough.
        anchors: What was written down of it elsewhere.
    """

    def __init__(self, store: Store, anchors: Iterable[Anchor] = ()) -> None:
        self._store = store
        self._anchors = sorted(anchors, key=lambda anchor: anchor.seq)
        self._earlier = NOTHING
        self._last: Row | None = None
        self._landmarks: dict[RowKind, int] = {}
        self._dropped = 0
        self._agreed = 0
        self._agreed_seq = 0
        self.head = EMPTY
        self.count = 0

    def rows(self) -> Iterator[Row]:
        """Yield every row once it was found in order.

        Raises:
            DamageError: The next one is not, or the journal does not end where it should.
        """
        before = self._store.head()
        while True:
            for row in self._store.read(self.head.seq):
                self._step(row)
                yield row
            # Rows that were there before the walk have to be in it; others may have come since.
            now = self._store.head()
            if self.head == now or self.head.seq < before.seq or now == before:
                break
            before = now
        self._finish(now)

    def verified(self) -> Verified:
        """Return what was found in order, when there are no more rows."""
        return Verified(
            name=self._store.name,
            rows=self.count,
            records=self.head.seq,
            head=self.head,
            dropped=self._dropped,
            anchors=self._agreed,
            anchored_seq=self._agreed_seq,
        )

    def _step(self, row: Row) -> None:
        """Take the next row.

        Raises:
            DamageError: It is not in order.
        """
        entry = row.entry
        if entry.seq != self.head.seq + 1 or row.previous != self.head.hash or not row.is_sound():
            place = Place(earlier=self._earlier, last=self._last, head=self.head, row=row)
            raise broken_chain(self._store, place)
        if self._last is None:
            check_journal(self._anchors, row.hash, self._store.name)
        if entry.key and not self._store.has_key(entry.key):
            raise self._broken(entry.seq, "edit", "its key is not found in the index of keys")
        if entry.kind not in _COMMON:
            self._landmarks[entry.kind] = entry.seq
        self._earlier, self._last = self.head.hash, row
        self.head = Head(seq=entry.last_seq, hash=row.hash)
        self.count += 1
        self._dropped += bool(row.dropped)
        while self._agreed < len(self._anchors):
            if self._anchors[self._agreed].seq > entry.last_seq:
                break
            self._check_anchor(self._anchors[self._agreed])

    def _check_anchor(self, anchor: Anchor) -> None:
        if (anchor.seq, anchor.hash) == (self.head.seq, self.head.hash):
            self._agreed += 1
            self._agreed_seq = anchor.seq
            return
        damage = "fork" if self._agreed_seq > 1 else "rewrite"
        raise self._broken(
            self._agreed_seq + 1,
            damage,
            f"the chain is whole, but record {anchor.seq} was anchored with hash "
            f"{anchor.hash.hex()[:12]} and is not it any more; what differs begins between here "
            "and there",
        )

    def _finish(self, head: Head) -> None:
        """Compare where the rows end with where the journal says so, and with the anchors.

        Raises:
            DamageError: They do not agree.
        """
        seq = self.head.seq
        if seq < head.seq:
            what = f"the journal says that it ends at record {head.seq}, its rows end before"
            raise self._broken(seq + 1, "truncate", what)
        if seq > head.seq:
            what = f"the journal says that it ends at record {head.seq}, and rows follow"
            raise self._broken(head.seq + 1, "insert", what)
        if self.head.hash != head.hash:
            what = "the journal says that it ends with another row"
            bad_seq = 1 if self._last is None else self._last.entry.seq
            raise self._broken(bad_seq, "edit", what)
        if self._agreed < len(self._anchors):
            newest = self._anchors[-1].seq
            what = f"an older journal is in its place: record {newest} was anchored"
            raise self._broken(seq + 1, "rollback", what)
        for kind, at_seq in self._landmarks.items():
            found = self._store.last((kind,))
            if found is None or found.entry.seq < at_seq:
                what = f"it is the last {kind.name} row, and the index of kinds misses it"
                raise self._broken(at_seq, "edit", what)

    def _broken(self, seq: int, damage: str, what: str) -> DamageError:
        return damage_error(self._store.name, seq, damage, what)
