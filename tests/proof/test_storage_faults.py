"""The disk fails: the first failure is the last word, and what was acknowledged before it is there.

Every operation of a session fails once (a broken write, a sync that did not), every write is the
first for which there is no space, and every read fails once.
"""

import threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from interlock.journal.errors import JournalError, StoreError
from interlock.journal.rows import EMPTY, Head
from interlock.journal.sqlite import SqliteStore
from interlock.journal.writer import Writer
from interlock.research.simulator.disk import Disk, Fault, crash_states
from tests.proof.journal_recovery import check_recovery, files, next_rows, recorded
from tests.proof.journal_session import (
    FILE,
    VFS,
    Session,
    at_night,
    fast_folder,
    perform,
    put,
    registered,
    session,
)

APPENDS: Final = at_night(26, 120)
WAIT_S: Final = 60


def run_into(fault: Fault, at: int, folder: Path) -> tuple[Session, Disk, str]:
    """Run a session with a fault; return it, its disk, and what was said ("" for nothing)."""
    made = session(appends=APPENDS, seed=3)
    disk = Disk(fault=fault, fault_at=at)
    said = ""
    with registered(disk):
        try:
            perform(made, folder, disk)
        except JournalError as error:
            said = type(error).__name__
    return made, disk, said


@pytest.mark.parametrize("fault", ["broken once", "no space", "unreadable once"])
def test_the_journal_is_sound_after_any_fault(
    fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    """Left as it is, and after the power failed on top of it."""
    faultless = recorded(session(appends=APPENDS, seed=3))
    numbers = range(faultless.read if fault == "unreadable once" else faultless.asked)
    outcomes: Counter[str] = Counter()
    with fast_folder() as folder, fast_folder() as copy:
        for at in numbers:
            put({}, folder)
            made, disk, said = run_into(fault, at, folder)
            if disk.failed == 0:
                continue  # no space: nothing was written from there on
            outcomes[said or "went on"] += 1
            end = len(disk.operations)
            after_power_loss = crash_states(disk.operations, first_cut=end)
            for image in (files(folder), *(state.image for state in after_power_loss)):
                put(image, copy)
                try:
                    check_recovery(copy, made, cut=end)
                except Exception as error:
                    raise AssertionError(f"{fault} at {at} ({said}): {error}") from error

    with capsys.disabled():
        print(f"\n{fault}: {outcomes.total()} faults, {dict(outcomes)}")  # noqa: T201
    assert outcomes["StoreError"] > 100 or fault == "unreadable once"
    assert set(outcomes) <= {"StoreError", "DamageError", "went on"}


@pytest.mark.parametrize("fault", ["broken once", "no space"])
def test_after_a_failed_append_nothing_is_acknowledged_any_more(fault: Fault) -> None:
    """Not even when the disk would take it: after a failed sync nobody knows what is there."""
    made = session(appends=6, seed=1)
    rows = next_rows(EMPTY)
    asked = recorded(made).asked
    failed = 0
    for at in range(asked):
        disk = Disk(fault=fault, fault_at=at)
        with fast_folder() as folder, registered(disk), suppress(JournalError):
            store = SqliteStore(folder / FILE, vfs=VFS)
            try:
                store.append(rows[:1])
                store.append(rows[1:])
            except StoreError:
                failed += 1
                disk.fault = None
                for again in (rows[:1], rows[1:]):
                    with pytest.raises(StoreError, match="not used any more after a failure"):
                        store.append(again)
                with pytest.raises(StoreError, match="not used any more after a failure"):
                    store.checkpoint()
            finally:
                store.close()

    assert failed > 10


def test_nothing_is_acknowledged_before_a_slow_sync_is_done() -> None:
    rows = next_rows(EMPTY)
    entered, release = threading.Event(), threading.Event()
    durable: list[int] = []
    failures: list[BaseException] = []

    def wait_for_release(_: str) -> None:
        entered.set()
        assert release.wait(WAIT_S)

    disk = Disk()
    with fast_folder() as folder, registered(disk):
        store = SqliteStore(folder / FILE, vfs=VFS)
        writer = Writer(
            store,
            Head(seq=0, hash=EMPTY.hash),
            on_durable=durable.append,
            on_failed=failures.append,
        )
        disk.on_sync = wait_for_release
        writer.put([row.entry for row in rows])
        assert entered.wait(WAIT_S)
        assert not writer.wait(1, timeout_s=0.2)
        assert (durable, writer.durable_seq) == ([], 0)

        release.set()
        assert writer.wait(2, timeout_s=WAIT_S)
        writer.close()
        store.close()
    assert durable[-1] == 2
    assert failures == []
