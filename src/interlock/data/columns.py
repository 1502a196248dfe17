"""Which columns of a file are a bar: by name, without regard to case, and never by guessing."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import polars as pl

from interlock.data.errors import BarError

TIME_NAMES: Final = ("ts", "timestamp", "date", "time", "datetime")
UNNAMED: Final = ("", "unnamed: 0")  # how pandas writes an index without a name
PRICES: Final = ("open", "high", "low", "close")
NUMBERS: Final = (*PRICES, "volume")
NEEDED: Final = "ts (or timestamp, date, time, datetime), open, high, low, close, volume"


class Format(Enum):
    """How a file is written, recognised by its first bytes rather than by its name."""

    PARQUET = "Parquet"
    FEATHER = "Feather"
    TEXT = "CSV"
    TEXT_ZIPPED = "gzipped CSV"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Six columns as they were in the file.

    Attributes:
        frame: Columns ``ts`` (any type) and the five numbers (any numeric type, or text where
            something in the column is not a number).
        notes: What was recognised, for the report.
    """

    frame: pl.DataFrame
    notes: tuple[str, ...]


def _one_of(path: Path, names: Sequence[str], wanted: Iterable[str]) -> int | None:
    """Return where the only column of one of these names is, or None; two are refused."""
    wanted = tuple(wanted)
    found = [index for index, name in enumerate(names) if name.strip().lower() in wanted]
    if len(found) > 1:
        raise BarError(
            f"{path} must have one column {' or '.join(wanted)}, had {len(found)}: "
            f"{', '.join(repr(names[index]) for index in found)}. "
            "Next: keep one; a date and a time of day belong into one column."
        )
    return found[0] if found else None


def choose_columns(path: Path, names: Sequence[str]) -> dict[str, int]:
    """Return where ``ts`` and the five numbers are.

    Args:
        path: Named in messages.
        names: Of every column, in order; compared without regard to case.

    Raises:
        BarError: One is missing or there twice.
    """
    time_at = _one_of(path, names, TIME_NAMES)
    if time_at is None and names and names[0].strip().lower() in UNNAMED:
        time_at = 0
    found = {"ts": time_at, **{name: _one_of(path, names, (name,)) for name in NUMBERS}}
    missing = [name for name, index in found.items() if index is None]
    if missing:
        raise BarError(
            f"{path} must have the columns {NEEDED}; missing was {', '.join(missing)}; "
            f"there was {', '.join(repr(name) for name in names)}.{_hint(names)}"
        )
    return {name: index for name, index in found.items() if index is not None}


def _hint(names: Sequence[str]) -> str:
    lower = {name.strip().lower() for name in names}
    if names and all(re.match(r"^\s*[-+\d.]", name) for name in names):
        return " The first line was numbers. Next: add a header line with the names."
    if {"bid_open", "bid_close"} <= lower:
        return (
            " These are quotes, which have no traded price. "
            "Next: choose a side, and name its columns open, high, low, close, volume."
        )
    if lower & {"price", "px", "bid", "bid_price", "bid_px"}:
        return " These are ticks. Next: build bars of them first."
    return " Next: rename or add the columns."


def said(names: Sequence[str], columns: dict[str, int], how: Format) -> list[str]:
    """Say which column is the time and which were not used."""
    time = names[columns["ts"]]
    notes = [f"Read as {how.value}; times are in column {time!r}."]
    ignored = [name for index, name in enumerate(names) if index not in columns.values()]
    if ignored:
        notes.append(f"Columns that are not used: {', '.join(ignored)}.")
    return notes
