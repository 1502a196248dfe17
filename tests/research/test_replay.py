"""Replaying a journal: it is compared bit for bit, and has one digest anywhere."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from interlock.journal.errors import JournalError
from interlock.journal.port import Store
from interlock.journal.rows import Entry, RowKind
from interlock.journal.sqlite import SqliteStore
from interlock.kernel.codes import Kind
from interlock.kernel.records import ROW
from interlock.research.replay import verify_replay
from interlock.runtime.entries import json_bytes, said_by
from interlock.runtime.replaying import ReplayError
from tests.research.sessions import Rewritten, inputs_of, recording, session_of

DIGEST = """
import sys
from pathlib import Path
from interlock.journal.sqlite import SqliteStore
from interlock.research.replay import verify_replay
print(verify_replay(SqliteStore(Path(sys.argv[1]), read_only=True)).digest)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return the journal of a session with trades and refusals."""
    return recording(tmp_path_factory.mktemp("replay"))


def rewritten(store: Store, change: object) -> Store:
    """Return the journal with its entries changed and chained anew."""
    return cast("Store", Rewritten(store, change))  # type: ignore[arg-type]


def changed_row(entry: Entry, place: int, **fields: int) -> Entry:
    """Return an entry with some fields of one of its rows changed."""
    table = np.frombuffer(entry.body, dtype=ROW).copy()
    for name, value in fields.items():
        table[name][place] = value
    return replace(entry, body=table.tobytes())


def kind_of(entry: Entry) -> int:
    """Return the kind of an entry's event; 0 for one without."""
    if entry.kind not in {RowKind.EVENT, RowKind.MARKET}:
        return 0
    return int(np.frombuffer(entry.body, dtype=ROW, count=1)["kind"][0])


def test_a_session_replays_to_the_very_commands_that_it_journaled(store: Store) -> None:
    found = verify_replay(store)

    assert found.after_seq == 0
    assert found.fills == 4
    assert found.snapshots == 1
    assert found.starts == 1
    assert found.commands > found.fills
    assert found.events + 4 == found.last_seq  # genesis, two notes, a snapshot
    assert any(found.digest in line for line in found.lines())
    assert found.as_json()["digest"] == found.digest


@pytest.mark.parametrize(
    ("seed", "zone", "words"), [("0", "Asia/Kathmandu", "C"), ("7", "America/St_Johns", "C.UTF-8")]
)
def test_the_digest_is_the_same_in_another_process_zone_and_locale(
    store: Store, seed: str, zone: str, words: str
) -> None:
    surroundings = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": words}

    found = subprocess.run(
        [sys.executable, "-c", DIGEST, store.name],
        env=surroundings,
        capture_output=True,
        text=True,
        check=True,
    )

    assert found.stdout.strip() == verify_replay(store).digest


def test_the_digest_does_not_depend_on_when_snapshots_were_taken(
    store: Store, tmp_path: Path
) -> None:
    """Only the numbers of what comes after them do, so the last thing in a journal may be one."""
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run()

    before = verify_replay(session.store)
    session.snapshot()
    after = verify_replay(session.store)

    assert (before.snapshots, after.snapshots) == (0, 1)
    assert before.digest == after.digest == verify_replay(store).digest


def test_another_account_has_another_digest(store: Store) -> None:
    def named(entry: Entry) -> Entry:
        if entry.kind is not RowKind.GENESIS:
            return entry
        return replace(entry, body=json_bytes({**said_by(entry), "account": "another"}))

    assert verify_replay(rewritten(store, named)).digest != verify_replay(store).digest


def test_a_command_that_the_kernel_does_not_give_is_named_by_its_record(store: Store) -> None:
    """Even by somebody who made the chain of hashes fit again."""
    at = next(row.entry.seq for row in store.read() if kind_of(row.entry) == Kind.FILL)

    def larger(entry: Entry) -> Entry:
        return changed_row(entry, 1, qty=7) if entry.seq == at else entry

    with pytest.raises(ReplayError, match=f"must replay at record {at} to SUBMIT qty 7 "):
        verify_replay(rewritten(store, larger))


def test_a_command_that_was_taken_out_is_missed(store: Store) -> None:
    at = next(row.entry.seq for row in store.read() if kind_of(row.entry) == Kind.FILL)

    def shorter(entry: Entry) -> Entry:
        return replace(entry, body=entry.body[: ROW.itemsize]) if entry.seq == at else entry

    with pytest.raises(ReplayError, match=f"must replay at record {at} to nothing"):
        verify_replay(rewritten(store, shorter))


def test_another_price_of_a_bar_is_found_by_what_follows_from_it(store: Store) -> None:
    at = max(row.entry.seq for row in store.read() if kind_of(row.entry) == Kind.BAR)

    def dearer(entry: Entry) -> Entry:
        return changed_row(entry, 0, high=10_500) if entry.seq == at else entry

    with pytest.raises(ReplayError, match="to the state of its snapshot, was another state"):
        verify_replay(rewritten(store, dearer))


def test_a_journal_of_another_layout_says_which_version_reads_it(store: Store) -> None:
    def older(entry: Entry) -> Entry:
        if entry.kind is not RowKind.GENESIS:
            return entry
        return replace(entry, body=json_bytes({**said_by(entry), "layout": "0" * 16}))

    with pytest.raises(JournalError, match="another version of Interlock wrote it"):
        verify_replay(rewritten(store, older))


def test_an_empty_journal_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    with pytest.raises(JournalError, match="must have records, and was empty"):
        verify_replay(SqliteStore(tmp_path / "journal.db"))


def test_after_market_data_was_dropped_it_is_replayed_from_the_snapshot_behind(
    tmp_path: Path,
) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.engine.progress.feed == 24)
    seq = session.snapshot(RowKind.SEGMENT)
    session.run()
    session.stop("ended")
    whole = verify_replay(session.store)

    assert session.store.drop_bodies(up_to_seq=seq, before_ts_ns=2**62) > 0
    rest = verify_replay(session.store)

    assert rest.after_seq == seq
    assert rest.snapshots == whole.snapshots - 1
    assert rest.events < whole.events
    assert rest.digest != whole.digest


def test_what_cannot_be_replayed_from_anywhere_says_so(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.engine.progress.feed == 24)
    session.commit()
    session.store.drop_bodies(up_to_seq=2**40, before_ts_ns=2**62)

    with pytest.raises(JournalError, match="must have a snapshot after the market data"):
        verify_replay(session.store)
