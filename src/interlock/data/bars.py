"""Bars from disk: read, judged, turned into whole numbers, and given the moment they closed."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.data import faults, ticks
from interlock.data.columns import NUMBERS, PRICES
from interlock.data.errors import BarError
from interlock.data.file_names import PERPETUAL, symbol_of
from interlock.data.inference import infer_instrument
from interlock.data.instruments import Instrument
from interlock.data.memory import memory_available_bytes
from interlock.data.merge import BAR, Bars
from interlock.data.names import plain
from interlock.data.periods import SHARE_MIXED, find_period, set_closes, span_text, timing_notes
from interlock.data.table import read_table
from interlock.data.times import recognise_times

Ints: TypeAlias = NDArray[np.int64]

INSTRUMENTS_MAX: Final = 512  # the kernel's larger tier
SAMPLE_PREFIX: Final = "sample:"
SAMPLES: Final = {"GOOG": "GOOG.csv", "EURUSD": "EURUSD.csv"}
_HASHED: Final = tuple(name for name in BAR.names or () if name != "instrument")
_HASH_VERSION: Final = b"interlock bars 1\0"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BarSet:
    """The bars of one instrument, twice: as the kernel needs them and as strategies do.

    Attributes:
        symbol: Of the instrument.
        path: The file.
        instrument: What the units below are.
        period_ns: The most frequent step between bars.
        bars: Shape (n,), dtype ``merge.BAR``. The properties below are its fields, not copies.
        frame: The same bars in the file's own numbers, cleaned: ``ts`` (as stamped,
            Datetime(ns, UTC)), ``open``, ``high``, ``low``, ``close``, ``volume`` as float64.
        volume_known: False if every volume is zero.
        notes: What was recognised and assumed, in sentences for the report.
        repairs: How many rows or prices each repair touched; empty without --repair.
    """

    symbol: str
    path: Path
    instrument: Instrument
    period_ns: int
    bars: Bars
    frame: pl.DataFrame
    volume_known: bool
    notes: tuple[str, ...]
    repairs: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.bars)

    @property
    def open_ns(self) -> Ints:
        """Shape (n,), UTC, strictly rising: when each bar began."""
        return self.bars["open_ns"]

    @property
    def close_ns(self) -> Ints:
        """Shape (n,), UTC, strictly rising: when each bar was known."""
        return self.bars["close_ns"]

    @property
    def open(self) -> Ints:
        """Shape (n,), price units."""
        return self.bars["open"]

    @property
    def high(self) -> Ints:
        """Shape (n,), price units."""
        return self.bars["high"]

    @property
    def low(self) -> Ints:
        """Shape (n,), price units."""
        return self.bars["low"]

    @property
    def close(self) -> Ints:
        """Shape (n,), price units."""
        return self.bars["close"]

    @property
    def volume(self) -> Ints:
        """Shape (n,), quantity units."""
        return self.bars["volume"]

    def sha256(self) -> bytes:
        """Return the hash of what a run uses: symbol, digits, times, prices and volume.

        It does not depend on the file's format, its name, or the instrument's index in a run.
        Not cached and not free (some 0.1 s a million bars): call it once, outside the timed path.
        """
        found = hashlib.sha256(_HASH_VERSION)
        one = self.instrument
        found.update(f"{self.symbol}\0{one.price_digits}\0{one.qty_digits}\0{len(self)}\0".encode())
        for name in _HASHED:
            for begin in range(0, len(self), ticks.BLOCK_ROWS):
                block = self.bars[name][begin : begin + ticks.BLOCK_ROWS]
                found.update(block.astype("<i8").tobytes())
        return found.digest()


def _known(symbol: str, instruments: Mapping[str, Instrument]) -> Instrument | None:
    """Return the instrument of a symbol, however its pair is separated."""
    if symbol in instruments:
        return instruments[symbol]
    if symbol.endswith(PERPETUAL):
        return None
    same = [one for name, one in instruments.items() if plain(name) == plain(symbol)]
    return same[0] if len(same) == 1 else None


def _cleaned(
    path: Path, frame: pl.DataFrame, *, repair: bool
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return a sound frame of one block per column, and what was repaired."""
    frame = faults.as_numbers(path, frame, repair=repair)
    repairs: dict[str, int] = {}
    if repair:
        frame, mended = faults.mend(path, frame)
        repairs.update(mended)
    faults.check(path, frame)
    return frame.rechunk(), repairs


def _fill(
    path: Path, frame: pl.DataFrame, instrument: Instrument, *, repair: bool
) -> tuple[Bars, int, list[str]]:
    """Return the bars with everything but their closes, prices rounded, and notes on volume."""
    bars = np.empty(frame.height, dtype=BAR)
    bars["instrument"] = 0
    bars["open_ns"] = frame["ts"].to_physical().to_numpy()
    rounded = ticks.fill_prices(path, frame, bars, instrument.price_digits, repair=repair)
    capped, cut = ticks.fill_volume(frame, bars["volume"], instrument.qty_digits)
    notes = []
    if capped:
        notes.append(f"Volume of {capped:,} bars is more than 2^40 lots and was capped there.")
    if cut:
        notes.append(f"Volume of {cut:,} bars was cut down to whole lots.")
    return bars, rounded, notes


def _rounded_frame(frame: pl.DataFrame, bars: Bars, digits: int) -> pl.DataFrame:
    """Return the frame with the prices that the bars have."""
    return frame.with_columns(pl.Series(name, bars[name] / 10.0**digits) for name in PRICES)


