"""Signals from outside: decided on once, capped, compared with the market, and answered."""

import re
from pathlib import Path
from typing import Any

import pytest

from interlock.journal.rows import RowKind
from interlock.kernel.codes import Kind
from interlock.runtime.asked_signal import Turned
from interlock.runtime.entries import said_by, signal_key
from interlock.runtime.link import Phase
from interlock.runtime.signal_memory import KEPT, SignalMemory
from interlock.venues.port import Ended
from tests.runtime.pair import Pair
from tests.runtime.signalling import LATE_NS, QTY_SCALES, STRATEGIES, Desk

COLLAR = "instrument.limits.collar_ppm=50_000"


def test_a_signal_becomes_an_order_and_the_answer_says_which() -> None:
    desk = Desk()
    found = desk.send()
    order = desk.pair.last()
    assert found["state"] == "SUBMITTED"
    assert found["quantity"] == "10.0"
    assert found["orders"] == [f"o-{found['signal'][2:]}-1"]
    assert found["message"] == f"Buy 10.0 AAA: order {found['orders'][0]}."
    assert (order.qty, order.side, order.strategy) == (100, 1, 1)
    assert not any(x["failed"] for x in found["verdicts"])
    assert len({x["rule"] for x in found["verdicts"]}) > 60
    said = said_by(desk.entry(found))
    assert (said["id"], said["who"], said["correlation"]) == (
        "alert-1",
        "webhook:127.0.0.1",
        "c-1",
    )


def test_it_is_answered_when_it_is_durable_and_leaves_after_that() -> None:
    desk = Desk()
    found = desk.send()
    outgoing, durable_seq = desk.pair.sent[-1]
    assert durable_seq >= outgoing.seq == found["seq"]


@pytest.mark.parametrize(
    ("asked", "lots"),
    [("10", 100), ("9.99", 99), ("0.1", 1), ("11", 100), ("9" * 30, 100), ("0.19", 1)],
)
def test_a_quantity_is_rounded_down_and_only_makes_it_less(asked: str, lots: int) -> None:
    """The policy's own size is 100 lots of a tenth."""
    desk = Desk()
    assert desk.send(quantity=asked)["state"] == "SUBMITTED"
    assert desk.pair.last().qty == lots


def test_less_than_one_lot_is_refused_and_never_without_a_limit() -> None:
    desk = Desk()
    found = desk.send(quantity="0.099")
    assert (found["state"], found["reason"]) == ("REFUSED", "BELOW_ONE_LOT")
    assert desk.pair.requests() == []


def test_a_price_too_far_from_the_market_is_refused_by_name() -> None:
    desk = Desk(settings=COLLAR)
    assert desk.send(price="105")["state"] == "SUBMITTED"
    found = desk.send(symbol="AAA", price="106")
    assert found["state"] == "REFUSED"
    assert "PRICE_COLLAR" in found["reasons"]
    collar = next(x for x in found["verdicts"] if x["rule"] == "PRICE_COLLAR")
    assert (collar["value"], collar["limit"], collar["failed"]) == ("6 %", "5 %", True)


def test_the_verdicts_that_failed_are_said_unless_all_are_asked_for() -> None:
    desk = Desk(settings=COLLAR)
    (sent,) = desk.ask("signals", signals=[desk.wanted()])["signals"]
    assert sent["verdicts"] == []
    (refused,) = desk.ask("signals", signals=[desk.wanted(symbol="BBB")])["signals"]
    assert [x["rule"] for x in refused["verdicts"]] == refused["reasons"]
    assert all(x["failed"] for x in refused["verdicts"])


def test_a_stop_and_a_target_are_rounded_toward_the_entry() -> None:
    """Of a long one up and down, of a short one down and up; exactly, whatever their length."""
    desk = Desk()
    for side, stop, target in (("BUY", 9_801, 11_000), ("SELL", 9_800, 11_001)):
        desk.send(side=side, stop="98.00" + "0" * 20 + "1", target="110.00" + "0" * 20 + "1")
        row = desk.signals()[-1]
        assert (row["stop_ticks"], row["target_ticks"]) == (stop, target)


