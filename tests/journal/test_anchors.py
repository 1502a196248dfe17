"""Heads written down elsewhere: torn lines, damaged lines, refusing volumes, and the thread."""

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interlock.journal import anchoring as anchoring_module
from interlock.journal.anchoring import Anchoring
from interlock.journal.anchors import LINES_MAX, Anchor, Anchors, anchor_of
from interlock.journal.errors import JournalError
from interlock.journal.rows import Head
from interlock.journal.sqlite import SqliteStore
from interlock.journal.verify import verify
from interlock.journal.writer import Writer
from tests.journal.helpers import entry

WAIT_S = 30.0
GENESIS = b"g" * 32


def anchor(seq: int, epoch: int = 1) -> Anchor:
    return Anchor(journal=GENESIS, seq=seq, hash=bytes([seq % 256]) * 32, epoch=epoch, ts_ns=seq)


def opened(*paths: Path) -> tuple[Anchors, list[str]]:
    """Return anchors and what problems they tell."""
    problems: list[str] = []
    return Anchors(paths, on_problem=problems.append), problems


def test_what_was_published_is_found_again(tmp_path: Path) -> None:
    paths = (tmp_path / "one", tmp_path / "other")
    anchors, problems = opened(*paths)
    assert anchors.found == ()
    assert anchors.newest_epoch == 0
    for seq in (3, 5, 9):
        anchors.publish(anchor(seq, epoch=seq // 3))

    again, _ = opened(*paths)
    assert again.found == (anchor(3, 1), anchor(5, 1), anchor(9, 3))
    assert again.newest_epoch == 3
    assert problems == []
    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o600


def test_without_any_file_nothing_is_written() -> None:
    anchors, problems = opened()
    anchors.publish(anchor(1))

    assert anchors.found == ()
    assert problems == []


@pytest.mark.parametrize("cut", [1, 10, 60, 100, 150])
def test_a_torn_last_line_is_left_out(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "heads.jsonl"
    anchors, _ = opened(path)
    anchors.publish(anchor(1))
    anchors.publish(anchor(2))
    content = path.read_bytes()
    path.write_bytes(content[:-cut])

    again, problems = opened(path)
    assert again.found == (anchor(1),)
    assert problems == []
    assert path.read_bytes() == anchor(1).line(), "the torn line is gone"
    again.publish(anchor(3))
    assert opened(path)[0].found == (anchor(1), anchor(3))


@settings(deadline=None)
@given(at=st.integers(0, len(anchor(7).line()) - 2), bit=st.integers(0, 7))
def test_any_bit_of_a_line_that_changed_is_noticed(at: int, bit: int) -> None:
    line = bytearray(anchor(7).line())
    line[at] ^= 1 << bit

    found = anchor_of(bytes(line))
    assert found is None or found == anchor(7)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"{}", b"null", b'"x"', b"7", b'{"check": 1}', b"\xff\xfe"]
)
def test_what_is_no_anchor_is_none(line: bytes) -> None:
    assert anchor_of(line) is None


def test_an_anchor_with_a_short_hash_is_none() -> None:
    short = Anchor(journal=GENESIS, seq=1, hash=b"short", epoch=1, ts_ns=1)

    assert anchor_of(short.line()) is None


def test_a_damaged_line_that_is_not_the_last_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    anchors, _ = opened(path)
    for seq in (1, 2, 3):
        anchors.publish(anchor(seq))
    path.write_bytes(path.read_bytes().replace(b'"seq": 2', b'"seq": 4'))

    with pytest.raises(JournalError, match=r"damaged at line 2.*Trading stays off. Next: "):
        opened(path)


def test_a_file_that_is_gone_is_told_and_begun_again(tmp_path: Path) -> None:
    paths = (tmp_path / "one", tmp_path / "other")
    anchors, _ = opened(*paths)
    anchors.publish(anchor(1))
    anchors.publish(anchor(2))
    paths[0].unlink()

    again, problems = opened(*paths)
    assert again.found == (anchor(1), anchor(2))
    assert len(problems) == 1
    assert str(paths[0]) in problems[0]
    assert paths[0].read_bytes() == anchor(2).line()


def test_a_long_file_is_made_shorter_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    path.touch(mode=0o600)
    path.write_bytes(b"".join(anchor(seq).line() for seq in range(1, LINES_MAX + 2)))
    size = path.stat().st_size

    anchors, problems = opened(path)

    assert anchors.found[-1] == anchor(LINES_MAX + 1)
    assert len(anchors.found) == LINES_MAX // 2
    assert path.stat().st_size < size * 0.6
    assert opened(path)[0].found == anchors.found
    assert problems == []


@pytest.mark.parametrize("kind", ["link", "mode", "folder", "absent folder"])
def test_a_file_that_may_not_be_used_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "heads.jsonl"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "mode":
        path.touch()
        path.chmod(0o644)
    elif kind == "folder":
        path.mkdir()
    else:
        path = tmp_path / "not mounted" / "heads.jsonl"

    with pytest.raises(JournalError, match=r"Next: "):
        opened(path)


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdopen", fails)
    with pytest.raises(JournalError, match="could not read"):
        opened(tmp_path / "heads.jsonl")


@pytest.mark.parametrize("partial", [False, True])
def test_a_volume_that_refuses_is_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, partial: bool
) -> None:
    paths = (tmp_path / "one", tmp_path / "other")
    anchors, problems = opened(*paths)
    anchors.publish(anchor(1))
    write = os.write
    refused = paths[0].stat().st_ino

    def full(descriptor: int, data: bytes) -> int:
        if os.fstat(descriptor).st_ino != refused:
            return write(descriptor, data)
        written = write(descriptor, data[:20])
        if partial:
            return written
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        anchors.publish(anchor(2))
        anchors.publish(anchor(3))
    anchors.publish(anchor(4))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        anchors.publish(anchor(5))

    assert len(problems) == 2
    assert all(str(paths[0]) in problem for problem in problems)
    assert paths[0].read_bytes() == anchor(1).line() + anchor(4).line()
    assert len(paths[1].read_bytes().splitlines()) == 5


