"""Who may act for an account: a lease in PostgreSQL, with an epoch that only ever grows.

Whoever holds the lease of the highest epoch writes the journal and speaks to the venue. The server
decides by its own clock whether a lease is alive. Its holder decides by its own monotonic clock,
counted from before it asked, and gives up a margin earlier: an engine that was stopped and goes on
later finds that it has lost the lease without asking anybody.

Source: Martin Kleppmann, "How to do distributed locking", 2016: leases and fencing tokens.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import psycopg

from interlock.journal.errors import FencedError, JournalError
from interlock.journal.server import Connection, connect, migrate, refusals, server_name

_NS_PER_S: Final = 1_000_000_000
_BEATS: Final = 4  # renewals in the time of a lease
_EPOCH_MAX: Final = 2**50

_TAKE: Final = """
    INSERT INTO interlock.lease AS held (account, epoch, holder, expires_at)
    VALUES (%s, %s, %s, clock_timestamp() + %s * interval '1 microsecond')
    ON CONFLICT (account) DO UPDATE SET
        epoch = greatest(held.epoch + 1, excluded.epoch),
        holder = excluded.holder,
        expires_at = excluded.expires_at
    WHERE held.expires_at <= clock_timestamp()
    RETURNING epoch
"""
_HOLDER: Final = """
    SELECT epoch, holder, extract(epoch FROM expires_at - clock_timestamp())
    FROM interlock.lease WHERE account = %s
"""
_RENEW: Final = """
    UPDATE interlock.lease SET expires_at = clock_timestamp() + %s * interval '1 microsecond'
    WHERE account = %s AND epoch = %s AND expires_at > clock_timestamp()
"""
_RELEASE: Final = """
    UPDATE interlock.lease SET expires_at = least(expires_at, clock_timestamp())
    WHERE account = %s AND epoch = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How long a lease lasts without word from its holder.

    Attributes:
        ttl_ns: By the server's clock, from each renewal.
        margin_ns: How much earlier its holder takes it for lost. It covers the difference in
            speed of two clocks, and the time from the last look at the lease to the last byte.
    """

    ttl_ns: int = 10 * _NS_PER_S
    margin_ns: int = 2 * _NS_PER_S

    def __post_init__(self) -> None:
        assert 0 < self.margin_ns < self.ttl_ns // 2
        assert self.ttl_ns <= 3600 * _NS_PER_S


def take_lease(
    url: str,
    *,
    account: str,
    holder: str,
    min_epoch: int,
    monotonic_ns: Callable[[], int],
    terms: Terms | None = None,
) -> "Lease":
    """Take the lease of an account, under an epoch greater than every one before.

    Args:
        url: ``postgresql://...``; the lease keeps a connection of its own.
        account: What it is about.
        holder: Who takes it, for people: host, process.
        min_epoch: The greatest epoch that is known from elsewhere (the journal, the anchors, the
            venue): a database that was restored from a backup has forgotten some.
        monotonic_ns: A clock that never goes back, and does not stand still while the machine
            sleeps.
        terms: How long it lasts.

    Raises:
        FencedError: Another's is alive; it is named.
        StoreError: The server cannot be reached, or refused.
    """
    assert 0 <= min_epoch < _EPOCH_MAX
    assert account
    terms = terms or Terms()
    name = server_name(url)
    connection = connect(url)
    try:
        with refusals(name, url, "take the lease of"):
            migrate(connection, name, read_only=False)
            started_ns = monotonic_ns()
            asked = (account, min_epoch + 1, holder, terms.ttl_ns // 1000)
            taken = connection.execute(_TAKE, asked).fetchone()
            if taken is None:
                raise _refused(connection, name, account)
    except JournalError:
        connection.close()
        raise
    return Lease(
        connection,
        url=url,
        account=account,
        epoch=int(taken[0]),
        started_ns=started_ns,
        monotonic_ns=monotonic_ns,
        terms=terms,
    )


def _refused(connection: Connection, name: str, account: str) -> FencedError:
    found = connection.execute(_HOLDER, (account,)).fetchone()
    assert found is not None  # leases are never deleted
    epoch, holder, left_s = found
    return FencedError(
        f"account {account!r} is run by another engine: {holder} holds the lease of epoch {epoch} "
        f"in {name}, for another {max(0.0, float(left_s)):.1f} s unless it renews it. Nothing was "
        "started. Next: stop that engine, or wait until its lease ends."
    )


class Lease:
    """A lease that was taken. ``start`` keeps it alive; without it, it ends by itself."""

    def __init__(
        self,
        connection: Connection,
        *,
        url: str,
        account: str,
        epoch: int,
        started_ns: int,
        monotonic_ns: Callable[[], int],
        terms: Terms,
    ) -> None:
        self._connection = connection
        self._url = url
        self._name = server_name(url)
        self._account = account
        self._epoch = epoch
        self._monotonic_ns = monotonic_ns
        self._terms = terms
        self._held_until_ns = started_ns + terms.ttl_ns - terms.margin_ns
        self._lost_because = ""
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def epoch(self) -> int:
        """Which holder this is; greater than every former one of the account."""
        return self._epoch

    def is_held(self) -> bool:
        """Return whether nobody else can have taken it yet; asks no one, and waits for nothing."""
        return not self._lost_because and self._monotonic_ns() < self._held_until_ns

    def require_held(self) -> None:
        """Return while it is held.

        Raises:
            FencedError: It is not; this engine may neither write nor send.
        """
        if not self.is_held():
            why = self._lost_because or "it was not renewed in time"
            raise FencedError(
                f"the lease of account {self._account!r}, epoch {self._epoch}, is lost: {why}. "
                "This engine stops. Next: start it again, unless another one runs."
            )

    def renew(self) -> bool:
        """Ask the server for another term; return whether it gave one.

        A lease that ended is not renewed, even if nobody took it: in between anybody could have.
        """
        if self._lost_because:
            return False
        started_ns = self._monotonic_ns()
        try:
            renewed = self._connection.execute(
                _RENEW, (self._terms.ttl_ns // 1000, self._account, self._epoch)
            )
        except psycopg.Error:
            self._reconnect()
            return False
        if renewed.rowcount != 1:
            self._lost_because = "it ended, or another engine has taken it"
            return False
        self._held_until_ns = started_ns + self._terms.ttl_ns - self._terms.margin_ns
        return True

    def start(self) -> None:
        """Renew it from now on, in a thread of its own, until it is closed or lost."""
        assert self._thread is None
        self._thread = threading.Thread(target=self._beat, name="journal-lease", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give it back, so that the next engine need not wait."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        self._lost_because = self._lost_because or "it was given back"
        with suppress(psycopg.Error):
            self._connection.execute(_RELEASE, (self._account, self._epoch))
        with suppress(psycopg.Error):
            self._connection.close()

    def _beat(self) -> None:
        pause_s = self._terms.ttl_ns / _NS_PER_S / _BEATS
        while not self._stopping.wait(pause_s) and not self._lost_because:
            self.renew()

    def _reconnect(self) -> None:
        """Replace a connection that failed; the next beat tries again if there is none to have."""
        with suppress(psycopg.Error):
            self._connection.close()
        with suppress(JournalError):
            self._connection = connect(self._url)