def test_what_else_a_signal_says_is_journaled_with_it() -> None:
    desk = Desk()
    desk.send(quantity="3", price="99.995", edge_bps=-5)
    (row,) = desk.signals()
    assert (row["qty"], row["price"], row["edge_bps"], row["has_edge"]) == (30, 9_999, -5, 1)
    assert row["strategy"] == 1
    assert row["src_ts_ns"] == desk.pair.clock.now_ns()


def test_a_symbol_is_known_however_it_is_written() -> None:
    desk = Desk()
    assert desk.send(symbol="NASDAQ:aaa")["state"] == "SUBMITTED"


@pytest.mark.parametrize(
    ("changed", "reason", "words"),
    [
        ({"symbol": "ZZZ"}, "UNKNOWN_SYMBOL", "AAA, BBB, CCC"),
        ({"symbol": ""}, "UNKNOWN_SYMBOL", "AAA, BBB, CCC"),
        ({"strategy": "one"}, "UNKNOWN_STRATEGY", "one of webhook, was 'one'"),
        ({"strategy": "other"}, "UNKNOWN_STRATEGY", "was 'other'"),
        ({"quantity": "1e5"}, "BAD_NUMBER", "without exponent, was '1e5'"),
        ({"quantity": "-1"}, "BAD_NUMBER", "above 0"),
        ({"quantity": "0.0"}, "BAD_NUMBER", "above 0"),
        ({"quantity": "nan"}, "BAD_NUMBER", "quantity"),
        ({"quantity": "1_0"}, "BAD_NUMBER", "quantity"),
        ({"quantity": "\u0661"}, "BAD_NUMBER", "quantity"),
        ({"quantity": "1" * 31}, "BAD_NUMBER", "quantity"),
        ({"price": "1" * 30}, "BAD_NUMBER", "price must be at most"),
        ({"stop": "x"}, "BAD_NUMBER", "Stop"),
        ({"target": "0"}, "BAD_NUMBER", "Target"),
        ({"quantity": 5}, "BAD_SIGNAL", "quantity must be a decimal number as text"),
        ({"side": "HOLD"}, "BAD_SIGNAL", "one of BUY, SELL, CLOSE"),
        ({"side": None}, "BAD_SIGNAL", "Side"),
        ({"exit_only": "yes"}, "BAD_SIGNAL", "true or false"),
        ({"edge_bps": 1.5}, "BAD_SIGNAL", "edge_bps"),
        ({"edge_bps": True}, "BAD_SIGNAL", "edge_bps"),
        ({"edge_bps": 10**7}, "BAD_SIGNAL", "edge_bps"),
        ({"received_ns": "now"}, "BAD_SIGNAL", "received_ns"),
        ({"received_ns": -1}, "BAD_SIGNAL", "received_ns"),
        ({"previous_position": "up"}, "BAD_SIGNAL", "long, short, flat"),
        ({"who": "a\nb"}, "BAD_SIGNAL", "printable"),
        ({"symbol": "A" * 201}, "BAD_SIGNAL", "symbol"),
    ],
)
def test_what_cannot_be_judged_is_refused_by_a_name_and_written_down(
    changed: dict[str, Any], reason: str, words: str
) -> None:
    desk = Desk()
    found = desk.send(**changed)
    assert (found["state"], found["reason"], found["reasons"]) == ("REFUSED", reason, [reason])
    assert words.lower() in found["message"].lower()
    assert found["signal"] == ""
    (note,) = desk.notes("signal_refused")
    assert note["id"] == "alert-1"
    assert note["answer"]["reason"] == reason
    assert desk.entry(found).kind is RowKind.NOTE
    assert desk.signals() == []
    again = desk.send(**changed, id="alert-1")
    assert (again["state"], again["first"], again["reason"]) == ("KNOWN", "REFUSED", reason)
    assert len(desk.notes("signal_refused")) == 1


