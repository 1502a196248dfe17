"""Why: orders, refusals and signals of a session, explained from its journal."""

from pathlib import Path

import pytest

from interlock.cli.show import explanation_text
from interlock.journal.port import Store
from interlock.journal.rows import RowKind
from interlock.kernel.codes import Kind, Role
from interlock.kernel.reasons import Reason
from interlock.research.explanation import Explanation
from interlock.research.journal_explain import explain_journal
from interlock.runtime.entries import commands_of, events_of
from interlock.runtime.ids import IdError, order_name, signal_name
from tests.research.sessions import inputs_of, recording, session_of
from tests.runtime.harness import crash_at


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return the journal of a session with a stopped trade, one that was closed, and refusals."""
    return recording(tmp_path_factory.mktemp("explain"))


def orders(store: Store, role: Role) -> list[str]:
    """Return the ids of the orders of a role, in order."""
    return [
        order_name(int(row["order_id"]))
        for each in store.read()
        for row in commands_of(each.entry)
        if row["kind"] == Kind.SUBMIT and row["role"] == role
    ]


def signals(store: Store) -> list[str]:
    """Return the ids of all signals, in order."""
    found = []
    for each in store.read():
        events = events_of(each.entry)
        found += [signal_name(int(row["seq"])) for row in events if row["kind"] == Kind.SIGNAL]
    return found


def test_an_entry_is_explained_from_its_signal_to_its_result(store: Store) -> None:
    entry = orders(store, Role.ENTRY)[0]
    found = explain_journal(store, entry)

    assert found.id == entry
    assert found.signal["side"] == "BUY"
    assert [rule.reason for rule in found.rules] == [one.name for one in Reason if one]
    assert all(rule.passed for rule in found.rules)
    assert found.sizing[0].text == "100,000.00 USDT"
    assert found.sizing[-1].text.startswith("10.00000000 BTC")
    assert found.order["client_id"] == "i-1" + entry[1:]
    assert [one.what.split()[0] for one in found.events] == ["ACCEPTED", "FILL"]
    assert [one.what.split()[1] for one in found.protection] == ["STOP", "TARGET"]
    assert found.trade["exit_reason"] == "STOP"
    assert found.notes == ()


def test_the_name_an_order_has_at_its_venue_is_an_id_too(store: Store) -> None:
    entry = explain_journal(store, orders(store, Role.ENTRY)[0])

    assert explain_journal(store, str(entry.order["client_id"])) == entry


def test_a_signal_explains_the_order_that_it_became(store: Store) -> None:
    entry = explain_journal(store, orders(store, Role.ENTRY)[0])
    found = explain_journal(store, str(entry.signal["id"]))

    assert found.order == entry.order
    assert found.rules == entry.rules


def test_a_refusal_names_every_rule_and_the_first_that_failed(store: Store) -> None:
    found = explain_journal(store, signals(store)[0])

    failed = [rule.reason for rule in found.rules if not rule.passed]
    assert found.outcome == f"It was refused: {failed[0]}."
    assert failed[0] == "STOP_MISSING"
    assert len(found.rules) == len(Reason) - 1
    assert found.order["quantity"] == "0.00000000 BTC"
    assert "client_id" not in found.order


def test_stop_and_target_of_one_event_show_their_own_verdicts(store: Store) -> None:
    stop = explain_journal(store, orders(store, Role.STOP)[0])
    target = explain_journal(store, orders(store, Role.TARGET)[0])

    assert stop.belongs_to == target.belongs_to == orders(store, Role.ENTRY)[0]
    assert price_of(stop) == "98.50"
    assert price_of(target) == "103.00"
    assert stop.sizing == ()


def price_of(found: Explanation) -> str:
    """Return the price that the rules were asked about."""
    return next(rule.value_text for rule in found.rules if rule.reason == "PRICE_NOT_POSITIVE")


def test_an_exit_and_its_signal_name_the_entry_that_they_closed(store: Store) -> None:
    exit_order = explain_journal(store, orders(store, Role.EXIT)[0])
    signal = explain_journal(store, signals(store)[-1])

    assert exit_order.belongs_to == signal.belongs_to == orders(store, Role.ENTRY)[1]
    assert signal.outcome.startswith("It closed the position of ")
    assert exit_order.trade["exit_reason"] == signal.trade["exit_reason"] == "SIGNAL"


@pytest.mark.parametrize(
    "text",
    [
        *("o-ZZZ-1", "s-ZZZ", "s-1", "o-1-1", "s-7"),
        "i-2-Y-1",  # another epoch
        "i-1-ZZZ-1",
    ],
)
def test_an_id_that_the_journal_has_not_is_refused(store: Store, text: str) -> None:
    with pytest.raises(IdError, match=f"{text} must be an order or a signal of journal"):
        explain_journal(store, text)


@pytest.mark.parametrize("text", ["", "x-1", "i-0-1-1", "o-1", "i-1-Y"])
def test_what_is_no_id_is_refused(store: Store, text: str) -> None:
    with pytest.raises(IdError, match="an id must be"):
        explain_journal(store, text)


def test_what_is_printed_has_every_part_in_order(store: Store) -> None:
    text = explanation_text(explain_journal(store, orders(store, Role.ENTRY)[0]))

    parts = ["SIGNAL", "RULES", "SIZE", "ORDER", "WHAT BECAME OF IT", "PROTECTION AND EXIT"]
    places = [text.index(f"\n{part}") for part in [*parts, "RESULT"]]
    assert places == sorted(places)


def test_it_is_the_same_from_a_snapshot(store: Store, tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.engine.progress.feed == 24)
    session.snapshot()
    session.run()

    for plain, snapped in zip(
        orders(store, Role.EXIT) + orders(store, Role.ENTRY),
        orders(session.store, Role.EXIT) + orders(session.store, Role.ENTRY),
        strict=True,
    ):
        first, second = explain_journal(store, plain), explain_journal(session.store, snapped)
        assert (first.rules, first.sizing) == (second.rules, second.sizing)
        assert second.notes == ()


def test_after_market_data_was_dropped_the_journaled_table_is_still_there(tmp_path: Path) -> None:
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run()
    seq = session.snapshot(RowKind.SEGMENT)
    entry = orders(session.store, Role.ENTRY)[0]
    whole = explain_journal(session.store, entry)
    session.store.drop_bodies(up_to_seq=seq, before_ts_ns=2**62)

    found = explain_journal(session.store, entry)
    stop = explain_journal(session.store, orders(session.store, Role.STOP)[0])

    assert found.rules == whole.rules
    assert found.sizing == ()
    assert "market data before it was dropped" in found.notes[0]
    assert stop.rules == ()
    assert len(stop.notes) == 1


def test_an_order_that_never_reached_the_venue_says_what_became_of_it(tmp_path: Path) -> None:
    """The engine dies with the entry durable and not sent; nothing is sent again."""
    inputs = inputs_of(tmp_path, told={"buys": "20"})
    at = 0

    def watch(point: str) -> None:
        nonlocal at
        sent = session.begun is not None and orders(session.store, Role.ENTRY)
        if sent and not at and point == "sending":
            at = 1
            crash_at(1)(point)

    session = session_of(tmp_path, inputs, at=watch)
    session.run()

    found = explain_journal(session.store, orders(session.store, Role.ENTRY)[0])
    happened = [one.what for one in found.events]
    assert happened == ["OUTCOME_UNKNOWN", "ALARM: OUTCOME_UNKNOWN", "ABSENT"]
    assert found.order["client_id"].startswith("i-1-")
