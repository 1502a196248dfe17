"""Where the benchmarks find the shared bars, and where they keep what they made themselves."""

import hashlib
import os
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from benchmarks.workers.common import COLUMNS

ROOT: Final = Path(__file__).resolve().parents[1]
ONE: Final = "bars_1m_rows.parquet"  # one instrument, 1 M bars
TWENTY: Final = "port_20x100k.parquet"  # twenty instruments that share their times


class BarsMissingError(Exception):
    """The shared bars are not on this machine."""


def cache_folder() -> Path:
    """Return the folder for peers' environments and converted bars, and make it."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(given) if given.startswith("/") else Path.home() / ".cache"
    folder = home / "interlock"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shared_folder() -> Path:
    """Return the folder of the shared bars: ``$INTERLOCK_SHARED/peers``."""
    given = os.environ.get("INTERLOCK_SHARED", "")
    return (Path(given) if given else ROOT.parent / "shared") / "peers"


def bars_path(name: str) -> Path:
    """Return a shared file as an array of shape (instruments, 5, n) on disk.

    Converted once and named by the file's hash, so that a worker needs no Parquet reader and
    every peer reads the same bytes.

    Raises:
        BarsMissingError: No such file.
    """
    source = shared_folder() / name
    if not source.is_file():
        raise BarsMissingError(
            f"the benchmark's bars must be at {source}, was nothing there. "
            "Next: set INTERLOCK_SHARED to the folder that holds peers/."
        )
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    target = cache_folder() / "bars" / f"{source.stem}-{digest}.npy"
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        unfinished = target.with_suffix(f".{os.getpid()}.npy")
        np.save(unfinished, _stacked(pl.read_parquet(source)))
        unfinished.rename(target)
    return target


def _stacked(table: pl.DataFrame) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return shape (instruments, 5, n), instruments in the file's order."""
    if "symbol" not in table.columns:
        tables = [table]
    else:
        tables = table.partition_by("symbol", maintain_order=True)
    assert all(part["ts"].equals(tables[0]["ts"]) for part in tables)
    return np.array([[part[column].to_numpy() for column in COLUMNS] for part in tables])
