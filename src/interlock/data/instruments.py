"""What is traded: one frozen description per instrument, and the file people write them in."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from interlock.data.errors import InstrumentError
from interlock.data.zones import find_zone
from interlock.kernel.codes import Settle
from interlock.kernel.units import PPM, PRICE_TICKS_MAX, QTY_LOTS_MAX, UNITS_MAX

DIGITS_MAX: Final = 8  # of prices and quantities
CASH_DIGITS: Final = 8  # one account unit is 10^-8 of the quote currency
ALWAYS_OPEN: Final = "24/7"  # crypto: no session ever ends
WEEK_OPEN: Final = "24/5"  # currencies: Sunday 17:00 to Friday 17:00, New York
FILE_VERSION: Final = 1


class InstrumentClass(Enum):
    """What kind of thing it is; decides what is assumed about an instrument nobody described."""

    CRYPTO = "crypto"
    CRYPTO_PERPETUAL = "crypto_perpetual"
    FX = "fx"
    METAL = "metal"
    EQUITY = "equity"
    INDEX = "index"
    FUTURE = "future"
    OPTION = "option"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One thing that can be traded, and in which units its numbers are written.

    Attributes:
        symbol: Its name; a run knows it by this.
        kind: Its class.
        base: What a lot is made of (``BTC``; of an equity the symbol itself).
        quote: The currency it is priced in.
        price_digits: A price unit is 10^-price_digits of the quote; 0..8.
        qty_digits: A quantity unit is 10^-qty_digits of the base; 0..8.
        tick: The venue's price step, in price units.
        lot: The venue's quantity step, in quantity units.
        lot_min: The smallest order, in quantity units.
        notional_min: The smallest order, in the quote currency; 0 for none.
        multiplier: What one unit of the base counts (a future, an option); 1 for the rest.
        settle: Whether a fill pays its whole notional or posts margin.
        calendar: A name ``exchange_calendars`` knows, ``24/7`` or ``24/5``.
        time_zone: Of the exchange; decides which session a daily bar belongs to.
        shortable: Whether it may be sold short.
        margin: Whether margin may be used.
        maker_ppm: Fee, if it differs from the policy's.
        taker_ppm: Fee, if it differs from the policy's.
        spread_assumed_ppm: The spread where a feed carries no quotes.
        known: True from the instruments file, False if it was inferred.
        notes: What was assumed, in sentences for the report.
    """

    symbol: str
    kind: InstrumentClass
    base: str
    quote: str
    price_digits: int
    qty_digits: int
    tick: int
    lot: int
    lot_min: int
    notional_min: Decimal
    multiplier: Decimal
    settle: Settle
    calendar: str
    time_zone: str
    shortable: bool
    margin: bool
    maker_ppm: int | None
    taker_ppm: int | None
    spread_assumed_ppm: int
    known: bool
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.symbol
        assert 0 <= self.price_digits <= DIGITS_MAX
        assert 0 <= self.qty_digits <= DIGITS_MAX
        assert 0 < self.tick <= PRICE_TICKS_MAX
        assert 0 < self.lot <= self.lot_min <= QTY_LOTS_MAX
        assert self.lot_min % self.lot == 0
        assert self.notional_min >= 0
        assert self.multiplier > 0
        assert 0 <= self.spread_assumed_ppm <= PPM

    def unit_ratio(self, cash_digits: int = CASH_DIGITS) -> tuple[int, int]:
        """Return what one price unit times one quantity unit is worth.

        Args:
            cash_digits: An account unit is 10^-cash_digits of the quote currency.

        Returns:
            (num, den) in lowest terms: price * qty * num / den is in account units, exactly.

        Raises:
            InstrumentError: The multiplier is so large or so fine that products would not fit.

        >>> from interlock.data.inference import infer_instrument
        >>> share = infer_instrument("SPY", price_digits=2, price_first=400.0)
        >>> share.unit_ratio()  # a cent times a share is 1,000,000 units of 10^-8 dollars
        (1000000, 1)
        """
        assert 0 <= cash_digits <= DIGITS_MAX
        power = cash_digits - self.price_digits - self.qty_digits
        ratio = Fraction(self.multiplier) * Fraction(10) ** power
        if ratio.numerator > UNITS_MAX or ratio.denominator > UNITS_MAX:
            raise InstrumentError(
                f"{self.symbol}: one price unit times one quantity unit must be a ratio of whole "
                f"numbers up to 2^60 account units, was {ratio.numerator}/{ratio.denominator} "
                f"(multiplier {self.multiplier}, {self.price_digits} price digits, "
                f"{self.qty_digits} quantity digits). Next: correct these in the instruments file."
            )
        return ratio.numerator, ratio.denominator

    @property
    def always_open(self) -> bool:
        """Whether it has no sessions at all."""
        return self.calendar == ALWAYS_OPEN


def _exact(value: object) -> object:
    """Read a YAML number by its text, so that 0.00001 means exactly that."""
    return str(value) if isinstance(value, float | int) and not isinstance(value, bool) else value


