"""Bars as text: CSV, plain or gzipped."""

import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

import polars as pl

from interlock.data.columns import NUMBERS, Format, Table, choose_columns, said
from interlock.data.errors import BarError
from interlock.data.memory import SAMPLE_BYTES, check_fits, text_rows

_SEPARATORS: Final = (",", ";", "\t")
_WHOLE: Final = re.compile(r"^\s*[+-]?\d+\s*$")
_BLOCK_BYTES: Final = 1 << 20


def _opened(path: Path, *, zipped: bool) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path)) if zipped else path.open("rb")


def _count_separators(path: Path, separator: str, *, zipped: bool) -> tuple[int, int, bool]:
    """Return the separators, the line ends, and whether anything is quoted."""
    separators, lines, quoted, last = 0, 0, False, b""
    with _opened(path, zipped=zipped) as file:
        while block := file.read(_BLOCK_BYTES):
            separators += block.count(separator.encode())
            lines += block.count(b"\n")
            quoted = quoted or b'"' in block
            last = block[-1:]
    return separators, lines + (last != b"\n"), quoted


def _rows(path: Path, separator: str, *, zipped: bool) -> Iterator[list[str]]:
    with _opened(path, zipped=zipped) as file:
        text = (line.decode("utf-8-sig", errors="replace") for line in file)
        yield from csv.reader(text, delimiter=separator)


def check_fields(path: Path, separator: str, fields: int, *, zipped: bool) -> int:
    """Return how many lines are blank; refuse rows with more or fewer fields than the header.

    Polars fills a short row with nulls and, when it reads only some columns, drops the end of a
    long one: a decimal comma would silently move every number of its row one column on. Counting
    separators is enough to know that all is well; only if they do not add up are rows read.

    Raises:
        BarError: Names the first such row.
    """
    separators, lines, quoted = _count_separators(path, separator, zipped=zipped)
    if not quoted and separators == lines * (fields - 1):
        return 0
    blank = 0
    for number, row in enumerate(_rows(path, separator, zipped=zipped)):
        blank += not row
        if row and len(row) != fields:
            raise BarError(
                f"{path} row {number} must have {fields} fields like the header, had {len(row)}: "
                f"{separator.join(row)[:100]!r}. Next: correct or remove it; a decimal comma needs "
                "another separator."
            )
    return blank


def _header(path: Path, head: bytes) -> tuple[list[str], list[str], str]:
    """Return the names, the first row, and the separator of a text file."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else the sample only cut a letter in two
            raise BarError(
                f"{path} must be UTF-8 text; byte {error.start} was {head[error.start]:#x}."
            ) from error
        text = head[: error.start].decode("utf-8-sig")
    lines = text.splitlines()
    first = lines[0] if lines else ""
    separator = max(_SEPARATORS, key=first.count)
    rows = csv.reader(lines, delimiter=separator)
    names = next(rows, [])
    return names, next((row for row in rows if row), []), separator


def _read(path: Path, types: dict[str, type[pl.DataType]], separator: str) -> pl.DataFrame:
    """Read the named columns; ``types`` has every column of the file, in order."""
    wanted = [name for name in types if name in {"ts", *NUMBERS}]
    return pl.read_csv(
        path,
        separator=separator,
        columns=wanted,
        new_columns=list(types),
        schema_overrides={name: types[name] for name in wanted},
        infer_schema_length=0,
    )


def read_text(path: Path, how: Format, available_bytes: int | None) -> Table:
    """Read a text file of bars.

    Args:
        path: UTF-8 with a header line; separated by commas, semicolons or tabs.
        how: Plain or gzipped.
        available_bytes: Of memory.

    Raises:
        BarError: See ``table.read_table``.
    """
    zipped = how is Format.TEXT_ZIPPED
    with _opened(path, zipped=zipped) as file:
        names, first, separator = _header(path, file.read(SAMPLE_BYTES))
    columns = choose_columns(path, names)
    if not first:
        raise BarError(f"{path} must hold bars, was a header and no rows.")
    check_fits(
        path, bars=text_rows(path, zipped=zipped), text=True, available_bytes=available_bytes
    )
    blank = check_fields(path, separator, len(names), zipped=zipped)
    named = {index: name for name, index in columns.items()}
    types: dict[str, type[pl.DataType]] = {}
    for index in range(len(names)):
        name = named.get(index, str(index))
        types[name] = pl.Float64 if name in NUMBERS else pl.String
    if _WHOLE.match(first[columns["ts"]]):
        types["ts"] = pl.Int64
    notes = said(names, columns, how)
    if separator != ",":
        notes.append(f"Fields are separated by {separator!r}.")
    try:
        frame = _read(path, types, separator)
    except pl.exceptions.ComputeError:
        # Something is not a number. Read it as text, so that the check can say which row.
        frame = _read(path, dict.fromkeys(types, pl.String), separator)
        frame = pl.DataFrame([_if_numbers(frame[name]) for name in frame.columns])
    if blank:
        notes.append(f"Blank lines that were passed over: {blank:,}.")
        full = frame.filter(~pl.all_horizontal(pl.all().is_null()))
        frame = full if frame.height - full.height == blank else frame
    return Table(frame=frame.select("ts", *NUMBERS), notes=tuple(notes))


def _if_numbers(column: pl.Series) -> pl.Series:
    """Return text as numbers if it all is, else as it was."""
    kind = pl.Int64 if column.name == "ts" else pl.Float64
    cast_ = column.str.strip_chars().cast(kind, strict=False)
    return cast_ if cast_.null_count() == column.null_count() else column
