"""What a place that keeps rows has to do. SQLite and PostgreSQL do it; one suite tests both."""

from collections.abc import Generator, Sequence
from typing import Protocol

from interlock.journal.rows import Head, Row, RowKind


class Store(Protocol):
    """One journal. Used by one thread at a time; a second reader opens a store of its own."""

    @property
    def name(self) -> str:
        """Where it is, for people; never with a password in it."""

    def head(self) -> Head:
        """Return where the journal says it ends; ``EMPTY`` when nothing was written."""

    def append(self, rows: Sequence[Row]) -> None:
        """Write rows in one transaction, and return when they are durable.

        Raises:
            StoreError: Nothing of them was acknowledged. The journal is not to be used any more:
                what reached the disk is found out by opening it again.
            FencedError: Another engine holds the journal now.
        """

    def read(self, after_seq: int = 0) -> Generator[Row, None, None]:
        """Yield the rows whose seq is beyond ``after_seq``, as they are stored, in their order."""

    def last(self, kinds: Sequence[RowKind]) -> Row | None:
        """Return the last row of one of these kinds."""

    def has_key(self, key: bytes) -> bool:
        """Return whether a row with this key was written."""

    def drop_bodies(self, *, up_to_seq: int, before_ts_ns: int) -> int:
        """Drop the bodies of MARKET rows, keeping digests; return how many rows were changed.

        Args:
            up_to_seq: Only rows that end at or before this.
            before_ts_ns: Only rows that began before this.
        """

    def tidy(self, *, idle: bool) -> None:
        """Do what housekeeping is due; called between two appends.

        Args:
            idle: Nothing waits to be written, so that now is a good time.

        Raises:
            StoreError: As for ``append``.
        """

    def close(self) -> None:
        """Let go of it."""
