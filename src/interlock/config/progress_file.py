"""How far the engine is, in a small file that another process reads while the engine runs.

The engine writes it through memory, so that it costs next to nothing and never waits for the disk;
what was written stands there also when the engine is stopped in the middle, or killed. Three hands
write, each into its own part: the loop, the journal's writer, and a thread that only shows that the
process runs at all. Times are of the clock that never goes back and is the same in every process.
"""

import mmap
import os
import stat
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from interlock.config.errors import PolicyError
from interlock.config.trust import PRIVATE_FILE

SIZE: Final = 4_096
_MAGIC: Final = 0x494C_5052_4F47_0001
_WHO: Final = struct.Struct("<5q")  # magic, pid, when the process began, state, sum
_LOOP: Final = struct.Struct("<6q")  # ticks, arrivals, waiting, decided, durable, sum
_SLOT: Final = struct.Struct("<q")
_WHO_AT: Final = 0
_LOOP_AT: Final = 64
_BUSY_AT: Final = 128  # since when the journal is being written; 0 while it is not
_COMMITS_AT: Final = 136
_PULSE_AT: Final = 192
_SUM_MAX: Final = 2**63 - 1
_STARTED_FIELD: Final = 19  # of /proc/PID/stat after the name: field 22 (proc_pid_stat(5))


class EngineState(IntEnum):
    """Where in its life an engine is. Stored in the file: never renumber."""

    STARTING = 1
    RUNNING = 2
    STOPPING = 3
    STOPPED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the file says.

    Attributes:
        pid: Of the engine.
        began: When its process began, so that another one with its id is not taken for it.
        state: Where in its life it is.
        ticks: Rounds of its loop.
        arrivals: Bytes that came from the venue.
        waiting: Messages that came and were not decided on.
        decided_seq: The last entry that it decided.
        durable_seq: The last entry that it knows to be on the disk.
        busy_ns: Since when the journal is being written; 0 while it is not.
        commits: How often it was written.
        pulse_ns: When the process last ran at all.
    """

    pid: int
    began: int
    state: EngineState
    ticks: int
    arrivals: int
    waiting: int
    decided_seq: int
    durable_seq: int
    busy_ns: int
    commits: int
    pulse_ns: int


def _sum(*values: int) -> int:
    """Return what tells a whole record from one that was read while it was written."""
    found = 1
    for value in values:
        found = (found * 31 + value) & _SUM_MAX
    return found


def process_began(pid: int) -> int | None:
    """Return when a process began, in the system's ticks; None when there is none any more."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = raw[raw.rindex(b")") + 2 :].split()
    if fields[0] in {b"Z", b"X"}:
        return None
    return int(fields[_STARTED_FIELD])


class ProgressFile:
    """The engine's end.

    Args:
        path: The file; made for this user alone if it is not there.
        now_ns: The clock that never goes back.

    Raises:
        PolicyError: It cannot be written.
    """

    def __init__(self, path: Path, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._commits = 0
        self._pid = os.getpid()
        self._began = process_began(self._pid) or 0
        try:
            self._map = _mapped(path)
        except OSError as error:
            raise PolicyError(
                f"{path}: cannot be written: {error.strerror}. Next: free some space, or look at "
                "who put it there."
            ) from error
        self.enter(EngineState.STARTING)

    def enter(self, state: EngineState) -> None:
        """Say where in its life the engine is."""
        if state is EngineState.STARTING:
            self.loop(ticks=0, arrivals=0, waiting=0, decided_seq=0, durable_seq=0)
            self.writing(begins=False)
        self.pulse()
        who = (_MAGIC, self._pid, self._began, int(state))
        _WHO.pack_into(self._map, _WHO_AT, *who, _sum(*who))

    def loop(
        self, *, ticks: int, arrivals: int, waiting: int, decided_seq: int, durable_seq: int
    ) -> None:
        """Say how far the loop is; only the loop does."""
        said = (ticks, arrivals, waiting, decided_seq, durable_seq)
        _LOOP.pack_into(self._map, _LOOP_AT, *said, _sum(*said))

    def writing(self, *, begins: bool) -> None:
        """Say that the journal begins to be written, or has been; only its writer does."""
        if not begins:
            self._commits += 1
            _SLOT.pack_into(self._map, _COMMITS_AT, self._commits)
        _SLOT.pack_into(self._map, _BUSY_AT, self._now_ns() if begins else 0)

    def pulse(self) -> None:
        """Say that the process runs."""
        _SLOT.pack_into(self._map, _PULSE_AT, self._now_ns())

    def close(self) -> None:
        """Let go of the file; what was said stays."""
        self._map.close()


def _mapped(path: Path) -> mmap.mmap:
    """Return the file, mapped. It is whole on the disk, so that no store ever lacks its room."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(1, "it must be a file of this user")
        os.fchmod(handle, PRIVATE_FILE)
        if found.st_size != SIZE:
            os.ftruncate(handle, 0)
            os.pwrite(handle, bytes(SIZE), 0)
        return mmap.mmap(handle, SIZE)
    finally:
        os.close(handle)


def read_progress(path: Path) -> Progress | None:
    """Return what the file says; None when it says nothing whole, or is not there."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        raw = os.pread(handle, SIZE, 0)
    except OSError:
        return None
    finally:
        os.close(handle)
    if len(raw) != SIZE:
        return None
    *who, who_sum = _WHO.unpack_from(raw, _WHO_AT)
    *loop, loop_sum = _LOOP.unpack_from(raw, _LOOP_AT)
    if who[0] != _MAGIC or _sum(*who) != who_sum or _sum(*loop) != loop_sum:
        return None
    if who[3] not in set(EngineState):
        return None
    ticks, arrivals, waiting, decided_seq, durable_seq = loop
    return Progress(
        pid=who[1],
        began=who[2],
        state=EngineState(who[3]),
        ticks=ticks,
        arrivals=arrivals,
        waiting=waiting,
        decided_seq=decided_seq,
        durable_seq=durable_seq,
        busy_ns=_SLOT.unpack_from(raw, _BUSY_AT)[0],
        commits=_SLOT.unpack_from(raw, _COMMITS_AT)[0],
        pulse_ns=_SLOT.unpack_from(raw, _PULSE_AT)[0],
    )
