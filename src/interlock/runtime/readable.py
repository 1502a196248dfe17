"""The kernel's integers as people read them: money, prices, quantities, shares, times."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from interlock.config.convert import UNITS_PER_CURRENCY
from interlock.data.instruments import Instrument
from interlock.kernel.codes import Cause, Level
from interlock.kernel.reasons import MASK_BITS, Reason
from interlock.kernel.units import LIMIT_NONE, NS_PER_SECOND, PPM

R = Reason
_LEVELS: Final = ((30, "account"), (60, "strategy"), (len(Reason) + 1_000, "instrument"))


class Unit(Enum):
    """What a verdict's value and limit are counted in."""

    MONEY = "account units"
    QUANTITY = "lots"
    PRICE = "ticks"
    SHARE = "ppm"
    TIMES = "ppm, as a factor"
    COUNT = "a count"
    FLAG = "0 or 1"
    LEVEL = "a latch's level"
    BPS = "basis points"
    NS = "nanoseconds"
    MS = "milliseconds"


_MONEY = (
    *(R.EQUITY_NOT_POSITIVE, R.DAILY_LOSS_MONEY, R.DAILY_LOSS_FRACTION, R.MAX_DRAWDOWN),
    *(R.ACCOUNT_ORDER_NOTIONAL, R.ACCOUNT_GROSS_NOTIONAL, R.ACCOUNT_NET_NOTIONAL),
    *(R.ACCOUNT_EXPOSURE, R.CASH_SHORT, R.BUYING_POWER_SHORT, R.STRATEGY_ORDER_NOTIONAL),
    *(R.STRATEGY_GROSS_NOTIONAL, R.RISK_PER_TRADE, R.INSTRUMENT_ORDER_NOTIONAL),
    *(R.NOTIONAL_BELOW_MINIMUM, R.INSTRUMENT_POSITION_NOTIONAL, R.INSTRUMENT_POSITION_FRACTION),
)
_QUANTITY = (
    *(R.ALREADY_IN_POSITION, R.SIZE_IS_ZERO, R.QTY_NOT_POSITIVE, R.QTY_OFF_LOT),
    *(R.QTY_BELOW_MINIMUM, R.INSTRUMENT_ORDER_QTY, R.NUMBERS_OUT_OF_RANGE),
    *(R.REDUCE_ONLY_WITHOUT_POSITION, R.REDUCE_ONLY_FLIPS, R.CHILDREN_EXCEED_PARENT),
    R.INSTRUMENT_POSITION_QTY,
)
_PRICE = (R.STOP_MISSING, R.PRICE_NOT_POSITIVE, R.PRICE_OFF_TICK, R.SELF_MATCH, R.MARK_MISSING)
_FLAG = (
    *(R.MARGIN_NOT_ALLOWED, R.SHORTING_NOT_ALLOWED, R.STRATEGY_NOT_ENABLED, R.EDGE_UNKNOWN),
    *(R.SYMBOL_NOT_ALLOWED, R.BOOK_NOT_SOUND, R.SESSION_CLOSED, R.VENUE_HALTED),
    R.NOT_RECONCILED,
)
UNITS: Final[dict[Reason, Unit]] = {
    **dict.fromkeys(_MONEY, Unit.MONEY),
    **dict.fromkeys(_QUANTITY, Unit.QUANTITY),
    **dict.fromkeys(_PRICE, Unit.PRICE),
    **dict.fromkeys(_FLAG, Unit.FLAG),
    **dict.fromkeys((R.PRICE_COLLAR, R.SPREAD_TOO_WIDE), Unit.SHARE),
    **dict.fromkeys((R.ACCOUNT_LEVERAGE, R.LEVERAGE_REQUEST, R.INSTRUMENT_LEVERAGE), Unit.TIMES),
    **dict.fromkeys((R.ACCOUNT_LATCHED, R.STRATEGY_LATCHED, R.INSTRUMENT_LATCHED), Unit.LEVEL),
    R.EDGE_TOO_SMALL: Unit.BPS,
    R.DATA_STALE: Unit.NS,
}  # the others are counts

