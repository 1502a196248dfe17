"""An engine in small, as a process of its own: journals under a lease, and sends what it journaled.

It stops itself with SIGSTOP at a named place, as an operator or a busy hypervisor would.
Arguments: URL, port to send to, place (or none), number of the round in which to stop.
"""

import os
import signal
import socket
import sys
import time

from interlock.journal.errors import FencedError
from interlock.journal.lease import Lease, Terms, take_lease
from interlock.journal.postgres import PostgresStore, open_postgres
from interlock.journal.rows import Entry, Head, RowKind, chained

ACCOUNT = "paper"
TERMS = Terms(ttl_ns=2_000_000_000, margin_ns=200_000_000)
FENCED = 3
PLACES = ("before the append", "after the append")


def stop_here() -> None:
    """Stand still until SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


def run(store: PostgresStore, lease: Lease, venue: socket.socket, place: str, at: int) -> None:
    """Journal and send until the lease is lost."""
    head: Head = store.head()
    turn = 0
    while True:
        turn += 1
        if turn == at and place == "before the append":
            stop_here()
        entry = Entry(
            seq=head.seq + 1,
            count=1,
            ts_ns=turn,
            kind=RowKind.EVENT,
            body=b"epoch %d" % lease.epoch,
        )
        row = chained(entry, head)
        store.append([row])
        head = Head(seq=entry.last_seq, hash=row.hash)
        if turn == at and place == "after the append":
            stop_here()
        lease.require_held()  # the last gate
        venue.sendall(b"%d\n" % entry.seq)


def main() -> int:
    """Run until fenced."""
    url, port, place, at = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    lease = take_lease(
        url,
        account=ACCOUNT,
        holder="the first",
        min_epoch=0,
        monotonic_ns=time.monotonic_ns,
        terms=TERMS,
    )
    store = open_postgres(url, account=ACCOUNT)
    store.write_under(lease.epoch)
    lease.start()
    with socket.create_connection(("127.0.0.1", port)) as venue:
        try:
            run(store, lease, venue, place, at)
        except FencedError as error:
            sys.stderr.write(f"{error}\n")
            return FENCED
    return 0


if __name__ == "__main__":
    sys.exit(main())
