"""What the simulated venue says to an engine, as lines; long answers take several."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from interlock.kernel.codes import Kind
from interlock.kernel.records import ROW, Rows, rows
from interlock.venues.port import (
    Account,
    Beat,
    Duplicate,
    Ended,
    Fenced,
    Found,
    Garbled,
    Listing,
    Market,
    Message,
    NotFound,
    Queued,
    Refused,
    Report,
    Turn,
    VenueOrder,
    VenueState,
    Welcome,
)
from interlock.venues.simulated.lines import (
    Check,
    Content,
    LineError,
    Symbols,
    check_fields,
    is_client_id,
    is_client_id_or_nothing,
    is_flag,
    is_list,
    is_object,
    is_text,
    read_line,
    shown,
    whole,
    write_line,
)
from interlock.venues.simulated.rowlines import (
    MARKET_KINDS,
    REPORT_KINDS,
    read_row,
    row_content,
)

MARKET_ROWS_MAX: Final = 64  # of one line
PARTS_MAX: Final = 100_000  # of one answer
_FILLS: Final = frozenset({Kind.FILL})
_STATES: Final = frozenset(VenueState)
_TURNS: Final = frozenset(Turn)


def _is_state(value: object) -> bool:
    return type(value) is str and value in _STATES


def _is_turn(value: object) -> bool:
    return type(value) is str and value in _TURNS


def _is_symbols(value: object) -> bool:
    """Return whether a value is names, at least one and none of them twice."""
    if type(value) is not list or not all(type(name) is str for name in value):
        return False
    return 0 < len(value) == len(set(value))


_INT32: Final = whole(-(2**31), 2**31 - 1)
_INT64: Final = whole(-(2**63))
_COUNT: Final = whole(0)
_ORDER: Final = {
    "client_id": is_client_id,
    "symbol": is_text,
    "state": _is_state,
    "qty": _INT64,
    "filled": _COUNT,
    "price": _INT64,
    "trigger": _INT64,
    "side": _INT32,
    "order_kind": _INT32,
    "is_reduce_only": is_flag,
    "fills": whole(0, PARTS_MAX),
}
_CHECKS: Final[dict[str, dict[str, Check]]] = {
    "welcome": {"now_ns": _COUNT, "replay": is_flag, "ended": is_flag},
    "fenced": {"epoch": _COUNT},
    "report": {
        "client_id": is_client_id_or_nothing,
        "peer_client_id": is_client_id_or_nothing,
        "row": is_object,
    },
    "market": {"rows": is_list},
    "beat": {"number": whole(1), "now_ns": _COUNT, "strategies": _is_turn},
    "ended": {"now_ns": _COUNT},
    "fill": {"row": is_object},
    "open": _ORDER,
    "found": _ORDER,
    "not_found": {"client_id": is_client_id, "now_ns": _COUNT},
    "duplicate": {"client_id": is_client_id},
    "listing": {"symbols": _is_symbols},
    "queued": {"what": is_text},
    "refused": {"client_id": is_client_id_or_nothing, "why": is_text},
    "account": {
        "now_ns": _COUNT,
        "orders": whole(0, PARTS_MAX),
        "positions": is_object,
        "marks": is_object,
        "cash_units": _INT64,
        "equity_units": _INT64,
        "trades": _COUNT,
    },
}


# --- writing ----------------------------------------------------------------------------------


def tell_bytes(message: Message, symbols: Symbols) -> bytes:
    """Return the lines that say it."""
    return b"".join(write_line(content) for content in _contents(message, symbols))


def _contents(message: Message, symbols: Symbols) -> Iterator[Content]:
    match message:
        case Welcome():
            yield {
                "t": "welcome",
                "now_ns": message.now_ns,
                "replay": message.replay,
                "ended": message.ended,
            }
        case Fenced():
            yield {"t": "fenced", "epoch": message.epoch}
        case Report():
            yield {
                "t": "report",
                "client_id": message.client_id,
                "peer_client_id": message.peer_client_id,
                "row": row_content(message.row, symbols),
            }
        case Market():
            for start in range(0, len(message.rows), MARKET_ROWS_MAX):
                part = message.rows[start : start + MARKET_ROWS_MAX]
                yield {"t": "market", "rows": [row_content(row, symbols) for row in part]}
        case Beat():
            yield {
                "t": "beat",
                "number": message.number,
                "now_ns": message.now_ns,
                "strategies": str(message.strategies),
            }
        case Ended():
            yield {"t": "ended", "now_ns": message.now_ns}
        case Found():
            yield from _order_contents("found", message.order, symbols)
        case NotFound():
            yield {"t": "not_found", "client_id": message.client_id, "now_ns": message.now_ns}
        case Duplicate():
            yield {"t": "duplicate", "client_id": message.client_id}
        case Account():
            yield from _account_contents(message, symbols)
        case Listing():
            yield {"t": "listing", "symbols": list(message.symbols)}
        case Queued():
            yield {"t": "queued", "what": message.what}
        case Refused():
            yield {"t": "refused", "client_id": message.client_id, "why": message.why}
        case Garbled():
            raise AssertionError(message)


def _order_contents(word: str, order: VenueOrder, symbols: Symbols) -> Iterator[Content]:
    """Yield the fills of an order, then the order."""
    for row in order.fills:
        yield {"t": "fill", "row": row_content(row, symbols)}
    yield {
        "t": word,
        "client_id": order.client_id,
        "symbol": symbols.name(order.instrument),
        "state": str(order.state),
        "qty": order.qty,
        "filled": order.filled,
        "price": order.price,
        "trigger": order.trigger,
        "side": order.side,
        "order_kind": order.order_kind,
        "is_reduce_only": order.is_reduce_only,
        "fills": len(order.fills),
    }


def _account_contents(account: Account, symbols: Symbols) -> Iterator[Content]:
    """Yield the open orders, then the account."""
    for order in account.orders:
        yield from _order_contents("open", order, symbols)
    yield {
        "t": "account",
        "now_ns": account.now_ns,
        "orders": len(account.orders),
        "positions": {symbols.name(at): lots for at, lots in account.positions.items()},
        "marks": {symbols.name(at): ticks for at, ticks in account.marks.items()},
        "cash_units": account.cash_units,
        "equity_units": account.equity_units,
        "trades": account.trades,
    }


# --- reading ----------------------------------------------------------------------------------


class TellReader:
    """Puts messages together from lines: it holds the parts of an answer under way.

    Args:
        symbols: Of the venue.
        account: Whose fills are told.
    """

    def __init__(self, symbols: Symbols, account: str) -> None:
        self._symbols = symbols
        self._account = account
        self._fills: list[Rows] = []
        self._orders: list[VenueOrder] = []
        self._parts = 0
        self._readers: dict[str, Callable[[Content], Message | None]] = {
            "welcome": lambda said: Welcome(**said),
            "fenced": lambda said: Fenced(**said),
            "report": self._report,
            "market": self._market,
            "beat": lambda said: Beat(**{**said, "strategies": Turn(said["strategies"])}),
            "ended": lambda said: Ended(**said),
            "fill": self._fill,
            "open": self._open,
            "found": self._found,
            "not_found": lambda said: NotFound(**said),
            "duplicate": lambda said: Duplicate(**said),
            "listing": lambda said: Listing(symbols=tuple(said["symbols"])),
            "queued": lambda said: Queued(**said),
            "refused": lambda said: Refused(**said),
            "account": self._whole_account,
        }

    def read(self, line: bytes) -> Message | None:
        """Return the message that a line completes, None for a part of one.

        Raises:
            LineError: It is none, or comes where it cannot.
        """
        content = read_line(line)
        word = content.pop("t", None)
        reader = self._readers.get(word) if type(word) is str else None
        if reader is None:
            raise LineError(f"t must be one of {', '.join(_CHECKS)}, was {shown(word)}")
        check_fields(content, _CHECKS[str(word)])
        if word in {"fill", "open"}:
            self._parts += 1
            if self._parts > PARTS_MAX:
                raise LineError(f"an answer must have at most {PARTS_MAX} parts")
        elif self._fills and word != "found":
            raise LineError(f"{word} cannot come between the fills and the order of an answer")
        elif self._orders and word != "account":
            raise LineError(f"{word} cannot come between the orders and the account")
        return reader(content)

    def _row(self, content: object, kinds: frozenset[Kind]) -> Rows:
        if type(content) is not dict:
            raise LineError(f"a row must be an object, was {shown(content)}")
        return read_row(content, kinds, self._symbols, self._account)

    def _report(self, said: Content) -> Report:
        row = self._row(said["row"], REPORT_KINDS)[0]
        if (said["client_id"] == "") != (row["kind"] == Kind.FUNDING):
            raise LineError(f"client_id cannot be {shown(said['client_id'])} in this report")
        return Report(client_id=said["client_id"], peer_client_id=said["peer_client_id"], row=row)

    def _market(self, said: Content) -> Market:
        told = said["rows"]
        if not 1 <= len(told) <= MARKET_ROWS_MAX:
            raise LineError(f"rows must be 1 to {MARKET_ROWS_MAX}, was {len(told)}")
        # Not np.concatenate: that works out the type of every field of every row again.
        raw = b"".join(self._row(each, MARKET_KINDS).tobytes() for each in told)
        return Market(rows=np.frombuffer(bytearray(raw), dtype=ROW))

    def _fill(self, said: Content) -> None:
        self._fills.append(self._row(said["row"], _FILLS))

    def _order(self, said: Content) -> VenueOrder:
        fills = np.concatenate(self._fills) if self._fills else rows(0)
        instrument = self._symbols.number(said.pop("symbol"))
        if len(fills) != said.pop("fills") or (fills["instrument"] != instrument).any():
            raise LineError(f"an order must come after its own fills, was {shown(said)}")
        self._fills = []
        state = VenueState(said.pop("state"))
        return VenueOrder(instrument=instrument, state=state, fills=fills, **said)

    def _open(self, said: Content) -> None:
        self._orders.append(self._order(said))

    def _found(self, said: Content) -> Found:
        self._parts = 0
        return Found(order=self._order(said))

    def _by_instrument(self, said: object) -> dict[int, int]:
        assert isinstance(said, dict)
        for name, value in said.items():
            if not _INT64(value):
                raise LineError(f"{shown(name)} cannot be {shown(value)} in an account")
        return {self._symbols.number(name): value for name, value in said.items()}

    def _whole_account(self, said: Content) -> Account:
        orders = tuple(self._orders)
        if len(orders) != said.pop("orders"):
            raise LineError(f"an account must come after its open orders, was {len(orders)}")
        self._orders = []
        self._parts = 0
        positions = self._by_instrument(said.pop("positions"))
        marks = self._by_instrument(said.pop("marks"))
        return Account(orders=orders, positions=positions, marks=marks, **said)
