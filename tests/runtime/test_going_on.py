"""The next engine on the same journal: it goes on, and nothing is sent again."""

from pathlib import Path
from typing import Any

import pytest

from interlock.journal.errors import JournalError
from interlock.journal.rows import Entry
from interlock.journal.sqlite import SqliteStore
from interlock.kernel.codes import Kind
from interlock.runtime.entries import said_by
from interlock.runtime.link import Phase
from interlock.runtime.recover import recover
from interlock.runtime.session import check_same_account
from interlock.venues.port import NewOrder, NotFound, VenueState
from interlock.venues.simulated.asks import Hello
from tests.journal.helpers import chain
from tests.runtime.day import Session, recovered, snapshot
from tests.runtime.pair import Pair
from tests.runtime.scripts import SCALES, setup_of


@pytest.fixture(scope="module")
def session() -> Session:
    """Return a day."""
    return Session()


def go_on(entries: list[Entry], epoch: int, **given: Any) -> Pair:
    """Return the engine that goes on from a journal."""
    pair = Pair(recovered=recovered(entries), epoch=epoch, **given)
    pair.entries = [*entries, *pair.entries]
    pair.pump()
    return pair


def test_the_next_engine_goes_on_under_a_greater_epoch(session: Session) -> None:
    """It begins with its note, holds entries, and names orders as they were sent."""
    pair = go_on(session.entries, epoch=8)
    assert said_by(pair.book.notes()[-1])["epoch"] == 8
    assert pair.book.notes()[-1].seq == session.entries[-1].last_seq + 1
    assert [epoch for _, epoch in pair.names.starts()] == [7, 8]
    assert set(pair.book.orders()) == set(session.pair.book.orders())
    pair.greet()
    assert pair.said[0] == Hello(epoch=8, feed=5)
    assert pair.link.found.unknown == 3
    again = recovered(pair.entries)
    assert [epoch for _, epoch in again.remembered.starts] == [7, 8]
    assert again.remembered.said["epoch"] == 8
    assert not again.remembered.stopped


def test_starts_are_kept_through_snapshots(session: Session) -> None:
    """Three lives, the first two of them behind a snapshot."""
    pair = go_on(session.entries, epoch=8)
    snapshot(pair)
    third = go_on(pair.entries, epoch=9)
    assert [epoch for _, epoch in third.names.starts()] == [7, 8, 9]
    assert recovered(third.entries).snapshot_seq > session.entries[-1].last_seq


def test_a_crash_inside_recovery_changes_nothing(session: Session) -> None:
    """Five times in a row, each before anything was asked."""
    entries = session.entries
    for epoch in range(8, 13):
        entries = go_on(entries, epoch=epoch).entries
    pair = go_on(entries, epoch=13)
    assert pair.book.inst("position") == session.pair.book.inst("position")
    assert set(pair.book.orders()) == set(session.pair.book.orders())


def test_orders_under_way_at_the_crash_end_by_the_venues_word(session: Session) -> None:
    """One is found filled, one cancelled, and one never came: none is sent again."""
    pair = go_on(session.entries, epoch=8)
    pair.greet()
    first = {
        order.client_id: order for order in session.pair.requests() if isinstance(order, NewOrder)
    }
    stop, target, entry = pair.book.orders()
    pair.tell(pair.venue.found(first[stop], VenueState.FILLED, 100))
    pair.tell(pair.venue.found(first[target], VenueState.CANCELLED))
    pair.tell(NotFound(client_id=entry, now_ns=1))
    pair.tell(pair.venue.account({}))
    assert pair.phase() is Phase.READY
    assert not set(pair.book.orders()) & {stop, target, entry}
    assert all(name.startswith("i-8-") for name in pair.book.orders()), (
        "decided anew, not sent again"
    )
    assert (pair.link.found.fills, pair.link.found.abandoned) == (1, 1)


def test_the_same_policy_is_not_set_again(session: Session) -> None:
    """Another one is, before the venue is spoken to."""
    same = go_on(session.entries, epoch=8, settings="sizing.fixed_lots=50")
    other = go_on(session.entries, epoch=8, settings="sizing.fixed_lots=9")
    count = len(session.pair.book.events(Kind.POLICY_SET))
    assert len(same.book.events(Kind.POLICY_SET)) == count
    assert len(other.book.events(Kind.POLICY_SET)) == count + 1


def test_a_set_kill_latch_halts_the_account_before_anything_else() -> None:
    """Its row comes before the reconciliation's."""
    pair = Pair(killed=True)
    pair.pump()
    assert pair.book.story()[0] == "LATCHED KILL_FILE HALTED"
    pair.open()
    pair.tell(pair.venue.bar())
    pair.signal()
    assert pair.requests() == []


def test_a_journal_of_another_account_is_refused_by_name(session: Session) -> None:
    """All of what differs."""
    genesis = said_by(session.entries[0])
    check_same_account(setup_of(), genesis)
    with pytest.raises(JournalError, match="account must be paper, was other; instruments must"):
        check_same_account(setup_of(account="other", scales=SCALES[:2]), genesis)
    with pytest.raises(JournalError, match="strategies must be one, two, was three"):
        check_same_account(setup_of(strategies=["three"]), genesis)


def test_a_real_store_recovers_too(session: Session, tmp_path: Path) -> None:
    """From SQLite, as the engine does."""
    tmp_path.chmod(0o700)
    store = SqliteStore(tmp_path / "journal.db")
    store.append(chain(session.entries))
    found = recover(store)
    assert found is not None
    assert found.state.tobytes() == session.pair.engine.decider.state.tobytes()
    store.close()
