"""A signal that somebody outside asks for: read, checked, and made a row, toward less risk.

Quantities and prices come as text and stay whole numbers: nothing here is ever a float.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from interlock.data.pairs import known_symbol
from interlock.kernel.codes import BUY, SELL, Flag, Kind
from interlock.kernel.records import Rows, rows
from interlock.kernel.units import PRICE_TICKS_MAX, QTY_LOTS_MAX
from interlock.runtime.asking import AskError
from interlock.runtime.entries import Said
from interlock.runtime.turns import Scale

WEBHOOK: Final = "webhook"  # the strategy of a signal that names none
EDGE_BPS_MAX: Final = 1_000_000
WORDS_MAX: Final = 200
_ID: Final = re.compile(r"[!-~]{1,64}")
_NUMBER: Final = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?")
_SIDES: Final = {"BUY": int(BUY), "SELL": int(SELL), "CLOSE": 0}
_POSITIONS: Final = {"long": 1, "short": -1, "flat": 0}
_DOMAIN: Final = b"interlock signal\0"
_APPROVED: Final = b"interlock approved signal\0"


class Turned(StrEnum):
    """Why a signal never came before the gate; docs/outside-signals.md says it for people."""

    BAD_SIGNAL = "BAD_SIGNAL"
    BAD_NUMBER = "BAD_NUMBER"
    LATE = "LATE"
    UNKNOWN_SYMBOL = "UNKNOWN_SYMBOL"
    UNKNOWN_STRATEGY = "UNKNOWN_STRATEGY"
    BELOW_ONE_LOT = "BELOW_ONE_LOT"
    RECORDING_ENDED = "RECORDING_ENDED"
    TOO_MANY_APPROVALS = "TOO_MANY_APPROVALS"
    APPROVAL_DENIED = "APPROVAL_DENIED"
    APPROVAL_CHANGED = "APPROVAL_CHANGED"


class TurnedAway(ValueError):  # noqa: N818 - what happened, not what went wrong
    """A signal that never came before the gate; its sentence is for people."""

    def __init__(self, reason: Turned, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSignal:
    """What somebody asks for.

    Attributes:
        id: Theirs: the same id is the same signal.
        received_ns: When it came to us, UTC.
        strategy: Whose it is.
        symbol: As they write it.
        side: BUY, SELL, or 0 to close whatever their strategy holds.
        is_exit: Whether it may only close.
        quantity: At most, as text; None leaves it to the sizing.
        price: That they saw, as text.
        edge_bps: That they expect before costs.
        stop: Price of a stop, as text.
        target: Price of a target, as text.
        previous: What they believe their strategy held before: 1, -1 or 0; None when not said.
        missed: Why signals before it are missing; nothing when none are.
        who: Where it came from.
        correlation: What it is called in other logs.
    """

    id: str
    received_ns: int
    strategy: str
    symbol: str
    side: int
    is_exit: bool
    quantity: str | None
    price: str | None
    edge_bps: int | None
    stop: str | None
    target: str | None
    previous: int | None
    missed: str
    who: str
    correlation: str

    def said(self) -> Said:
        """Return what is journaled with it."""
        return {
            "what": "alert",
            "id": self.id,
            "who": self.who,
            "correlation": self.correlation,
            "received_ns": self.received_ns,
            "strategy": self.strategy,
        }


def id_of(raw: object) -> str:
    """Return a signal's id.

    Raises:
        AskError: It has none, so that nothing could be answered about it.
    """
    found = raw.get("id") if isinstance(raw, dict) else None
    if not isinstance(found, str) or _ID.fullmatch(found) is None:
        raise AskError(
            f"a signal must have an id of 1 to 64 visible ASCII characters, was {found!r:.80}. "
            "Nothing was done."
        )
    return found


def ext_of(signal_id: str, *, is_approved: bool = False) -> tuple[int, int]:
    """Return the numbers that a signal from outside is known by: 16 bytes of a SHA-256.

    Args:
        signal_id: Theirs.
        is_approved: Of what a person approved: the proposal before it has the other numbers.
    """
    domain = _APPROVED if is_approved else _DOMAIN
    digest = hashlib.sha256(domain + signal_id.encode()).digest()
    high, low = (int.from_bytes(digest[at : at + 8], "big", signed=True) for at in (0, 8))
    return high, low


def read_signal(raw: Said) -> AskedSignal:
    """Return what a request asks for.

    Raises:
        TurnedAway: It is not one that could be judged.
    """
    known = _Fields(raw)
    side = known.choice("side", _SIDES)
    assert side is not None
    previous = None
    if raw.get("previous_position") is not None:
        previous = known.choice("previous_position", _POSITIONS)
    return AskedSignal(
        id=id_of(raw),
        received_ns=known.whole("received_ns", 0, 2**62),
        strategy=known.words("strategy") or WEBHOOK,
        symbol=known.words("symbol"),
        side=side,
        is_exit=side == 0 or known.flag("exit_only"),
        quantity=known.text("quantity"),
        price=known.text("price"),
        edge_bps=known.edge(),
        stop=known.text("stop"),
        target=known.text("target"),
        previous=previous,
        missed=known.words("missed"),
        who=known.words("who"),
        correlation=known.words("correlation"),
    )


class _Fields:
    """The fields of one request, each read as what it has to be."""

    def __init__(self, raw: Said) -> None:
        self._raw = raw

    def _bad(self, name: str, what: str) -> TurnedAway:
        return TurnedAway(
            Turned.BAD_SIGNAL, f"{name} must be {what}, was {self._raw.get(name)!r:.80}."
        )

    def choice(self, name: str, choices: dict[str, int]) -> int:
        """Return what one of some words stands for."""
        found: Any = self._raw.get(name)
        if not isinstance(found, str) or found not in choices:
            raise self._bad(name, f"one of {', '.join(choices)}")
        return choices[found]

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number."""
        found: Any = self._raw.get(name)
        if isinstance(found, bool) or not isinstance(found, int) or not low <= found <= high:
            raise self._bad(name, f"a whole number from {low} to {high}")
        return found

    def words(self, name: str) -> str:
        """Return a text, or nothing where there is none."""
        found: Any = self._raw.get(name)
        if found is None:
            return ""
        if not isinstance(found, str) or len(found) > WORDS_MAX or not found.isprintable():
            raise self._bad(name, f"text of at most {WORDS_MAX} printable characters")
        return found

    def flag(self, name: str) -> bool:
        """Return true or false; false where nothing is said."""
        found: Any = self._raw.get(name, False)
        if not isinstance(found, bool):
            raise self._bad(name, "true or false")
        return found

    def text(self, name: str) -> str | None:
        """Return a number as it was written; what it says is seen when it is needed."""
        found: Any = self._raw.get(name)
        if found is not None and not isinstance(found, str):
            raise self._bad(name, "a decimal number as text")
        return found

    def edge(self) -> int | None:
        """Return an edge in whole basis points."""
        if self._raw.get("edge_bps") is None:
            return None
        return self.whole("edge_bps", -EDGE_BPS_MAX, EDGE_BPS_MAX)


