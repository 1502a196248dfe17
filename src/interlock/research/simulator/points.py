"""Where the engine's process can end: points on its way, each with a name of its own."""

from collections import Counter
from typing import Final

SENTENCES: Final = {
    # starting
    "starting": "nothing was opened yet",
    "latch_read": "the kill latch was read, the journal not",
    "journal_opened": "the journal is open and was not read",
    "recovering": "the journal is being replayed",
    "recovered": "the state is there, the engine is not",
    "begun": "the engine is there and has written nothing",
    "connecting": "before the greeting",
    "greeted": "the greeting has left",
    "looking": "a question about an order has left, others have not",
    "comparing": "the question about positions has left",
    # hearing and deciding
    "response_read": "bytes were read, and nobody looked at them",
    "heard": "messages were understood, and not decided on",
    "decided": "decided in memory, nothing of it written",
    "decided_order": "an order was decided in memory",
    # writing
    "appending": "before the first byte of a commit",
    "writing": "some of a commit is written",
    "before_sync": "all of a commit is written, and not synced",
    "after_sync": "synced, and nobody was told",
    "committed": "durable, and the engine does not know",
    "durable": "the engine knows, and nothing has left",
    # sending
    "gate": "inside the last gate, before the first byte of an order",
    "mid_bytes": "some bytes of an order have left",
    "last_byte": "all bytes of an order have left, inside the gate",
    "sent": "an order has left, and nobody noted it",
    "cancel_gate": "before the first byte of a cancel",
    "cancel_sent": "a cancel has left",
    "amend_gate": "before the first byte of an amendment",
    "amend_sent": "an amendment has left",
    # people and housekeeping
    "kill_seen": "the kill was seen in its file, and not decided on",
    "kill_half_sent": "some of what a kill sends has left",
    "clearing": "a clear was asked for, and is not durable",
    "policy_set": "another policy was decided on, and is not durable",
    "snapshotting": "before a snapshot is written",
    "snapshotted": "a snapshot is durable",
    "checkpointing": "the log is being copied into the journal",
    "ticking": "nothing is going on",
    "stopping": "a graceful stop has begun",
    "closing": "the journal is being closed",
}
POINTS: Final = tuple(SENTENCES)


class Crash(Exception):  # noqa: N818 - what happens, not what went wrong
    """The engine's process ends here, without a word."""

    def __init__(self, point: str) -> None:
        super().__init__(point)
        self.point = point


class Fuse:
    """Ends a process at a point it was set to."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.hit: Counter[str] = Counter()
        self.armed = ""  # a point, "any", or nothing

    def at(self, point: str) -> None:
        """Pass a point.

        Raises:
            Crash: This is where it ends.
        """
        self.passed[point] += 1
        if self.armed and self.armed in {point, "any"}:
            self.blow(point)

    def blow(self, point: str) -> None:
        """End the process here.

        Raises:
            Crash: Always.
        """
        self.armed = ""
        self.hit[point] += 1
        raise Crash(point)
