"""What single records say: notes, snapshots, policies, what came from outside."""

from typing import Any

import numpy as np

from interlock.app.happened import Happened
from interlock.journal.rows import EMPTY, Entry, Row, RowKind, chained
from interlock.kernel.codes import BUY, Cause, Kind, Level
from interlock.kernel.records import rows
from interlock.kernel.state import new_state
from interlock.runtime.entries import (
    event_entry,
    json_bytes,
    layout_digest,
    said_entry,
    snapshot_entry,
)
from interlock.runtime.reconcile import halt_row
from tests.runtime.probes import shipped

TIER = (64, 16, 256)
GENESIS: dict[str, Any] = {
    "currency": "USD",
    "instruments": [{"symbol": "GOOG", "price_digits": 4, "qty_digits": 0}],
    "strategies": ["ema_cross"],
    "tier": list(TIER),
}


def told(entry: Entry, happened: Happened | None = None) -> list[dict[str, Any]]:
    """Return what one record says."""
    head = type(EMPTY)(seq=entry.seq - 1, hash=EMPTY.hash)
    row: Row = chained(entry, head)
    return (happened or Happened(GENESIS)).items(row)


def note(**said: Any) -> Entry:
    return said_entry(RowKind.NOTE, 32, 1_700_000_000 * 10**9, {"epoch": 1, **said})


def test_a_start_says_only_what_is_worth_showing_and_names_the_strategies() -> None:
    happened = Happened(GENESIS)
    start = note(what="start", epoch=7, pid_file="x", version="1", strategies=["a", "webhook"])
    (found,) = told(start, happened)
    assert found["says"] == {"epoch": 7, "version": "1", "what": "start"}
    assert (found["ts"], found["what"]) == ("2023-11-14T22:13:20Z", "start")
    signal = rows(1)
    signal["kind"], signal["seq"], signal["instrument"], signal["strategy"] = Kind.SIGNAL, 33, 0, 1
    (said,) = told(event_entry(signal[0], rows(0)), happened)
    assert (said["type"], said["strategy"], said["state"]) == (
        *("signal", "webhook", "NOTHING_TO_DO"),
    )


def test_a_signal_from_outside_says_where_it_came_from() -> None:
    signal = rows(1)
    for name, value in (("kind", Kind.SIGNAL), ("seq", 33), ("instrument", 0), ("side", BUY)):
        signal[name] = value
    signal["price"], signal["qty"] = 1_234_500, 7
    payload = {
        "what": "alert",
        "id": "a1",
        "who": "webhook:1.2.3.4",
        "correlation": "r-1",
        "received_ns": 5,
    }
    (found,) = told(event_entry(signal[0], rows(0), json_bytes(payload)))
    assert (found["source"], found["webhook_id"], found["who"]) == (
        *("webhook", "a1", "webhook:1.2.3.4"),
    )
    assert (found["correlation"], found["received_ns"]) == ("r-1", 5)
    assert (found["price"], found["quantity"]) == ("123.4500", "7")


def test_what_was_turned_away_before_the_kernel_is_a_signal_too() -> None:
    answer = {
        "id": "a2",
        "state": "REFUSED",
        "reason": "UNKNOWN_SYMBOL",
        "message": "no.",
        "reasons": ["UNKNOWN_SYMBOL"],
    }
    _, found = told(note(what="signal_refused", answer=answer, symbol="NOPE", who="webhook:x"))
    assert (found["type"], found["state"], found["reason"]) == (
        *("signal", "REFUSED", "UNKNOWN_SYMBOL"),
    )
    assert (found["symbol"], found["webhook_id"], found["source"]) == ("NOPE", "a2", "webhook")


def test_what_waits_for_a_person_is_a_signal_too() -> None:
    said = {"id": "p1", "symbol": "GOOG", "side": "BUY", "quantity": "5", "why": "a cross"}
    _, found = told(note(what="proposal", **said))
    assert (found["state"], found["side"], found["quantity"]) == (
        *("WAITS_FOR_APPROVAL", "BUY", "5"),
    )
    assert (found["message"], found["source"]) == ("a cross", "strategy")


def test_a_halt_of_a_person_is_told_with_their_words() -> None:
    event = halt_row(-1, Level.HALTED, 10, Cause.KILL_GRACEFUL)
    event["seq"] = 40
    latch = rows(1)
    for name, value in (("kind", Kind.LATCHED), ("seq", 40), ("sub", 1), ("level", Level.HALTED)):
        latch[name] = value
    latch["code"] = Cause.KILL_GRACEFUL
    said = json_bytes({"what": "kill", "who": "user:ann", "reason": "a fire", "wall_ns": 9})
    first, second = told(event_entry(event[0], latch, said))
    assert (first["type"], first["what"], first["wall_ns"]) == ("note", "kill", 9)
    assert (second["type"], second["set"], second["who"], second["reason"]) == (
        *("latch", True, "user:ann", "a fire"),
    )
    assert (second["scope"], second["of"]) == ("ACCOUNT", "account")


def test_a_snapshot_says_what_the_account_was_worth() -> None:
    state = new_state(12_345_678_900, TIER)
    content = {"layout": layout_digest(TIER)}
    (found,) = told(snapshot_entry(RowKind.SNAPSHOT, 5, 1, state, content))
    assert (found["type"], found["equity"]) == ("equity", "123.45678900")
    assert told(snapshot_entry(RowKind.SNAPSHOT, 5, 1, state, {"layout": "another"})) == []
    small: Any = np.zeros(1, dtype=np.int64)
    cut = snapshot_entry(RowKind.SNAPSHOT, 5, 1, small, content)
    assert told(cut) == []


def test_another_policy_says_what_changed() -> None:
    rules = shipped().rules
    before = rules.content()
    after = before.replace(b'"open_positions":5', b'"open_positions":4', 1)
    assert after != before
    happened = Happened(GENESIS)
    for seq, canonical in ((10, before), (20, after), (30, b"{}")):
        event = rows(1)
        event["kind"], event["seq"] = Kind.POLICY_SET, seq
        payload = json_bytes({"digest": f"d{seq}", "canonical": canonical.decode()})
        (found,) = told(event_entry(event[0], rows(0), payload), happened)
        assert found["digest"] == f"d{seq}"
        if seq == 10:
            assert (found["before"], found["changes"]) == ("", [])
        elif seq == 20:
            assert found["before"] == "d10"
            assert len(found["changes"]) == 1
            assert "open_positions" in found["changes"][0]
        else:
            assert (found["before"], found["changes"]) == ("d20", [])
