"""Signals from outside and approvals: each check fires on what was planted, and not without."""

from dataclasses import replace
from typing import Any

from interlock.journal.rows import Entry, Row, RowKind
from interlock.kernel.codes import BUY, SELL, Kind
from interlock.research.simulator.invariants.ingress import ApprovalBinding, Ingress
from interlock.runtime.asked_signal import ext_of
from interlock.runtime.entries import event_entry, json_bytes, said_entry, signal_key
from tests.simulator.stage import breaks, row, submit


def outside(signal_id: str, *commands: Any, seq: int = 5, **said: object) -> Entry:
    """Return what became of a signal from outside."""
    event = row(Kind.SIGNAL, seq=seq, instrument=0, strategy=1, side=BUY)
    event["ext_hi"], event["ext_lo"] = ext_of(signal_id)
    table = commands[0] if commands else event[:0]
    return event_entry(event[0], table, json_bytes({"id": signal_id, **said}))


def given(check: Any, *entries: Entry) -> None:
    """Show entries to a check."""
    for entry in entries:
        check.row(Row(entry=entry, previous=bytes(32), hash=bytes(32)))


# --- 25 ---------------------------------------------------------------------------------------


def test_a_signal_is_decided_on_once() -> None:
    given(Ingress(), outside("a", submit()), outside("b", submit()))
    with breaks(25, "decided on twice"):
        given(Ingress(), outside("a"), outside("a", seq=6))


def test_an_order_from_outside_has_one_signal() -> None:
    """Also when the second came by another road."""
    other = outside("b", submit())
    with breaks(25, "two orders come from one signal"):
        given(
            Ingress(),
            outside("a", submit()),
            replace(other, payload=json_bytes({"id": "a", "approval": {}})),
        )


def test_what_has_a_signals_key_says_which_one() -> None:
    with breaks(25, "does not say"):
        given(Ingress(), replace(outside("a"), payload=b"{}"))
    key = outside("a").key
    with breaks(25, "is no signal"):
        given(Ingress(), replace(outside("b"), key=key))
    given(Ingress(), said_entry(RowKind.NOTE, 4, 1, {"what": "signal_refused"}, key))
    assert key == signal_key(_with_ext("a"))


def _with_ext(signal_id: str) -> Any:
    event = row(Kind.SIGNAL)
    event["ext_hi"], event["ext_lo"] = ext_of(signal_id)
    return event[0]


# --- 27 ---------------------------------------------------------------------------------------

ANSWER = {"id": "a-1", "hash": "h", "who": "anna", "reason": "yes"}


def note(what: str, **said: object) -> Entry:
    """Return a note."""
    return said_entry(RowKind.NOTE, 4, 1, {"what": what, "id": "a-1", **said})


def proposal() -> Entry:
    """Return an entry that waits: ten lots of a tenth."""
    return note("proposal", hash="h", side="BUY", quantity="1.0", signal="a")


def approved(*commands: Any, **changed: object) -> Entry:
    """Return an approved signal."""
    return outside("approved", *commands, approval={**ANSWER, **changed})


def test_what_was_approved_is_what_is_sent() -> None:
    binding = ApprovalBinding(digits=(1,))
    given(binding, proposal(), approved(submit(qty=10)), outside("b", submit(qty=3)))
    for wrong in (submit(qty=11), submit(side=SELL)):
        with breaks(27, "another order was sent"):
            given(ApprovalBinding(digits=(1,)), proposal(), approved(wrong))
    with breaks(27, "than was shown"):
        given(ApprovalBinding(digits=(1,)), proposal(), approved(submit(), hash="x"))


def test_an_approval_is_used_once_and_only_while_it_waits() -> None:
    for over in ("approval_expired", "approval_denied", "approval_refused"):
        with breaks(27, "did not wait any more"):
            given(ApprovalBinding(digits=(1,)), proposal(), note(over), approved(submit()))
        with breaks(27, "over that did not wait"):
            given(ApprovalBinding(digits=(1,)), note(over))
    with breaks(27, "did not wait any more"):
        given(
            ApprovalBinding(digits=(1,)),
            proposal(),
            approved(submit(qty=10)),
            approved(submit(qty=10)),
        )
