"""Power fails at any operation of the disk: what was acknowledged is there, nothing is made up.

A session is run over a disk that remembers. Every different content that the disk may have after a
crash is then opened, verified and written to by the real store, as an engine would after it.
"""

from collections import Counter
from itertools import islice
from typing import Final

import pytest

from interlock.research.simulator.disk import Disk, Operation, applied, crash_states
from tests.proof.journal_recovery import check_recovery, recorded
from tests.proof.journal_session import at_night, fast_folder, put, session

PARTS: Final = 4  # so that several workers share them
STATES_MIN: Final = at_night(5_000, 250_000)
APPENDS: Final = 52
SESSIONS: Final = at_night(1, 36)


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_acknowledged_is_lost_whatever_a_crash_leaves(
    part: int, capsys: pytest.CaptureFixture[str]
) -> None:
    checked: Counter[str] = Counter()
    survived = 0
    with fast_folder() as folder:
        for seed in range(SESSIONS):
            made = session(appends=APPENDS, seed=seed)
            states = crash_states(recorded(made).operations, seed=seed)
            for state in islice(states, part, None, PARTS):
                put(state.image, folder)
                try:
                    found = check_recovery(folder, made, cut=state.cut)
                except Exception as error:
                    where = f"session {seed}, crash at operation {state.cut}, {state.how}"
                    raise AssertionError(f"{where}: {error}") from error
                checked[state.how] += 1
                survived += found > made.acknowledged_at(state.cut)

    total = checked.total()
    with capsys.disabled():
        kinds = ", ".join(f"{how} {count}" for how, count in checked.most_common())
        print(f"\ncrash states, part {part + 1} of {PARTS}: {total} ({kinds})")  # noqa: T201
    assert total >= STATES_MIN // PARTS
    assert survived > 0  # transactions that reached the disk just before they were acknowledged


def images(operations: list[Operation]) -> set[bytes | None]:
    """Return what the file ``a`` may hold after a crash at the end."""
    end = len(operations)
    return {state.image.get("a") for state in crash_states(operations, first_cut=end)}


def test_an_unsynced_write_may_be_there_or_not_or_in_part() -> None:
    """The enumerator itself: too few states would prove nothing."""
    begun = [Operation("create", "a"), Operation("write", "a", 0, bytes(4)), Operation("sync", "a")]
    first = Operation("write", "a", 4, b"x" * 4)
    second = Operation("write", "a", 8, b"y" * 1_000)

    assert images(begun) == {bytes(4)}
    assert images([*begun, first]) == {bytes(4), bytes(4) + b"xxxx"}
    found = images([*begun, first, second])
    whole = bytes(4) + b"xxxx"
    assert found >= {bytes(4), whole + b"y" * 1_000, whole + b"y" * 504}  # torn at 512
    assert found >= {bytes(8) + b"y" * 504, bytes(8) + b"y" * 1_000}  # the later one overtook
    assert images([*begun, first, Operation("sync", "a")]) == {whole}
    assert images([*begun, Operation("truncate", "a", 1)]) == {bytes(4), bytes(1)}
    assert images([*begun, Operation("delete", "a")]) == {bytes(4), None}


def test_what_was_written_to_a_file_whose_name_was_lost_is_lost_too() -> None:
    found = images([Operation("create", "a"), Operation("write", "a", 0, b"x")])

    assert found == {None, b"", b"x"}


def test_a_disk_makes_the_files_that_it_remembers() -> None:
    disk = recorded(session(appends=30, seed=5))

    assert len(disk.operations) > 200
    assert set(applied({}, disk.operations)) == {"journal.db", "journal.db-wal"}
    assert disk.asked == len(disk.operations)
    assert disk.failed == Disk().failed == 0
