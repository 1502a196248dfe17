"""Whether a file fits into memory, asked before any of it is read."""

import gzip
import resource
from pathlib import Path
from typing import Final

from interlock.data.errors import BarError

BYTES_PER_BAR: Final = 200  # six columns of the file, plus what a run keeps of a bar
TEXT_BYTES_PER_BAR: Final = 60  # more, while text is parsed
MEMINFO: Final = Path("/proc/meminfo")
CGROUP: Final = Path("/sys/fs/cgroup")
STATM: Final = Path("/proc/self/statm")
SAMPLE_BYTES: Final = 65_536


def _number(path: Path) -> int | None:
    """Return the whole number a file holds, or None (absent, or the word ``max``)."""
    try:
        return int(path.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def memory_available_bytes(
    meminfo: Path = MEMINFO, cgroup: Path = CGROUP, statm: Path = STATM
) -> int | None:
    """Return how much more this process may use: the least that anybody who limits it says.

    Args:
        meminfo: The machine's, with a line ``MemAvailable: <kB> kB``.
        cgroup: The container's folder, with ``memory.max`` and ``memory.current``.
        statm: This process's size in pages, subtracted from its own limit (``ulimit -v``).

    Returns:
        Bytes, >= 0; None where nobody says (not Linux).

    Source: proc(5); Linux, Documentation/admin-guide/cgroup-v2.rst.
    """
    found: list[int] = []
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    found.extend(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    limit, used = _number(cgroup / "memory.max"), _number(cgroup / "memory.current")
    if limit is not None and used is not None:
        found.append(limit - used)
    own, pages = resource.getrlimit(resource.RLIMIT_AS)[0], _number(statm)
    if own != resource.RLIM_INFINITY and pages is not None:
        found.append(own - pages * resource.getpagesize())
    return max(0, min(found)) if found else None


def memory_used_ppm(meminfo: Path = MEMINFO) -> int | None:
    """Return how much of the machine's memory is in use, in parts per million.

    Args:
        meminfo: With lines ``MemTotal: <kB> kB`` and ``MemAvailable: <kB> kB``.

    Returns:
        0 to 1,000,000; None where nobody says (not Linux).

    Source: proc(5).
    """
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = {line.split(":")[0]: line.split()[1] for line in lines if ":" in line}
    total, available = found.get("MemTotal", ""), found.get("MemAvailable", "")
    if not total.isdecimal() or not available.isdecimal() or int(total) == 0:
        return None
    return 1_000_000 - min(int(available), int(total)) * 1_000_000 // int(total)


def _giga(count: int) -> str:
    """Write bytes for people.

    >>> _giga(12_345_678_901), _giga(10_000_000)
    ('12.3 GB', '0.01 GB')
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e9:.2g} GB"  # noqa: PLR2004


def text_rows(path: Path, *, zipped: bool) -> int:
    """Return about how many lines a text file has, from its size and its first lines."""
    size = path.stat().st_size
    if not zipped:
        with path.open("rb") as file:
            head = file.read(SAMPLE_BYTES)
        return int(size * max(1, head.count(b"\n")) / max(1, len(head)))
    with path.open("rb") as raw, gzip.open(raw) as file:
        head = file.read(SAMPLE_BYTES)
        packed = max(1, min(size, raw.tell()))
        # The reader takes packed bytes in blocks, so for a small file this says too few lines
        # for its size, which costs nothing: a small file fits anyway.
        return int(size * max(1, head.count(b"\n")) / packed)


def check_fits(path: Path, *, bars: int, text: bool, available_bytes: int | None) -> None:
    """Refuse a file that would not fit, with both sizes.

    Args:
        path: Named in the message.
        bars: How many it holds (columnar files say so; of text it is an estimate).
        text: Whether it has to be parsed, which takes more.
        available_bytes: None for no limit.

    Raises:
        BarError: It needs more than is available.
    """
    needed = bars * (BYTES_PER_BAR + (TEXT_BYTES_PER_BAR if text else 0))
    if available_bytes is not None and needed > available_bytes:
        about = "about " if text else ""
        raise BarError(
            f"{path} has {about}{bars:,} bars ({_giga(path.stat().st_size)} on disk) and must fit "
            f"into memory: about {_giga(needed)} was needed, {_giga(available_bytes)} was "
            "available. Nothing was read. Next: split it by time, use longer bars, or run where "
            "there is more memory."
        )
