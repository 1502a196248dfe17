"""A file of bars as it comes: recognised by its first bytes, refused if it is anything else."""

import csv
import zlib
from pathlib import Path

import polars as pl

from interlock.data.columns import Format, Table, choose_columns, said
from interlock.data.errors import BarError
from interlock.data.memory import check_fits
from interlock.data.text import read_text

_MAGIC_BYTES = 4_096


def recognise_format(path: Path) -> Format:
    """Return how a file is written.

    Raises:
        BarError: No such file, a folder, an empty file, or none of the formats.
    """
    if path.is_dir():
        raise BarError(f"{path} must be a file, was a folder. Next: name the files in it.")
    try:
        with path.open("rb") as file:
            magic = file.read(_MAGIC_BYTES)
    except OSError as error:
        raise BarError(f"{path} could not be read: {error.strerror or error}.") from error
    if not magic:
        raise BarError(f"{path} must hold bars, was empty (0 bytes).")
    if magic.startswith(b"PAR1"):
        return Format.PARQUET
    if magic.startswith(b"ARROW1"):
        return Format.FEATHER
    if magic.startswith(b"FEA1"):
        raise BarError(f"{path} was Feather version 1. Next: write it again as version 2.")
    if magic.startswith(b"\x1f\x8b"):
        return Format.TEXT_ZIPPED
    suffix = path.suffix.lower()
    if suffix in {".parquet", ".pq", ".feather", ".arrow", ".ipc", ".gz"} or b"\0" in magic:
        raise BarError(
            f"{path} must be Parquet, Feather or CSV, was none of them "
            f"(it begins with {magic[:8]!r}). Next: download or write it again."
        )
    return Format.TEXT


def _read_columnar(path: Path, how: Format, available_bytes: int | None) -> Table:
    parquet = how is Format.PARQUET
    names = list(pl.read_parquet_schema(path) if parquet else pl.read_ipc_schema(path))
    columns = choose_columns(path, names)
    lazy = pl.scan_parquet(path) if parquet else pl.scan_ipc(path)
    bars = int(lazy.select(pl.len()).collect().item())
    check_fits(path, bars=bars, text=False, available_bytes=available_bytes)
    # One column after the other, so that only one is ever there twice: as it was in the file, in
    # many pieces, and in one piece.
    read = pl.read_parquet if parquet else pl.read_ipc
    parts = [
        read(path, columns=[names[index]]).to_series().rechunk().alias(name)
        for name, index in columns.items()
    ]
    return Table(frame=pl.DataFrame(parts), notes=tuple(said(names, columns, how)))


def read_table(path: Path, available_bytes: int | None) -> Table:
    """Read the six columns of a file of bars.

    Args:
        path: Parquet, Feather version 2, CSV, or gzipped CSV, whatever its name says.
        available_bytes: Of memory; a file that needs more is refused before it is read.

    Raises:
        BarError: It cannot be read, does not fit, or has not the columns of a bar.
    """
    how = recognise_format(path)
    try:
        if how in {Format.PARQUET, Format.FEATHER}:
            table = _read_columnar(path, how, available_bytes)
        else:
            table = read_text(path, how, available_bytes)
    except BarError:
        raise
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, EOFError) as error:
        raise _damaged(path, how, error) from error
    except (ValueError, TypeError, zlib.error, csv.Error) as error:
        raise _damaged(path, how, error) from error
    if table.frame.is_empty():
        raise BarError(f"{path} must hold bars, was empty (no rows).")
    return table


def _damaged(path: Path, how: Format, error: BaseException) -> BarError:
    said = " ".join(str(error).split())[:200]
    return BarError(
        f"{path} could not be read as {how.value}: {said}. "
        "Next: download or write it again; nothing was changed."
    )