def scaled(text: str, digits: int, *, up: bool) -> int:
    """Return a decimal number in units of 10^-digits, rounded up or down, exactly.

    >>> scaled("9.871", 2, up=True), scaled("9.871", 2, up=False), scaled("3", 2, up=True)
    (988, 987, 300)
    """
    whole, _, part = text.partition(".")
    number = int(whole + part)
    if len(part) <= digits:
        return number * int(10 ** (digits - len(part)))
    quotient, rest = divmod(number, int(10 ** (len(part) - digits)))
    return quotient + int(up and rest > 0)


def _checked(name: str, text: str) -> str:
    if _NUMBER.fullmatch(text) is None or not text.strip("0."):
        raise TurnedAway(
            Turned.BAD_NUMBER,
            f"{name} must be a decimal number above 0 such as 0.25, without exponent, was "
            f"{text!r:.80}.",
        )
    return text


def _ticks(name: str, text: str | None, scale: Scale, *, up: bool) -> int:
    """Return a price in ticks, at least one; 0 where none is said."""
    if text is None:
        return 0
    found = max(scaled(_checked(name, text), scale.price_digits, up=up), 1)
    if found > PRICE_TICKS_MAX:
        raise TurnedAway(
            Turned.BAD_NUMBER,
            f"{name} must be at most {PRICE_TICKS_MAX} ticks of 1e-{scale.price_digits}, was "
            f"{text:.80}.",
        )
    return found


def _lots(text: str | None, scale: Scale) -> int:
    """Return a quantity in lots, rounded down; 0 where none is said, and never otherwise."""
    if text is None:
        return 0
    found = scaled(_checked("quantity", text), scale.qty_digits, up=False)
    if found == 0:
        raise TurnedAway(
            Turned.BELOW_ONE_LOT,
            f"quantity must be at least 1e-{scale.qty_digits} of {scale.symbol}, was {text:.80}; "
            "it is never rounded up.",
        )
    return min(found, QTY_LOTS_MAX)


def instrument_of(asked: AskedSignal, scales: Sequence[Scale]) -> int:
    """Return the number of the instrument that is meant.

    Raises:
        TurnedAway: None is.
    """
    names = [one.symbol for one in scales]
    found = known_symbol(asked.symbol, names) if asked.symbol else None
    if found is None:
        raise TurnedAway(
            Turned.UNKNOWN_SYMBOL,
            f"symbol must be one that this account trades ({', '.join(names[:20])}), was "
            f"{asked.symbol!r:.80}.",
        )
    return names.index(found)


def row_of(asked: AskedSignal, *, instrument: int, strategy: int, scale: Scale) -> Rows:
    """Return a signal as the kernel takes it, shape (1,), without number and time.

    One that may only close says nothing of quantity, price, stop and target: whatever they are, the
    way out is not shut, and the whole position goes. A stop rounds toward the entry and so does a
    target, as a strategy's do (``signals.rows``).

    Raises:
        TurnedAway: A number of it is none.
    """
    row = rows(1)
    row["kind"] = Kind.SIGNAL
    row["instrument"] = instrument
    row["strategy"] = strategy
    row["side"] = asked.side
    row["src_ts_ns"] = asked.received_ns
    row["ext_hi"], row["ext_lo"] = ext_of(asked.id)
    if asked.is_exit:
        row["flags"] = Flag.EXIT_ONLY
        return row
    is_long = asked.side == BUY
    row["qty"] = _lots(asked.quantity, scale)
    row["price"] = _ticks("price", asked.price, scale, up=False)
    row["stop_ticks"] = _ticks("stop", asked.stop, scale, up=is_long)
    row["target_ticks"] = _ticks("target", asked.target, scale, up=not is_long)
    row["edge_bps"] = asked.edge_bps or 0
    row["has_edge"] = asked.edge_bps is not None
    return row
