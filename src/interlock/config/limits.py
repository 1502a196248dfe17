"""The policy's limits: at the account, at each strategy and at each instrument.

``none`` switches a limit off. A limit that is not set for a strategy or an instrument, neither
under its own name nor in ``default``, denies it: the kernel's record holds 0 there.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from interlock.config.amounts import (
    CountLimit,
    Limit,
    bps,
    count,
    duration,
    fraction,
    money,
    plain,
    quantity,
    ratio,
)
from interlock.config.errors import bad_value, disagree, shown
from interlock.config.trading import STRICT

LEVERAGE_MAX: Final = 5
REPEATS_MAX: Final = 8  # the kernel remembers this many orders of an instrument

_Leverage = Annotated[
    Decimal,
    ratio(low="0.01", high=str(LEVERAGE_MAX), unit="gross notional over equity"),
]
_Count = Annotated[CountLimit | None, count(off=True)]
_Money = Annotated[Limit | None, money()]


class Rates(BaseModel):
    """How often orders may leave. Reducing orders are counted and never refused."""

    model_config = STRICT

    per_second: _Count = Field(default=None, description="Orders in any second.")
    per_minute: _Count = Field(default=None, description="Orders in any minute.")
    per_day: _Count = Field(default=None, description="Orders since the account's day began.")


class Repeats(BaseModel):
    """How often the same order (side, quantity, price) may be sent: a loop looks like this."""

    model_config = STRICT

    max_count: Annotated[CountLimit | None, count(high=REPEATS_MAX, off=True, unit="orders")] = (
        Field(default=None, description="Identical orders within window_seconds.")
    )
    window_seconds: Annotated[Decimal | None, duration("seconds", low="0.001", high="86400")] = (
        Field(default=None, description="How far back identical orders are looked for.")
    )


class AccountLimits(BaseModel):
    """Limits over everything the account does."""

    model_config = STRICT

    order_notional: Annotated[Limit, money()] = Field(description="Notional of one order.")
    gross_notional: Annotated[Limit, money()] = Field(
        description="Sum of the absolute notionals of positions and orders in flight."
    )
    net_notional: Annotated[Limit, money()] = Field(
        description="Long notional less short, absolute."
    )
    leverage: _Leverage = Field(description="Gross notional over equity.")
    open_orders: Annotated[CountLimit, count(off=True)] = Field(
        description="Orders that rest or are on their way."
    )
    open_positions: Annotated[CountLimit, count(off=True)] = Field(
        description="Positions held or on their way; adopted ones count in exposure, not here."
    )
    orders: Rates


class StrategyLimits(BaseModel):
    """Limits over one strategy."""

    model_config = STRICT

    order_notional: _Money = Field(default=None, description="Notional of one order.")
    gross_notional: _Money = Field(
        default=None, description="Sum of the absolute notionals of its positions and orders."
    )
    open_orders: _Count = Field(default=None, description="Its orders that rest or are underway.")
    open_positions: _Count = Field(default=None, description="Its positions, held or underway.")
    orders: Rates = Field(default=Rates())


class MarketLimits(BaseModel):
    """One instrument's own market limits; those not set are the ones of section market."""

    model_config = STRICT

    max_spread_bps: Annotated[Decimal | None, bps(low="0.1", high="10000")] = Field(
        default=None, description="Instead of market.max_spread_bps."
    )
    collar_fraction: Annotated[Decimal | None, fraction(high="0.5")] = Field(
        default=None, description="Instead of market.collar_fraction."
    )
    data_age_seconds: Annotated[Decimal | None, duration("seconds", low="0.1", high="31622400")] = (
        Field(default=None, description="Instead of the ages of section market.")
    )


class InstrumentLimits(BaseModel):
    """Limits over one instrument."""

    model_config = STRICT

    order_quantity: Annotated[Limit | None, quantity()] = Field(
        default=None, description="Quantity of one order."
    )
    order_notional: _Money = Field(default=None, description="Notional of one order.")
    order_notional_min: Annotated[Decimal | None, money(off=False)] = Field(
        default=None,
        description="Smallest notional of one order; the venue's own minimum holds besides.",
    )
    position_quantity: Annotated[Limit | None, quantity()] = Field(
        default=None, description="Quantity held, absolute, orders in flight included."
    )
    position_notional: _Money = Field(default=None, description="Notional held, likewise.")
    position_fraction: Annotated[Decimal | None, fraction(high="1")] = Field(
        default=None,
        description="Notional held, of equity; position_sizing.max_position_pct holds besides.",
    )
    leverage: Annotated[
        Decimal | None,
        ratio(low="0.01", high=str(LEVERAGE_MAX), unit="gross notional over equity"),
    ] = Field(default=None, description="Leverage of its margin positions.")
    open_orders: _Count = Field(default=None, description="Its orders that rest or are underway.")
    orders: Rates = Field(default=Rates())
    repeats: Repeats = Field(default=Repeats())
    market: MarketLimits = Field(default=MarketLimits())

    @model_validator(mode="after")
    def _agree(self) -> "InstrumentLimits":
        low, high = self.order_notional_min, self.order_notional
        if low is not None and isinstance(high, Decimal) and 0 < high < low:
            disagree(
                f"order_notional_min ({plain(low)}) must be at most order_notional ({plain(high)})"
            )
        return self


def _symbols(value: object) -> object:
    """Return a list of symbols as the tuple that the model keeps."""
    if value == "all":
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise bad_value(f"must be all or a list of symbols, was {shown(value)}")
    return tuple(sorted(set(value)))


class StrategyTable(BaseModel):
    """Limits of strategies."""

    model_config = STRICT

    default: StrategyLimits = Field(description="Of every strategy.")
    by_name: dict[str, StrategyLimits] = Field(
        description="Of one strategy; what is not set here is as in default."
    )


class InstrumentTable(BaseModel):
    """Limits of instruments."""

    model_config = STRICT

    allowed: Annotated[Literal["all"] | tuple[str, ...], BeforeValidator(_symbols)] = Field(
        description="Symbols that may be entered."
    )
    default: InstrumentLimits = Field(description="Of every instrument.")
    by_symbol: dict[str, InstrumentLimits] = Field(
        description="Of one instrument; what is not set here is as in default."
    )

    @model_validator(mode="after")
    def _agree(self) -> "InstrumentTable":
        problems = []
        usual = self.default.repeats
        rows = {"default": usual}
        rows |= {f"by_symbol.{name}": own.repeats for name, own in self.by_symbol.items()}
        for name, own in rows.items():
            most = own.max_count if own.max_count is not None else usual.max_count
            window = own.window_seconds or usual.window_seconds
            if isinstance(most, int) and most > 0 and window is None:
                problems.append(
                    f"{name}.repeats.window_seconds must be set beside max_count ({most}): without "
                    "it no order is ever a repetition"
                )
        disagree(*problems)
        return self


class Limits(BaseModel):
    """The three levels. An order has to pass them all."""

    model_config = STRICT

    account: AccountLimits
    strategies: StrategyTable
    instruments: InstrumentTable
