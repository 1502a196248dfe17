"""Small worlds for the tests of backtests: bars, a strategy that does as it is told, a policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import numpy as np

from interlock.config.load import parse_policy, read_breakers
from interlock.config.settings import Settings
from interlock.kernel.records import Rows, rows
from interlock.research.backtest import Finished, backtest
from interlock.research.inputs import Request, Rules, prepare
from interlock.research.results import Results
from interlock.research.summary import results_of
from interlock.research.tables import Scales

START_NS = 1_700_000_000_000_000_000 // 86_400_000_000_000 * 86_400_000_000_000  # a midnight
MINUTE_NS = 60_000_000_000
WARM_UP = 20  # flat bars, so that the range is known: 1.00

# Says what it is told: BUY at the bars of ``buys``, SELL (exit only) at those of ``exits``.
SCRIPTED = '''
"""A strategy for tests."""
import numpy as np
import polars as pl
from pydantic import BaseModel

from interlock.signals.signal import Signals


class Scripted(BaseModel, frozen=True, extra="forbid"):
    """Signals at the bars it is told."""

    buys: str = "20"
    exits: str = ""

    def signals(self, bars: pl.DataFrame) -> Signals:
        told = {int(x): 1 for x in self.buys.split("+") if x}
        told |= {int(x): -1 for x in self.exits.split("+") if x}
        at = np.array(sorted(x for x in told if x < bars.height), dtype=np.int64)
        sides = np.array([told[x] for x in at.tolist()], dtype=np.int8)
        return Signals.at(at, sides, exit_only=sides < 0)
'''

# Nothing costs anything, and 1,000 is bought: ten coins at 100.
FREE = """
    position_sizing: {method: fixed, fixed_notional: 1000}
    exits:
      take_profit: {method: risk_multiple, risk_multiple: 2}
      time_exit: {enabled: false}
      volatility_exit: {enabled: false}
    execution_costs:
      maker_fee: 0
      taker_fee: 0
      assumed_fee: 0
      slippage: {model: fixed, base_slippage_bps: 0, volatility_factor: 0, impact_bps: 0}
    market: {sessions_enforced: false}
"""


def bar(price: float, high: float | None = None, low: float | None = None) -> str:
    """Return a bar that opens and closes at a price, half a unit around it unless told."""
    top = price + 0.5 if high is None else high
    bottom = price - 0.5 if low is None else low
    return f"{price},{top},{bottom},{price},1000"


def flat(count: int = WARM_UP + 1, price: float = 100.0) -> list[str]:
    """Return bars on which nothing happens."""
    return [bar(price)] * count


def write_bars(
    folder: Path, lines: Sequence[str], name: str = "BTC_USDT-5m.csv", minutes: int = 5
) -> Path:
    """Write a file of bars, one after the other, from a midnight UTC on."""
    path = folder / name
    text = ["ts,open,high,low,close,volume"]
    text += [f"{START_NS + i * minutes * MINUTE_NS},{line}" for i, line in enumerate(lines)]
    path.write_text("\n".join(text) + "\n")
    return path


def write_strategy(folder: Path) -> str:
    """Write the strategy that does as it is told; return what ``--strategy`` is given."""
    path = folder / "scripted.py"
    path.write_text(SCRIPTED)
    return f"{path}:Scripted"


def rules_of(text: str = FREE) -> Rules:
    """Return a policy in which what is not said is as shipped."""
    policy = parse_policy(dedent(text).encode(), source="test.yaml").model
    return Rules(policy=policy, breakers=read_breakers(None).model.circuit_breakers)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One finished run and what it found."""

    finished: Finished
    results: Results


def run(
    folder: Path,
    paths: Sequence[Path],
    *parameters: str,
    rules: Rules | None = None,
    operator: bool = True,
    blackouts: Path | None = None,
) -> World:
    """Run the strategy that does as it is told; parameters without their prefix."""
    request = Request(
        paths=tuple(str(path) for path in paths),
        strategy=write_strategy(folder),
        parameters=tuple(f"strategy.{one}" for one in parameters),
        operator=operator,
        blackouts=blackouts,
    )
    inputs = prepare(request, rules or rules_of(), Settings(home=folder), lambda _: None)
    finished = backtest(inputs)
    return World(finished=finished, results=results_of(finished, 1.0))


def log_of(*told: dict[str, int]) -> Rows:
    """Return a log with these fields; the rest is empty, instrument and strategy are the first."""
    table = rows(len(told))
    table["instrument"] = 0
    table["strategy"] = 0
    for row, fields in zip(table, told, strict=True):
        for name, value in fields.items():
            row[name] = value
    return table


def cents(multiplier: float = 1.0) -> Scales:
    """Return the scales of one share: cents, whole shares."""
    return Scales(
        symbols={0: "SPY"},
        price=np.array([100.0]),
        qty=np.array([1.0]),
        notional=np.array([0.01 * multiplier]),
    )
