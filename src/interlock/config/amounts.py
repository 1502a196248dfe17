"""What a number in a file may be: its unit, its range, how fine, and what people write instead.

Numbers are ``Decimal`` from the file to the kernel's integers, so nothing is rounded on the way:
a number finer than the kernel can hold is refused, not cut. Fractions, per cents and basis points
are told apart where the value is implausible in one reading and plausible in another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from interlock.config.errors import bad_value, shown

Off: TypeAlias = Literal["none"]  # a limit that its owner switched off by name
Limit: TypeAlias = Decimal | Off
CountLimit: TypeAlias = int | Off
OFF: Final = "none"

MONEY_MAX: Final = "10000000000"  # 1e18 account units, below the kernel's 2**60
MONEY_DIGITS: Final = 8
FRACTION_DIGITS: Final = 6  # one part per million
PERCENT_DIGITS: Final = 4  # likewise
BPS_DIGITS: Final = 2  # likewise

_DIGITS_MAX: Final = 18
_EXPONENT_MAX: Final = 18
_OFF_WORDS: Final = frozenset({"none", "off", "no", "null", "nil", "unlimited", "inf", "-"})


def plain(number: Decimal) -> str:
    """Return a number as people write it: no exponent, no zeros at the end.

    >>> plain(Decimal("0.0200")), plain(Decimal("1E+3"))
    ('0.02', '1000')
    """
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _to_decimal(value: object) -> Decimal:
    """Return a finite number of at most 18 digits, exactly as written."""
    if isinstance(value, bool):
        raise bad_value(f"must be a number, was {shown(value)}")
    if isinstance(value, str):
        text = value.strip()
        try:
            float(text.replace("_", ""))
        except ValueError:
            raise bad_value(f"must be a number, was {shown(value)}") from None
        raise bad_value(
            f"must be a number, was the text {shown(value)}: write it without quotes, "
            "underscores or leading zeros"
        )
    if isinstance(value, float):
        value = Decimal(repr(value))
    if not isinstance(value, int | Decimal):
        raise bad_value(f"must be a number, was {shown(value)}")
    number = value if isinstance(value, Decimal) else _from_int(value)
    if not number.is_finite():
        raise bad_value(f"must be a finite number, was {shown(value)}")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    too_long = len(number.as_tuple().digits) > _DIGITS_MAX or abs(exponent) > _EXPONENT_MAX
    if too_long:
        raise bad_value(f"must be a number of at most {_DIGITS_MAX} digits, was {shown(value)}")
    return number


def _from_int(value: int) -> Decimal:
    """Return a whole number; a monstrous one is refused before it is turned into text."""
    if abs(value) >= 10**_DIGITS_MAX:
        raise bad_value(
            f"must be a number of at most {_DIGITS_MAX} digits, was about 2**{value.bit_length()}"
        )
    return Decimal(value)


Hint: TypeAlias = Callable[[Decimal, "Number"], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """Metadata of a field that is a number; pydantic calls ``check``.

    Attributes:
        unit: What the number counts, as docs/policy.md says it.
        low: Smallest value.
        high: Largest value.
        above: ``low`` itself is not allowed.
        zero: 0 is allowed although it is below ``low``.
        digits: Decimals that the kernel can hold.
        off: The limit may be switched off by writing ``none``.
        whole: The value is an ``int``.
        hint: Says what was probably meant by a value outside.
    """

    unit: str
    low: Decimal
    high: Decimal
    above: bool = False
    zero: bool = False
    digits: int = 0
    off: bool = False
    whole: bool = False
    hint: Hint | None = None

    def allowed(self) -> str:
        """Return the range in words."""
        start = f"above {plain(self.low)}" if self.above else f"at least {plain(self.low)}"
        text = f"{start} and at most {plain(self.high)}"
        if self.zero:
            text = f"0, or {text}"
        return f"{text}, or none" if self.off else text

    def contains(self, number: Decimal) -> bool:
        """Return whether ``number`` is in range."""
        if number == 0 and self.zero:
            return True
        return (number > self.low if self.above else number >= self.low) and number <= self.high

    def check(self, value: object) -> Decimal | int | str | None:
        """Return the value the model keeps, or raise the sentence that says why not.

        ``None`` passes: it is the default of a limit that is not set, and files cannot say it
        (``text`` refuses a key without a value).
        """
        if value is None:
            return None
        if isinstance(value, str) and value.strip().lower() in _OFF_WORDS:
            return self._switched_off(value)
        number = _to_decimal(value)
        if not self.contains(number):
            hint = self.hint(number, self) if self.hint is not None else ""
            found = f"must be {self.unit}, {self.allowed()}, was {plain(number)}"
            raise bad_value(f"{found}: {hint}" if hint else found)
        if self.whole:
            if not isinstance(value, int):
                raise bad_value(f"must be a whole number, was {shown(value)}")
            return value
        if number != round(number, self.digits):
            raise bad_value(
                f"must have at most {self.digits} decimals ({self.unit}), was {plain(number)}"
            )
        return number

    def _switched_off(self, value: str) -> str:
        if not self.off:
            raise bad_value(
                f"cannot be switched off: must be {self.unit}, {self.allowed()}, was {shown(value)}"
            )
        if value != OFF:
            raise bad_value(
                f"must be {self.unit}, {self.allowed()}, was {shown(value)}: "
                "a limit is switched off by writing none"
            )
        return OFF

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Replace pydantic's own number handling, which would round and coerce."""
        return core_schema.no_info_plain_validator_function(self.check)


