"""One alert of a chart or a script: read strictly, kept in our words, and only ever a proposal."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from interlock.config.errors import closest
from interlock.signals.alert_fields import (
    EDGE_MAX_BPS,
    ID_MAX,
    NAME_MAX,
    SEQUENCE_MAX,
    AlertError,
    amount,
    flag,
    position,
    symbol,
    text,
    time_ns,
    whole,
)
from interlock.signals.alert_json import JsonError, Scanner, Value
from interlock.signals.alert_secret import SECRET
from interlock.signals.alert_words import fields_of

__all__ = ["Action", "Alert", "AlertError", "Ping", "read_alert"]

_KEY_SHOWN_MAX: Final = 40


class Action(StrEnum):
    """What an alert wants. CLOSE leaves what is held, whichever way it is, and opens nothing."""

    BUY = "BUY"
    SELL = "SELL"
    CLOSE = "CLOSE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What somebody outside proposes.

    Attributes:
        action: Which way.
        symbol: As the instruments file would spell it; nobody looked whether it is there.
        exit_only: Whether it may only close: a CLOSE, or an order after which the chart is flat.
        quantity: The most that it asks for, in plain digits; so are the other numbers.
        price: What the alert saw.
        strategy: Whose alert it is.
        id: Its own name for itself.
        time_ns: When it says that it was sent.
        sequence: Its number among those of its strategy, one more each time.
        previous_position: long, short or flat: what it believes was held before it.
        edge_bps: Expected gain before costs, in basis points.
        stop: Price of the protective stop.
        target: Price to take profit at.
    """

    action: Action
    symbol: str
    exit_only: bool = False
    quantity: str | None = None
    price: str | None = None
    strategy: str | None = None
    id: str | None = None
    time_ns: int | None = None
    sequence: int | None = None
    previous_position: str | None = None
    edge_bps: int | None = None
    stop: str | None = None
    target: str | None = None

    def content(self) -> bytes:
        """Return what it says, apart from its name and its time: the same bytes for the same."""
        said = {name: value for name in _CONTENT if (value := getattr(self, name)) is not None}
        return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


_CONTENT: Final = tuple(one.name for one in fields(Alert) if one.name not in {"id", "time_ns"})


@dataclass(frozen=True, slots=True)
class Ping:
    """A test: it was understood, and creates nothing."""


_FIELDS: Final = MappingProxyType(
    {  # as people and charts name it: the field that it is
        "symbol": "symbol",
        "ticker": "symbol",
        "action": "action",
        "side": "action",
        "strategy.order.action": "action",
        "quantity": "quantity",
        "qty": "quantity",
        "contracts": "quantity",
        "strategy.order.contracts": "quantity",
        "price": "price",
        "strategy.order.price": "price",
        "strategy": "strategy",
        "strategy.name": "strategy",
        "id": "id",
        "time": "time_ns",
        "sequence": "sequence",
        "prev_market_position": "previous_position",
        "strategy.prev_market_position": "previous_position",
        "market_position": "market_position",
        "strategy.market_position": "market_position",
        "edge_bps": "edge_bps",
        "stop": "stop",
        "target": "target",
        "test": "test",
        SECRET: SECRET,
    }
)
# What charts fill in and nobody here needs. A chart's order id is the name of its rule and the same
# for every order, so it is no name of an alert.
_UNUSED: Final = frozenset(
    {
        "comment",
        "exchange",
        "interval",
        "market_position_size",
        "position_size",
        "prev_market_position_size",
        "strategy.market_position_size",
        "strategy.order.alert_message",
        "strategy.order.comment",
        "strategy.order.id",
        "strategy.position_size",
        "strategy.prev_market_position_size",
    }
)
_NESTED: Final = frozenset({"strategy", "strategy.order"})  # may be objects
_READ: Final[Mapping[str, Callable[[str, Value], Any]]] = MappingProxyType(
    {
        "symbol": symbol,
        "quantity": amount,
        "price": amount,
        "stop": amount,
        "target": amount,
        "strategy": partial(text, most=NAME_MAX),
        "id": partial(text, most=ID_MAX),
        "time_ns": time_ns,
        "sequence": partial(whole, low=0, high=SEQUENCE_MAX),
        "edge_bps": partial(whole, low=-EDGE_MAX_BPS, high=EDGE_MAX_BPS),
        "previous_position": position,
        "market_position": position,
        "test": flag,
    }
)
_ACTIONS: Final = MappingProxyType(
    {
        "buy": Action.BUY,
        "long": Action.BUY,
        "sell": Action.SELL,
        "short": Action.SELL,
        "close": Action.CLOSE,
        "exit": Action.CLOSE,
        "flat": Action.CLOSE,
    }
)