AT_LEAST: Final = frozenset(
    {
        *(R.EQUITY_NOT_POSITIVE, R.STRATEGY_NOT_ENABLED, R.EDGE_UNKNOWN, R.EDGE_TOO_SMALL),
        *(R.STOP_MISSING, R.SIZE_IS_ZERO, R.SYMBOL_NOT_ALLOWED, R.QTY_NOT_POSITIVE),
        *(R.QTY_BELOW_MINIMUM, R.NOTIONAL_BELOW_MINIMUM, R.PRICE_NOT_POSITIVE),
        *(R.REDUCE_ONLY_WITHOUT_POSITION, R.MARK_MISSING, R.SESSION_CLOSED),
    }
)
BELOW: Final = frozenset({R.DAILY_LOSS_MONEY, R.DAILY_LOSS_FRACTION, R.MAX_DRAWDOWN})
MULTIPLE: Final = frozenset({R.QTY_OFF_LOT, R.PRICE_OFF_TICK})  # value is what is left over
THE_SAME: Final = frozenset({R.POSITION_OF_ANOTHER_STRATEGY})
NONE_AT_ALL: Final = frozenset(
    {
        *(R.ALREADY_IN_POSITION, R.SELF_MATCH, R.ORDER_OUTCOME_UNKNOWN, R.POSITION_UNPROTECTED),
        *(R.DATA_QUARANTINED, R.BOOK_NOT_SOUND, R.BLACKOUT, R.VENUE_HALTED, R.NOT_RECONCILED),
    }
)
_ZERO_IS_A_LIMIT: Final = NONE_AT_ALL | {
    *(R.MARGIN_NOT_ALLOWED, R.SHORTING_NOT_ALLOWED, R.CASH_SHORT, R.BUYING_POWER_SHORT),
    *(R.EDGE_UNKNOWN, R.EDGE_TOO_SMALL, R.POSITION_OF_ANOTHER_STRATEGY, R.ORDER_TABLE_FULL),
    *(R.REDUCE_ONLY_FLIPS, R.CHILDREN_EXCEED_PARENT),
}

CAUSE_UNITS: Final[dict[Cause, Unit]] = {
    **dict.fromkeys(
        (Cause.DAILY_LOSS, Cause.MAX_DRAWDOWN, Cause.DRAWDOWN, Cause.EQUITY_MISMATCH), Unit.MONEY
    ),
    **dict.fromkeys((Cause.SPREAD, Cause.PRICE_MOVE, Cause.REJECT_RATE), Unit.SHARE),
    **dict.fromkeys((Cause.DISK, Cause.MEMORY, Cause.DATA_QUALITY), Unit.SHARE),
    **dict.fromkeys((Cause.FEED_LAG, Cause.INFERENCE_LATENCY, Cause.CLOCK_OFFSET), Unit.MS),
    **dict.fromkeys((Cause.PLACEMENT_LATENCY, Cause.FILL_LATENCY), Unit.MS),
    **dict.fromkeys((Cause.UNPROTECTED, Cause.OVERFILL), Unit.QUANTITY),
    Cause.ATR_SPIKE: Unit.TIMES,
}  # the others are counts


def decimal_text(value: int, digits: int) -> str:
    """Return ``value`` times 10^-digits, exactly, with thousands apart.

    >>> decimal_text(123456789, 2), decimal_text(-5, 3), decimal_text(7, 0)
    ('1,234,567.89', '-0.005', '7')
    """
    return f"{Decimal(value).scaleb(-digits):,.{digits}f}"


def money_text(units: int, currency: str) -> str:
    """Return an amount, to the cent unless it is less than one.

    >>> money_text(123_456_789_000, "USD"), money_text(-1_000, "USD")
    ('1,234.57 USD', '-0.00001 USD')
    """
    amount = Decimal(units) / UNITS_PER_CURRENCY
    if units != 0 and abs(units) < UNITS_PER_CURRENCY // 100:
        return f"{amount.normalize():f} {currency}"
    return f"{amount:,.2f} {currency}"


def time_text(ts_ns: int) -> str:
    """Return a moment in UTC, without the part below a second when that is nothing.

    >>> time_text(1_700_000_000_000_000_000)
    '2023-11-14 22:13:20Z'
    """
    text = str(np.datetime64(ts_ns, "ns")).replace("T", " ")
    return text.rstrip("0").rstrip(".") + "Z" if "." in text else text + "Z"


def seconds_text(seconds: float) -> str:
    """Return a length of time.

    >>> seconds_text(0.25), seconds_text(90), seconds_text(3_600 * 26)
    ('0.25 s', '1.5 min', '1.083 days')
    """
    for size, name in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.4g} {name}"
    return f"{seconds:.3g} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How one instrument's numbers are written."""

    currency: str
    base: str
    price_digits: int
    qty_digits: int

    def price(self, ticks: int) -> str:
        """Return a price."""
        return decimal_text(ticks, self.price_digits)

    def quantity(self, lots: int) -> str:
        """Return a quantity."""
        return f"{decimal_text(lots, self.qty_digits)} {self.base}"

    def money(self, units: int) -> str:
        """Return an amount of the account."""
        return money_text(units, self.currency)

    def number(self, unit: Unit, raw: int) -> str:
        """Return a number of any unit."""
        match unit:
            case Unit.MONEY:
                return self.money(raw)
            case Unit.QUANTITY:
                return self.quantity(raw)
            case Unit.PRICE:
                return self.price(raw)
            case Unit.SHARE:
                return f"{raw / 10_000:.4g} %"
            case Unit.TIMES:
                return f"{raw / PPM:.4g} x"
            case Unit.FLAG:
                return {0: "no", 1: "yes"}.get(raw, str(raw))
            case Unit.LEVEL:
                return Level(raw).name
            case Unit.BPS:
                return f"{raw} bp"
            case Unit.NS:
                return seconds_text(raw / NS_PER_SECOND)
            case Unit.MS:
                return seconds_text(raw / 1_000)
            case Unit.COUNT:
                return f"{raw:,}"


