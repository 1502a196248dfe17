"""What an engine says to the simulated venue, as lines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from interlock.venues.port import Amend, Cancel, NewOrder, Request
from interlock.venues.simulated.lines import (
    TS_NS_MAX,
    Check,
    Content,
    LineError,
    Symbols,
    check_fields,
    is_client_id,
    is_client_id_or_nothing,
    is_flag,
    is_text,
    read_line,
    shown,
    whole,
    write_line,
)

PROTOCOL: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """Who speaks, and up to where it has journaled the feed."""

    epoch: int
    feed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warden:
    """Who watches: it may look, cancel and close, and displaces nobody."""

    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAll:
    """A warden's wish to cancel every order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDeadMan:
    """An engine's wish: without another one for so long, cancel what could open; 0 is never."""

    timeout_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AskAccount:
    """The question for an ``Account``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskOrder:
    """The question about one order."""

    client_id: str
    instrument: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Everything that a beat caused was sent; beat 0 is the greeting."""

    beat: int
    spoke: bool


Ask: TypeAlias = (
    Hello
    | Warden
    | NewOrder
    | Cancel
    | Amend
    | CancelAll
    | AskAccount
    | AskOrder
    | ArmDeadMan
    | Done
)

DEAD_MAN_MS_MAX: Final = 86_400_000

_INT32: Final = whole(-(2**31), 2**31 - 1)
_INT64: Final = whole(-(2**63))
_WHO: Final[dict[str, Check]] = {
    "client_id": is_client_id,
    "epoch": whole(1),
    "symbol": is_text,
    "ts_ns": whole(0, TS_NS_MAX),
}
_CHECKS: Final[dict[str, dict[str, Check]]] = {
    "hello": {"version": whole(PROTOCOL, PROTOCOL), "epoch": whole(1), "feed": whole(0)},
    "warden": {"version": whole(PROTOCOL, PROTOCOL), "who": is_client_id},
    "cancel_all": {},
    "dead_man": {"timeout_ms": whole(0, DEAD_MAN_MS_MAX)},
    "new": {
        **_WHO,
        "strategy": _INT32,
        "side": _INT32,
        "order_kind": _INT32,
        "role": _INT32,
        "flags": _INT32,
        "qty": _INT64,
        "price": _INT64,
        "trigger": _INT64,
        "peer_client_id": is_client_id_or_nothing,
    },
    "cancel": _WHO,
    "amend": {**_WHO, "qty": _INT64, "price": _INT64, "trigger": _INT64},
    "account": {},
    "order": {"client_id": is_client_id, "symbol": is_text},
    "done": {"beat": whole(0), "spoke": is_flag},
}
_REQUESTS: Final[dict[str, type[Request]]] = {"new": NewOrder, "cancel": Cancel, "amend": Amend}
_ASKS: Final[dict[str, Callable[..., Ask]]] = {
    **_REQUESTS,
    "hello": Hello,
    "warden": Warden,
    "cancel_all": CancelAll,
    "dead_man": ArmDeadMan,
    "account": AskAccount,
    "order": AskOrder,
    "done": Done,
}


def ask_bytes(ask: Ask, symbols: Symbols) -> bytes:
    """Return the line that says it."""
    match ask:
        case Hello():
            content = {
                "t": "hello",
                "version": PROTOCOL,
                "epoch": ask.epoch,
                "feed": ask.feed,
            }
        case Warden():
            content = {"t": "warden", "version": PROTOCOL, "who": ask.who}
        case CancelAll():
            content = {"t": "cancel_all"}
        case ArmDeadMan():
            content = {"t": "dead_man", "timeout_ms": ask.timeout_ms}
        case AskAccount():
            content = {"t": "account"}
        case AskOrder():
            content = {
                "t": "order",
                "client_id": ask.client_id,
                "symbol": symbols.name(ask.instrument),
            }
        case Done():
            content = {"t": "done", "beat": ask.beat, "spoke": ask.spoke}
        case NewOrder() | Cancel() | Amend():
            content = _request_content(ask, symbols)
    return write_line(content)


def _request_content(request: Request, symbols: Symbols) -> Content:
    word = next(word for word, kind in _REQUESTS.items() if isinstance(request, kind))
    content: Content = {name: getattr(request, name) for name in _CHECKS[word] if name != "symbol"}
    content["symbol"] = symbols.name(request.instrument)
    content["t"] = word
    return content


def read_ask(line: bytes, symbols: Symbols) -> Ask:
    """Return what a line of an engine asks, its end included.

    Raises:
        LineError: It is none.
    """
    content = read_line(line)
    word = content.pop("t", None)
    checks = _CHECKS.get(word) if type(word) is str else None
    if checks is None:
        raise LineError(f"t must be one of {', '.join(_CHECKS)}, was {shown(word)}")
    check_fields(content, checks)
    if "symbol" in content:
        content["instrument"] = symbols.number(content.pop("symbol"))
    content.pop("version", None)
    return _ASKS[str(word)](**content)
