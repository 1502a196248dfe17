"""Sending in order, and what may overtake an order that is too fast."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from interlock.kernel.codes import BUY, SELL, Flag
from interlock.runtime.clock import ManualClock
from interlock.runtime.last_gate import LastGate, Outgoing, Stopped
from interlock.runtime.sender import Sender
from interlock.venues.port import Cancel, NewOrder

if TYPE_CHECKING:
    from interlock.runtime.engine import Engine
    from interlock.venues.connection import Connection


class Line:
    """A connection that remembers what was written."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, data: bytes) -> None:
        self.written.append(data.decode())


class Gate:
    """Lets orders through that reduce risk; the rest is too fast."""

    def send(
        self, outgoing: Outgoing, durable_seq: int, write: Callable[[bytes], None]
    ) -> Stopped | None:
        assert durable_seq == 9
        request = outgoing.request
        if isinstance(request, NewOrder) and not request.flags & Flag.REDUCE_ONLY:
            return Stopped.RATE
        write(outgoing.wire)
        return None


class Talk:
    """An engine that nobody asks anything of but how far it is durable."""

    def __init__(self) -> None:
        self.progress = type("Progress", (), {"durable_seq": 9})
        self.link = self
        self.kept_back: list[str] = []

    def sent(self, request: Any) -> None:
        assert request.client_id

    def kept(self, request: Any) -> None:
        self.kept_back.append(request.client_id)


def order(name: str, *, reduces: bool = False, peer: str = "") -> Outgoing:
    request = NewOrder(
        client_id=name,
        epoch=1,
        instrument=0,
        strategy=0,
        side=SELL if reduces else BUY,
        order_kind=1,
        role=1,
        flags=int(Flag.REDUCE_ONLY) if reduces else 0,
        qty=1,
        price=1,
        trigger=0,
        peer_client_id=peer,
        ts_ns=1,
    )
    return Outgoing(wire=f"{name} ".encode(), request=request, seq=1)


class Open:
    """A gate that lets everything through."""

    def send(
        self, outgoing: Outgoing, durable_seq: int, write: Callable[[bytes], None]
    ) -> Stopped | None:
        assert durable_seq == 9
        write(outgoing.wire)
        return None


def cancel(name: str) -> Outgoing:
    request = Cancel(client_id=name, epoch=1, instrument=0, ts_ns=1)
    return Outgoing(wire=f"cancel-{name} ".encode(), request=request, seq=1)


QUESTION = Outgoing(wire=b"question ", request=None, seq=0)


@pytest.mark.parametrize(
    ("queued", "sent", "left"),
    [
        ([cancel("a"), QUESTION, order("b", reduces=True)], "cancel-a question b", 0),
        ([order("new"), cancel("a"), order("exit", reduces=True)], "cancel-a exit", 1),
        ([order("new"), cancel("new")], "", 2),  # it would be unknown at the venue
        ([order("new"), order("target", reduces=True, peer="new")], "", 2),
        ([order("new"), QUESTION, cancel("a")], "cancel-a", 2),
        (
            [order("new"), cancel("new"), order("stop", reduces=True, peer="new"), cancel("b")],
            "cancel-b",
            3,
        ),
    ],
)
def test_what_reduces_risk_overtakes_what_adds_to_it(
    queued: list[Outgoing], sent: str, left: int
) -> None:
    """But never an order of its own, and a question waits its turn."""
    line = Line()
    sender = Sender(
        cast("Engine", Talk()),
        cast("LastGate", Gate()),
        ManualClock(),
        stale_ns=10,
        report=lambda _event, _facts: None,
    )
    sender.add(queued)

    sender.send(cast("Connection", line))

    assert "".join(line.written).split() == sent.split()
    assert len(sender) == left


def test_what_waited_too_long_is_not_sent_any_more() -> None:
    clock, talk, line = ManualClock(), Talk(), Line()
    reports: list[str] = []
    sender = Sender(
        cast("Engine", talk),
        cast("LastGate", Gate()),
        clock,
        stale_ns=10,
        report=lambda event, _facts: reports.append(event),
    )
    sender.add([order("new"), QUESTION])
    sender.send(cast("Connection", line))
    clock.advance(11)

    sender.send(cast("Connection", line))

    assert talk.kept_back == ["new"]
    assert line.written == ["question "]
    assert reports == ["stopped_at_gate"]


@pytest.mark.parametrize(("waits_ns", "leaves"), [(1_999_999_999, True), (2_000_000_000, False)])
def test_an_order_that_was_decided_too_long_ago_opens_nothing(waits_ns: int, leaves: bool) -> None:
    """The process stood still, or the disk did; the way out is never too late."""
    talk, line, clock = Talk(), Line(), ManualClock()
    said: list[str] = []
    sender = Sender(
        cast("Engine", talk),
        cast("LastGate", Open()),
        clock,
        stale_ns=5,
        report=lambda _, facts: said.append(facts["why"]),
    )
    sender.add(
        [
            replace(order("in"), late_ns=2_000_000_000),
            replace(order("out", reduces=True), late_ns=2_000_000_000),
            replace(cancel("other"), late_ns=2_000_000_000),
            replace(order("recorded"), late_ns=None),
        ]
    )
    clock.advance(waits_ns)
    sender.send(cast("Connection", line))
    assert line.written == [*(["in "] if leaves else []), "out ", "cancel-other ", "recorded "]
    assert talk.kept_back == ([] if leaves else ["in"])
    assert said == ([] if leaves else ["late"])
