"""What a test's account trades with: three instruments, and a strategy that does as it is told."""

from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from interlock.kernel.codes import BUY
from interlock.kernel.policy import SMALL
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.session import Setup
from interlock.runtime.turns import Scale
from interlock.signals.signal import Bar, Signal
from interlock.signals.strategy import Strategy
from tests.kernel.helpers import CASH, open_policy

NAMES: Final = ("AAA", "BBB", "CCC")
SCALES: Final = [Scale(symbol=name, price_digits=2, qty_digits=0) for name in NAMES]
BEGIN_NS: Final = 1_700_000_000 * NS_PER_S
PRICE: Final = 10_000


class Scripted(BaseModel):
    """Buys and sells at the closes that a test names, and fails at one."""

    model_config = ConfigDict(frozen=True)

    buys: tuple[int, ...] = ()
    sells: tuple[int, ...] = ()
    fails: int = 0

    def start(self) -> "Scripted":
        """Return itself: it remembers nothing."""
        return self

    def on_bar(self, bar: Bar) -> Signal | None:
        """Return what the test wants."""
        close = round(bar.close * 100)
        if close == self.fails:
            raise RuntimeError("the strategy of a test fails")
        if close in self.buys:
            return Signal(side=BUY)
        return Signal(side=-BUY) if close in self.sells else None


def strategy_of(**script: Any) -> Strategy:
    """Return a strategy that does what its script says."""
    return Strategy(name="one", source="one", definition=Scripted(**script))


def setup_of(settings: str = "", *, replay: bool = False, **changed: Any) -> Setup:
    """Return what an account of three instruments trades with."""
    setup = Setup(
        account="paper",
        mode="paper",
        currency="USD",
        cash_units=CASH,
        tier=SMALL,
        policy=open_policy(settings),
        canonical=b"{}",
        scales=SCALES,
        strategies=["one", "two"],
        begin_ns=BEGIN_NS if replay else None,
        said={"build": "tests"},
    )
    return replace(setup, **changed)
