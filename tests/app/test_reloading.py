"""A running engine reads its rules again: all of them hold from then on, or none does."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from interlock.app.reloading import Reloading
from interlock.app.session import Session, inputs_of, open_session
from interlock.kernel.policy import PolicyArray
from interlock.research.inputs import Inputs
from interlock.runtime.asking import AskError

if TYPE_CHECKING:
    from interlock.runtime.driver import Driver
    from interlock.runtime.logs import Journalist


@dataclass
class Engine:
    """Takes the policies that are to hold."""

    held: list[tuple[PolicyArray, bytes]] = field(default_factory=list)

    def set_policy(self, policy: PolicyArray, canonical: bytes) -> int:
        self.held.append((policy, canonical))
        return 40 + len(self.held)


@dataclass
class Running:
    """Stands for a driver and a log."""

    engine: Engine = field(default_factory=Engine)
    waited: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    async def until_durable(self, seq: int) -> None:
        self.waited.append(seq)

    def say(self, event: str, facts: dict[str, Any]) -> None:
        assert facts
        self.said.append(event)


def nobody(_what: str) -> None:
    """Tell nobody."""


@dataclass
class World:
    """A session whose files a test writes."""

    session: Session
    inputs: Inputs
    running: Running
    reloading: Reloading

    def write(self, name: str, text: str) -> None:
        (self.session.home.config / name).write_text(text)

    def reload(self, *, loosen: bool = False) -> dict[str, Any]:
        return asyncio.run(self.reloading.apply(loosen=loosen))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("INTERLOCK_HOME", str(tmp_path / "home"))
    session = open_session(None, {})
    inputs = inputs_of(session, nobody)
    running = Running()
    reloading = Reloading(
        session,
        cast("Driver", running),
        inputs,
        [inputs.strategy.name],
        cast("Journalist", running),
    )
    return World(session, inputs, running, reloading)


def test_nothing_new_changes_nothing(world: World) -> None:
    assert world.reload() == {"changes": [], "next_start": []}
    assert not world.running.engine.held


def test_what_is_tighter_holds_at_once_and_is_durable_before_it_is_answered(world: World) -> None:
    world.write("risk_policy.yaml", "risk: {max_drawdown: 0.03}\n")

    found = world.reload()

    assert found["changes"] == ["risk.max_drawdown: 0.05 -> 0.03 (tighter)"]
    assert world.running.waited == [found["seq"]] == [41]
    ((policy, canonical),) = world.running.engine.held
    assert b'"max_drawdown":0.03' in canonical
    assert policy.tobytes() != world.inputs.policy.tobytes()
    assert world.running.said == ["reloaded"]


def test_what_is_looser_needs_a_person_to_say_so(world: World) -> None:
    world.write("risk_policy.yaml", "risk: {max_drawdown: 0.10}\n")

    with pytest.raises(AskError, match=r"(?s)max_drawdown: 0\.05 -> 0\.1.*reload --loosen"):
        world.reload()
    assert not world.running.engine.held
    assert world.running.said == ["reload_refused"]

    assert world.reload(loosen=True)["changes"] == ["risk.max_drawdown: 0.05 -> 0.1 (looser)"]
    assert len(world.running.engine.held) == 1


def test_one_bad_key_keeps_everything_as_it_was(world: World) -> None:
    world.write("risk_policy.yaml", "risk: {max_drawdown: 0.03, max_daily_loss: -1}\n")
    world.write("circuit_breakers.toml", "[circuit_breakers.drawdown]\nthreshold_pct = 'x'\n")

    with pytest.raises(AskError) as caught:
        world.reload(loosen=True)

    assert "max_daily_loss" in str(caught.value)
    assert "threshold_pct" in str(caught.value)
    assert not world.running.engine.held


def test_what_held_is_what_the_next_rules_are_compared_with(world: World) -> None:
    world.write("risk_policy.yaml", "risk: {max_drawdown: 0.03}\n")
    world.reload()
    world.write("risk_policy.yaml", "risk: {max_drawdown: 0.04}\n")

    with pytest.raises(AskError, match=r"max_drawdown: 0\.03 -> 0\.04"):
        world.reload()


def test_other_settings_wait_for_the_next_start(world: World) -> None:
    world.write("interlock.toml", "[logs]\nkeep = 3\n")

    assert world.reload() == {"changes": [], "next_start": ["logs.keep"]}
    assert not world.running.engine.held