def _instrument_of(
    path: Path,
    frame: pl.DataFrame,
    symbol: str,
    instruments: Mapping[str, Instrument],
    *,
    repair: bool,
) -> tuple[Instrument, list[str]]:
    known = _known(symbol, instruments)
    if known is not None:
        notes = [f"{symbol} is {known.symbol} of the instruments file."]
        return known, notes if symbol != known.symbol else []
    digits = ticks.price_digits(path, frame, repair=repair)
    first = float(frame["close"][0])
    return infer_instrument(symbol, price_digits=digits, price_first=first), []


def load_bars(
    path: Path,
    *,
    instruments: Mapping[str, Instrument],
    symbol: str | None = None,
    repair: bool = False,
    time_zone: str | None = None,
    available_bytes: int | None = None,
) -> BarSet:
    """Read one file of bars of one instrument.

    Args:
        path: Parquet, Feather or CSV (gzipped too); docs/data.md says which columns and times.
        instruments: What is known; another symbol is inferred, and a note says so.
        symbol: Instead of the one in the file's name.
        repair: Mend what is wrong, and count it, instead of failing.
        time_zone: IANA name, of times that have none; None is UTC.
        available_bytes: Of memory; None asks the machine.

    Raises:
        BarError: The file is not sound bars, is too large, or has no symbol in its name.
        CalendarError: The instrument's calendar is unknown.
    """
    if symbol is None:
        symbol = symbol_of(path)
    if not symbol:
        raise BarError(f"{path}: the file's name must say the symbol. Next: --symbol NAME.")
    if available_bytes is None:
        available_bytes = memory_available_bytes()
    table = read_table(path, available_bytes)
    times = recognise_times(path, table.frame["ts"], time_zone=time_zone, repair=repair)
    notes = [*table.notes, *times.notes]
    frame = table.frame.with_columns(times.column).select("ts", *NUMBERS)
    del table
    frame, repairs = _cleaned(path, frame, repair=repair)
    repairs = {**times.repairs, **repairs}
    instrument, said = _instrument_of(path, frame, symbol, instruments, repair=repair)
    notes += [*said, *instrument.notes]
    bars, rounded, said = _fill(path, frame, instrument, repair=repair)
    notes += said
    if rounded:
        repairs["rounded_prices"] = rounded
        frame = _rounded_frame(frame, bars, instrument.price_digits)
    volume_known = bool(frame["volume"].max())
    if not volume_known:
        notes.append("Every volume is zero: volume is unknown, and nothing is capped by it.")
    if frame["high"].max() == frame["low"].min():
        notes.append("Every price is the same.")
    period_ns, share = find_period(path, bars["open_ns"])
    notes.append(f"{len(bars):,} bars of {span_text(period_ns)}.")
    if share < SHARE_MIXED:
        notes.append(f"Only {share:.0%} of the steps are that long: the file mixes periods.")
    notes += timing_notes(set_closes(path, bars, period_ns, instrument), instrument, len(bars))
    return BarSet(
        symbol=instrument.symbol,
        path=path,
        instrument=instrument,
        period_ns=period_ns,
        bars=bars,
        frame=frame,
        volume_known=volume_known,
        notes=tuple(notes),
        repairs=MappingProxyType(repairs),
    )


def sample_path(name: str) -> Path:
    """Return where the bars of ``sample:GOOG`` or ``sample:EURUSD`` are installed.

    They are files of the ``backtesting`` distribution, which is never imported.

    Raises:
        BarError: No such sample, or the distribution is not installed.
    """
    name = name.removeprefix(SAMPLE_PREFIX)
    if name not in SAMPLES:
        raise BarError(f"a sample must be one of {', '.join(SAMPLES)}, was {name}.")
    found = util.find_spec("backtesting")
    if found is not None and found.origin is not None:
        path = Path(found.origin).parent / "test" / SAMPLES[name]
        if path.is_file():
            return path
    raise BarError(
        f"{SAMPLE_PREFIX}{name} must come from the distribution backtesting, which was not "
        "installed. Next: pip install --require-hashes --no-deps -r requirements/samples.lock"
    )


def load_sample(
    name: str,
    *,
    instruments: Mapping[str, Instrument],
    symbol: str | None = None,
    repair: bool = False,
) -> BarSet:
    """Read sample bars: ``sample:GOOG`` (daily) or ``sample:EURUSD`` (hourly).

    Raises:
        BarError: No such sample, or it is not installed.
    """
    path = sample_path(name)
    return load_bars(path, instruments=instruments, symbol=symbol, repair=repair)


def check_together(sets: Sequence[BarSet]) -> None:
    """Refuse sets that cannot share one account.

    Raises:
        BarError: None, more than 512, two of one symbol, or two quote currencies.
    """
    if not 0 < len(sets) <= INSTRUMENTS_MAX:
        raise BarError(f"a run must have 1 to {INSTRUMENTS_MAX} instruments, was {len(sets)}.")
    symbol, count = Counter(each.symbol for each in sets).most_common(1)[0]
    if count > 1:
        paths = ", ".join(str(each.path) for each in sets if each.symbol == symbol)
        raise BarError(
            f"each file must be another instrument; {symbol} was in {count}: {paths}. "
            "Next: join them into one, or name another symbol."
        )
    first = sets[0]
    for each in sets:
        if each.instrument.quote != first.instrument.quote:
            raise BarError(
                "the instruments of one account must share a quote currency; "
                f"{first.symbol} was in {first.instrument.quote} and {each.symbol} in "
                f"{each.instrument.quote}. Next: run them apart, each with its own account."
            )
