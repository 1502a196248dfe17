"""Applied once: a fill is known by its trade's id, whoever tells it and however often."""

from collections.abc import Callable
from typing import Final

import numpy as np

from interlock.kernel.codes import Kind
from interlock.kernel.records import Row, Rows
from interlock.runtime.entries import fill_key

_ONCE: Final = frozenset((int(Kind.FILL), int(Kind.FUNDING)))
KEPT: Final = 100_000  # fills that are remembered here: the journal knows the older ones

Content = tuple[int, int, int]  # side, lots, ticks


class Fills:
    """The fills that were decided on.

    Args:
        journaled: Whether one with this key is in the journal.
    """

    def __init__(self, journaled: Callable[[bytes], bool]) -> None:
        self._journaled = journaled
        self._kept: dict[bytes, Content] = {}
        self.duplicates = 0

    def knows(self, key: bytes) -> bool:
        """Return whether a fill with this key was decided on before."""
        return key in self._kept or self._journaled(key)

    def fresh(
        self, rows: Rows, payloads: dict[int, bytes]
    ) -> tuple[Rows, dict[int, bytes], list[Row]]:
        """Return rows without the fills that came before, and those among these that differ.

        Args:
            rows: Shape (n,).
            payloads: What came with some of them, by place.

        Returns:
            What is new; its payloads; and the fills whose trade was told with another quantity or
            price before. Nobody can say which of the two is true.
        """
        kinds = rows["kind"].tolist()
        fills = [place for place, kind in enumerate(kinds) if kind in _ONCE]
        again = [place for place in fills if not self._is_new(rows[place])]
        if not again:
            return rows, payloads, []
        self.duplicates += len(again)
        strange = [rows[place] for place in again if self._differs(rows[place])]
        kept = np.delete(np.arange(len(rows)), again)
        places = {int(old): new for new, old in enumerate(kept)}
        said = {places[old]: payload for old, payload in payloads.items() if old in places}
        return rows[kept], said, strange

    def _is_new(self, fill: Row) -> bool:
        """Return whether a fill is heard of for the first time, and remember it."""
        key = fill_key(fill)
        if not key:
            return True
        if self.knows(key):
            return False
        self._kept[key] = _content(fill)
        if len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return True

    def _differs(self, fill: Row) -> bool:
        known = self._kept.get(fill_key(fill))
        return known is not None and known != _content(fill)


def _content(fill: Row) -> Content:
    return int(fill["side"]), int(fill["qty"]), int(fill["price"])
