"""What is wrong with a bar, row by row; and, when asked, the repair, counted by kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from interlock.data.columns import NUMBERS, PRICES
from interlock.data.errors import BarError

_BLOCK_ROWS: Final = 32_768
REPAIR: Final = "Next: correct the file, or --repair"

_READABLE = pl.all_horizontal(*(pl.col(name).is_finite().fill_null(value=False) for name in PRICES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that may be wrong with a row.

    Attributes:
        kind: Its key among the repairs.
        bad: Where it is wrong.
        columns: Whose values the message shows.
        rule: What was expected.
        repair: What --repair does.
    """

    kind: str
    bad: pl.Expr
    columns: tuple[str, ...]
    rule: str
    repair: str


_INSIDE = pl.col("low") <= pl.min_horizontal("open", "close")
_INSIDE = _INSIDE & (pl.max_horizontal("open", "close") <= pl.col("high"))

DROPPED: Final = (
    Fault(
        kind="dropped_without_time",
        bad=pl.col("ts").is_null(),
        columns=("ts",),
        rule="the time must be there",
        repair="drops such rows",
    ),
    Fault(
        kind="dropped_not_a_number",
        bad=~_READABLE,
        columns=PRICES,
        rule="every price must be a finite number",
        repair="drops such rows",
    ),
    Fault(
        kind="dropped_not_positive",
        bad=pl.min_horizontal(*PRICES) <= 0,
        columns=PRICES,
        rule="every price must be above zero",
        repair="drops such rows",
    ),
    Fault(
        kind="dropped_high_below_low",
        bad=pl.col("high") < pl.col("low"),
        columns=("high", "low"),
        rule="high must not be below low",
        repair="drops such rows",
    ),
    Fault(
        kind="dropped_bad_volume",
        bad=~(pl.col("volume").is_finite() & (pl.col("volume") >= 0)).fill_null(value=False),
        columns=("volume",),
        rule="volume must be a finite number, zero or more",
        repair="drops such rows",
    ),
)
CLAMPED: Final = Fault(
    kind="clamped_into_range",
    bad=~_INSIDE,
    columns=PRICES,
    rule="open and close must lie between low and high",
    repair="moves them to the nearer of the two",
)


def as_numbers(path: Path, frame: pl.DataFrame, *, repair: bool) -> pl.DataFrame:
    """Return prices and volume as float64; text is refused at its first row, or becomes null."""
    for name in NUMBERS:
        column = frame[name]
        if column.dtype == pl.Float64:
            continue
        if not (column.dtype.is_numeric() or column.dtype in {pl.String, pl.Null}):
            raise BarError(f"{path}: column {name} must be numbers, was {column.dtype}.")
        cast = column.cast(pl.Float64, strict=False)
        lost = cast.is_null() & column.is_not_null()
        if lost.any() and not repair:
            at = lost.arg_max()
            assert at is not None
            raise BarError(
                f"{path} row {at + 1}: {name} must be a number, was {column[at]!r}. "
                f"{REPAIR} drops such rows."
            )
        frame = frame.with_columns(cast)
    return frame


def _refuse(path: Path, frame: pl.DataFrame, fault: Fault) -> None:
    """Raise with the first row that has the fault, if any has."""
    bad = frame.select(fault.bad.alias("bad"))["bad"]
    count = int(bad.sum())
    if count == 0:
        return
    at = bad.arg_max()
    assert at is not None
    row = frame.row(at, named=True)
    values = ", ".join(f"{name} {row[name]}" for name in fault.columns)
    raise BarError(
        f"{path} row {at + 1} ({row['ts']}): {fault.rule}, was {values}; {count:,} of "
        f"{frame.height:,} rows.{_hint(frame, fault)} {REPAIR} {fault.repair}."
    )


def _hint(frame: pl.DataFrame, fault: Fault) -> str:
    """Name the two kinds of file that look like bars and are not."""
    if fault.kind == "dropped_not_positive":
        if not frame.select(pl.col("high", "low", "close", "volume").any().any()).row(0)[0]:
            return (
                " Only column open holds values, as in files of funding rates: these are no bars."
            )
    if fault.kind == "dropped_bad_volume" and frame["volume"].is_null().all():
        return " No row has a volume, as in files of mark prices, at which nobody trades."
    return ""


