"""What wardens may do at the simulated venue: look, cancel, close. It acts at once.

A recording waits for its engine, and an engine that hangs never answers. So a warden waits for no
bar: its cancels arrive without delay, and its market orders meet the instrument's last mark.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from interlock.kernel.codes import Flag, OrderKind, Role
from interlock.venues.port import (
    WARDEN_PREFIX,
    Cancel,
    Duplicate,
    Fenced,
    Listing,
    Message,
    NewOrder,
    Queued,
    Refused,
    Report,
)
from interlock.venues.simulated.asks import Ask, AskAccount, AskOrder, CancelAll, Warden
from interlock.venues.simulated.exchange import Exchange

_KINDS = {OrderKind.MARKET: Role.EXIT, OrderKind.STOP: Role.STOP}


@dataclass(slots=True, kw_only=True)
class Heard:
    """What came of what a warden said.

    Attributes:
        answers: For the warden.
        reports: For the engine, as of any command.
    """

    answers: list[Message] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


def refusal(order: NewOrder) -> str:
    """Return why an order is none that a warden may give; nothing when it is one."""
    if not order.client_id.startswith(WARDEN_PREFIX):
        return f"client_id must begin with {WARDEN_PREFIX}"
    if not order.flags & Flag.REDUCE_ONLY or order.flags & ~(Flag.REDUCE_ONLY | Flag.MARGIN):
        return "it must be reduce-only, and nothing else but on margin"
    if _KINDS.get(OrderKind(order.order_kind)) != order.role or order.peer_client_id:
        return "it must be an exit at market or a stop, and of no pair"
    return ""


class Wardens:
    """The venue's side of every warden's connection.

    Args:
        exchange: The account.
        symbols: The instruments' names, by their numbers.
    """

    def __init__(self, exchange: Exchange, symbols: Sequence[str]) -> None:
        self._exchange = exchange
        self._symbols = tuple(symbols)

    def take(self, ask: Ask, now_ns: int) -> Heard | None:
        """Return what came of what a warden says; None when it may not say that at all.

        Args:
            ask: What it says.
            now_ns: The venue's time.
        """
        match ask:
            case Warden():
                return Heard(answers=[Listing(symbols=self._symbols)])
            case AskAccount():
                return Heard(answers=[self._exchange.account(now_ns)])
            case AskOrder():
                return Heard(answers=[self._exchange.order(ask.client_id, now_ns)])
            case CancelAll():
                return Heard(
                    answers=[Queued(what="cancel_all")],
                    reports=self._exchange.cancel_now(lambda _: True, now_ns),
                )
            case Cancel():
                client_id = ask.client_id
                return Heard(
                    reports=self._exchange.cancel_now(
                        lambda order: order.client_id == client_id, now_ns
                    )
                )
            case NewOrder():
                return self._close(ask, now_ns)
            case _:
                return None

    def _close(self, order: NewOrder, now_ns: int) -> Heard:
        """Take a reduce-only order, and match it at once if it is at market."""
        why = refusal(order) if order.order_kind in _KINDS else "it must be at market, or a stop"
        if why:
            return Heard(answers=[Refused(client_id=order.client_id, why=why)])
        mine = replace(order, epoch=self._exchange.epoch, ts_ns=now_ns)
        found = self._exchange.handle_now(mine, now_ns)
        if isinstance(found, Duplicate):
            return Heard(answers=[found])
        assert not isinstance(found, Fenced)
        return Heard(reports=found)