def scale_of(instrument: Instrument) -> Scale:
    """Return how an instrument's numbers are written."""
    return Scale(
        currency=instrument.quote,
        base=instrument.base,
        price_digits=instrument.price_digits,
        qty_digits=instrument.qty_digits,
    )


def unit_of(reason: Reason) -> Unit:
    """Return what a rule's value and limit are counted in."""
    return UNITS.get(reason, Unit.COUNT)


def relation_of(reason: Reason) -> str:
    """Return how a rule's value has to stand to its limit."""
    if reason in AT_LEAST:
        return ">="
    if reason in BELOW:
        return "<"
    if reason in MULTIPLE:
        return "over a multiple of"
    return "=" if reason in THE_SAME | NONE_AT_ALL else "<="


def stands(reason: Reason, value: int, limit: int) -> bool:
    """Return whether value and limit stand as the rule wants them to."""
    match relation_of(reason):
        case ">=":
            return value >= limit
        case "<":
            return value < limit
        case "=":
            return value == limit
        case "<=":
            return value <= limit
        case _:
            return value == 0


def limit_text(reason: Reason, limit: int, scale: Scale) -> str:
    """Return a rule's limit; one that is not set denies, and one that is switched off is none."""
    if limit >= LIMIT_NONE:
        return "none"
    if limit == 0 and reason not in _ZERO_IS_A_LIMIT | AT_LEAST | BELOW:
        return "not set"
    return scale.number(unit_of(reason), limit)


def value_text(reason: Reason, value: int, scale: Scale) -> str:
    """Return a rule's value; what could not even be counted is unbounded."""
    if value >= LIMIT_NONE:
        return "unbounded"
    return scale.number(unit_of(reason), value)


def cause_text(cause: Cause, raw: int, scale: Scale) -> str:
    """Return a latch's value or limit."""
    return scale.number(CAUSE_UNITS.get(cause, Unit.COUNT), raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule's verdict on one order.

    Attributes:
        reason: Its name, and that of the refusal.
        number: The reason's number; the lowest that fails is the one that is given.
        level: ``account``, ``strategy`` or ``instrument``.
        value: Measured, raw.
        limit: Raw.
        value_text: As people read it.
        limit_text: As people read it.
        relation: How value has to stand to limit.
        passed: The verdict.
        applied: False where it passed although value and limit do not stand so: the rule is about
            another kind of order (an order that only reduces is let through by every limit on
            adding), or was told not to hold.
        assumed: True where the feed does not carry what the rule needs.
    """

    reason: str
    number: int
    level: str
    value: int
    limit: int
    value_text: str
    limit_text: str
    relation: str
    passed: bool
    applied: bool
    assumed: bool


def rules_of(
    verdicts: NDArray[np.void], scale: Scale, *, failed_only: bool = False
) -> tuple[Rule, ...]:
    """Return the verdicts of a judgement, in the order in which the rules run.

    Args:
        verdicts: Shape (rules + 1,), dtype ``kernel.records.VERDICT``.
        scale: Of the instrument that was judged.
        failed_only: Leave out the rules that let it pass.
    """
    found = []
    for reason in Reason:
        row = verdicts[reason]
        if reason is Reason.NONE or (failed_only and row["failed"] == 0):
            continue
        value, limit = int(row["value"]), int(row["limit"])
        found.append(
            Rule(
                reason=reason.name,
                number=int(reason),
                level=next(level for below, level in _LEVELS if reason < below),
                value=value,
                limit=limit,
                value_text=value_text(reason, value, scale),
                limit_text=limit_text(reason, limit, scale),
                relation=relation_of(reason),
                passed=bool(row["failed"] == 0),
                applied=bool(row["failed"] == 1) or stands(reason, value, limit),
                assumed=bool(row["assumed"] == 1),
            )
        )
    return tuple(found)


def reasons_of(mask_lo: int, mask_hi: int) -> tuple[Reason, ...]:
    """Return the rules that failed, lowest first.

    >>> [reason.name for reason in reasons_of(1 << 16, 1 << 0)]
    ['CASH_SHORT', 'QTY_NOT_POSITIVE']
    """
    bits = [bit + 1 for bit in range(MASK_BITS) if mask_lo >> bit & 1]
    bits += [bit + 1 + MASK_BITS for bit in range(MASK_BITS) if mask_hi >> bit & 1]
    return tuple(Reason(bit) for bit in bits)
