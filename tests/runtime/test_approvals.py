"""Entries that wait for a person: the exact order, once, judged again, or gone."""

import asyncio
from dataclasses import replace
from typing import Any, Final

import pytest

from interlock.journal.rows import Row as JournalRow
from interlock.journal.rows import RowKind
from interlock.kernel.codes import Cause, Kind, Level
from interlock.runtime.approvals import WAITING_MAX, ApprovalRules
from interlock.runtime.asking import AskError
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.dry import Dry
from interlock.runtime.entries import events_of, said_by
from interlock.runtime.reconcile import halt_row
from interlock.runtime.signal_memory import SignalMemory
from tests.runtime.scripts import PRICE
from tests.runtime.signalling import RULES, WAIT_NS, Desk, Said

PERSON: Final = {"who": "anna", "reason": "as planned"}


def desk_of(**given: Any) -> Desk:
    """Return a desk where entries of webhook wait for a person."""
    return Desk(rules=RULES, **given)


def proposed(desk: Desk, **changed: Any) -> Said:
    """Send a signal that waits; return what a person is shown."""
    found = desk.send(**changed)
    assert found["state"] == "WAITS_FOR_APPROVAL"
    shown = desk.approvals.said()[-1]
    assert found["approval"] == shown["id"]
    return shown


def answered(desk: Desk, shown: Said, *, approve: bool = True, **changed: Any) -> Said:
    """Answer as a person."""
    asked = {"id": shown["id"], "hash": shown["hash"], "approve": approve, **PERSON, **changed}
    return desk.ask("approve", **asked)


def test_an_entry_is_shown_and_nothing_is_sent() -> None:
    desk = desk_of()
    shown = proposed(desk, quantity="5")
    now_ns = desk.pair.clock.now_ns()
    assert {k: v for k, v in shown.items() if k not in {"hash", "id"}} == {
        "symbol": "AAA",
        "side": "BUY",
        "quantity": "5.0",
        "price_low": "99.00",
        "price_high": "101.00",
        "stop": "98.00",
        "worst_loss": "0.00015000",
        "why": "Strategy webhook wants to buy 5.0 AAA.",
        "strategy": "webhook",
        "asked_ns": now_ns,
        "expires_ns": now_ns + WAIT_NS,
        "signal": "alert-1",
        "who": "webhook:127.0.0.1",
    }
    (note,) = desk.notes("proposal")
    assert note["hash"] == shown["hash"]
    assert (note["id"], note["correlation"]) == (shown["id"], "c-1")
    assert desk.pair.requests() == []
    assert desk.signals() == []


def test_an_approved_entry_is_sent_as_it_was_shown() -> None:
    desk = desk_of()
    shown = proposed(desk, quantity="5")
    found = answered(desk, shown)
    assert (found["state"], found["id"], found["quantity"]) == ("SUBMITTED", "alert-1", "5.0")
    (order,) = desk.pair.requests()
    assert desk.pair.last().qty == 50
    assert found["orders"][0] in found["message"]
    assert order.client_id
    said = said_by(desk.entry(found))
    assert said["approval"] == {"id": shown["id"], "hash": shown["hash"], **PERSON}
    assert said["correlation"] == "c-1"
    assert desk.approvals.said() == []
    assert desk.entry(found).key not in {b"", desk.pair.entries[0].key}


def test_a_denied_entry_is_never_sent() -> None:
    desk = desk_of()
    found = answered(desk, proposed(desk), approve=False)
    assert (found["state"], found["reason"]) == ("REFUSED", "APPROVAL_DENIED")
    assert "anna denied it: as planned" in found["message"].lower()
    (note,) = desk.notes("approval_denied")
    assert (note["who"], note["reason"]) == ("anna", "as planned")
    assert desk.pair.requests() == []


def test_of_twenty_that_answer_at_once_one_counts() -> None:
    desk = desk_of()
    shown = proposed(desk)
    table = desk.answers.table()

    async def one(number: int) -> str:
        asked = {"id": shown["id"], "hash": shown["hash"], "who": str(number), "reason": "yes"}
        try:
            found = await table["approve"]({"ask": "approve", **asked, "approve": number % 3 > 0})
        except AskError:
            return "no"
        return str(found["state"])

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(one(number) for number in range(1, 21)))

    found = asyncio.run(all_of_them())
    assert sorted(found)[:1] == ["SUBMITTED"]
    assert found.count("no") == 19
    assert len(desk.pair.requests()) == 1


def test_nobody_approves_what_has_another_hash() -> None:
    desk = desk_of()
    shown = proposed(desk)
    other = proposed(desk, side="SELL", symbol="AAA")
    assert "another" in desk.refuses(
        "approve", id=shown["id"], hash=other["hash"], approve=True, **PERSON
    )
    assert answered(desk, shown)["state"] == "SUBMITTED", "it was not used up"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"id": "a-ZZZ"}, "must wait for an answer"),
        ({"approve": "yes"}, "true or false"),
        ({"who": ""}, "who must be"),
        ({"hash": None}, "hash must be"),
        ({"reason": "x" * 201}, "reason must be"),
    ],
)
def test_an_answer_that_says_too_little_changes_nothing(changed: Said, why: str) -> None:
    desk = desk_of()
    shown = proposed(desk)
    asked = {"id": shown["id"], "hash": shown["hash"], "approve": True, **PERSON, **changed}
    assert why in desk.refuses("approve", **asked)
    assert desk.approvals.said() == [shown]


