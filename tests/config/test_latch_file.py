"""The kill latch: whatever happens to its file, nothing leaves that it did not let through."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interlock.config.errors import PolicyError
from interlock.config.latch import (
    CLEAR,
    Confirmed,
    LatchState,
    Mode,
    Unconfirmed,
    killed,
    parse_latch,
)
from interlock.config.latch_file import BYTES_MAX
from tests.config.latching import a_kill, latch_in

# --- the file ---------------------------------------------------------------------------------


def test_the_first_start_makes_a_clear_latch_that_nobody_else_can_read(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)

    assert latch.prepare(journal_exists=False) == CLEAR
    assert json.loads(latch.path.read_bytes()) == {
        "state": "clear",
        "mode": "",
        "reason": "",
        "who": "",
        "ts_ns": 0,
        "cleared_by": "",
        "asked": 0,
    }
    assert latch.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["latch.json"]
    latch.close()


def test_a_latch_that_is_missing_beside_a_journal_is_set(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)

    says = latch.prepare(journal_exists=True)

    assert says.is_set
    assert says.reason == f"{latch.path}: No such file or directory"
    assert not latch.path.exists()


def test_a_latch_that_is_there_is_never_made_anew(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    latch.kill(a_kill())

    assert latch_in(tmp_path).prepare(journal_exists=False) == a_kill()


def damaged(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write what nobody should have written."""
    path.write_bytes(content)
    path.chmod(mode)