def read_alert(body: bytes) -> Alert | Ping:
    """Return what a body says. Its secret is passed over: who may send it was decided before.

    Raises:
        AlertError: It cannot be understood; nothing else is ever raised.

    >>> read_alert(b'{"symbol": "SPY", "price": "450", "action": "BUY"}').price
    '450'
    """
    try:
        scanner = Scanner(body)
        fields: dict[str, Any] = scanner.whole() if _is_json(scanner) else dict(fields_of(body))
    except JsonError as error:
        raise AlertError(f"The body {error}.") from None
    return _built(_named(fields))


def _is_json(scanner: Scanner) -> bool:
    return scanner.peek() in {b"{", b"[", b'"'}


def _flat(fields: dict[str, Value], prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Yield every field by its dotted name; only what charts nest may be nested."""
    for key, value in fields.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name in _NESTED:
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _named(fields: dict[str, Value]) -> dict[str, tuple[str, Value]]:
    """Return every field under our name for it, with theirs. What is null was left out."""
    found: dict[str, tuple[str, Value]] = {}
    theirs: set[str] = set()
    for name, value in _flat(fields):
        if name in theirs:
            raise AlertError(f"{_shown(name)} must be given once, was nested and dotted.", name)
        theirs.add(name)
        ours = _FIELDS.get(name)
        if ours is None:
            if name not in _UNUSED:
                raise _unknown(name)
            if isinstance(value, dict | list):
                raise AlertError(f"{name} must be text or a number, and was not.", name)
        elif value is not None:
            if ours in found:
                both = f"{found[ours][0]} and {name}"
                raise AlertError(f"{both} mean the same: one of them must be given.", name)
            found[ours] = name, value
    return found


def _shown(name: str) -> str:
    """Return somebody's key so that it can be printed."""
    cut = name if len(name) <= _KEY_SHOWN_MAX else f"{name[: _KEY_SHOWN_MAX - 3]}..."
    return cut if cut.isprintable() else ascii(cut)[1:-1]


def _unknown(name: str) -> AlertError:
    """Return the refusal of a key that nobody reads: what is not read would be lost silently."""
    likely = closest(name[:_KEY_SHOWN_MAX], _FIELDS)
    hint = f"; did you mean {likely}?" if likely is not None else "."
    keys = ", ".join(key for key in _FIELDS if "." not in key)
    return AlertError(f"{_shown(name)} is not a key{hint} Keys: {keys}.", _shown(name))


def _built(named: dict[str, tuple[str, Value]]) -> Alert | Ping:
    """Return the alert, every field of it judged."""
    read: dict[str, Any] = {
        ours: _READ[ours](name, value)
        for ours, (name, value) in named.items()
        if ours not in {"action", SECRET}
    }
    action = _action(named)
    after = read.pop("market_position", None)
    if read.pop("test", False):
        return Ping()
    for must in ("symbol", "action"):
        if must not in named:
            raise AlertError(f"{must} must be given, and was not.", must)
    assert action is not None
    closes = action is Action.CLOSE or after == "flat"
    return Alert(action=action, exit_only=closes, **read)


def _action(named: dict[str, tuple[str, Value]]) -> Action | None:
    if "action" not in named:
        return None
    name, value = named["action"]
    found = _ACTIONS.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        words = ", ".join(_ACTIONS)
        raise AlertError(f"{name} must be one of {words}, and was not.", name)
    return found
