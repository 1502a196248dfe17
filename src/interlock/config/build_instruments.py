"""The instrument rows of the kernel's record, and what they have to know of an instrument."""

from decimal import ROUND_CEILING, Decimal
from typing import Any, Final, Protocol

from interlock.config.convert import (
    UNITS_PER_CURRENCY,
    bps_ppm,
    counted,
    fill,
    fraction_ppm,
    lots,
    money_units,
    seconds_ns,
)
from interlock.config.limits import InstrumentLimits, Rates, Repeats
from interlock.config.risk_policy import RiskPolicy
from interlock.kernel.codes import Feed, Settle

ALWAYS_OPEN: Final = "24/7"  # a calendar without sessions
ALL: Final = "all"  # limits.instruments.allowed
OPTION: Final = "OPTION"  # the kind whose spread has a limit of its own


class Kind(Protocol):
    """A member of the enumeration of instrument kinds."""

    @property
    def name(self) -> str:
        """Its name: ``CRYPTO``, ``EQUITY``, ``OPTION``, ..."""
        ...


class InstrumentLike(Protocol):
    """What the policy has to know of an instrument."""

    @property
    def symbol(self) -> str:
        """Its name in files and events."""
        ...

    @property
    def kind(self) -> Kind:
        """What kind of thing it is."""
        ...

    @property
    def qty_digits(self) -> int:
        """A quantity unit is 10^-qty_digits of the asset."""
        ...

    @property
    def tick(self) -> int:
        """The venue's price step, in price units."""
        ...

    @property
    def lot(self) -> int:
        """The venue's quantity step, in quantity units."""
        ...

    @property
    def lot_min(self) -> int:
        """The smallest order, in quantity units."""
        ...

    @property
    def notional_min(self) -> Decimal:
        """The smallest order, in the quote currency; 0 for none."""
        ...

    @property
    def settle(self) -> Settle:
        """Whether a fill pays its whole notional or posts margin."""
        ...

    @property
    def shortable(self) -> bool:
        """Whether it may be sold short."""
        ...

    @property
    def margin(self) -> bool:
        """Whether margin may be used."""
        ...

    @property
    def maker_ppm(self) -> int | None:
        """Fee, if it differs from the policy's."""
        ...

    @property
    def taker_ppm(self) -> int | None:
        """Fee, if it differs from the policy's."""
        ...

    @property
    def spread_assumed_ppm(self) -> int:
        """The spread where a feed carries no quotes."""
        ...

    @property
    def calendar(self) -> str:
        """Its exchange calendar; ``24/7`` has no sessions."""
        ...

    def unit_ratio(self) -> tuple[int, int]:
        """Return (num, den): price * quantity * num / den is in account units."""
        ...


def order_rates(own: Rates, default: Rates) -> dict[str, int]:
    """Return the three order rates; what ``own`` does not set is as in ``default``."""
    return {
        "orders_per_second": counted(own.per_second, default.per_second),
        "orders_per_minute": counted(own.per_minute, default.per_minute),
        "orders_per_day": counted(own.per_day, default.per_day),
    }


def _market_limits(
    policy: RiskPolicy,
    own: InstrumentLimits,
    instrument: InstrumentLike,
    feed: Feed,
    period_ns: int,
) -> dict[str, int]:
    """Return collar, spread and data age: the instrument's own, the default's, the market's."""
    market = policy.market
    default = policy.limits.instruments.default.market
    spread_bps = market.max_spread_bps
    if instrument.kind.name == OPTION:
        spread_bps = market.max_option_spread_bps
    age_ns = seconds_ns(market.stream_age_seconds)
    if feed == Feed.BAR:
        age_ns = period_ns + seconds_ns(market.bar_age_extra_seconds)
    own_age_ns = seconds_ns(own.market.data_age_seconds, default.data_age_seconds)
    return {
        "collar_ppm": fraction_ppm(
            own.market.collar_fraction, default.collar_fraction, market.collar_fraction
        ),
        "spread_ppm": bps_ppm(own.market.max_spread_bps, default.max_spread_bps, spread_bps),
        "data_age_ns": own_age_ns if own_age_ns > 0 else age_ns,
    }


