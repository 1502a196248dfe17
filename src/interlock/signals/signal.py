"""What a strategy is given and what it says: one bar and one signal, or a frame and all of them.

Everything that a strategy's file needs is imported from here.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from interlock.kernel.codes import BUY, SELL

__all__ = ["BUY", "SELL", "Bar", "Mask", "Signal", "SignalError", "Signals", "Value"]

Mask: TypeAlias = pl.Expr | pl.Series
Value: TypeAlias = pl.Expr | pl.Series | float
Floats: TypeAlias = NDArray[np.float64]

NONE: Final = math.nan  # a number that the strategy does not state


class SignalError(ValueError):
    """A signal does not make sense.

    Attributes:
        bar: The number of its bar in the frame, or None where it concerns no single one.
    """

    def __init__(self, message: str, *, bar: int | None = None) -> None:
        super().__init__(message)
        self.bar = bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One closed bar.

    Attributes:
        ts_ns: Its time as its source stamps it, UTC; mostly when it opened.
        open: First price, in the quote currency; so are the other prices.
        high: Highest price.
        low: Lowest price.
        close: Last price.
        volume: What was traded, in units of the base; 0 where the source has none.
    """

    ts_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a strategy proposes at the close of one bar.

    Attributes:
        side: BUY or SELL.
        exit_only: True when it may close a position (SELL a long one, BUY back a short one) and
            never open one.
        edge_bps: Expected gain before costs, in basis points of the price; NaN when not stated.
        stop: Proposed price of the protective stop; NaN for the policy's own.
        target: Proposed price to take profit at; NaN for the policy's own.
        score: Any finite number to tell strong signals from weak ones; NaN for none.
    """

    side: int
    exit_only: bool = False
    edge_bps: float = NONE
    stop: float = NONE
    target: float = NONE
    score: float = NONE

    def __post_init__(self) -> None:
        if self.side not in {BUY, SELL}:
            raise SignalError(f"side must be BUY (1) or SELL (-1), was {self.side!r}")
        for name in ("edge_bps", "stop", "target", "score"):
            value = getattr(self, name)
            if not isinstance(value, int | float):
                raise SignalError(f"{name} must be a number, was {value!r}")
            if math.isinf(value) or (name in {"stop", "target"} and value <= 0):
                raise SignalError(_not_a_price_or_finite(name, value))

    def __str__(self) -> str:
        """Return it in a few words, without what it does not state."""
        words = ["BUY" if self.side == BUY else "SELL"]
        if self.exit_only:
            words.append("exit only")
        words += [
            f"{name} {getattr(self, name):.10g}"
            for name in ("edge_bps", "stop", "target", "score")
            if not math.isnan(getattr(self, name))
        ]
        return ", ".join(words)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signals:
    """What a strategy proposes on a frame of bars: only the bars that signal, one signal each.

    Made by ``Signals.where`` from conditions, or by ``Signals.at`` from bar numbers.

    Attributes:
        index: Shape (n,), int64, increasing: the bar's number in the frame, from 0.
        side: Shape (n,), int8: BUY or SELL.
        exit_only: Shape (n,), bool: may close a position and never open one.
        edge_bps: Shape (n,), float64; NaN where it is not stated. So are the other three.
        stop: Price.
        target: Price.
        score: Any finite number.
    """

    index: NDArray[np.int64]
    side: NDArray[np.int8]
    exit_only: NDArray[np.bool_]
    edge_bps: Floats
    stop: Floats
    target: Floats
    score: Floats

    def __post_init__(self) -> None:
        for name, kind in _KINDS.items():
            array = getattr(self, name)
            if not isinstance(array, np.ndarray) or array.dtype != kind:
                raise SignalError(
                    f"{name} must be an array of {kind.__name__}, was "
                    f"{getattr(array, 'dtype', type(array).__name__)}. Next: use Signals.at"
                )
            if array.shape != self.index.shape or array.ndim != 1:
                raise SignalError(
                    f"{name} must have the shape of index {self.index.shape} and one dimension, "
                    f"was {array.shape}"
                )
        self._check_order()
        self._check_values()

    def _check_order(self) -> None:
        """Refuse bar numbers that are not increasing from 0."""
        if self.index.size and self.index[0] < 0:
            raise SignalError(f"index must not be negative, was {self.index[0]}")
        wrong = np.flatnonzero(np.diff(self.index) <= 0)
        if wrong.size:
            before, after = self.index[wrong[0]], self.index[wrong[0] + 1]
            raise SignalError(
                f"index must be increasing, one signal a bar, was {before} and then {after}",
                bar=int(after),
            )

    def _check_values(self) -> None:
        """Refuse what is neither a side nor a number, by the first bar that has it."""
        _check_sides(self.index, self.side)
        for name in ("edge_bps", "stop", "target", "score"):
            values = getattr(self, name)
            bad = np.isinf(values) | (values <= 0 if name in {"stop", "target"} else False)
            if bad.any():
                first = int(np.argmax(bad))
                what = _not_a_price_or_finite(name, values[first])
                raise SignalError(what, bar=int(self.index[first]))

    @classmethod
    def at(
        cls,
        index: ArrayLike,
        side: ArrayLike,
        *,
        exit_only: ArrayLike = False,
        edge_bps: ArrayLike = NONE,
        stop: ArrayLike = NONE,
        target: ArrayLike = NONE,
        score: ArrayLike = NONE,
    ) -> "Signals":
        """Return signals at bar numbers; the rest is one value for all, or one for each.

        >>> Signals.at([3, 7], side=BUY, stop=[9.5, 9.75]).side
        array([1, 1], dtype=int8)
        """
        numbers = np.asarray(index)
        if numbers.size == 0:
            numbers = numbers.astype(np.int64)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
            raise SignalError(
                f"index must be a list of whole numbers, was {numbers.dtype} "
                f"of shape {numbers.shape}"
            )
        sides = _spread("side", side, numbers.size)
        _check_sides(numbers, sides)  # before 257 becomes 1 in eight bits
        return cls(
            index=numbers.astype(np.int64),
            side=sides.astype(np.int8),
            exit_only=_spread("exit_only", exit_only, numbers.size).astype(np.bool_),
            edge_bps=_spread("edge_bps", edge_bps, numbers.size).astype(np.float64),
            stop=_spread("stop", stop, numbers.size).astype(np.float64),
            target=_spread("target", target, numbers.size).astype(np.float64),
            score=_spread("score", score, numbers.size).astype(np.float64),
        )

    @classmethod
    def where(
        cls,
        bars: pl.DataFrame,
        *,
        buy: Mask | None = None,
        sell: Mask | None = None,
        exit_long: Mask | None = None,
        exit_short: Mask | None = None,
        edge_bps: Value = NONE,
        stop: Value = NONE,
        target: Value = NONE,
        score: Value = NONE,
    ) -> "Signals":
        """Return signals on the bars where conditions hold; an empty value (null) is a no.

        Args:
            bars: The frame that ``signals`` was given.
            buy: May open a long position, and close a short one.
            sell: May open a short position, and close a long one.
            exit_long: May close a long position. It beats ``buy`` on the same bar, and
                ``sell`` beats it.
            exit_short: May close a short position. It beats ``sell``, and ``buy`` beats it.
            edge_bps: Stated on every entry; null or NaN where it is not. So are the other three.
            stop: Price.
            target: Price.
            score: Any finite number.

        Raises:
            SignalError: ``buy`` and ``sell``, or both exits, hold on one bar.
        """
        buys, sells = _mask(bars, "buy", buy), _mask(bars, "sell", sell)
        longs, shorts = _mask(bars, "exit_long", exit_long), _mask(bars, "exit_short", exit_short)
        for names, both in (("buy and sell", buys & sells), ("both exits", longs & shorts)):
            if both.any():
                raise SignalError(
                    f"{names} held on one bar, which carries one signal",
                    bar=int(np.argmax(both)),
                )
        entries = (buys & ~longs) | (sells & ~shorts)
        index = np.flatnonzero(entries | longs | shorts)
        entry = entries[index]
        upward = np.where(entry, (buys & ~longs)[index], shorts[index])
        numbers = {
            name: np.where(entry, _values(bars, name, value)[index], NONE)
            for name, value in (
                ("edge_bps", edge_bps),
                ("stop", stop),
                ("target", target),
                ("score", score),
            )
        }
        return cls.at(index, np.where(upward, BUY, SELL), exit_only=~entry, **numbers)

    def signal(self, position: int) -> Signal:
        """Return the signal at ``position`` in these arrays."""
        return Signal(
            side=int(self.side[position]),
            exit_only=bool(self.exit_only[position]),
            edge_bps=float(self.edge_bps[position]),
            stop=float(self.stop[position]),
            target=float(self.target[position]),
            score=float(self.score[position]),
        )


_KINDS: Final = {
    "index": np.int64,
    "side": np.int8,
    "exit_only": np.bool_,
    "edge_bps": np.float64,
    "stop": np.float64,
    "target": np.float64,
    "score": np.float64,
}


def gathered(found: list[tuple[int, Signal]]) -> Signals:
    """Return signals that were found bar by bar, each with the number of its bar, as arrays."""
    return Signals.at(
        np.array([index for index, _ in found], dtype=np.int64),
        [one.side for _, one in found],
        exit_only=[one.exit_only for _, one in found],
        edge_bps=[one.edge_bps for _, one in found],
        stop=[one.stop for _, one in found],
        target=[one.target for _, one in found],
        score=[one.score for _, one in found],
    )


def _not_a_price_or_finite(name: str, value: float) -> str:
    """Return what is wrong with a number that is not NaN."""
    must = "a price above 0" if name in {"stop", "target"} else "a finite number"
    return f"{name} must be {must}, or NaN when it is not stated, was {value}"


def _check_sides(index: NDArray[np.generic], sides: NDArray[np.generic]) -> None:
    """Refuse what is neither BUY nor SELL, by the first bar that has it."""
    wrong = np.flatnonzero((sides != BUY) & (sides != SELL))
    if wrong.size:
        raise SignalError(
            f"side must be BUY (1) or SELL (-1), was {sides[wrong[0]]}", bar=int(index[wrong[0]])
        )


def _spread(name: str, value: ArrayLike, count: int) -> NDArray[np.generic]:
    """Return one value for each of ``count`` signals."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise SignalError(f"{name} must be numbers, was {array.dtype}")
    if array.ndim and array.shape != (count,):
        raise SignalError(f"{name} must be one value or one for each of {count}, was {array.shape}")
    return np.broadcast_to(array, (count,))


def _column(bars: pl.DataFrame, name: str, value: Mask) -> pl.Series:
    """Return an expression's or a series' value on every bar."""
    series = bars.select(value).to_series() if isinstance(value, pl.Expr) else value
    if len(series) != bars.height:
        raise SignalError(
            f"{name} must have a value for each of {bars.height} bars, was {len(series)}"
        )
    return series


def _mask(bars: pl.DataFrame, name: str, value: Mask | None) -> NDArray[np.bool_]:
    """Return where a condition holds."""
    if value is None:
        return np.zeros(bars.height, dtype=np.bool_)
    series = _column(bars, name, value)
    if series.dtype not in {pl.Boolean, pl.Null}:
        raise SignalError(f"{name} must be a condition (true or false), was {series.dtype}")
    return series.cast(pl.Boolean).fill_null(value=False).to_numpy()


def _values(bars: pl.DataFrame, name: str, value: Value) -> Floats:
    """Return a number for every bar, NaN for null."""
    if isinstance(value, int | float):
        return np.full(bars.height, float(value))
    series = _column(bars, name, value)
    if not series.dtype.is_numeric():
        raise SignalError(f"{name} must be numbers, was {series.dtype}")
    return series.cast(pl.Float64).fill_null(NONE).to_numpy()