def check_order(path: Path, frame: pl.DataFrame) -> None:
    """Refuse times that do not rise strictly.

    Raises:
        BarError: Names the first row that is not later than the one before.
    """
    times = frame["ts"].to_physical().to_numpy()
    if all(
        (np.diff(times[begin : begin + _BLOCK_ROWS + 1]) > 0).all()
        for begin in range(0, len(times), _BLOCK_ROWS)
    ):
        return
    step = frame["ts"].to_physical().diff()
    equal, back = int((step == 0).sum()), int((step < 0).sum())
    if back == frame.height - 1:
        raise BarError(f"{path}: times must rise, was newest first. {REPAIR} sorts the rows.")
    at = (step <= 0).arg_max()
    assert at is not None
    what = "is there twice" if step[at] == 0 else f"comes after {frame['ts'][at - 1]}"
    raise BarError(
        f"{path} row {at + 1}: times must rise, and {frame['ts'][at]} {what}; in all {equal:,} "
        f"repeated and {back:,} out of order. {REPAIR} sorts the rows and drops repeated ones."
    )


def check(path: Path, frame: pl.DataFrame) -> None:
    """Refuse bars with any fault.

    Args:
        path: Named in messages.
        frame: ``ts`` in UTC and five float64 columns.

    Raises:
        BarError: The first fault in the order of this module, at its first row, with a count.
    """
    sound = frame.lazy().select(
        pl.col("ts").is_not_null().all(),
        numbers=(_READABLE & (pl.col("low") > 0) & _INSIDE).all(),
        volume=(pl.col("volume").is_finite() & (pl.col("volume") >= 0))
        .fill_null(value=False)
        .all(),
    )
    if not all(sound.collect(engine="streaming").row(0)):
        for fault in (*DROPPED, CLAMPED):
            _refuse(path, frame, fault)
    check_order(path, frame)


def _sorted(frame: pl.DataFrame, repairs: dict[str, int]) -> pl.DataFrame:
    """Sort by time; of rows with the same time keep the last one in the file."""
    times = frame["ts"].to_physical()
    late = int((times < times.cum_max()).sum())
    if late:
        repairs["sorted_rows"] = late
        frame = frame.sort("ts", maintain_order=True)
    unique = frame.unique(maintain_order=True)
    if unique.height < frame.height:
        repairs["dropped_identical_repeats"] = frame.height - unique.height
    last = unique.unique(subset="ts", keep="last", maintain_order=True)
    if last.height < unique.height:
        repairs["dropped_conflicting_repeats"] = unique.height - last.height
    return last


def mend(path: Path, frame: pl.DataFrame) -> tuple[pl.DataFrame, Mapping[str, int]]:
    """Return bars without faults, and how many rows each repair touched.

    Rows with a bad number are dropped; a column without any volume becomes zero, which means
    unknown; rows are sorted; of rows with the same time identical ones count once and of
    conflicting ones the last in the file stays; open and close are moved into the bar's range.

    Raises:
        BarError: Nothing is left.
    """
    repairs: dict[str, int] = {}
    if frame["volume"].is_null().all():
        repairs["volume_unknown"] = frame.height
        frame = frame.with_columns(pl.lit(0.0).alias("volume"))
    for fault in DROPPED:
        kept = frame.filter(~fault.bad)
        if kept.height < frame.height:
            repairs[fault.kind] = frame.height - kept.height
            frame = kept
    if frame.is_empty():
        said = ", ".join(f"{kind} {count:,}" for kind, count in repairs.items())
        raise BarError(f"{path} must hold bars; after repair nothing was left ({said}).")
    frame = _sorted(frame, repairs)
    outside = int(frame.select(CLAMPED.bad.sum()).item())
    if outside:
        repairs[CLAMPED.kind] = outside
        frame = frame.with_columns(
            pl.col(name).clip(pl.col("low"), pl.col("high")) for name in ("open", "close")
        )
    return frame, repairs