@pytest.mark.parametrize("bad", [None, [], "x", [{"id": ""}], [{"id": "a b"}], [{}], ["x"], [1]])
def test_a_request_without_signals_or_ids_is_refused_whole(bad: object) -> None:
    assert "must" in Desk().refuses("signals", signals=bad)


def test_one_bad_id_among_many_decides_on_none() -> None:
    desk = Desk()
    assert "an id" in desk.refuses("signals", signals=[desk.wanted(), desk.wanted(id="x" * 65)])
    assert "1 to 64" in desk.refuses("signals", signals=[desk.wanted() for _ in range(65)])


def test_every_reason_before_the_gate_is_explained_to_people(root: Path) -> None:
    page = (root / "docs" / "outside-signals.md").read_text()
    rows = re.findall(r"(?m)^\| `([A-Z_]+)` \|", page)
    assert sorted(rows) == sorted(Turned)


# --- once ------------------------------------------------------------------------------------


def test_the_same_id_is_decided_on_once_and_answered_as_before() -> None:
    desk = Desk()
    first = desk.send(id="a")
    again = desk.send(id="a", side="SELL", quantity="77")
    assert again == {**first, "state": "KNOWN", "first": "SUBMITTED"}
    both = desk.ask("signals", signals=[desk.wanted(id="b"), desk.wanted(id="b")])["signals"]
    assert [x["state"] for x in both] == ["REFUSED", "KNOWN"]
    assert len(desk.signals()) == 2
    assert len(desk.pair.requests()) == 1


def test_the_journal_knows_the_ids_of_engines_before_this_one() -> None:
    desk = Desk()
    first = desk.send(id="a")
    entry = desk.entry(first)
    assert entry.key == signal_key(desk.signals()[0])
    after = Desk()
    after.pair.in_store.add(entry.key)
    again = after.send(id="a")
    assert (again["state"], again["first"], again["orders"]) == ("KNOWN", "", [])
    assert after.signals() == []
    after.memory.keep(entry)
    again = after.send(id="a")
    assert again == {**first, "state": "KNOWN", "first": "SUBMITTED"}


def test_only_so_many_signals_are_remembered() -> None:
    desk = Desk()
    entry = desk.entry(desk.send())
    memory = SignalMemory(lambda _: False)
    memory.keep(entry)
    for number in range(KEPT):
        memory.keep(type(entry)(**{**_fields(entry), "key": b"signal" + number.to_bytes(16)}))
    assert memory.entry(entry.key) is None
    assert not memory.knows(entry.key)


def _fields(entry: Any) -> dict[str, Any]:
    return {
        name: getattr(entry, name)
        for name in ("seq", "count", "ts_ns", "kind", "body", "payload", "key")
    }


def test_a_strategys_own_signals_have_no_key() -> None:
    desk = Desk()
    desk.pair.signal()
    (entry,) = (x for x in desk.pair.entries if x.seq == int(desk.signals()[0]["seq"]))
    assert entry.key == b""


# --- late, away, ended ------------------------------------------------------------------------


def test_a_late_signal_opens_nothing() -> None:
    desk = Desk()
    now_ns = desk.pair.clock.now_ns()
    assert desk.send(received_ns=now_ns - LATE_NS)["state"] == "SUBMITTED"
    found = desk.send(received_ns=now_ns - LATE_NS - 1, symbol="BBB")
    assert (found["reason"], found["signal"]) == ("LATE", "")
    assert "within 60 s" in found["message"]


@pytest.mark.parametrize(
    "changed", [{"side": "CLOSE"}, {"side": "SELL", "exit_only": True}, {"side": "SELL"}]
)
def test_a_late_signal_closes_all_the_same(changed: dict[str, Any]) -> None:
    desk = Desk()
    desk.send()
    desk.fill()
    found = desk.send(received_ns=0, quantity="x", **changed)
    assert found["state"] == "SUBMITTED"
    assert "being closed" in found["message"]
    assert set(desk.pair.book.orders().values()) == {"PENDING_CANCEL"}


