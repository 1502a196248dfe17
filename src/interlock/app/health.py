"""What this machine can still do, measured for the breakers: room on the disk, memory."""

import os
from pathlib import Path
from typing import Final

from interlock.data.memory import memory_used_ppm
from interlock.kernel.codes import Kind, Metric
from interlock.kernel.records import Rows, rows

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
