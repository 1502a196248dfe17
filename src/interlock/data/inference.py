"""An instrument nobody described: its class from its name, its digits from its prices.

Its lot comes from its class (and, for coins, from how much one costs) and never from volume, so
that what may be ordered does not depend on how much others traded.
"""

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from interlock.data.instruments import (
    ALWAYS_OPEN,
    DIGITS_MAX,
    WEEK_OPEN,
    Instrument,
    InstrumentClass,
)
from interlock.data.names import classify
from interlock.kernel.codes import Settle

COIN_PRICE_FULL: Final = 1_000  # from this price on, a coin has all eight digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What is assumed of a whole class; on the side of less risk where there is a choice."""

    settle: Settle
    calendar: str
    time_zone: str
    shortable: bool
    margin: bool
    spread_ppm: int
    unit: str


ASSUMED: Final = {
    InstrumentClass.CRYPTO: Assumed(
        settle=Settle.CASH,
        calendar=ALWAYS_OPEN,
        time_zone="UTC",
        shortable=False,
        margin=False,
        spread_ppm=200,
        unit="coins",
    ),
    InstrumentClass.CRYPTO_PERPETUAL: Assumed(
        settle=Settle.MARGIN,
        calendar=ALWAYS_OPEN,
        time_zone="UTC",
        shortable=True,
        margin=True,
        spread_ppm=200,
        unit="coins",
    ),
    InstrumentClass.FX: Assumed(
        settle=Settle.CASH,
        calendar=WEEK_OPEN,
        time_zone="America/New_York",
        shortable=True,
        margin=True,
        spread_ppm=200,
        unit="units of the base currency",
    ),
    InstrumentClass.METAL: Assumed(
        settle=Settle.CASH,
        calendar=WEEK_OPEN,
        time_zone="America/New_York",
        shortable=True,
        margin=True,
        spread_ppm=300,
        unit="ounces",
    ),
    InstrumentClass.EQUITY: Assumed(
        settle=Settle.CASH,
        calendar="XNYS",
        time_zone="America/New_York",
        shortable=True,
        margin=True,
        spread_ppm=500,
        unit="shares",
    ),
    InstrumentClass.INDEX: Assumed(
        settle=Settle.MARGIN,
        calendar="XNYS",
        time_zone="America/New_York",
        shortable=True,
        margin=True,
        spread_ppm=200,
        unit="index units",
    ),
    InstrumentClass.FUTURE: Assumed(
        settle=Settle.MARGIN,
        calendar="CMES",
        time_zone="America/Chicago",
        shortable=True,
        margin=True,
        spread_ppm=200,
        unit="contracts",
    ),
    InstrumentClass.OPTION: Assumed(
        settle=Settle.CASH,
        calendar="XNYS",
        time_zone="America/New_York",
        shortable=False,
        margin=False,
        spread_ppm=20_000,
        unit="contracts",
    ),
}


def coin_digits(price: float) -> int:
    """Return how finely a coin's quantity is written.

    Eight digits from a price of 1,000 up, one less for every factor of ten below, so that
    2^40 quantity units are worth ten million of the quote currency or more (down to 0.00001).

    Args:
        price: Any price of the series, in the quote currency, > 0.

    >>> [coin_digits(price) for price in (43_000, 1_000, 999, 1.2, 0.00003)]
    [8, 8, 7, 5, 0]
    """
    assert price > 0
    below = math.ceil(math.log10(COIN_PRICE_FULL / price)) if price < COIN_PRICE_FULL else 0
    return max(0, DIGITS_MAX - below)


def infer_instrument(symbol: str, *, price_digits: int, price_first: float) -> Instrument:
    """Return an instrument for a symbol that the instruments file does not know.

    Args:
        symbol: Decides the class (``names.classify``), and with it everything but the digits.
        price_digits: The fewest that hold every price (``ticks.price_digits``).
        price_first: The first close, in the quote currency; decides a coin's quantity digits.

    Returns:
        ``known`` is False and ``notes`` say in sentences what was assumed.
    """
    named = classify(symbol)
    assumed = ASSUMED[named.kind]
    coin = named.kind in {InstrumentClass.CRYPTO, InstrumentClass.CRYPTO_PERPETUAL}
    qty_digits = coin_digits(price_first) if coin else 0
    lot = "1" if qty_digits == 0 else f"10^-{qty_digits}"
    notes = [
        (
            f"{symbol} is not in the instruments file: taken as {named.kind.value} ({named.why}), "
            f"priced in {named.quote} with {price_digits} digits, lot {lot} {assumed.unit}, "
            f"calendar {assumed.calendar}, spread assumed {assumed.spread_ppm / 100:g} bp."
        )
    ]
    if named.kind is InstrumentClass.FUTURE:
        known = "from its root" if named.contract > 1 else "ASSUMED, profit is per point"
        notes.append(f"{symbol}: one contract counts {named.contract} ({known}).")
    return Instrument(
        symbol=symbol,
        kind=named.kind,
        base=named.base,
        quote=named.quote,
        price_digits=price_digits,
        qty_digits=qty_digits,
        tick=1,
        lot=1,
        lot_min=1,
        notional_min=Decimal(0),
        multiplier=Decimal(named.contract),
        settle=assumed.settle,
        calendar=assumed.calendar,
        time_zone=assumed.time_zone,
        shortable=assumed.shortable,
        margin=assumed.margin,
        maker_ppm=None,
        taker_ppm=None,
        spread_assumed_ppm=assumed.spread_ppm,
        known=False,
        notes=tuple(notes),
    )
