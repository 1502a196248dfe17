"""Reads along with the engine's journal, and spools what people have to know (a subscriber).

What was written before anybody wanted to know is history, and nobody is told of it. What was
written while this process was away for a moment is told late.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.notify.happenings import alerts_of
from interlock.service.notify.spool import Place, Spool

FRESH_NS: Final = 120 * NS_PER_S  # a journal that was begun so shortly ago is news from its start
AWAY_NS: Final = 900 * NS_PER_S  # whoever was away for longer begins with what is new
NOTE_NS: Final = 60 * NS_PER_S  # between two notes of how far it is, when there is nothing to tell


class JournalNotices:
    """Makes alerts of what a journal says. Called in the follower's thread alone.

    Args:
        spool: Keeps them.
        clock: The time.
        ends: Returns of the journal that is followed its last record, and when it was begun, UTC.
        wake: Called when something waits to be sent.
    """

    def __init__(
        self,
        spool: Spool,
        clock: Clock,
        *,
        ends: Callable[[], tuple[int, int]],
        wake: Callable[[], None],
    ) -> None:
        self._spool = spool
        self._clock = clock
        self._ends = ends
        self._wake = wake
        self._journal = ""
        self._seq = 0
        self._noted_ns = clock.elapsed_ns()

    def begin(self, journal: str, genesis: Mapping[str, Any]) -> int:
        """Return the last record that needs no looking through any more."""
        assert genesis is not None
        if not journal:  # it is shorter than it was: somebody brought an older one back
            self._seq = self._ends()[0]
            return self._seq
        if journal != self._journal:
            self._journal = journal
            self._seq = self._begin()
        return self._seq

    def take(self, items: Sequence[Mapping[str, Any]], seq: int) -> int:
        """Spool what is worth an alert; return the last record that was looked through."""
        found = list(alerts_of([item for item in items if int(item["seq"]) > self._seq]))
        now_ns = self._clock.elapsed_ns()
        if found or now_ns - self._noted_ns >= NOTE_NS:
            waiting = self._spool.take(found, Place(journal=self._journal, seq=seq))
            self._noted_ns = now_ns
            if waiting:
                self._wake()
        self._seq = seq
        return seq

    def _begin(self) -> int:
        now_ns = self._clock.now_ns()
        known = self._spool.place(self._journal)
        if known is not None and now_ns - known[1] <= AWAY_NS:
            return known[0]
        head, begun_ns = self._ends()
        return 0 if known is None and now_ns - begun_ns <= FRESH_NS else head