def _hint_fraction(number: Decimal, span: Number) -> str:
    """2 was meant as 2 %; as a fraction it is 200 %."""
    meant = number / 100
    reads = f"{plain(number)} reads as {plain(number * 100)} %"
    if number >= 1 and number > span.high and span.contains(meant):
        return f"{reads}; write {plain(meant)} for {plain(number)} %"
    return reads


def _hint_fee(number: Decimal, span: Number) -> str:
    """0.04 was meant as 0.04 %, 4 as 4 bps."""
    reads = f"{plain(number)} reads as {plain(number * 100)} %"
    for divisor in (100, 10_000):
        meant = number / divisor
        if number > span.high and span.contains(meant):
            return f"{reads}; write {plain(meant)} for {plain(meant * 10_000)} bps"
    return reads


def _hint_percent(number: Decimal, span: Number) -> str:
    """0.03 was meant as 3 %; as a per cent it is 0.03 %."""
    meant = number * 100
    reads = f"{plain(number)} reads as {plain(number)} %"
    if number < span.low and span.contains(meant):
        return f"{reads}; write {plain(meant)} for {plain(meant)} %"
    return reads


def _hint_bps(number: Decimal, span: Number) -> str:
    """0.0005 was meant as 5 bps."""
    meant = number * 10_000
    reads = f"{plain(number)} reads as {plain(number)} bps"
    if 0 < number < 1 and span.contains(meant):
        return f"{reads}; write {plain(meant)} for {plain(meant)} bps"
    return reads


def fraction(*, high: str, low: str = "0", above: bool = True, off: bool = False) -> Number:
    """Return a fraction of one: 0.02 is 2 %. Held to 1 part per million."""
    return Number(
        unit="a fraction",
        low=Decimal(low),
        high=Decimal(high),
        above=above,
        digits=FRACTION_DIGITS,
        off=off,
        hint=_hint_fraction,
    )


def fee() -> Number:
    """Return a fee as a fraction of the notional: 0.0004 is 4 bps. At most 1 %."""
    return Number(
        unit="a fraction of the notional",
        low=Decimal(0),
        high=Decimal("0.01"),
        digits=FRACTION_DIGITS,
        hint=_hint_fee,
    )


def percent(*, low: str, high: str) -> Number:
    """Return a per cent: 3.0 is 3 %. Held to 1 part per million."""
    return Number(
        unit="per cent",
        low=Decimal(low),
        high=Decimal(high),
        digits=PERCENT_DIGITS,
        hint=_hint_percent,
    )


def bps(*, high: str, low: str, zero: bool = False, digits: int = BPS_DIGITS) -> Number:
    """Return basis points: 50 is 0.5 %. Held to 1 part per million unless ``digits`` says less."""
    return Number(
        unit="basis points",
        low=Decimal(low),
        high=Decimal(high),
        zero=zero,
        digits=digits,
        hint=_hint_bps,
    )


def money(
    *, low: str = "0", high: str = MONEY_MAX, above: bool = False, off: bool = True
) -> Number:
    """Return an amount in the account's currency, held to 1e-8; 0 lets nothing through."""
    return Number(
        unit="an amount in the account's currency",
        low=Decimal(low),
        high=Decimal(high),
        above=above,
        digits=MONEY_DIGITS,
        off=off,
    )


def quantity() -> Number:
    """Return an amount of the asset (1.5 coins, 100 shares), cut down to whole lots later."""
    return Number(
        unit="an amount of the asset",
        low=Decimal(0),
        high=Decimal(MONEY_MAX),
        digits=MONEY_DIGITS,
        off=True,
    )


def ratio(*, low: str, high: str, unit: str = "a multiple") -> Number:
    """Return a multiple of something named by the key: 1.5 ATRs."""
    return Number(unit=unit, low=Decimal(low), high=Decimal(high), digits=6)


def count(*, low: int = 0, high: int = 1_000_000_000, off: bool = False, unit: str = "") -> Number:
    """Return a whole number of things."""
    return Number(
        unit=unit or "a whole number",
        low=Decimal(low),
        high=Decimal(high),
        off=off,
        whole=True,
    )


def duration(unit: str, *, high: str, low: str = "0", digits: int = 3) -> Number:
    """Return a length of time in ``unit``."""
    return Number(unit=unit, low=Decimal(low), high=Decimal(high), digits=digits)