def test_while_the_venue_is_away_nothing_is_decided_and_it_may_be_sent_again() -> None:
    desk = Desk()
    desk.pair.engine.lost()
    assert desk.pair.phase() is Phase.AWAY
    wanted = desk.wanted()
    assert "send them again" in desk.refuses("signals", signals=[wanted])
    desk.pair.open()
    (found,) = desk.ask("signals", signals=[wanted])["signals"]
    assert found["state"] == "SUBMITTED"


def test_an_engine_that_stops_takes_no_signals() -> None:
    desk = Desk()
    desk.pair.engine.is_stopping = True
    assert "and stops" in desk.refuses("signals", signals=[desk.wanted()])


def test_after_the_end_of_a_recording_nothing_trades() -> None:
    desk = Desk(replay=True)
    desk.pair.tell(Ended(now_ns=desk.pair.engine.decider.ts_ns))
    found = desk.send(side="CLOSE")
    assert found["reason"] == "RECORDING_ENDED"


def test_in_a_recording_signals_have_its_time() -> None:
    desk = Desk(replay=True)
    found = desk.send()
    assert found["state"] == "SUBMITTED"
    assert desk.signals()[0]["ts_ns"] == desk.pair.engine.decider.ts_ns


# --- closing ----------------------------------------------------------------------------------


def test_closing_closes_what_the_strategy_holds() -> None:
    desk = Desk()
    desk.send()
    desk.fill()
    assert desk.held() == 100
    found = desk.send(side="CLOSE")
    assert found["state"] == "SUBMITTED"
    again = desk.send(side="CLOSE")
    assert again["state"] == "NOTHING_TO_DO"
    assert again["signal"] != ""


def test_nothing_is_closed_that_another_strategy_holds() -> None:
    desk = Desk()
    desk.pair.signal()
    desk.fill()
    assert desk.send(side="CLOSE")["state"] == "NOTHING_TO_DO"
    assert desk.send(side="SELL", exit_only=True)["state"] == "NOTHING_TO_DO"
    found = desk.send(side="SELL")
    assert "POSITION_OF_ANOTHER_STRATEGY" in found["reasons"]
    assert desk.held() == 100


# --- the door --------------------------------------------------------------------------------


def test_a_bug_in_the_kernel_ends_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()

    def broken(*_: object) -> None:
        raise AssertionError("a bug")

    monkeypatch.setattr(desk.pair.engine, "operate_now", broken)
    with pytest.raises(AssertionError):
        desk.send()
    assert str(desk.driver.failure) == "a bug"


def test_what_is_more_urgent_is_decided_on_first() -> None:
    """A person's pause that waits is not overtaken."""
    desk = Desk()
    engine = desk.pair.engine
    assert engine.operate(engine.turns.pause(engine.now_ns()))
    desk.send()
    kinds = [int(x["kind"]) for x in desk.pair.book.events(Kind.HALT)]
    assert kinds
    assert int(desk.pair.book.events(Kind.HALT)[-1]["seq"]) < int(desk.signals()[0]["seq"])


def test_the_head_of_the_audit_is_noted() -> None:
    desk = Desk()
    found = desk.ask("note_audit", seq=12, head="ab" * 32)
    (note,) = desk.notes("audit_head")
    assert (note["audit_seq"], note["head"]) == (12, "ab" * 32)
    assert found["seq"] == desk.pair.engine.progress.durable_seq
    for seq, head in ((12, "ab"), (12, None), (-1, "ab" * 32), (True, "ab" * 32), ("1", "ab" * 32)):
        assert "must be" in desk.refuses("note_audit", seq=seq, head=head)


def test_the_table_of_a_door_with_signals() -> None:
    assert set(Desk().answers.table()) == {"signals", "approve", "note_audit"}


def test_a_pair_may_be_given() -> None:
    pair = Pair(strategies=STRATEGIES, scales=QTY_SCALES).open()
    found = Desk(pair).send()
    assert "MARK_MISSING" in found["reasons"]
