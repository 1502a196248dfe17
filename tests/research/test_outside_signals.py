"""Journals with signals from outside: replayed, compared, explained, and judged by other rules."""

from dataclasses import replace
from pathlib import Path

import pytest

from interlock.journal.port import Store
from interlock.journal.rows import Entry
from interlock.kernel.codes import Kind
from interlock.research.journal_explain import explain_journal
from interlock.research.parity import parity
from interlock.research.traded import NAME, policy_of_rules, read_traded, traded_said
from interlock.research.what_if import traded_in, what_if
from interlock.runtime.asked_signal import read_signal, row_of
from interlock.runtime.at_once import decide_now
from interlock.runtime.entries import events_of, json_bytes, said_by
from interlock.runtime.ids import signal_name
from interlock.runtime.session import STRATEGIES, strategies_in
from tests.research.makers import FREE, rules_of
from tests.research.sessions import SLOW, inputs_of, session_of
from tests.runtime.harness import InProcess

# By the number of the bar that they come after; the strategy of the session buys after these.
SENT = {
    5: {"side": "BUY", "quantity": "1"},  # before anybody can say where its stop would be
    14: {"side": "BUY", "price": "150"},
    15: {"side": "BUY", "quantity": "2.5", "price": "100", "stop": "98.5"},
    17: {"side": "SELL"},
    18: {"side": "CLOSE"},
}
NO_WEBHOOK = FREE + "    strategies: {by_name: {webhook: {enabled: false}}}\n"


def with_webhook(session: InProcess) -> InProcess:
    """Return a session whose account has a strategy for signals from outside."""
    inputs = session.inputs
    said = {**session.setup.said, NAME: traded_said(inputs, ["webhook"])}
    strategies = [inputs.strategy.name, "webhook"]
    session.setup = replace(
        session.setup,
        strategies=strategies,
        policy=policy_of_rules(read_traded(said, "of a test"), inputs.rules, inputs.tier),
        said={**said, STRATEGIES: strategies},
    )
    return session


def send(session: InProcess, signal_id: str, **asked: str) -> Entry:
    """Let the engine decide on a signal from outside, now."""
    raw = {"id": signal_id, "received_ns": 1, "symbol": "BTC_USDT", **asked}
    wanted = read_signal(raw)
    engine = session.engine
    row = row_of(wanted, instrument=0, strategy=1, scale=session.setup.scales[0])
    row["ts_ns"] = engine.now_ns()
    return decide_now(engine, row, json_bytes(wanted.said()))


def recorded(folder: Path, text: str = FREE) -> tuple[Store, list[Entry]]:
    """Record a session in which somebody else trades as well; return what became of it."""
    session = with_webhook(session_of(folder, inputs_of(folder, rules=rules_of(text))))
    found = []
    for bar, asked in SENT.items():
        session.run_until(lambda at=bar: session.engine.progress.feed >= at)  # type: ignore[misc]
        session.settle()
        found.append(send(session, f"id-{bar}", **asked))
    session.run()
    session.stop("ended")
    return session.store, found


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[Entry]]:
    """Return a recorded session and its signals from outside."""
    return recorded(tmp_path_factory.mktemp("outside"))


@pytest.mark.parametrize("text", [FREE, SLOW])
def test_a_session_with_signals_from_outside_is_identical(tmp_path: Path, text: str) -> None:
    """They are put on the backtest's tape where they came."""
    store, found = recorded(tmp_path, text)
    same = parity(store)
    assert same.identical, "\n".join(same.lines())
    assert same.fills.same >= 4
    assert len(found) == len(SENT)


def test_what_somebody_else_sent_traded_beside_the_strategy(
    journal: tuple[Store, list[Entry]],
) -> None:
    store, _ = journal
    kinds = [
        (int(row["strategy"]), int(row["side"]), int(row["qty"]))
        for each in store.read()
        for row in events_of(each.entry)
        if row["kind"] == Kind.SIGNAL and row["strategy"] == 1
    ]
    assert len(kinds) == len(SENT)
    assert kinds[2] == (1, 1, 250_000_000)


def test_a_signal_from_outside_is_explained(journal: tuple[Store, list[Entry]]) -> None:
    store, found = journal
    first = explain_journal(store, signal_name(found[2].seq))
    assert first.signal["strategy"] == "webhook"
    assert [one.text for one in first.sizing if one.name == "the signal asks for"] == [
        "2.50000000 BTC"
    ]
    assert (first.signal["quantity"], first.signal["price_seen"]) == ("2.50000000 BTC", "100.00")
    assert first.sizing[-1].text.startswith("2.50000000 BTC")
    far = explain_journal(store, signal_name(found[1].seq))
    collar = next(rule for rule in far.rules if rule.reason == "PRICE_COLLAR")
    assert (collar.value_text, collar.passed) == ("50 %", False)


def test_other_rules_judge_the_signals_from_outside_too(
    journal: tuple[Store, list[Entry]],
) -> None:
    store, _ = journal
    same = what_if(store, rules_of(FREE))
    assert same.changed == ()
    other = what_if(store, rules_of(NO_WEBHOOK))
    assert {one.change.value for one in other.changed} == {"refused now"}
    assert set(other.refusals) == {"STRATEGY_NOT_ENABLED"}


def test_a_journal_of_one_strategy_goes_on_with_more(tmp_path: Path) -> None:
    """Its policy is set anew, the strategies keep their numbers, and it still replays."""
    session = session_of(tmp_path, inputs_of(tmp_path))
    session.run_until(lambda: session.engine.progress.feed == 7)
    session.stop()
    with_webhook(session)
    session.run_until(lambda: session.engine.progress.feed == 8)
    session.settle()
    entry = send(session, "a", side="BUY", quantity="1")
    session.run()
    session.stop("ended")
    store = session.store
    notes = [said_by(x.entry) for x in store.read() if x.entry.kind.name in {"GENESIS", "NOTE"}]
    genesis, *starts = [x for x in notes if x.get("what") in {None, "start"}]
    assert strategies_in(genesis, starts[0]) == [session.inputs.strategy.name]
    assert strategies_in(genesis, starts[1]) == [session.inputs.strategy.name, "webhook"]
    assert traded_in(store).others == ("webhook",)
    policies = [x for x in store.read() if (events_of(x.entry)["kind"] == Kind.POLICY_SET).any()]
    assert len(policies) == 2
    assert explain_journal(store, signal_name(entry.seq)).signal["strategy"] == "webhook"
    assert what_if(store, rules_of(FREE)).changed == ()
    same = parity(store)
    assert same.identical, "\n".join(same.lines())