Amount = Annotated[Decimal, BeforeValidator(_exact)]
Digits = Annotated[int, Field(ge=0, le=DIGITS_MAX, strict=True)]
Ppm = Annotated[int, Field(ge=-PPM, le=PPM, strict=True)]
Flag = Annotated[bool, Field(strict=True)]


class _Entry(BaseModel):
    """One instrument as people write it. Sizes are in the quote and base, not in units."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    kind: InstrumentClass = Field(alias="class")
    base: str = Field(min_length=1)
    quote: str = Field(min_length=1)
    price_digits: Digits
    quantity_digits: Digits
    tick_size: Amount = Field(gt=0)
    lot_size: Amount = Field(gt=0)
    quantity_min: Amount = Field(gt=0)
    notional_min: Amount = Field(default=Decimal(0), ge=0)
    multiplier: Amount = Field(default=Decimal(1), gt=0)
    settle: Literal["cash", "margin"]
    calendar: str = Field(min_length=1)
    time_zone: str = Field(min_length=1)
    shortable: Flag
    margin: Flag
    maker_ppm: Ppm | None = None
    taker_ppm: Ppm | None = None
    spread_assumed_ppm: int = Field(ge=0, le=PPM, strict=True)
    notes: tuple[str, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    instruments: dict[str, _Entry]


def _whole(value: Decimal, digits: int, key: str, limit: int) -> int:
    """Return ``value`` in units of 10^-digits, or say that it is not a whole number of them."""
    units = Fraction(value) * 10**digits
    if units.denominator != 1 or units > limit:
        raise InstrumentError(
            f"{key} must be a multiple of 10^-{digits} and at most {limit} of them, was {value}"
        )
    return int(units)


def _instrument(symbol: str, entry: _Entry) -> Instrument:
    if find_zone(entry.time_zone) is None:
        raise InstrumentError(
            f"time_zone must be an IANA name such as America/New_York, was {entry.time_zone}"
        )
    lot = _whole(entry.lot_size, entry.quantity_digits, "lot_size", QTY_LOTS_MAX)
    lot_min = _whole(entry.quantity_min, entry.quantity_digits, "quantity_min", QTY_LOTS_MAX)
    if lot_min % lot != 0:
        raise InstrumentError(
            f"quantity_min must be a multiple of lot_size {entry.lot_size}, "
            f"was {entry.quantity_min}"
        )
    found = Instrument(
        symbol=symbol,
        kind=entry.kind,
        base=entry.base,
        quote=entry.quote,
        price_digits=entry.price_digits,
        qty_digits=entry.quantity_digits,
        tick=_whole(entry.tick_size, entry.price_digits, "tick_size", PRICE_TICKS_MAX),
        lot=lot,
        lot_min=lot_min,
        notional_min=entry.notional_min,
        multiplier=entry.multiplier,
        settle=Settle[entry.settle.upper()],
        calendar=entry.calendar,
        time_zone=entry.time_zone,
        shortable=entry.shortable,
        margin=entry.margin,
        maker_ppm=entry.maker_ppm,
        taker_ppm=entry.taker_ppm,
        spread_assumed_ppm=entry.spread_assumed_ppm,
        known=True,
        notes=entry.notes,
    )
    found.unit_ratio()
    return found


def _say(path: Path, error: ValidationError) -> InstrumentError:
    """Turn pydantic's findings into sentences: file, key, what is allowed, what was found."""
    lines = []
    for finding in error.errors():
        key = ".".join(str(part) for part in finding["loc"])
        if finding["type"] == "extra_forbidden":
            allowed = ", ".join(
                field.alias or name
                for name, field in (
                    _File if len(finding["loc"]) == 1 else _Entry
                ).model_fields.items()
            )
            lines.append(f"{path}: {key} is not a key; allowed: {allowed}")
        elif finding["type"] == "missing":
            lines.append(f"{path}: {key} must be set, and was missing")
        else:
            said = finding["msg"].removeprefix("Input ")
            lines.append(f"{path}: {key} {said}, was {finding['input']!r}")
    return InstrumentError("\n".join(lines))


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key written twice, where YAML would silently keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Build a mapping, or name the key that is there twice."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key!r} was there twice", problem_mark=key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> object:
    """Return the document in ``path``.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not UTF-8 text.
        yaml.YAMLError: It is not YAML, or a key is there twice.
    """
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader


def load_instruments(path: Path) -> Mapping[str, Instrument]:
    """Read an instruments file (docs/data.md, "The instruments file").

    Returns:
        Symbol to instrument, in the file's order; not to be changed.

    Raises:
        InstrumentError: Not readable, not YAML, an unknown or missing key, a value outside what
            is allowed, a size that is not a whole number of units. Every finding has its line.
    """
    try:
        parsed = _File.model_validate(read_yaml(path))
    except ValidationError as error:
        raise _say(path, error) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InstrumentError(
            f"{path} could not be read as an instruments file: {error}"
        ) from error
    found: dict[str, Instrument] = {}
    for symbol, entry in parsed.instruments.items():
        try:
            found[symbol] = _instrument(symbol, entry)
        except InstrumentError as error:
            raise InstrumentError(f"{path}: instruments.{symbol}.{error}") from error
    return MappingProxyType(found)