def test_a_volume_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    anchors, problems = opened(tmp_path / "volume" / "heads.jsonl")
    (tmp_path / "volume").rename(tmp_path / "away")
    anchors.publish(anchor(1))

    assert len(problems) == 1


# --- the thread -------------------------------------------------------------------------------


class Published:
    """Anchors that remember, and can be waited for."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.said = threading.Semaphore(0)
        self.may_publish = threading.Event()
        self.may_publish.set()

    def publish(self, anchor: Anchor) -> None:
        """Remember it."""
        assert self.may_publish.wait(WAIT_S)
        self.seqs.append(anchor.seq)
        self.said.release()


def thread_of(
    published: Published, problems: Callable[[str], None] = lambda _: None, **options: float
) -> Anchoring:
    return Anchoring(
        published,  # type: ignore[arg-type]
        epoch=1,
        clock_ns=lambda: 7,
        on_problem=problems,
        **options,  # type: ignore[arg-type]
    )


def head(seq: int) -> Head:
    return Head(seq=seq, hash=bytes([seq % 256]) * 32)


def test_an_anchor_is_published_every_so_many_records() -> None:
    published = Published()
    thread = thread_of(published, every_records=10, every_s=10_000.0)
    thread.note(GENESIS, head(1))
    assert published.said.acquire(timeout=WAIT_S)
    for seq in range(2, 11):
        thread.note(GENESIS, head(seq))
    assert published.seqs == [1]
    thread.note(GENESIS, head(12))
    assert published.said.acquire(timeout=WAIT_S)
    thread.note(GENESIS, head(13))
    thread.close()

    assert published.seqs == [1, 12, 13]


def test_the_first_head_of_a_process_is_published_at_once() -> None:
    """A journal that is lost in its first minute was one: the next start finds that it is gone."""
    published = Published()
    thread = thread_of(published, every_records=1_000, every_s=10_000.0)
    thread.note(GENESIS, head(40))
    assert published.said.acquire(timeout=WAIT_S)
    assert published.seqs == [40]
    thread.close()

    assert published.seqs == [40]


def test_an_anchor_is_published_every_so_long() -> None:
    published = Published()
    thread = thread_of(published, every_records=1_000, every_s=0.01)
    thread.note(GENESIS, head(1))
    assert published.said.acquire(timeout=WAIT_S)
    thread.close()

    assert published.seqs == [1]


def test_without_news_nothing_is_published() -> None:
    published = Published()
    thread = thread_of(published)
    thread.close()

    assert published.seqs == []


def test_a_volume_that_does_not_answer_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(anchoring_module, "CLOSE_S", 0.01)
    published = Published()
    published.may_publish.clear()
    problems: list[str] = []
    thread = thread_of(published, problems.append, every_records=1)
    for seq in range(1, 100):
        thread.note(GENESIS, head(seq))
    thread.close()
    published.may_publish.set()

    assert len(problems) == 1
    assert "the last anchor was not written" in problems[0]


def test_a_journal_that_stopped_in_peace_is_anchored_to_its_end(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal.db")
    anchors, problems = opened(tmp_path / "heads.jsonl")
    thread = Anchoring(anchors, epoch=3, clock_ns=lambda: 7, on_problem=problems.append)
    writer = Writer(
        store,
        store.head(),
        on_durable=lambda _: None,
        on_failed=lambda error: problems.append(str(error)),
        anchoring=thread,
    )
    writer.put([entry(seq) for seq in range(1, 40)])
    writer.close()

    again, _ = opened(tmp_path / "heads.jsonl")
    verified = verify(store, anchors=again.found)
    assert verified.anchored_seq == 39
    assert again.newest_epoch == 3
    assert problems == []
    store.close()
