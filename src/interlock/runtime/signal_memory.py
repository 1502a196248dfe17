"""What became of signals from outside: each is known by its id, also after a restart."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from interlock.journal.rows import Entry, Row, RowKind
from interlock.runtime.entries import Said, is_signal_key, said_by

KEPT: Final = 4_096  # entries that are remembered here: of older ones the journal knows the id
_ENDS: Final = frozenset(("approval_expired", "approval_denied", "approval_refused"))


class SignalMemory:
    """The entries of signals from outside, newest last, and the proposals that nobody answered.

    Args:
        journaled: Whether an entry with this key is in the journal.
    """

    def __init__(self, journaled: Callable[[bytes], bool]) -> None:
        self._journaled = journaled
        self._kept: OrderedDict[bytes, Entry] = OrderedDict()
        self.open: dict[str, Said] = {}  # proposals of an engine that is gone, by their id

    def passing(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows of a journal, and remember what became of signals."""
        for row in rows:
            entry = row.entry
            if entry.key and is_signal_key(entry.key):
                self.keep(entry)
            if entry.kind is RowKind.NOTE:
                self._note(said_by(entry))
            elif entry.kind is RowKind.EVENT and self.open and is_signal_key(entry.key):
                self.open.pop(str(said_by(entry).get("approval", {}).get("id")), None)
            yield row

    def _note(self, said: Said) -> None:
        what = said.get("what")
        if what == "proposal":
            self.open[str(said["id"])] = said
        elif what in _ENDS:
            self.open.pop(str(said["id"]), None)

    def knows(self, key: bytes) -> bool:
        """Return whether a signal with this key was decided on before."""
        return key in self._kept or self._journaled(key)

    def keep(self, entry: Entry) -> None:
        """Remember an entry."""
        assert entry.key
        self._kept[entry.key] = entry
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def entry(self, key: bytes) -> Entry | None:
        """Return what became of a signal; None when it is too long ago."""
        return self._kept.get(key)
