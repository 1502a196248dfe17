"""The strategies of a running account: the one that runs, and those of signals from outside."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from interlock.app.session import (
    Session,
    inputs_of,
    open_session,
    policy_from,
    setup_of,
    strategies_of,
)
from interlock.app.signals import approvals_of, strategies_said
from interlock.config.errors import PolicyError
from interlock.config.everything import with_changes
from interlock.research.inputs import Inputs
from interlock.research.traded import NAME, read_traded
from interlock.runtime.session import STRATEGIES

if TYPE_CHECKING:
    from interlock.app.driving import Ready


def nobody(_what: str) -> None:
    """Tell nobody."""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    return open_session(None, {})


@pytest.fixture
def inputs(session: Session) -> Inputs:
    return inputs_of(session, nobody)


def told(session: Session, **changes: Any) -> Session:
    """Return a session that was told something else."""
    keys = {key.replace("__", "."): value for key, value in changes.items()}
    system = with_changes(session.configuration.system, keys)
    return replace(session, configuration=replace(session.configuration, system=system))


def test_the_one_that_runs_comes_first_and_webhook_is_always_there(
    session: Session, inputs: Inputs
) -> None:
    running = inputs.strategy.name
    assert strategies_of(inputs, session.configuration) == [running, "webhook"]
    more = told(session, webhook__strategies=("swing", "webhook", "scalp"))
    assert strategies_of(inputs, more.configuration) == [running, "webhook", "swing", "scalp"]


def test_what_the_journal_knows_keeps_its_number(session: Session, inputs: Inputs) -> None:
    running = inputs.strategy.name
    more = told(session, webhook__strategies=("new",))
    known = [running, "webhook", "old"]
    assert strategies_of(inputs, more.configuration, known) == [*known, "new"]
    assert strategies_of(inputs, more.configuration, [running]) == [running, "webhook", "new"]
    other = ["another", "webhook", "old"]
    assert strategies_of(inputs, more.configuration, other) == [running, "webhook", "new"]


def test_two_strategies_never_share_a_name(session: Session, inputs: Inputs) -> None:
    more = told(session, webhook__strategies=(inputs.strategy.name,))
    with pytest.raises(PolicyError, match="is the strategy that runs"):
        strategies_of(inputs, more.configuration)


def test_more_strategies_than_fit_are_refused(session: Session, inputs: Inputs) -> None:
    names = tuple(f"s{number}" for number in range(inputs.tier[1]))
    with pytest.raises(PolicyError, match="at most"):
        setup_of(told(session, webhook__strategies=names), inputs)


def test_they_need_no_edge_unless_the_policy_says_so(session: Session, inputs: Inputs) -> None:
    names = [inputs.strategy.name, "webhook", "swing"]
    (session.home.config / "risk_policy.yaml").write_text(
        "strategies: {by_name: {swing: {edge_required: true}}}\n"
    )
    configuration = session.read_again()
    table = policy_from(inputs, configuration, names)["strategies"][0]
    assert [int(x) for x in table["edge_required"][1:3]] == [0, 1]
    assert [int(x) for x in table["enabled"][:4]] == [1, 1, 1, 0]


def test_a_start_says_all_of_them(session: Session, inputs: Inputs) -> None:
    setup = setup_of(session, inputs, [inputs.strategy.name, "webhook", "gone"])
    assert setup.strategies == [inputs.strategy.name, "webhook", "gone"]
    assert setup.said[STRATEGIES] == setup.strategies
    assert read_traded(setup.said, "of a test").others == ("webhook", "gone")
    assert setup.said[NAME]["name"] == inputs.strategy.name
    assert setup.policy.tobytes() != inputs.policy.tobytes()


def test_approvals_for_a_strategy_that_is_not_there_are_refused(
    session: Session, inputs: Inputs
) -> None:
    """Its entries would go out unasked."""
    wrong = told(session, approvals__strategies=("webhook", "typo"))
    ready = SimpleNamespace(session=wrong, setup=setup_of(wrong, inputs))
    with pytest.raises(PolicyError, match="was typo"):
        approvals_of(cast("Ready", ready))


def test_a_status_says_which_take_signals_and_need_no_edge(
    session: Session, inputs: Inputs
) -> None:
    here = told(session, approvals__strategies=("webhook",))
    setup = setup_of(here, inputs, [inputs.strategy.name, "webhook", "gone"])
    engine = SimpleNamespace(decider=SimpleNamespace(policy=setup.policy))
    ready = SimpleNamespace(session=here, setup=setup, begun=SimpleNamespace(engine=engine))
    running, webhook, gone = strategies_said(cast("Ready", ready))
    assert (running["takes_signals"], running["needs_approval"]) == (False, False)
    assert webhook == {
        "name": "webhook",
        "enabled": True,
        "edge_required": False,
        "takes_signals": True,
        "needs_approval": True,
    }
    assert not gone["takes_signals"]
