"""What an engine decided last, in sentences: for whoever looks at it while it runs."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from interlock.kernel.codes import BUY, Alarm, Cause, Exit, Kind, Level, Role
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.decide import Decided
from interlock.runtime.entries import Said, events_of
from interlock.runtime.status import UNITS
from interlock.runtime.turns import Scale

KEPT: Final = 30
_NOBODY: Final = Scale(symbol="the account", price_digits=0, qty_digits=0)


def _number(value: int, digits: int) -> str:
    """Return value / 10^digits without zeros at its end.

    >>> _number(1_250_000, 5), _number(-30, 0)
    ('12.5', '-30')
    """
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), 10**digits)
    fraction = f"{part:0{digits}d}".rstrip("0") if digits else ""
    return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def _side(row: Row) -> str:
    return "bought" if row["side"] == BUY else "sold"


def _fill(row: Row, scale: Scale) -> str:
    quantity = _number(int(row["qty"]), scale.qty_digits)
    price = _number(int(row["price"]), scale.price_digits)
    role = _words(Role(row["role"]).name)
    return f"{_side(row)} {quantity} {scale.symbol} at {price} ({role})"


def _refused(row: Row, scale: Scale) -> str:
    side = "buying" if row["side"] == BUY else "selling"
    return f"refused {side} {scale.symbol}: {Reason(row['code']).name}"


def _closed(row: Row, scale: Scale) -> str:
    won = int(row["value"]) / UNITS
    how = _words(Exit(row["code"]).name)
    return f"closed {scale.symbol}: {won:+,.2f} ({how})"


def _latched(row: Row, scale: Scale) -> str:
    of = scale.symbol if row["instrument"] >= 0 else "the account"
    return f"{Level(row['level']).name}: {_words(Cause(row['code']).name)} of {of}"


def _released(row: Row, scale: Scale) -> str:
    of = scale.symbol if row["instrument"] >= 0 else "the account"
    return f"opened again: {_words(Cause(row['code']).name)} of {of}"


def _alarm(row: Row, scale: Scale) -> str:
    return f"ALARM: {_words(Alarm(row['code']).name)} of {scale.symbol}"


_TOLD: Final[Mapping[int, Callable[[Row, Scale], str]]] = {
    Kind.FILL: _fill,
    Kind.REFUSED: _refused,
    Kind.CLOSED: _closed,
    Kind.LATCHED: _latched,
    Kind.RELEASED: _released,
    Kind.ALARM: _alarm,
}


class Recent:
    """Keeps the last things that happened, and tells them once they are durable.

    Args:
        scales: Of the instruments, by their numbers.
    """

    def __init__(self, scales: Sequence[Scale]) -> None:
        self._scales = scales
        self._number = 0
        self._waiting: deque[tuple[int, Said]] = deque()
        self._told: deque[Said] = deque(maxlen=KEPT)

    def watch(self, decided: Decided) -> None:
        """Take what was decided; it is told later."""
        for entry in decided.entries:
            for event in events_of(entry):
                if event["kind"] == Kind.FILL:
                    self._keep(event)
        for command in decided.commands:
            if int(command.row["kind"]) in _TOLD:
                self._keep(command.row)

    def durable(self, seq: int) -> None:
        """Tell what is durable now."""
        while self._waiting and self._waiting[0][0] <= seq:
            self._told.append(self._waiting.popleft()[1])

    def latest(self) -> list[Said]:
        """Return what can be told, oldest first; ``number`` counts since the engine's start."""
        return list(self._told)

    def _keep(self, row: Row) -> None:
        number = int(row["instrument"])
        scale = self._scales[number] if 0 <= number < len(self._scales) else _NOBODY
        self._number += 1
        at = datetime.fromtimestamp(int(row["ts_ns"]) // NS_PER_S, UTC)
        said = {
            "number": self._number,
            "seq": int(row["seq"]),
            "at_ns": int(row["ts_ns"]),
            "event": Kind(row["kind"]).name,
            "text": f"{at:%Y-%m-%d %H:%M} {_TOLD[int(row['kind'])](row, scale)}",
        }
        self._waiting.append((int(row["seq"]), said))
