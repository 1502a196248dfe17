"""What only anchors find, and how a walk goes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from interlock.journal.anchors import Anchor
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from tests.journal.helpers import Tamperer, a_session, chain, entry, fill, head_of, market
from tests.journal.tampering import anchors_at, check, emptied, found, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of thirteen rows, at 1 2 3 4 8 9 10 18 19 20 22 23 24."""
    return written(tmp_path / "journal.db")


def cut(file: Tamperer, from_seq: int) -> None:
    """Cut the tail off, and say that it was never there."""
    file.run("DELETE FROM rows WHERE seq >= ?", from_seq)
    file.make_hashes_anew()


def test_a_cut_tail_with_the_head_moved_is_found_by_an_anchor(path: Path) -> None:
    check(path, lambda file: cut(file, 20), "rollback", 20, anchors_at(3, 9, 13))


def test_an_empty_journal_in_its_place_is_found_by_an_anchor(path: Path) -> None:
    check(path, emptied, "rollback", 1, anchors_at(9))


def test_a_rewritten_journal_is_found_by_an_anchor(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.change(2, "body", b"{}")
        file.make_hashes_anew()

    check(path, tamper, "rewrite", 1, anchors_at(5, 13))


def test_an_anchor_at_the_first_record_does_not_hide_a_rewrite(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.change(2, "body", b"{}")
        file.make_hashes_anew()

    check(path, tamper, "rewrite", 2, anchors_at(1, 13))


def test_a_journal_with_another_first_record_is_found_by_an_anchor(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.change(1, "body", b'{"id": "another"}')
        file.make_hashes_anew()

    check(path, tamper, "rewrite", 1, anchors_at(13))


def test_rows_cut_differently_are_found_by_an_anchor(path: Path) -> None:
    """An anchor within a row does not agree with it."""
    rows = chain(a_session())
    wrong = Anchor(journal=rows[0].hash, seq=12, hash=rows[6].hash, epoch=1, ts_ns=0)

    check(path, lambda _: None, "fork", 9, [*anchors_at(5), wrong])


def test_an_older_copy_is_found_by_an_anchor(path: Path, tmp_path: Path) -> None:
    shutil.copy(written(tmp_path / "older.db", 8), path)

    found(path, "rollback", 19, anchors_at(3, 13))


def test_an_older_copy_that_went_on_is_found_by_an_anchor(path: Path, tmp_path: Path) -> None:
    """Another engine continued yesterday's backup: both histories are sound by themselves."""
    shutil.copy(written(tmp_path / "older.db", 8), path)
    store = SqliteStore(path)
    fill(store, [entry(19, body=b"another"), *a_session()[9:]])
    store.close()

    found(path, "fork", 19, anchors_at(3, 8, 13))


def test_a_journal_that_agrees_with_its_anchors_is_verified(path: Path) -> None:
    store = SqliteStore(path, read_only=True)
    seen: list[int] = []

    verified = verify(store, anchors=anchors_at(13, 3, 3), on_progress=seen.append)

    assert verified.rows == 13
    assert verified.records == 24
    assert verified.head == head_of(chain(a_session()))
    assert (verified.anchors, verified.anchored_seq) == (3, 24)
    assert (verified.dropped, verified.name) == (0, str(path))
    assert seen == []
    store.close()


def test_a_key_that_the_index_misses_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a fill that comes again would be booked again."""
    monkeypatch.setattr(SqliteStore, "has_key", lambda _self, _key: False)

    found(path, "edit", 9)


def test_a_row_that_the_index_of_kinds_misses_is_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SqliteStore, "last", lambda _self, _kinds: None)

    found(path, "edit", 1)


def test_damage_behind_the_first_does_not_keep_it_from_being_named(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.change(8, "body", b"another decision")
        file.change(20, "kind", 99)

    check(path, tamper, "edit", 8)


def test_a_row_far_away_is_an_edit_if_nothing_explains_it(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.change(8, "previous", b"x" * 32)
        file.change(8, "body", b"y")

    check(path, tamper, "edit", 8)


def test_progress_is_told_and_may_stop_the_walk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interlock.journal.verify.PROGRESS_ROWS", 5)
    seen: list[int] = []
    store = SqliteStore(path, read_only=True)
    verify(store, on_progress=seen.append)
    assert seen == [8, 21]

    def stop(_seq: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(store, on_progress=stop)
    store.close()


def test_a_journal_is_verified_while_it_is_written(path: Path) -> None:
    writing = SqliteStore(path)
    reading = SqliteStore(path, read_only=True)
    seen: list[int] = []

    class Growing:
        """The same store, which grows whenever somebody asks where it ends."""

        def __getattr__(self, name: str) -> Any:
            return getattr(reading, name)

        def head(self) -> Any:
            if len(seen) < 3:
                seen.append(fill(writing, [market(writing.head().seq + 1)])[0].entry.seq)
            return reading.head()

    verified = verify(Growing())

    assert seen == [25, 29, 33]
    assert verified.records == 36
    reading.close()
    writing.close()
