"""The three strategies that come with Interlock. Their rules are in ``kernel.builtin_rules``."""

import math
from typing import Final, Self

import numpy as np
import polars as pl
from pydantic import BaseModel, Field, model_validator

from interlock.kernel.builtin_rules import (
    LEAVE,
    Found,
    breakout_mask,
    breakout_rule,
    cross_rule,
    donchian_breakout,
    ema_cross,
    reversion_rule,
    rsi_reversion,
)
from interlock.kernel.codes import BUY, SELL
from interlock.kernel.indicators import (
    RSI,
    ema_alpha,
    ema_step,
    extreme_step,
    rsi_step,
    window,
)
from interlock.signals.frames import numbers_of
from interlock.signals.signal import Bar, Signal, Signals

BARS_MAX: Final = 100_000  # of an average or a channel
LONG_ONLY: Final = "True: never propose to sell short."


def _signals(found: Found) -> Signals:
    """Return what a rule's pass found."""
    index, codes = found
    return Signals.at(index, np.sign(codes), exit_only=np.abs(codes) == LEAVE)


def _signal(code: int) -> Signal | None:
    """Return what a rule's step said."""
    if code == 0:
        return None
    return Signal(side=BUY if code > 0 else SELL, exit_only=abs(code) == LEAVE)


class EmaCross(BaseModel, frozen=True, extra="forbid"):
    """Buy where a fast average of closes first exceeds a slow one, sell where it falls below."""

    fast: int = Field(default=12, ge=1, le=BARS_MAX, description="Bars in the fast average.")
    slow: int = Field(
        default=26, ge=2, le=BARS_MAX, description="Bars in the slow average; none trade before."
    )
    long_only: bool = Field(default=True, description=LONG_ONLY)
    exit_on_cross: bool = Field(
        default=True, description="When long only: close the position on a cross down."
    )

    @model_validator(mode="after")
    def _fast_is_faster(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError(f"fast must be less than slow, was {self.fast} and {self.slow}")
        return self

    def sell_code(self) -> int:
        """Return what a cross down means."""
        if not self.long_only:
            return SELL
        return SELL * LEAVE if self.exit_on_cross else 0

    def signals(self, bars: pl.DataFrame) -> Signals:
        """Return all crosses."""
        return _signals(
            ema_cross(
                close=numbers_of(bars, "close"),
                fast_length=self.fast,
                slow_length=self.slow,
                sell_code=self.sell_code(),
            )
        )

    def start(self) -> "EmaCrossWatch":
        """Return two averages without a value."""
        return EmaCrossWatch(self)


class EmaCrossWatch:
    """Two averages, and how many bars they have seen."""

    def __init__(self, strategy: EmaCross) -> None:
        self._fast_alpha = ema_alpha(length=strategy.fast)
        self._slow_alpha = ema_alpha(length=strategy.slow)
        self._sell_code = strategy.sell_code()
        self._warm_up = strategy.slow
        self._fast = math.nan
        self._slow = math.nan
        self._seen = 0

    def on_bar(self, bar: Bar) -> Signal | None:
        """Return the cross on ``bar``, if there is one."""
        fast_before, slow_before = self._fast, self._slow
        self._fast = ema_step(average=fast_before, value=bar.close, alpha=self._fast_alpha)
        self._slow = ema_step(average=slow_before, value=bar.close, alpha=self._slow_alpha)
        self._seen = 0 if math.isnan(self._slow) else self._seen + 1
        code = cross_rule(
            fast=self._fast,
            slow=self._slow,
            fast_before=fast_before,
            slow_before=slow_before,
            sell_code=self._sell_code,
        )
        return _signal(code) if self._seen > self._warm_up else None


class DonchianBreakout(BaseModel, frozen=True, extra="forbid"):
    """Buy the first close above the highest high of the bars before; leave below the lowest low."""

    entry: int = Field(
        default=20, ge=1, le=BARS_MAX, description="Bars in the channel that opens a position."
    )
    exit: int = Field(
        default=10, ge=1, le=BARS_MAX, description="Bars in the channel that closes it."
    )
    long_only: bool = Field(default=True, description=LONG_ONLY)

    def signals(self, bars: pl.DataFrame) -> Signals:
        """Return all breakouts."""
        return _signals(
            donchian_breakout(
                high=numbers_of(bars, "high"),
                low=numbers_of(bars, "low"),
                close=numbers_of(bars, "close"),
                entry_length=self.entry,
                exit_length=self.exit,
                long_only=self.long_only,
            )
        )

    def start(self) -> "DonchianBreakoutWatch":
        """Return empty channels."""
        return DonchianBreakoutWatch(self)


class DonchianBreakoutWatch:
    """Two channels, or four when short positions are proposed too."""

    def __init__(self, strategy: DonchianBreakout) -> None:
        self._entry_highs = window(length=strategy.entry)
        self._entry_lows = window(length=strategy.entry)
        self._exit_highs = window(length=strategy.exit)
        self._exit_lows = window(length=strategy.exit)
        self._long_only = strategy.long_only
        self._mask = 0

    def on_bar(self, bar: Bar) -> Signal | None:
        """Return the breakout on ``bar``, if there is one."""
        before = self._mask
        entry_high = extreme_step(past=self._entry_highs, value=bar.high, sign=BUY)
        exit_low = extreme_step(past=self._exit_lows, value=bar.low, sign=SELL)
        entry_low = exit_high = math.nan
        if not self._long_only:
            entry_low = extreme_step(past=self._entry_lows, value=bar.low, sign=SELL)
            exit_high = extreme_step(past=self._exit_highs, value=bar.high, sign=BUY)
        self._mask = breakout_mask(
            close=bar.close,
            entry_high=entry_high,
            entry_low=entry_low,
            exit_high=exit_high,
            exit_low=exit_low,
        )
        return _signal(breakout_rule(mask=self._mask, before=before))


class RsiReversion(BaseModel, frozen=True, extra="forbid"):
    """Buy where the relative strength index first falls below a level; leave when it recovers."""

    period: int = Field(
        default=14, ge=2, le=BARS_MAX, description="Changes in the relative strength index."
    )
    oversold: float = Field(default=30.0, ge=0, le=100, description="Buy below it.")
    overbought: float = Field(
        default=70.0, ge=0, le=100, description="Sell short above it, unless long only."
    )
    exit: float = Field(default=50.0, ge=0, le=100, description="Close the position beyond it.")
    long_only: bool = Field(default=True, description=LONG_ONLY)

    @model_validator(mode="after")
    def _levels_are_in_order(self) -> Self:
        if not self.oversold < self.exit < self.overbought:
            raise ValueError(
                "oversold must be below exit and exit below overbought, "
                f"was {self.oversold}, {self.exit} and {self.overbought}"
            )
        return self

    def signals(self, bars: pl.DataFrame) -> Signals:
        """Return all reversions."""
        return _signals(
            rsi_reversion(
                close=numbers_of(bars, "close"),
                length=self.period,
                oversold=self.oversold,
                overbought=self.overbought,
                leave=self.exit,
                long_only=self.long_only,
            )
        )

    def start(self) -> "RsiReversionWatch":
        """Return an index without a value."""
        return RsiReversionWatch(self)


class RsiReversionWatch:
    """A relative strength index and its last value."""

    def __init__(self, strategy: RsiReversion) -> None:
        self._strategy = strategy
        self._state = np.zeros(1, dtype=RSI)
        self._strength = math.nan

    def on_bar(self, bar: Bar) -> Signal | None:
        """Return the reversion on ``bar``, if there is one."""
        given = self._strategy
        before = self._strength
        self._strength = rsi_step(state=self._state, value=bar.close, length=given.period)
        return _signal(
            reversion_rule(
                strength=self._strength,
                before=before,
                oversold=given.oversold,
                overbought=given.overbought,
                leave=given.exit,
                long_only=given.long_only,
            )
        )


BUILT_IN: Final[dict[str, type[BaseModel]]] = {
    "ema_cross": EmaCross,
    "donchian_breakout": DonchianBreakout,
    "rsi_reversion": RsiReversion,
}
