"""Instruments as an exchange describes its markets, for those that nobody described before."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from interlock.data.file_names import PERPETUAL
from interlock.data.inference import coin_digits
from interlock.data.instruments import DIGITS_MAX, Instrument
from interlock.data.names import plain
from interlock.venues.simulated.candles import CandleError, Listing

_SPREAD_PPM: Final = 200  # as of every coin that nobody described


def known_as(symbol: str, known: Mapping[str, Instrument]) -> Instrument | None:
    """Return the instrument that ``data.bars`` will find for a symbol."""
    if symbol in known or symbol.endswith(PERPETUAL):
        return known.get(symbol)
    same = [one for name, one in known.items() if plain(name) == plain(symbol)]
    return same[0] if len(same) == 1 else None


def described(exchange: str, listing: Listing, first: Decimal) -> dict[str, Any]:
    """Return what the exchange says of a market, as the instruments file says it.

    Raises:
        CandleError: It does not say enough.
    """
    if listing.price_step is None or listing.lot is None or listing.lot_min <= 0:
        raise CandleError(
            f"{exchange} must say the price step and the lot of {listing.symbol}, and did not. "
            "Next: describe it in the instruments file (files.instruments)."
        )
    price_digits, lot_digits = _digits(listing.price_step), _digits(listing.lot)
    if max(price_digits, lot_digits) > DIGITS_MAX:
        raise CandleError(
            f"{exchange} must price {listing.symbol} in steps of at least 10^-{DIGITS_MAX}, and "
            f"count it likewise, was {listing.price_step} and {listing.lot}. Next: another symbol."
        )
    margin = listing.is_perpetual
    return {
        "class": "crypto_perpetual" if margin else "crypto",
        "base": listing.base,
        "quote": listing.quote,
        "price_digits": price_digits,
        "quantity_digits": max(lot_digits, coin_digits(float(first))),
        "tick_size": f"{listing.price_step:f}",
        "lot_size": f"{listing.lot:f}",
        "quantity_min": f"{listing.lot_min:f}",
        "notional_min": f"{listing.notional_min:f}",
        "multiplier": f"{listing.contract:f}",
        "settle": "margin" if margin else "cash",
        "calendar": "24/7",
        "time_zone": "UTC",
        "shortable": margin,
        "margin": margin,
        "spread_assumed_ppm": _SPREAD_PPM,
        "notes": [f"{listing.symbol} is described as {exchange} describes {listing.name}."],
    }


def _digits(step: Decimal) -> int:
    """Return how many digits after the point a step has.

    >>> _digits(Decimal("0.0100")), _digits(Decimal(10))
    (2, 0)
    """
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)
