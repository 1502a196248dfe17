"""Why: entry, stop, target, exit and refusal of small runs, explained from a replay."""

import pytest

from interlock.cli.show import explanation_text
from interlock.kernel.codes import Flag, Kind
from interlock.kernel.reasons import Reason
from interlock.research.explain import explain
from interlock.research.explanation import Explanation
from interlock.runtime.ids import Id, IdError, read_id
from tests.research.makers import World, bar, flat, run, write_bars


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a run with a stopped trade, one that a signal closed, and a refusal."""
    folder = tmp_path_factory.mktemp("explain")
    lines = [*flat(), bar(100), bar(98), *flat(5), bar(101), *flat(5, 101.0)]
    told = ("buys=3+20+25+26", "exits=19+30")
    return run(folder, [write_bars(folder, lines)], *told)


def order_of(world: World, role: str) -> Explanation:
    """Explain the first order with a role that was filled."""
    return explain(
        world.finished, read_id(world.results.orders.filter(role=role, outcome="FILLED")["id"][0])
    )


def exit_signals(world: World) -> list[Id]:
    """Return the signals that may only close."""
    log = world.finished.recording.log
    rows = log[(log["kind"] == Kind.SIGNAL) & (log["flags"] == Flag.EXIT_ONLY)]
    return [Id(kind="signal", seq=int(seq)) for seq in rows["seq"]]


def test_an_entry_is_explained_from_its_signal_to_its_result(world: World) -> None:
    found = order_of(world, "ENTRY")

    assert found.signal["side"] == "BUY"
    assert found.signal["id"].removeprefix("s-") in found.id
    assert [rule.reason for rule in found.rules] == [one.name for one in Reason if one]
    assert all(rule.passed for rule in found.rules)
    assert found.sizing[-1].text.startswith("10.00000000 BTC")
    assert found.order["role"] == "ENTRY"
    assert [one.what.split()[0] for one in found.events] == ["ACCEPTED", "FILL"]
    assert [one.what.split()[1] for one in found.protection] == ["STOP", "TARGET"]
    assert found.trade["exit_reason"] == "STOP"
    assert found.trade["entry_order"] == found.id
    assert found.notes == ()


def test_a_refusal_names_the_first_rule_that_failed(world: World) -> None:
    """After three bars the range is not known."""
    found = explain(world.finished, read_id(world.results.orders["id"][0]))

    failed = [rule for rule in found.rules if not rule.passed]
    lowest = world.results.orders["reason"][0]
    assert failed[0].reason == lowest
    assert [rule.reason for rule in failed] == world.results.orders["reasons"][0].split(", ")
    assert found.outcome == f"It was refused: {lowest}."
    assert found.events == ()
    assert found.trade == {}
    assert found.sizing[-1].text == "0: without a stop nothing is sized"


def test_a_stop_names_its_entry_and_shows_its_own_verdicts(world: World) -> None:
    """It was sent by the same event as its target, which was judged after it."""
    stop = order_of(world, "STOP")
    entry = order_of(world, "ENTRY")

    assert stop.belongs_to == entry.id
    assert stop.order["trigger"] == "98.50"
    assert {rule.reason: rule.value_text for rule in stop.rules}["PRICE_NOT_POSITIVE"] == "98.50"
    assert stop.sizing == ()
    assert stop.trade["exit_order"] == stop.id
    exempt = {rule.reason for rule in stop.rules if not rule.applied}
    assert "ALREADY_IN_POSITION" in exempt


def test_a_target_is_judged_apart_from_its_stop(world: World) -> None:
    ids = world.results.orders.filter(role="TARGET")["id"]
    target = explain(world.finished, read_id(ids[0]))

    assert target.belongs_to == order_of(world, "ENTRY").id
    assert target.order["price"] == "103.00"
    assert {rule.reason: rule.value_text for rule in target.rules}["PRICE_NOT_POSITIVE"] == "103.00"
    assert target.events[-1].what == "CANCELLED"


def test_a_signal_explains_the_order_that_it_became(world: World) -> None:
    signals = world.results.orders.filter(role="ENTRY", outcome="FILLED")
    found = explain(world.finished, read_id(signals["signal"][0]))

    assert found.order["id"] == signals["id"][0]
    assert found.id == signals["signal"][0]


def test_an_exit_names_the_entry_that_it_closed(world: World) -> None:
    closed = world.results.trades.filter(exit_reason="SIGNAL").row(0, named=True)
    found = explain(world.finished, read_id(closed["exit_order"]))

    assert found.belongs_to == closed["entry_order"]
    assert found.order["role"] == "EXIT"
    assert found.trade["exit_reason"] == "SIGNAL"


def test_a_signal_to_close_says_what_it_closed_or_that_there_was_nothing(world: World) -> None:
    nothing, closed = (explain(world.finished, one) for one in exit_signals(world))

    assert nothing.outcome.startswith("Nothing was done")
    trade = world.results.trades.filter(exit_reason="SIGNAL").row(0, named=True)
    assert closed.outcome == f"It closed the position of {trade['entry_order']}."
    assert closed.trade["exit_reason"] == "SIGNAL"


@pytest.mark.parametrize("text", ["o-ZZZ-1", "s-ZZZ", "o-1-1", "s-1"])
def test_an_id_that_the_run_has_not_is_refused(world: World, text: str) -> None:
    with pytest.raises(IdError, match="must be an order or a signal of this run"):
        explain(world.finished, read_id(text))


def test_what_is_printed_has_every_part_in_order(world: World) -> None:
    text = explanation_text(order_of(world, "ENTRY"))

    parts = ["SIGNAL", "RULES: 74 were asked, 0 said no", "SIZE", "ORDER", "WHAT BECAME OF IT"]
    parts += ["PROTECTION AND EXIT", "RESULT"]
    places = [text.index(f"\n{part}") for part in parts]
    assert places == sorted(places)
    first = read_id(world.results.orders["id"][0])
    refused = explanation_text(explain(world.finished, first))
    assert refused.count("<- the reason given") == 1
    assert "ASSUMED" in refused
