"""What this machine can still do, measured for the breakers; and whether somebody has killed."""

import os
from pathlib import Path
from typing import Final

from interlock.config.latch_file import LatchFile
from interlock.data.memory import memory_used_ppm
from interlock.kernel.codes import ACCOUNT, Cause, Kind, Level, Metric
from interlock.kernel.records import Rows, rows
from interlock.kernel.state import StateArray
from interlock.runtime.reconcile import halt_row

PPM: Final = 1_000_000


def disk_free_ppm(folder: Path) -> int:
    """Return what is left of the volume a folder is on, in parts per million."""
    found = os.statvfs(folder)
    return found.f_bavail * PPM // max(found.f_blocks, 1)


def health_rows(folder: Path, now_ns: int) -> list[Rows]:
    """Return HEALTH rows of everything that could be measured.

    Args:
        folder: Of the journal.
        now_ns: The time that events of ours get.
    """
    measured = {Metric.DISK_FREE_PPM: disk_free_ppm(folder)}
    used_ppm = memory_used_ppm()
    if used_ppm is not None:
        measured[Metric.MEMORY_USED_PPM] = used_ppm
    found = []
    for metric, value in measured.items():
        row = rows(1)
        row["kind"] = Kind.HEALTH
        row["code"] = metric
        row["value"] = value
        row["ts_ns"] = now_ns
        row["src_ts_ns"] = now_ns
        found.append(row)
    return found


def kill_rows(latch: LatchFile, state: StateArray, now_ns: int) -> list[Rows]:
    """Return the halt of an account whose kill latch was set while it runs, once.

    The last gate stops every order by itself; this lets the kernel know, so that it stops deciding.
    """
    latches = state["latches"][0, : int(state["account"]["latches"][0])]
    if (latches["cause"] == Cause.KILL_FILE).any() or not latch.read().is_set:
        return []
    return [halt_row(ACCOUNT, Level.HALTED, now_ns, Cause.KILL_FILE)]
