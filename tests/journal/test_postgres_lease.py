"""One engine per account: leases, epochs, and an engine that was stopped and goes on."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic_ns, sleep

import psycopg
import pytest

from interlock.journal.errors import FencedError, StoreError
from interlock.journal.lease import Lease, Terms, take_lease
from interlock.journal.postgres import open_postgres
from interlock.journal.rows import Entry, Head, Row, RowKind, chained
from tests.journal import lease_engine

ACCOUNT = lease_engine.ACCOUNT
SHORT = Terms(ttl_ns=1_000_000_000, margin_ns=100_000_000)


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def take(
    url: str, *, holder: str = "the second", min_epoch: int = 0, terms: Terms | None = None
) -> Lease:
    return take_lease(
        url,
        account=ACCOUNT,
        holder=holder,
        min_epoch=min_epoch,
        monotonic_ns=monotonic_ns,
        terms=terms,
    )


def take_when_free(url: str) -> Lease:
    """Take the lease as soon as the server gives it."""
    while True:
        try:
            return take(url)
        except FencedError:
            sleep(0.05)


def next_row(head: Head, body: bytes = b"") -> Row:
    entry = Entry(seq=head.seq + 1, count=1, ts_ns=0, kind=RowKind.EVENT, body=body)
    return chained(entry, head)


def test_every_holder_gets_a_greater_epoch(postgres_url: str) -> None:
    first = take(postgres_url)
    first.close()
    second = take(postgres_url)
    second.close()
    third = take(postgres_url, min_epoch=41)
    third.close()
    fourth = take(postgres_url, min_epoch=7)

    assert [each.epoch for each in (first, second, third, fourth)] == [1, 2, 42, 43]
    assert [each.is_held() for each in (first, second, third, fourth)] == [False] * 3 + [True]
    fourth.close()


def test_a_second_engine_is_refused_and_told_who_runs(postgres_url: str) -> None:
    lease = take(postgres_url, holder="host-a process 71", terms=SHORT)
    lease.start()

    with pytest.raises(FencedError, match="host-a process 71 holds the lease of epoch 1"):
        take(postgres_url)
    sleep(2 * SHORT.ttl_ns / 1e9)  # kept alive by its thread
    with pytest.raises(FencedError, match="run by another engine"):
        take(postgres_url)
    assert lease.is_held()
    lease.close()

    second = take(postgres_url)
    assert second.epoch == 2
    second.close()


def test_a_lease_of_another_account_is_another_lease(postgres_url: str) -> None:
    one = take(postgres_url)
    other = take_lease(
        postgres_url, account="live", holder="x", min_epoch=0, monotonic_ns=monotonic_ns
    )

    assert (one.epoch, other.epoch) == (1, 1)
    one.close()
    other.close()


def test_the_holder_gives_up_a_margin_early_and_by_its_own_clock(postgres_url: str) -> None:
    clock = Clock()
    terms = Terms(ttl_ns=60_000_000_000, margin_ns=5_000_000_000)
    lease = take_lease(
        postgres_url, account="a", holder="h", min_epoch=0, monotonic_ns=clock, terms=terms
    )

    clock.now_ns = 54_999_999_999
    assert lease.is_held()
    clock.now_ns += 1
    assert not lease.is_held()
    with pytest.raises(FencedError, match="it was not renewed in time"):
        lease.require_held()

    assert lease.renew()  # the server's minute is not over
    lease.require_held()
    clock.now_ns += 55_000_000_000
    assert not lease.is_held()
    lease.close()


def test_a_lease_that_ended_is_not_renewed_even_if_nobody_took_it(postgres_url: str) -> None:
    lease = take(postgres_url, terms=SHORT)
    sleep(SHORT.ttl_ns / 1e9)

    assert not lease.is_held()
    assert not lease.renew()
    with pytest.raises(FencedError, match="it ended, or another engine has taken it"):
        lease.require_held()
    lease.close()


def test_a_broken_connection_costs_a_beat_and_not_the_lease(postgres_url: str) -> None:
    lease = take_lease(
        postgres_url, account=ACCOUNT, holder="h", min_epoch=0, monotonic_ns=monotonic_ns
    )
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (lease._connection.info.backend_pid,))

    assert not lease.renew()
    assert lease.is_held()
    assert lease.renew()
    lease.close()


def test_only_the_holder_writes(postgres_url: str) -> None:
    lease = take(postgres_url)
    lease.start()
    stranger = open_postgres(postgres_url, account=ACCOUNT)
    store = open_postgres(postgres_url, account=ACCOUNT)
    store.write_under(lease.epoch)

    with pytest.raises(FencedError, match=r"must be free, was that of epoch 1, held by the second"):
        stranger.append([next_row(stranger.head())])
    with pytest.raises(StoreError, match="not used any more after a failure"):
        stranger.append([next_row(store.head())])
    with pytest.raises(StoreError, match="not used any more after a failure"):
        stranger.drop_bodies(up_to_seq=1, before_ts_ns=1)
    store.append([next_row(store.head())])
    lease.close()

    with pytest.raises(FencedError, match="expired before epoch 1 wrote"):
        store.append([next_row(store.head())])
    assert len(journaled(postgres_url)) == 1
    stranger.close()
    store.close()


def test_an_older_epoch_writes_nothing_and_drops_nothing(postgres_url: str) -> None:
    first = take(postgres_url)
    stores = [open_postgres(postgres_url, account=ACCOUNT) for _ in range(2)]
    for store in stores:
        store.write_under(first.epoch)
    stores[0].append([next_row(stores[0].head())])
    first.close()
    second = take(postgres_url)
    second.start()

    with pytest.raises(FencedError, match="must be that of epoch 1, was that of epoch 2"):
        stores[0].append([next_row(stores[0].head())])
    with pytest.raises(FencedError, match="must be that of epoch 1, was that of epoch 2"):
        stores[1].drop_bodies(up_to_seq=1, before_ts_ns=1)
    assert len(journaled(postgres_url)) == 1
    second.close()
    for store in stores:
        store.close()


def heard(listener: socket.socket) -> bytes:
    """Return what has come until now, without waiting for more."""
    listener.settimeout(0)
    found = b""
    while True:
        try:
            part = listener.recv(65_536)
        except BlockingIOError:
            return found
        if not part:
            return found
        found += part


def started(
    url: str, root: Path, place: str = "", at: int = 0
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start an engine; return it, and what it sends to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, str(root / "tests" / "journal" / "lease_engine.py")]
        command += [url, str(server.getsockname()[1]), place, str(at)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        venue, _ = server.accept()
    return process, venue


def taken_over(url: str) -> int:
    """Take the lease when it is free, write five rows under it, and return its epoch."""
    lease = take_when_free(url)
    lease.start()
    store = open_postgres(url, account=ACCOUNT)
    store.write_under(lease.epoch)
    for _ in range(5):
        store.append([next_row(store.head(), b"epoch %d" % lease.epoch)])
    store.close()
    lease.close()
    return lease.epoch


def journaled(url: str) -> list[bytes]:
    """Return the bodies of all rows, which have to be sound."""
    store = open_postgres(url, account=ACCOUNT, read_only=True)
    rows = list(store.read())
    store.close()
    assert all(row.is_sound() for row in rows)
    return [row.entry.body for row in rows]


@pytest.mark.parametrize("place", lease_engine.PLACES)
@pytest.mark.parametrize("at", [1, 23])
def test_an_engine_that_was_stopped_sends_nothing_more(
    postgres_url: str, root: Path, place: str, at: int
) -> None:
    """Stopped before the last gate, it loses the lease, goes on, and finds that out by itself."""
    first, venue = started(postgres_url, root, place, at)
    _, status = os.waitpid(first.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    before = heard(venue)

    assert taken_over(postgres_url) == 2
    first.send_signal(signal.SIGCONT)
    _, error = first.communicate(timeout=60)
    after = heard(venue)
    venue.close()

    assert first.returncode == lease_engine.FENCED, error
    assert before == b"".join(b"%d\n" % seq for seq in range(1, at))
    assert after == b""
    own = at - 1 + (place == "after the append")
    assert journaled(postgres_url) == [b"epoch 1"] * own + [b"epoch 2"] * 5


def test_an_engine_that_was_stopped_while_the_server_writes_for_it_sends_nothing(
    postgres_url: str, root: Path
) -> None:
    """Its row is durable, and it holds up nobody, and it does not act on the row."""
    first, venue = started(postgres_url, root)
    with psycopg.connect(postgres_url) as gate:
        gate.execute("SELECT FROM interlock.head FOR UPDATE")
        waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while gate.execute(waiting).fetchone() is None:
            sleep(0.01)
        first.send_signal(signal.SIGSTOP)
        os.waitpid(first.pid, os.WUNTRACED)
    before = heard(venue)

    assert taken_over(postgres_url) == 2
    first.send_signal(signal.SIGCONT)
    _, error = first.communicate(timeout=60)
    after = heard(venue)
    venue.close()

    assert first.returncode == lease_engine.FENCED, error
    assert after == b""
    assert journaled(postgres_url) == [b"epoch 1"] * (before.count(b"\n") + 1) + [b"epoch 2"] * 5
