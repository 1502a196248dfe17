"""What every store does, whatever keeps the rows."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interlock.journal.errors import FencedError, StoreError
from interlock.journal.port import Store
from interlock.journal.rows import EMPTY, Head, RowKind, bytes_digest
from interlock.journal.verify import verify
from tests.journal.helpers import a_session, chain, entry, fill, head_of, market

Opener = Callable[..., Store]


def test_a_new_journal_is_empty(store: Store) -> None:
    assert store.head() == EMPTY
    assert list(store.read()) == []
    assert store.last(tuple(RowKind)) is None
    assert not store.has_key(b"fill 1")


def test_what_was_appended_reads_back_bit_for_bit(store: Store) -> None:
    rows = fill(store, a_session())

    assert list(store.read()) == rows
    assert store.head() == head_of(rows)


def test_it_is_there_after_opening_again(opener: Opener) -> None:
    first = opener()
    rows = fill(first, a_session())
    first.close()
    second = opener()

    assert list(second.read()) == rows
    assert second.head() == head_of(rows)
    second.close()


def test_a_reader_sees_what_a_writer_has_committed(store: Store, opener: Opener) -> None:
    rows = fill(store, a_session())
    reader = opener(read_only=True)

    assert list(reader.read()) == rows

    more = fill(store, [entry(25)])
    assert list(reader.read(after_seq=24)) == more
    reader.close()


def test_reading_starts_behind_a_seq(store: Store) -> None:
    rows = fill(store, a_session())

    assert list(store.read(after_seq=8)) == rows[5:]
    assert list(store.read(after_seq=24)) == []


def test_more_rows_than_one_chunk_or_statement_holds(store: Store) -> None:
    rows = fill(store, [entry(seq) for seq in range(1, 4_001)])

    assert list(store.read()) == rows


def test_appending_nothing_changes_nothing(store: Store) -> None:
    store.append([])

    assert store.head() == EMPTY


def test_the_last_row_of_a_kind_is_found(store: Store) -> None:
    rows = fill(store, a_session())

    assert store.last((RowKind.NOTE,)) == rows[-1]
    assert store.last((RowKind.SNAPSHOT, RowKind.SEGMENT)) == rows[7]
    assert store.last((RowKind.MARKET,)) == rows[9]
    assert store.last((RowKind.SNAPSHOT, RowKind.GENESIS)) == rows[7]
    assert store.last((RowKind.GENESIS, RowKind.SNAPSHOT)) == rows[7]
    assert store.last((RowKind.SEGMENT,)) is None


def test_keys_are_found(store: Store) -> None:
    fill(store, a_session())

    assert store.has_key(b"fill 1")
    assert not store.has_key(b"fill 3")
    assert not store.has_key(b"")


def test_a_key_is_written_once(store: Store, opener: Opener) -> None:
    rows = fill(store, a_session())

    with pytest.raises(StoreError, match="could not write records 25"):
        store.append(chain([entry(25), entry(26, key=b"fill 1")], head_of(rows)))

    again = opener(read_only=True)
    assert again.head() == head_of(rows), "the whole transaction is gone"
    again.close()


def test_after_a_failed_append_nothing_is_done_any_more(store: Store) -> None:
    rows = fill(store, a_session())
    with pytest.raises(StoreError):
        store.append(chain([entry(25, key=b"fill 1")], head_of(rows)))

    for use in (
        lambda: store.append(chain([entry(25)], head_of(rows))),
        store.head,
        lambda: list(store.read()),
        lambda: store.last((RowKind.NOTE,)),
        lambda: store.has_key(b"x"),
        lambda: store.drop_bodies(up_to_seq=9, before_ts_ns=9),
    ):
        with pytest.raises(StoreError, match="not used any more after a failure"):
            use()


@pytest.mark.parametrize(
    "head", [EMPTY, Head(seq=23, hash=bytes(32)), Head(seq=24, hash=b"x" * 32)]
)
def test_rows_that_do_not_follow_the_head_are_fenced_off(store: Store, head: Head) -> None:
    """Another engine has written meanwhile; this one believes the journal ends elsewhere."""
    fill(store, a_session())

    with pytest.raises(FencedError, match="another engine"):
        store.append(chain([entry(head.seq + 1)], head))


def test_two_engines_cannot_both_write(store: Store, opener: Opener) -> None:
    rows = fill(store, a_session())
    try:
        other = opener()
    except FencedError:
        return  # this kind of store lets nobody in at all
    fill(other, [entry(25)])
    other.close()

    with pytest.raises(FencedError):
        store.append(chain([entry(25, body=b"mine")], head_of(rows)))


def test_dropping_bodies_keeps_the_chain(store: Store) -> None:
    rows = fill(store, a_session())

    assert store.drop_bodies(up_to_seq=17, before_ts_ns=100_000) == 2
    assert store.drop_bodies(up_to_seq=17, before_ts_ns=100_000) == 0

    found = list(store.read())
    assert [row.entry.seq for row in found if row.dropped] == [4, 10]
    assert found[3].dropped == bytes_digest(rows[3].entry.body)
    assert found[3].entry.body == b""
    assert [row.hash for row in found] == [row.hash for row in rows]
    assert verify(store).dropped == 2


@pytest.mark.parametrize(
    ("up_to_seq", "before_ts_ns", "dropped"),
    [(6, 10**9, 0), (7, 10**9, 1), (17, 10_000, 1), (17, 10_001, 2), (99, 10**9, 3)],
)
def test_only_old_market_data_is_dropped(
    store: Store, up_to_seq: int, before_ts_ns: int, dropped: int
) -> None:
    fill(store, a_session())

    assert store.drop_bodies(up_to_seq=up_to_seq, before_ts_ns=before_ts_ns) == dropped


def test_many_bodies_are_dropped(store: Store) -> None:
    fill(store, [market(seq, 1) for seq in range(1, 601)])

    assert store.drop_bodies(up_to_seq=600, before_ts_ns=10**9) == 600
    assert verify(store).dropped == 600


def test_tidying_changes_nothing_that_can_be_read(store: Store) -> None:
    rows = fill(store, a_session())
    store.tidy(idle=False)
    store.tidy(idle=True)
    rows += fill(store, [entry(25)])

    assert list(store.read()) == rows


def test_a_name_is_for_people(store: Store) -> None:
    assert "journal" in store.name


entries = st.lists(
    st.tuples(
        st.integers(1, 300),
        st.sampled_from(RowKind),
        st.integers(-(2**63), 2**63 - 1),
        st.binary(max_size=400),
        st.binary(max_size=40),
    ),
    min_size=1,
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(parts=st.lists(entries, min_size=1, max_size=4))
def test_any_entries_in_any_groups_read_back_and_verify(
    store: Store, parts: list[list[tuple[int, RowKind, int, bytes, bytes]]]
) -> None:
    """One journal grows through all examples, so that many shapes follow each other."""
    for part in parts:
        before = seq = store.head().seq
        made = []
        for count, kind, ts_ns, body, payload in part:
            made.append(
                entry(seq + 1, count=count, kind=kind, ts_ns=ts_ns, body=body, payload=payload)
            )
            seq += count
        rows = fill(store, made)
        assert list(store.read(before)) == rows
    assert verify(store).head == store.head()
