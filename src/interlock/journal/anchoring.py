"""The thread that writes anchors down, so that a slow volume never holds up the journal."""

import threading
from collections.abc import Callable
from typing import Final

from interlock.journal.anchors import Anchor, Anchors
from interlock.journal.rows import EMPTY, Head

EVERY_RECORDS: Final = 1_000
EVERY_S: Final = 60.0
CLOSE_S: Final = 5.0  # for the last anchor, on a volume that does not answer


class Anchoring:
    """Publishes the newest durable head: the first, every so many, every so long, and the last.

    The first is published at once: what is cut off behind a start is found from that moment on.

    Args:
        anchors: Where to.
        epoch: Of this engine.
        clock_ns: UTC now, in nanoseconds.
        on_problem: Told when the last anchor was not written in time.
        every_records: After so many records at the latest.
        every_s: After so many seconds at the latest.
    """

    def __init__(
        self,
        anchors: Anchors,
        *,
        epoch: int,
        clock_ns: Callable[[], int],
        on_problem: Callable[[str], None],
        every_records: int = EVERY_RECORDS,
        every_s: float = EVERY_S,
    ) -> None:
        self._anchors = anchors
        self._epoch = epoch
        self._clock_ns = clock_ns
        self._on_problem = on_problem
        self._every_records = every_records
        self._every_s = every_s
        self._genesis = b""
        self._head = EMPTY
        self._published_seq = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="journal anchors", daemon=True)
        self._thread.start()

    def note(self, genesis: bytes, head: Head) -> None:
        """Take notice of a durable head; returns at once.

        Args:
            genesis: Hash of the journal's first row.
            head: Where the journal ends now.
        """
        with self._changed:
            self._genesis = genesis
            self._head = head
            if self._is_due():
                self._changed.notify()

    def close(self) -> None:
        """Publish the last head, and end; a volume that does not answer is not waited for."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_S)
        if self._thread.is_alive():
            self._on_problem(
                f"the last anchor was not written within {CLOSE_S:g} s. Next: check the volumes "
                "that hold the anchors."
            )

    def _is_due(self) -> bool:
        if self._closing or (self._published_seq == 0 and self._head.seq > 0):
            return True
        return self._head.seq - self._published_seq >= self._every_records

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_due, self._every_s)
                genesis, head, closing = self._genesis, self._head, self._closing
            if head.seq > self._published_seq:
                self._anchors.publish(
                    Anchor(
                        journal=genesis,
                        seq=head.seq,
                        hash=head.hash,
                        epoch=self._epoch,
                        ts_ns=self._clock_ns(),
                    )
                )
                self._published_seq = head.seq
            if closing:
                return