def good(**changes: Any) -> bytes:
    """Return the bytes of a clear latch, with something changed."""
    return json.dumps(json.loads(CLEAR.content()) | changes).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not JSON"),
        (b"killed", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 4_000, "it is not JSON"),
        (b"null", "must have asked, cleared_by, mode, reason, state, ts_ns, who and nothing else"),
        (b'{"state":"clear"}', "must have asked, cleared_by"),
        (good(more=1), "must have asked, cleared_by"),
        (good().replace(b"}", b', "state": "clear"}'), "a key is there twice"),
        (good(state="open"), "state must be clear or killed, was 'open'"),
        (good(state="unreadable"), "state must be clear or killed, was 'unreadable'"),
        (good(state=True), "state must be text"),
        (good(state="killed"), "mode must be immediate, graceful, pause of a kill, was ''"),
        (good(mode="pause"), "mode must be immediate, graceful, pause of a kill, was 'pause'"),
        (good(ts_ns=-1), "ts_ns must be nanoseconds, was -1"),
        (good(ts_ns=True), "ts_ns must be nanoseconds, was true"),
        (good(reason="x" * 201), "reason must be text of at most 200 characters"),
        (good() + b" " * BYTES_MAX, "it must be at most 4096 bytes, was more"),
    ],
)
def test_a_latch_that_says_nothing_sound_is_set(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    damaged(latch.path, content)

    for each in (latch, latch_in(tmp_path)):
        says = each.read()
        assert says.state is LatchState.UNREADABLE
        assert says.is_set
        assert reason in says.reason


@given(st.binary(max_size=200))
def test_no_bytes_at_all_clear_a_latch_by_chance(raw: bytes) -> None:
    assert parse_latch(raw).is_set


@given(st.integers(0, len(CLEAR.content()) - 1), st.integers(0, 255))
def test_a_latch_with_one_byte_changed_says_the_same_or_is_set(place: int, byte: int) -> None:
    raw = bytearray(a_kill().content())
    raw[place] = byte

    assert parse_latch(bytes(raw)).is_set


def as_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def as_queue(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def as_open_file(path: Path) -> None:
    path.chmod(0o644)


def as_gone(path: Path) -> None:
    path.unlink()


def as_moved_home(path: Path) -> None:
    path.parent.rename(path.parent.with_name("old"))
    path.parent.mkdir()
    path.parent.with_name("old").joinpath(path.name).rename(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (as_link, "Too many levels of symbolic links"),
        (as_folder, "it must be a file, was a folder or a device"),
        (as_queue, "it must be a file, was a folder or a device"),
        (as_open_file, "nobody else may read or write it, was mode 0644"),
        (as_gone, "No such file or directory"),
        (as_moved_home, "the home was moved away while it was in use"),
    ],
)
def test_a_latch_that_is_not_what_it_was_is_set(
    tmp_path: Path, change: Callable[[Path], None], reason: str
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    latch = latch_in(home)
    latch.prepare(journal_exists=False)

    change(latch.path)

    assert latch.read().reason.endswith(reason)
    with latch.shared() as says:
        assert says.is_set
        assert reason in says.reason


def test_a_latch_of_another_user_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    really = os.fstat

    def anothers(descriptor: int) -> os.stat_result:
        """Say that a file, and no folder, is somebody else's: only root can give one away."""
        found = really(descriptor)
        owner = 12_345 if stat.S_ISREG(found.st_mode) else found.st_uid
        return os.stat_result((*found[:4], owner, *found[5:10]))

    monkeypatch.setattr(os, "fstat", anothers)
    assert latch.read().reason.endswith("it must be the home's owner's, was user 12345's")


def test_a_kill_by_the_administrator_is_given_to_the_homes_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = tmp_path.stat().st_uid
    given: list[int] = []
    really = os.fchown

    def fchown(descriptor: int, user: int, group: int) -> None:
        given.append(user)
        really(descriptor, user, group)

    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)  # whoever kills is somebody else
    monkeypatch.setattr(os, "fchown", fchown)
    latch = latch_in(tmp_path)
    assert isinstance(latch.kill(a_kill()), Confirmed)
    assert given == [owner]
    assert latch.path.stat().st_uid == owner


def test_a_change_is_seen_although_the_time_of_the_file_is_the_same(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)
    before = latch.path.stat()
    assert not latch.read().is_set

    content = good(state="killed", mode="pause")
    latch.path.write_bytes(content.ljust(before.st_size))
    os.utime(latch.path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert latch.read().is_set


# --- killing and clearing ---------------------------------------------------------------------


def test_a_kill_says_who_and_why_until_somebody_clears_it(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)

    assert latch.kill(a_kill()) == Confirmed(latch=a_kill())
    assert latch_in(tmp_path).read() == a_kill()

    cleared = latch.clear(a_kill(), who="admin", reason="reconciled", ts_ns=9)
    assert not cleared.is_set
    assert (cleared.cleared_by, cleared.reason, cleared.ts_ns) == ("admin", "reconciled", 9)
    assert latch.kill(a_kill()) == Confirmed(latch=a_kill())


@pytest.mark.parametrize(
    ("first", "second", "stays"),
    [
        ("immediate", "pause", "immediate"),
        ("graceful", "pause", "graceful"),
        ("pause", "immediate", "immediate"),
        ("graceful", "immediate", "immediate"),
    ],
)
def test_the_stricter_of_two_kills_stays(
    tmp_path: Path, first: Mode, second: Mode, stays: Mode
) -> None:
    latch = latch_in(tmp_path)
    latch.kill(a_kill(first))

    assert latch.kill(a_kill(second)) == Confirmed(latch=a_kill(stays))


def test_the_same_kill_again_changes_nothing(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.kill(a_kill(reason="first"))

    assert latch.kill(a_kill(reason="second")) == Confirmed(latch=a_kill(reason="first"))


def test_a_kill_takes_the_place_of_a_latch_that_cannot_be_read(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    damaged(latch.path, b"rubbish", 0o666)

    assert latch.kill(a_kill()) == Confirmed(latch=a_kill())
    assert latch.path.stat().st_mode & 0o777 == 0o600


def test_what_people_wrote_is_cut_to_one_line_that_fits() -> None:
    latch = killed(mode="pause", reason="\U0001f4c9" * 5_000, who="me\n\x1b[31m", ts_ns=1)

    assert latch.who == "me [31m"
    assert len(latch.content()) <= BYTES_MAX
    assert parse_latch(latch.content()) == latch
    assert killed(mode="pause", reason=" \n", who="", ts_ns=1).reason == "no reason given"


def test_clearing_leaves_a_kill_that_came_after_the_look(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    latch.kill(a_kill("pause"))
    seen = latch.read()
    latch_in(tmp_path).kill(a_kill("immediate"))

    with pytest.raises(PolicyError, match=r"stays as it is: it was written again since"):
        latch.clear(seen, who="admin", reason="fine", ts_ns=9)
    assert latch.read() == a_kill("immediate")
    assert [path.name for path in tmp_path.iterdir()] == ["latch.json"]


def test_clearing_leaves_the_same_kill_when_it_was_asked_for_again(tmp_path: Path) -> None:
    """Whoever asked the second time was told that it is confirmed."""
    latch = latch_in(tmp_path)
    latch.kill(a_kill())
    seen = latch.read()
    assert isinstance(latch_in(tmp_path).kill(a_kill()), Confirmed)

    with pytest.raises(PolicyError, match=r"stays as it is: it was written again since"):
        latch.clear(seen, who="admin", reason="fine", ts_ns=9)
    latch.clear(latch.read(), who="admin", reason="fine", ts_ns=9)
    assert not latch.read().is_set


def test_a_latch_of_the_first_version_is_read(tmp_path: Path) -> None:
    latch = latch_in(tmp_path)
    content = json.loads(CLEAR.content())
    del content["asked"]
    damaged(latch.path, json.dumps(content).encode())
    assert latch.read() == CLEAR


def test_a_kill_on_a_full_disk_removes_the_latch_which_sets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latch = latch_in(tmp_path)
    latch.prepare(journal_exists=False)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = latch.kill(a_kill())

    assert isinstance(result, Unconfirmed)
    assert result.latch.is_set
    assert result.why == (
        f"{latch.path} could not be written: No space left on device; it was removed, which sets "
        "it too"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_kill_in_a_home_that_is_not_there_says_so(tmp_path: Path) -> None:
    latch = latch_in(tmp_path / "nowhere")

    result = latch.kill(a_kill())

    assert isinstance(result, Unconfirmed)
    assert result.why.startswith("a send may be under way: No such file or directory; ")
    assert result.latch.is_set
