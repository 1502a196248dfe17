"""What this machine can still do, measured for the breakers."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from interlock.data.memory import memory_used_ppm
from interlock.kernel.codes import Metric

PPM: Final = 1_000_000


def disk_free_ppm(folder: Path) -> int:
    """Return what is left of the volume a folder is on, in parts per million.

    Raises:
        OSError: Nobody can say.
    """
    found = os.statvfs(folder)
    return found.f_bavail * PPM // max(found.f_blocks, 1)


def measure_machine(folder: Path) -> dict[Metric, int]:
    """Return everything that could be measured; what could not is no zero, and is left out.

    Args:
        folder: Of the journal.
    """
    found = {}
    with suppress(OSError):
        found[Metric.DISK_FREE_PPM] = disk_free_ppm(folder)
    used_ppm = memory_used_ppm()
    if used_ppm is not None:
        found[Metric.MEMORY_USED_PPM] = used_ppm
    return found
