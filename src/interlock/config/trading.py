"""The policy's sections on how a trade is sized, ended and paid for."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from interlock.config.amounts import (
    OFF,
    Limit,
    bps,
    count,
    fee,
    fraction,
    money,
    plain,
    quantity,
    ratio,
)
from interlock.config.errors import disagree

# Unknown keys are typing errors, and a typing error in a limit is a limit that does not hold.
STRICT: Final = ConfigDict(frozen=True, extra="forbid", validate_default=True, strict=True)

RISK_PER_TRADE_MAX: Final = "0.05"

_Multiple = Annotated[Decimal, ratio(low="0.1", high="20", unit="a multiple of ATR")]
_RMultiple = Annotated[Decimal, ratio(low="0.1", high="100", unit="a multiple of the risk")]


class PositionSizing(BaseModel):
    """How large an entry is: the smallest of the method and every limit."""

    model_config = STRICT

    method: Literal["fractional_kelly", "fixed_fractional", "volatility_scaled", "fixed"] = Field(
        description="How an entry is sized before the limits."
    )
    risk_per_trade: Annotated[Decimal, fraction(high=RISK_PER_TRADE_MAX)] = Field(
        description="Largest loss of one trade at its stop, costs included, of equity. "
        "What fixed_fractional risks; caps every other method."
    )
    kelly_fraction: Annotated[Decimal, fraction(high="1")] = Field(
        description="Share of full Kelly that fractional_kelly risks."
    )
    kelly_min_trades: Annotated[int, count(low=2, unit="closed trades")] = Field(
        description="Until a strategy has closed this many trades, fractional_kelly risks "
        "risk_per_trade instead: an edge measured on fewer is a guess."
    )
    volatility_factor: _Multiple = Field(
        description="ATRs of adverse move that volatility_scaled pays for with risk_per_trade."
    )
    max_position_pct: Annotated[Decimal, fraction(high="1")] = Field(
        description="Largest position, of equity. A fraction despite its name: 0.20 is 20 %."
    )
    max_exposure_fraction: Annotated[Limit, fraction(high="1", off=True)] = Field(
        description="Largest sum of spot notional and posted margin, of equity."
    )
    fixed_notional: Annotated[Limit, money(above=True)] = Field(
        description="What method fixed buys for; none when fixed_quantity is used."
    )
    fixed_quantity: Annotated[Limit, quantity()] = Field(
        description="What method fixed buys of the asset; none when fixed_notional is used."
    )

    @model_validator(mode="after")
    def _agree(self) -> "PositionSizing":
        problems = []
        exposure = self.max_exposure_fraction
        if isinstance(exposure, Decimal) and self.max_position_pct > exposure:
            problems.append(
                f"max_position_pct ({plain(self.max_position_pct)}) must be at most "
                f"max_exposure_fraction ({plain(exposure)})"
            )
        given = [amount for amount in (self.fixed_notional, self.fixed_quantity) if amount != OFF]
        if self.method == "fixed" and len(given) != 1:
            problems.append(
                "method fixed needs one of fixed_notional and fixed_quantity, and none for the "
                f"other; {len(given)} were given"
            )
        disagree(*problems)
        return self


class StopLoss(BaseModel):
    """Where the stop rests at the venue. Every position has one."""

    model_config = STRICT

    method: Literal["atr_based", "percentage", "structure"] = Field(
        description="atr_based: atr_multiplier ATRs; percentage: a fixed fraction of the price; "
        "structure: the price that the signal names."
    )
    atr_multiplier: _Multiple = Field(description="Distance for atr_based, in ATRs.")
    distance_fraction: Annotated[Decimal, fraction(high="0.5")] = Field(
        description="Distance for percentage, of the entry price."
    )
    min_fraction: Annotated[Decimal, fraction(high="0.5")] = Field(
        description="Nearest distance of any method: nearer is inside the noise."
    )
    max_fraction: Annotated[Decimal, fraction(high="0.5")] = Field(
        description="Farthest distance of any method."
    )

    @model_validator(mode="after")
    def _agree(self) -> "StopLoss":
        problems = []
        if self.min_fraction > self.max_fraction:
            problems.append(
                f"min_fraction ({plain(self.min_fraction)}) must be at most "
                f"max_fraction ({plain(self.max_fraction)})"
            )
        if self.method == "percentage":
            if not self.min_fraction <= self.distance_fraction <= self.max_fraction:
                problems.append(
                    f"distance_fraction ({plain(self.distance_fraction)}) must be between "
                    f"min_fraction ({plain(self.min_fraction)}) and "
                    f"max_fraction ({plain(self.max_fraction)})"
                )
        disagree(*problems)
        return self


class TakeProfit(BaseModel):
    """Where profit is taken."""

    model_config = STRICT

    method: Literal["risk_multiple", "model", "none"] = Field(
        description="risk_multiple: so many times the distance to the stop; model: the price that "
        "the signal names; none: no target."
    )
    risk_multiple: _RMultiple = Field(description="Distance for risk_multiple, in stops (R).")


class TimeExit(BaseModel):
    """Out when nothing happened."""

    model_config = STRICT

    enabled: bool = Field(description="Whether a position has a longest life.")
    max_hold_periods: Annotated[int, count(low=1, high=1_000_000, unit="bars")] = Field(
        description="Bars after which a position is closed."
    )


class VolatilityExit(BaseModel):
    """Out when the market is no longer the one that was entered."""

    model_config = STRICT

    enabled: bool = Field(description="Whether a changed range closes a position.")
    high_ratio: Annotated[Decimal, ratio(low="1.01", high="1000")] = Field(
        description="Out when ATR reaches this multiple of its value at entry."
    )
    low_ratio: Annotated[Decimal, ratio(low="0", high="0.99")] = Field(
        description="Out when ATR falls to this multiple of its value at entry."
    )


class TrailingStop(BaseModel):
    """A stop that follows the best price. It only ever moves closer."""

    model_config = STRICT

    enabled: bool = Field(description="Whether the stop follows.")
    atr_multiplier: _Multiple = Field(description="Distance behind the best price, in ATRs.")


class BreakEven(BaseModel):
    """A stop that moves to the entry price once a trade has earned it."""

    model_config = STRICT

    enabled: bool = Field(description="Whether the stop moves to the entry price.")
    risk_multiple: _RMultiple = Field(
        description="Profit after which it moves, in distances to the stop (R)."
    )


class Exits(BaseModel):
    """How a position ends."""

    model_config = STRICT

    stop_loss: StopLoss
    take_profit: TakeProfit
    time_exit: TimeExit
    volatility_exit: VolatilityExit
    trailing_stop: TrailingStop
    break_even: BreakEven
    exit_on_opposite_signal: bool = Field(
        description="Whether a strategy's signal the other way closes its position."
    )


class Slippage(BaseModel):
    """What a marketable order loses against the price it saw."""

    model_config = STRICT

    model: Literal["market_impact", "fixed"] = Field(
        description="market_impact: base, volatility and impact; fixed: the base alone."
    )
    base_slippage_bps: Annotated[Decimal, bps(low="0.1", high="1000", zero=True)] = Field(
        description="Slippage in a usual market."
    )
    volatility_factor: Annotated[Decimal, ratio(low="0", high="100")] = Field(
        description="Multiples of the base that are added per unit of ATR above its baseline: at "
        "1.0, twice the usual ATR doubles the slippage."
    )
    impact_bps: Annotated[Decimal, bps(low="0.1", high="1000", zero=True)] = Field(
        description="Market impact: added times sqrt(notional / impact_above) - 1."
    )
    impact_above: Annotated[Decimal, money(above=True, off=False)] = Field(
        description="Notional of an order from which market impact counts."
    )


class ExecutionCosts(BaseModel):
    """What the kernel assumes a trade costs; the simulated venue charges the same."""

    model_config = STRICT

    maker_fee: Annotated[Decimal, fee()] = Field(
        description="Fee of a resting order. An instrument's own fee comes first."
    )
    taker_fee: Annotated[Decimal, fee()] = Field(
        description="Fee of a marketable order. An instrument's own fee comes first."
    )
    assumed_fee: Annotated[Decimal, fee()] = Field(
        description="Fee that sizing and the edge rule assume for each side."
    )
    min_edge_bps: Annotated[Decimal, bps(low="1", high="10000", zero=True, digits=0)] = Field(
        description="Edge after costs that an entry needs."
    )
    slippage: Slippage

    @model_validator(mode="after")
    def _agree(self) -> "ExecutionCosts":
        cheapest = min(self.maker_fee, self.taker_fee)
        if self.assumed_fee < cheapest:
            disagree(
                f"assumed_fee ({plain(self.assumed_fee)}) must be at least the smaller of "
                f"maker_fee ({plain(self.maker_fee)}) and taker_fee ({plain(self.taker_fee)})"
            )
        return self