# --- time -------------------------------------------------------------------------------------


def test_what_nobody_answers_is_gone() -> None:
    desk = desk_of()
    shown = proposed(desk)
    desk.pair.clock.advance(WAIT_NS - 1)
    desk.approvals.tick()
    assert desk.approvals.said() == [shown]
    desk.pair.clock.advance(1)
    desk.approvals.tick()
    assert desk.approvals.said() == []
    desk.pair.pump()
    (note,) = desk.notes("approval_expired")
    assert (note["id"], note["why"]) == (shown["id"], "nobody answered in time")
    assert "expired" in desk.refuses(
        "approve", id=shown["id"], hash=shown["hash"], approve=True, **PERSON
    )


def test_an_answer_that_comes_too_late_does_not_count() -> None:
    """Also when nobody has looked at the clock since."""
    desk = desk_of()
    shown = proposed(desk)
    desk.pair.clock.advance(WAIT_NS)
    with pytest.raises(AskError, match="expired"):
        answered(desk, shown)
    desk.pair.pump()
    assert len(desk.notes("approval_expired")) == 1
    assert desk.pair.requests() == []


def test_what_waits_when_the_engine_stops_is_gone_and_written_down() -> None:
    desk = desk_of()
    proposed(desk)
    desk.approvals.stop()
    desk.pair.pump()
    assert desk.approvals.said() == []
    assert desk.notes("approval_expired")[0]["why"] == "the engine stops"


def passed(desk: Desk) -> SignalMemory:
    """Return what the next engine remembers of this one's journal."""
    memory = SignalMemory(lambda _: False)
    rows = [
        JournalRow(entry=entry, previous=bytes(32), hash=bytes(32)) for entry in desk.pair.entries
    ]
    assert len(list(memory.passing(rows))) == len(rows)
    return memory


def test_after_a_restart_what_waited_is_expired() -> None:
    desk = desk_of()
    first = proposed(desk, id="a")
    second = proposed(desk, id="b", symbol="AAA", side="SELL")
    third = proposed(desk, id="c")
    answered(desk, second, approve=False)
    answered(desk, third)
    memory = passed(desk)
    assert list(memory.open) == [first["id"]]
    after = desk_of()
    after.approvals.forget(list(memory.open))
    after.pair.pump()
    (note,) = after.notes("approval_expired")
    assert (note["id"], note["why"]) == (first["id"], "the engine was started again")
    assert "expired" in after.refuses(
        "approve", id=first["id"], hash=first["hash"], approve=True, **PERSON
    )
    entry = next(x for x in desk.pair.entries if b'"proposal"' in x.body)
    assert memory.entry(entry.key) is entry
    assert passed(after).open == {}


# --- judged again -----------------------------------------------------------------------------


def test_the_gate_runs_again_when_the_answer_comes() -> None:
    desk = desk_of()
    shown = proposed(desk)
    engine = desk.pair.engine
    engine.operate(halt_row(-1, Level.PAUSED, engine.now_ns(), Cause.SAFE_MODE))
    found = answered(desk, shown)
    assert (found["state"], found["reason"]) == ("REFUSED", "ACCOUNT_LATCHED")
    assert found["signal"] != ""
    assert desk.pair.requests() == []


def test_the_market_has_to_be_in_the_band_that_was_shown() -> None:
    """There its stop moves along, and it loses no more than at the edge of the band."""
    for close, state in (
        (10_100, "SUBMITTED"),
        (10_101, "REFUSED"),
        (9_900, "SUBMITTED"),
        (9_899, "REFUSED"),
    ):
        desk = desk_of()
        shown = proposed(desk, quantity="5")
        desk.pair.clock.advance(NS_PER_S)
        desk.pair.tell(desk.pair.venue.bar(close=close))
        found = answered(desk, shown)
        assert found["state"] == state, (close, found["message"])
        if state == "REFUSED":
            assert found["reason"] == "APPROVAL_CHANGED"
            assert "in its band, 9900 to 10100" in found["message"]


def test_other_rules_than_those_it_was_judged_by_need_another_answer() -> None:
    desk = desk_of()
    shown = proposed(desk)
    policy = desk.pair.engine.decider.policy.copy()
    policy["account"]["limits"]["open_orders"] = 77
    desk.pair.engine.set_policy(policy, b"{}")
    found = answered(desk, shown)
    assert found["reason"] == "APPROVAL_CHANGED"
    assert "policy was" in found["message"]
    (note,) = desk.notes("approval_refused")
    assert note["id"] == shown["id"]
    assert desk.pair.requests() == []