def _repeats(own: Repeats, default: Repeats) -> dict[str, int]:
    """Return the rule against identical orders."""
    return {
        "repeat_count": counted(own.max_count, default.max_count),
        "repeat_window_ns": seconds_ns(own.window_seconds, default.window_seconds),
    }


def _sizes(policy: RiskPolicy, own: InstrumentLimits, instrument: InstrumentLike) -> dict[str, int]:
    """Return how much one order and the position may be."""
    default = policy.limits.instruments.default
    digits, symbol = instrument.qty_digits, instrument.symbol
    venue_units = int(
        (instrument.notional_min * UNITS_PER_CURRENCY).to_integral_value(ROUND_CEILING)
    )
    smallest_units = money_units(own.order_notional_min, default.order_notional_min)
    fraction = fraction_ppm(own.position_fraction, default.position_fraction)
    return {
        "order_lots": lots(
            own.order_quantity, default.order_quantity, qty_digits=digits, symbol=symbol
        ),
        "order_notional_units": money_units(own.order_notional, default.order_notional),
        "order_notional_min_units": max(smallest_units, venue_units, 1),
        "position_lots": lots(
            own.position_quantity, default.position_quantity, qty_digits=digits, symbol=symbol
        ),
        "position_notional_units": money_units(own.position_notional, default.position_notional),
        "position_ppm": min(fraction, fraction_ppm(policy.position_sizing.max_position_pct)),
    }


def _fill_limits(
    row: Any, policy: RiskPolicy, instrument: InstrumentLike, feed: Feed, period_ns: int
) -> None:
    """Write ``INSTRUMENT_LIMITS``; what neither the symbol nor the default sets stays 0."""
    table = policy.limits.instruments
    default = table.default
    own = table.by_symbol.get(instrument.symbol, InstrumentLimits())
    fill(
        row,
        {
            **_sizes(policy, own, instrument),
            "leverage_ppm": fraction_ppm(own.leverage, default.leverage),
            "open_orders": counted(own.open_orders, default.open_orders),
            **order_rates(own.orders, default.orders),
            **_repeats(own.repeats, default.repeats),
            **_market_limits(policy, own, instrument, feed, period_ns),
        },
    )


def fill_instrument(
    row: Any,
    policy: RiskPolicy,
    instrument: InstrumentLike,
    feed: Feed,
    period_ns: int,
    native_oco: bool,
) -> None:
    """Write ``INSTRUMENT_POLICY``.

    Args:
        row: The record.
        policy: The risk policy.
        instrument: What the row is about.
        feed: Where its marks come from.
        period_ns: Length of its bars.
        native_oco: Its venue itself cancels one of stop and target when the other fills.
    """
    num, den = instrument.unit_ratio()
    costs, market = policy.execution_costs, policy.market
    allowed = policy.limits.instruments.allowed
    always_open = instrument.calendar == ALWAYS_OPEN or not market.sessions_enforced
    maker_ppm, taker_ppm = instrument.maker_ppm, instrument.taker_ppm
    fill(
        row,
        {
            "unit_num": num,
            "unit_den": den,
            "tick": instrument.tick,
            "lot": instrument.lot,
            "lot_min": instrument.lot_min,
            "settle": int(instrument.settle),
            "feed": int(feed),
            "period_ns": period_ns,
            "allowed": int(allowed == ALL or instrument.symbol in allowed),
            "shortable": int(instrument.shortable),
            "margin_allowed": int(instrument.margin and policy.risk.allow_margin),
            "native_oco": int(native_oco),
            "always_open": int(always_open),
            "spread_assumed_ppm": instrument.spread_assumed_ppm,
            "maker_ppm": fraction_ppm(costs.maker_fee) if maker_ppm is None else maker_ppm,
            "taker_ppm": fraction_ppm(costs.taker_fee) if taker_ppm is None else taker_ppm,
            "atr_periods": counted(market.atr_periods),
            "atr_baseline_periods": counted(market.atr_baseline_periods),
        },
    )
    _fill_limits(row["limits"], policy, instrument, feed, period_ns)
