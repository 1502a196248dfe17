"""Opening the journal of a session: the lock or the lease, verification, anchors, ballast."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from interlock.app.journal_place import place_of
from interlock.app.session import Session
from interlock.journal.anchoring import Anchoring
from interlock.journal.anchors import Anchors
from interlock.journal.ballast import Ballast, is_low
from interlock.journal.locks import EngineLock
from interlock.journal.opening import open_store
from interlock.journal.port import Store
from interlock.journal.rows import Head, RowKind
from interlock.journal.verify import Verified, verify
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.runtime.entries import said_by

LOCK_WAIT_S: Final = 5.0  # for an engine that is just going

NS_PER_DAY: Final = 86_400 * NS_PER_S

Told = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A journal that was found in order and is this engine's.

    Attributes:
        store: For the writer alone.
        reader: Beside it: for recovery, and for the ids of fills.
        head: Where it ends.
        existed: Whether something had been written.
        verified: What was looked at.
        epoch: Of this engine: greater than any before it.
        is_held: Whether it is still this engine's.
        anchoring: Writes heads down elsewhere.
        ballast: Room for a way out.
    """

    store: Store
    reader: Store
    head: Head
    existed: bool
    verified: Verified
    epoch: int
    is_held: Callable[[], bool]
    anchoring: Anchoring
    ballast: Ballast


def _last_epoch(store: Store) -> int:
    """Return the epoch of the engine that noted something last; 0 when none did."""
    row = store.last([RowKind.NOTE])
    return 0 if row is None else int(said_by(row.entry)["epoch"])


def _mind_room(ballast: Ballast, tell: Told) -> None:
    """Keep room for a way out; on a disk that is nearly full, give it back."""
    if is_low(ballast.path.parent):
        if ballast.release():
            tell("ballast_released", {"path": str(ballast.path)})
        return
    ballast.restore()


def _retire(store: Store, retention_days: int, tell: Told) -> None:
    """Drop the content of old market data in sealed segments; its hash stays."""
    segment = store.last([RowKind.SEGMENT])
    if retention_days == 0 or segment is None:
        return
    dropped = store.drop_bodies(
        up_to_seq=segment.entry.seq - 1,
        before_ts_ns=segment.entry.ts_ns - retention_days * NS_PER_DAY,
    )
    if dropped:
        tell("market_data_dropped", {"rows": dropped, "before_record": segment.entry.seq})


@contextmanager
def open_journal(session: Session, clock: Clock, tell: Told) -> Iterator[Opened]:
    """Open, lock and verify the journal of a session; everything is let go at the end.

    Raises:
        JournalError: Another engine has it, it is damaged, or its place refuses.
    """
    settings = session.configuration.system.journal
    home = session.home
    with ExitStack() as stack:
        lock = EngineLock(home.engine_lock, wait_s=LOCK_WAIT_S)
        stack.callback(lock.close)
        ballast = Ballast(home.ballast, size_bytes=settings.ballast_bytes)
        _mind_room(ballast, tell)
        anchors = Anchors(
            [home.heads, *map(Path, settings.anchors)],
            on_problem=lambda why: tell("anchor_problem", {"why": why}),
        )
        where = place_of(session)
        account = session.configuration.system.account.name
        store = open_store(where, account=account)
        stack.callback(store.close)
        verified = verify(store, anchors=anchors.found)
        epoch = max(_last_epoch(store), anchors.newest_epoch, clock.now_ns() // NS_PER_S) + 1
        is_held: Callable[[], bool] = _always
        if settings.url:
            epoch, is_held = _leased(session, store, epoch, clock, stack)
        _retire(store, settings.market_retention_days, tell)
        reader = open_store(where, account=account, read_only=True)
        stack.callback(reader.close)
        anchoring = Anchoring(
            anchors,
            epoch=epoch,
            clock_ns=clock.now_ns,
            on_problem=lambda why: tell("anchor_problem", {"why": why}),
            every_records=settings.anchor_events,
            every_s=float(settings.anchor_seconds),
        )
        yield Opened(
            store=store,
            reader=reader,
            head=verified.head,
            existed=verified.head.seq > 0,
            verified=verified,
            epoch=epoch,
            is_held=is_held,
            anchoring=anchoring,
            ballast=ballast,
        )


def _leased(
    session: Session, store: Store, epoch: int, clock: Clock, stack: ExitStack
) -> tuple[int, Callable[[], bool]]:
    """Take the lease of the account in PostgreSQL; write and send under it alone.

    Raises:
        FencedError: Another engine holds it.
    """
    from interlock.journal.lease import Terms, take_lease  # noqa: PLC0415 - only where it is used
    from interlock.journal.postgres import PostgresStore  # noqa: PLC0415 - likewise

    assert isinstance(store, PostgresStore)
    system = session.configuration.system
    ttl_ns = system.journal.lease_seconds * NS_PER_S
    lease = take_lease(
        str(place_of(session)),
        account=system.account.name,
        holder=holder_name(),
        min_epoch=epoch - 1,
        monotonic_ns=clock.elapsed_ns,
        terms=Terms(ttl_ns=ttl_ns, margin_ns=ttl_ns // 5),
    )
    stack.callback(lease.close)
    store.write_under(lease.epoch)
    lease.start()
    return lease.epoch, lease.is_held


def _always() -> bool:
    """The lock on the home is the system's, and lasts as long as this process."""
    return True


def holder_name() -> str:
    """Return who holds a lease, for people."""
    return f"{socket.gethostname()} process {os.getpid()}"
