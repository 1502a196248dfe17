"""A fresh paper system, in one process, and what a probe of it answers."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from interlock.app.probes import Known
from interlock.config.settings import Settings
from interlock.journal.sqlite import SqliteStore
from interlock.research.inputs import Inputs, Request, prepare, read_rules
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.probe_request import read_wanted
from interlock.runtime.probing import Probing
from tests.runtime.harness import InProcess

if TYPE_CHECKING:
    from interlock.app.reloading import Reloading

SPOT = {
    "symbol": "BTC_USDT",
    "side": "BUY",
    "price": "50000",
    "quantity": "0.01",
    "is_margin": False,
    "leverage": None,
    "trade_on_margin_from_watchlist": False,
}
MARGIN = {
    **SPOT,
    "is_margin": True,
    "leverage": "10",
    "trade_on_margin_from_watchlist": True,
}
SUPPLIED = {
    "account_equity": "100000",
    "total_margin_exposure": "0",
    "daily_loss_pct": "0",
}


@cache
def shipped() -> Inputs:
    """Return what the shipped configuration is made of: the sample of GOOG."""
    settings = Settings(home=Path("/nowhere"))
    request = Request(paths=("sample:GOOG",), operator=False)
    return prepare(request, read_rules(settings, None, None), settings, lambda _: None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fresh:
    """An engine that has reconciled, and its probe."""

    session: InProcess
    probing: Probing

    def probe(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return what it answers; the engine is as it was before."""
        engine = self.session.engine
        before = engine.decider.state.tobytes(), engine.decider.policy.tobytes()
        seq = engine.decider.seq
        found = self.probing.probe(read_wanted(asked))
        assert (engine.decider.state.tobytes(), engine.decider.policy.tobytes()) == before
        assert engine.decider.seq == seq
        return found

    def bars(self, count: int) -> None:
        """Let so many bars come."""
        account = self.session.engine.decider.state["account"]
        wanted = int(account["bars"][0]) + count
        self.session.run_until(lambda: bool(account["bars"][0] >= wanted))


def fresh(folder: Path, inputs: Inputs | None = None, *, answered_ns: int | None = 0) -> Fresh:
    """Return a fresh paper system that has reconciled with its venue."""
    inputs = inputs or shipped()
    home = folder / "home"
    home.mkdir(mode=0o700)
    session = InProcess(inputs, SqliteStore(home / "journal.db"))
    session.run_until(lambda: session.is_ready)
    reloading = cast("Reloading", SimpleNamespace(rules=inputs.rules))
    probing = Probing(
        session.engine,
        session.setup,
        Known(Settings(home=folder), inputs, reloading).describe,
        answered_ns=lambda: None if answered_ns is None else answered_ns * NS_PER_S,
    )
    return Fresh(session=session, probing=probing)
