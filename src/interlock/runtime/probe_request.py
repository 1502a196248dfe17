"""What a probe asks: one order by its numbers, and perhaps another account than the real one.

Read closed: a key that nobody knows, or a number that cannot be held exactly, is refused with a
sentence that names it and never repeats what was sent.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from interlock.config.convert import UNITS_PER_CURRENCY
from interlock.kernel.codes import BUY, SELL
from interlock.kernel.units import PPM, PRICE_TICKS_MAX, QTY_LOTS_MAX
from interlock.runtime.asking import AskError

MONEY_MAX: Final = Decimal(10**9)  # of an account that is asked about
LEVERAGE_MAX: Final = Decimal(1_000)
PERCENT_LOW: Final = Decimal(-1_000)  # a day on which the account grew to the elevenfold
PERCENT_HIGH: Final = Decimal("99.999999")  # of the day's start, lost
SYMBOL_MAX: Final = 64
_PPM_DIGITS: Final = 6
_MONEY_DIGITS: Final = 8
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")  # [0-9] and not \d: ASCII alone
_SIDES: Final = {"BUY": BUY, "SELL": SELL}
_MUST: Final = frozenset({"symbol", "side", "price", "quantity"})
_MAY: Final = frozenset(
    {
        *("ask", "is_margin", "leverage", "trade_on_margin_from_watchlist"),
        *("account_equity", "total_margin_exposure", "daily_loss_pct"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplied:
    """The numbers of another account, in place of those of the real one; None leaves it as it is.

    Attributes:
        equity_units: What it is worth.
        exposure_units: What is held on margin, as a notional.
        loss_ppm: Lost since the day began, of what there was then; negative when it gained.
    """

    equity_units: int | None
    exposure_units: int | None
    loss_ppm: int | None

    @property
    def is_whole(self) -> bool:
        """Whether nothing has to be known of the real account's money."""
        return None not in {self.equity_units, self.exposure_units, self.loss_ppm}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked about.

    Attributes:
        symbol: As it was written.
        side: BUY or SELL.
        price: At which it would trade.
        quantity: Of the base.
        is_margin: Whether margin is asked for, when nothing else forbids it.
        forces_spot: Whether a watchlist says that this symbol is never bought on margin.
        leverage: Asked for; None leaves it to the strategy.
        supplied: Another account's numbers.
    """

    symbol: str
    side: int
    price: Decimal
    quantity: Decimal
    is_margin: bool
    forces_spot: bool
    leverage: Decimal | None
    supplied: Supplied

    @property
    def on_margin(self) -> bool:
        """Whether it would be on margin."""
        return self.is_margin and not self.forces_spot


def read_wanted(asked: Mapping[str, Any]) -> Wanted:
    """Return what a request asks about.

    Raises:
        AskError: It asks for something else, or not exactly.
    """
    strange = sorted(set(asked) - _MUST - _MAY)
    if strange:
        known = ", ".join(sorted((_MUST | _MAY) - {"ask"}))
        raise AskError(f"a probe may have {known}; {len(strange)} other keys were there.")
    missing = sorted(name for name in _MUST if asked.get(name) is None)
    if missing:
        raise AskError(f"a probe must have {', '.join(missing)}, and had not.")
    symbol = asked["symbol"]
    if not isinstance(symbol, str) or not 1 <= len(symbol.strip()) <= SYMBOL_MAX:
        raise AskError(f"symbol must be a name of 1 to {SYMBOL_MAX} characters.")
    side = _SIDES.get(asked["side"]) if isinstance(asked["side"], str) else None
    if side is None:
        raise AskError("side must be BUY or SELL.")
    watchlist = _flag(asked, "trade_on_margin_from_watchlist")
    leverage = _number(asked, "leverage", low=Decimal(1), high=LEVERAGE_MAX, digits=_PPM_DIGITS)
    return Wanted(
        symbol=symbol.strip(),
        side=side,
        price=_positive(asked, "price"),
        quantity=_positive(asked, "quantity"),
        is_margin=_flag(asked, "is_margin") is True,
        forces_spot=watchlist is False,
        leverage=leverage,
        supplied=_supplied(asked),
    )


def whole_units(value: Decimal, digits: int, name: str, symbol: str, most: int) -> int:
    """Return a price or a quantity in units of 10^-digits.

    Raises:
        AskError: It is finer than the instrument is written, or larger than any number of it.
    """
    units = value.scaleb(digits)
    if units != units.to_integral_value():
        raise AskError(f"{name} must have at most {digits} decimals for {symbol}.")
    if units > most:
        raise AskError(f"{name} must be at most {Decimal(most).scaleb(-digits):f} for {symbol}.")
    return int(units)


def price_ticks(value: Decimal, digits: int, symbol: str) -> int:
    """Return a price in ticks; raises AskError."""
    return whole_units(value, digits, "price", symbol, PRICE_TICKS_MAX)


def quantity_lots(value: Decimal, digits: int, symbol: str) -> int:
    """Return a quantity in lots; raises AskError."""
    return whole_units(value, digits, "quantity", symbol, QTY_LOTS_MAX)


def _supplied(asked: Mapping[str, Any]) -> Supplied:
    equity = _number(asked, "account_equity", low=Decimal(0), high=MONEY_MAX, digits=_MONEY_DIGITS)
    exposure = _number(
        asked, "total_margin_exposure", low=Decimal(0), high=MONEY_MAX, digits=_MONEY_DIGITS
    )
    lost = _number(asked, "daily_loss_pct", low=PERCENT_LOW, high=PERCENT_HIGH, digits=_PPM_DIGITS)
    return Supplied(
        equity_units=None if equity is None else int(equity * UNITS_PER_CURRENCY),
        exposure_units=None if exposure is None else int(exposure * UNITS_PER_CURRENCY),
        loss_ppm=None if lost is None else int(lost * PPM / 100),
    )


def _flag(asked: Mapping[str, Any], name: str) -> bool | None:
    found = asked.get(name)
    if found is not None and not isinstance(found, bool):
        raise AskError(f"{name} must be true, false or null.")
    return found


def _positive(asked: Mapping[str, Any], name: str) -> Decimal:
    found = _read(asked[name], name)
    if found <= 0:
        raise AskError(f"{name} must be above 0.")
    return found


def _number(
    asked: Mapping[str, Any], name: str, *, low: Decimal, high: Decimal, digits: int
) -> Decimal | None:
    if asked.get(name) is None:
        return None
    found = _read(asked[name], name)
    if not low <= found <= high or found.scaleb(digits) % 1 != 0:
        raise AskError(f"{name} must be {low} to {high:f}, with at most {digits} decimals.")
    return found


def _read(given: object, name: str) -> Decimal:
    """Return a number that was sent as text, so that no float lies between."""
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str) or _NUMBER.fullmatch(text) is None:
        raise AskError(f"{name} must be a decimal number as text, such as 0.01.")
    return Decimal(text)
