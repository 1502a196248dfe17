"""Somebody with every right to the file changes it: what was done, and where, is named."""

from pathlib import Path
from typing import Any

import pytest

from interlock.journal.rows import bytes_digest, row_hash
from tests.journal.helpers import Tamperer, a_session, chain, entry
from tests.journal.tampering import check, emptied, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a journal of thirteen rows, at 1 2 3 4 8 9 10 18 19 20 22 23 24."""
    return written(tmp_path / "journal.db")


@pytest.mark.parametrize(
    ("seq", "column", "value"),
    [
        (8, "body", b"another decision"),
        (4, "body", b"tickticktickTICK"),
        (3, "payload", b"{}"),
        (3, "payload", b""),
        (8, "payload", b"{}"),
        (8, "ts_ns", 8_001),
        (8, "kind", 4),
        (8, "key", b"fill 9"),
        (9, "key", None),
        (9, "key", b"fill 7"),
        (10, "count", 7),
        (8, "hash", b"x" * 32),
        (8, "previous", b"x" * 32),
        (8, "dropped", bytes(32)),
        (1, "body", b"{}"),
        (24, "body", b"{}"),
        (24, "hash", b"x" * 32),
        (24, "seq", 30),
        # What no store writes at all:
        (8, "kind", 99),
        (8, "count", 0),
        (8, "hash", b"short"),
        (8, "key", b""),
        (4, "dropped", b"short"),
    ],
)
def test_an_edit_is_named(path: Path, seq: int, column: str, value: Any) -> None:
    check(path, lambda file: file.change(seq, column, value), "edit", seq)


def test_an_edit_with_a_hash_made_anew_is_named(path: Path) -> None:
    """The row is whole, and the one behind it still knows the old one."""

    def tamper(file: Tamperer) -> None:
        file.change(8, "body", b"another decision")
        own = row_hash(file.columns(8)[7], entry(8, body=b"another decision"))
        file.change(8, "hash", own)

    check(path, tamper, "edit", 8)


def test_an_edit_of_the_last_row_with_a_hash_made_anew_is_named(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.change(24, "ts_ns", 1)
        file.make_hashes_anew(24)
        file.run("UPDATE head SET hash = ?", chain(a_session())[-1].hash)

    check(path, tamper, "edit", 24)


def test_a_first_row_that_follows_another_is_named(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.change(1, "previous", b"x" * 32)
        file.change(1, "hash", row_hash(b"x" * 32, a_session()[0]))

    check(path, tamper, "edit", 1)


def test_a_body_may_be_dropped_only_from_market_data(path: Path) -> None:
    """A digest in the place of a decision would let every decision be taken out."""

    def tamper(file: Tamperer) -> None:
        file.change(8, "dropped", bytes_digest(file.columns(8)[4]))
        file.change(8, "body", b"")

    check(path, tamper, "edit", 8)


def test_a_digest_does_not_excuse_another_body(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.change(4, "dropped", bytes_digest(file.columns(4)[4]))
        file.change(4, "body", b"another")

    check(path, tamper, "edit", 4)


@pytest.mark.parametrize("seq", [1, 3, 8, 10, 23])
def test_a_deletion_is_named(path: Path, seq: int) -> None:
    check(path, lambda file: file.run("DELETE FROM rows WHERE seq = ?", seq), "delete", seq)


@pytest.mark.parametrize(("seq", "count"), [(8, 1), (10, 8), (3, 1)])
def test_a_deletion_with_the_gap_closed_is_named(path: Path, seq: int, count: int) -> None:
    def tamper(file: Tamperer) -> None:
        file.run("DELETE FROM rows WHERE seq = ?", seq)
        file.shift(seq, -count)

    check(path, tamper, "delete", seq)


def test_a_deletion_of_many_is_named(path: Path) -> None:
    check(path, lambda file: file.run("DELETE FROM rows WHERE seq BETWEEN 4 AND 19"), "delete", 4)


def inserted(file: Tamperer, seq: int, *, sound: bool) -> None:
    """Put a row in front of ``seq``, moving what is there."""
    previous = file.columns(seq)[7]
    fresh = entry(seq, body=b"never happened")
    own = row_hash(previous, fresh) if sound else b"x" * 32
    file.shift(seq, 1)
    file.put([seq, 1, fresh.ts_ns, 2, fresh.body, b"", None, previous, own, None])


@pytest.mark.parametrize("seq", [1, 2, 8, 18, 24])
@pytest.mark.parametrize("sound", [True, False])
def test_an_insertion_is_named(path: Path, seq: int, *, sound: bool) -> None:
    check(path, lambda file: inserted(file, seq, sound=sound), "insert", seq)


def test_a_row_played_again_is_named(path: Path) -> None:
    """A copy of a genuine row is not a row that was moved."""

    def tamper(file: Tamperer) -> None:
        copy = file.columns(19)
        file.shift(8, 1)
        file.put([8, *copy[1:]])

    check(path, tamper, "insert", 8)


def test_a_row_within_a_batch_is_named(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        file.put([12, *file.columns(8)[1:6], None, *file.columns(8)[7:]])

    check(path, tamper, "insert", 12)


@pytest.mark.parametrize("sound", [True, False])
def test_a_row_behind_the_end_is_named(path: Path, *, sound: bool) -> None:
    last = chain(a_session())[-1]
    fresh = entry(25)
    own = row_hash(last.hash, fresh) if sound else b"x" * 32

    check(
        path,
        lambda file: file.put([25, 1, fresh.ts_ns, 2, fresh.body, b"", None, last.hash, own, None]),
        "insert",
        25,
    )


def swapped(file: Tamperer, one: int, other: int) -> None:
    """Exchange the numbers of two rows."""
    file.change(one, "seq", -1)
    file.change(other, "seq", one)
    file.change(-1, "seq", other)


@pytest.mark.parametrize(
    ("one", "other"), [(8, 9), (2, 3), (8, 22), (3, 24), (23, 24), (1, 2), (4, 20), (4, 8)]
)
def test_two_rows_that_changed_places_are_named(path: Path, one: int, other: int) -> None:
    check(path, lambda file: swapped(file, one, other), "reorder", one)


@pytest.mark.parametrize(("one", "other"), [(8, 19), (4, 10), (2, 24)])
def test_two_rows_with_exchanged_contents_are_named(path: Path, one: int, other: int) -> None:
    def tamper(file: Tamperer) -> None:
        first, second = file.columns(one), file.columns(other)
        for seq, values in ((one, second), (other, first)):
            for at, column in enumerate(("count", "ts_ns", "kind", "body", "payload"), start=1):
                file.change(seq, column, values[at])

    check(path, tamper, "reorder", one)


def test_a_row_that_was_moved_to_the_front_is_named(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        moved = file.columns(23)
        file.run("DELETE FROM rows WHERE seq = 23")
        file.run("UPDATE rows SET seq = -(seq + 1) WHERE seq BETWEEN 8 AND 22")
        file.run("UPDATE rows SET seq = -seq WHERE seq < 0")
        file.put([8, *moved[1:]])

    check(path, tamper, "reorder", 8)


def test_a_row_that_was_moved_to_a_free_number_is_named(path: Path) -> None:
    check(path, lambda file: file.change(8, "seq", 90), "reorder", 8)


@pytest.mark.parametrize(("from_seq", "first_bad"), [(24, 24), (18, 18), (1, 1)])
def test_a_cut_tail_is_named(path: Path, from_seq: int, first_bad: int) -> None:
    check(
        path,
        lambda file: file.run("DELETE FROM rows WHERE seq >= ?", from_seq),
        "truncate",
        first_bad,
    )


def test_a_head_that_says_more_is_a_cut_tail(path: Path) -> None:
    check(path, lambda file: file.run("UPDATE head SET seq = 30"), "truncate", 25)


def test_a_head_that_says_less_is_named(path: Path) -> None:
    check(path, lambda file: file.run("UPDATE head SET seq = 23"), "insert", 24)


def test_a_head_that_says_another_hash_is_named(path: Path) -> None:
    check(path, lambda file: file.run("UPDATE head SET hash = ?", b"x" * 32), "edit", 24)


def test_an_empty_journal_that_ends_elsewhere_is_named(path: Path) -> None:
    def tamper(file: Tamperer) -> None:
        emptied(file)
        file.run("UPDATE head SET hash = ?", b"x" * 32)

    check(path, tamper, "edit", 1)


@pytest.mark.parametrize("sql", ["DELETE FROM head", "UPDATE head SET hash = x'00'"])
def test_a_journal_without_an_end_is_named(path: Path, sql: str) -> None:
    check(path, lambda file: file.run(sql), "edit", 1)