def test_a_size_that_is_another_by_now_needs_another_answer() -> None:
    desk = desk_of()
    shown = proposed(desk)
    desk.pair.engine.decider.state["account"]["size_scale_ppm"] = 500_000
    found = answered(desk, shown)
    assert found["reason"] == "APPROVAL_CHANGED"
    assert "qty was 100 and is 50 now" in found["message"]


def test_more_loss_or_a_stop_farther_away_than_was_shown_need_another_answer() -> None:
    """Shown were a stop 200 away and an edge of the band 100 away, and 50 lots."""
    desk = desk_of()
    shown = proposed(desk, quantity="5")
    (waiting,) = desk.approvals._waiting.values()
    assert waiting.intent.distance_max == 300
    assert waiting.intent.risk_units_max == 50 * 300
    wider = replace(waiting.intent, stop_distance=301, risk_units=50 * 301)
    nearer = replace(waiting.intent, stop_distance=300, risk_units=50 * 300)
    assert waiting.intent.differs(nearer, PRICE) == []
    assert waiting.intent.differs(wider, PRICE) == [
        "the stop may be 300 ticks away and is 301 now",
        "it may lose 0.00015000 and could lose 0.00015050 now",
    ]
    assert shown["worst_loss"] == "0.00015000"


def test_a_short_one_loses_at_the_low_edge_of_its_band() -> None:
    desk = desk_of()
    shown = proposed(desk, side="SELL", quantity="5")
    assert (shown["stop"], shown["price_low"], shown["worst_loss"]) == (
        "102.00",
        "99.00",
        "0.00015000",
    )


def test_a_size_that_grew_is_sent_as_it_was_shown() -> None:
    desk = desk_of()
    shown = proposed(desk)
    desk.pair.engine.decider.state["account"]["equity_units"] *= 2
    assert answered(desk, shown)["quantity"] == shown["quantity"]


# --- what does not wait ------------------------------------------------------------------------


def test_exits_never_wait() -> None:
    desk = desk_of()
    answered(desk, proposed(desk))
    desk.fill()
    assert desk.send(side="CLOSE")["state"] == "SUBMITTED"


def test_an_opposite_signal_that_closes_does_not_wait() -> None:
    desk = desk_of()
    answered(desk, proposed(desk))
    desk.fill()
    assert desk.send(side="SELL")["state"] == "SUBMITTED"
    assert set(desk.pair.book.orders().values()) == {"PENDING_CANCEL"}


def test_what_the_gate_refuses_is_not_shown_to_anybody() -> None:
    desk = desk_of(settings="instrument.allowed=0")
    found = desk.send()
    assert found["reason"] == "SYMBOL_NOT_ALLOWED"
    assert desk.approvals.said() == []


def test_the_same_signal_is_shown_once() -> None:
    desk = desk_of()
    shown = proposed(desk, id="a")
    again = desk.send(id="a")
    assert (again["state"], again["first"]) == ("KNOWN", "WAITS_FOR_APPROVAL")
    assert again["approval"] == shown["id"]
    assert len(desk.approvals.said()) == 1


def test_only_so_many_wait() -> None:
    desk = desk_of()
    for _ in range(WAITING_MAX):
        proposed(desk)
    found = desk.send()
    assert (found["state"], found["reason"]) == ("REFUSED", "TOO_MANY_APPROVALS")
    assert len(desk.approvals.said()) == WAITING_MAX
    assert desk.notes("signal_refused")[0]["id"] == "alert-65"


def test_entries_of_the_strategy_that_runs_may_wait_too() -> None:
    rules = ApprovalRules(strategies=frozenset({0}), wait_ns=WAIT_NS, band_ppm=10_000)
    desk = Desk(rules=rules, script={"buys": (PRICE + 1,), "sells": (PRICE + 2,)})
    desk.pair.turns.holds = desk.approvals.holds
    desk.pair.tell(desk.pair.venue.bar(close=PRICE + 1))
    (shown,) = desk.approvals.said()
    assert (shown["strategy"], shown["signal"]) == ("one", "")
    assert desk.pair.requests() == []
    found = answered(desk, shown)
    assert (found["state"], found["id"]) == ("SUBMITTED", "")
    desk.fill()
    desk.pair.tell(desk.pair.venue.bar(close=PRICE + 2))
    assert set(desk.pair.book.orders().values()) == {"PENDING_CANCEL"}, "exits do not wait"


# --- dry ---------------------------------------------------------------------------------------


def test_a_judgement_that_changes_nothing() -> None:
    desk = desk_of()
    engine = desk.pair.engine
    dry = Dry(engine.decider)
    before = engine.decider.state.tobytes()
    seq = engine.decider.seq
    proposed(desk)
    assert engine.decider.state.tobytes() == before
    assert engine.decider.seq == seq + 1, "the note"
    answered(desk, desk.approvals.said()[0])
    (event,) = (events_of(x) for x in desk.pair.entries if x.kind is RowKind.EVENT and x.key)
    dried = dry.judge(event)
    assert [int(x["kind"]) for x in dried.commands] == [int(Kind.REFUSED)]
    assert dry.copied().tobytes() == engine.decider.state.tobytes()
