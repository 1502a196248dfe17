"""What the figures were measured on, so that nobody compares two machines unawares."""

import os
import platform
from importlib import metadata
from pathlib import Path


def processor() -> str:
    """Return the processor's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def facts() -> dict[str, object]:
    """Return the machine, its load, and the versions of our own side."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_1m": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "numba": metadata.version("numba"),
        "numpy": metadata.version("numpy"),
    }


def line(found: dict[str, object]) -> str:
    """Return the same on one line."""
    return ", ".join(f"{name} {value}" for name, value in found.items())
