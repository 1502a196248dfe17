"""A journal's session as a backtest: its own bars, calendar and operators, its strategy anew.

Everything that came from outside is taken from the journal. What the engine and the venue made of
it is not: signals, orders, reports and funding are computed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from interlock.data.merge import BAR, Bars
from interlock.journal.errors import JournalError
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import ROW, Rows
from interlock.kernel.state import new_state
from interlock.research.inputs import Rules, funded, funding_rows
from interlock.research.outside import PRICES, Asked, Session
from interlock.research.traded import Traded, world_of
from interlock.runtime.entries import Tier
from interlock.signals.frames import SCHEMA
from interlock.signals.rows import to_rows
from interlock.sim.loop import CURSOR, LOG, LOG_FULL, WORK, run_tape
from interlock.sim.world import new_venue

_NEVER_NS: Final = 2**62 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rerun:
    """The backtest of a session.

    Attributes:
        log: Every event but market data and every command, in order.
        bars: How many bars there were.
        last_close_ns: When the last of them closed; 0 without any.
    """

    log: Rows
    bars: int
    last_close_ns: int


def _frame(bars: Bars, price_digits: int, qty_digits: int) -> pl.DataFrame:
    """Return the bars of one instrument as strategies see them (``runtime.turns.bar_of``)."""
    scale = dict.fromkeys(PRICES, 10**price_digits) | {"volume": 10**qty_digits}
    columns = {name: pl.Series(name, bars[name] / scale[name]) for name in PRICES}
    opens = pl.Series("ts", np.ascontiguousarray(bars["open_ns"])).cast(SCHEMA["ts"])
    return pl.DataFrame({"ts": opens, **columns})


def _signals(traded: Traded, bars: Bars) -> tuple[Rows, NDArray[np.int64]]:
    """Return what the strategy says on these bars, and on which of them.

    Raises:
        StrategyError: It is not there, or fails.
    """
    strategy = traded.loaded()
    tables: list[Rows] = []
    places: list[NDArray[np.int64]] = []
    for number, one in enumerate(traded.instruments):
        position = np.flatnonzero(bars["instrument"] == number)
        mine = bars[position]
        if len(mine) == 0:
            continue
        table, place = to_rows(
            strategy.signals(_frame(mine, one.price_digits, one.qty_digits)),
            instrument=number,
            strategy=0,
            price_digits=one.price_digits,
            position=position,
            close_ns=mine["close_ns"],
        )
        tables.append(table)
        places.append(place)
    if not tables:
        return np.zeros(0, dtype=ROW), np.zeros(0, dtype=np.int64)
    signals, at = np.concatenate(tables), np.concatenate(places)
    order = np.argsort(at, kind="stable")
    return signals[order], at[order]


def _facts(
    session: Session, bars: Bars, rules: Rules, traded: Traded
) -> tuple[Rows, Sequence[int]]:
    """Return calendar and funding by time, and where each row of the calendar is among them."""
    calendar = np.frombuffer(bytes(session.calendar), dtype=ROW).copy()
    calendar["ext_lo"] = 0
    if len(bars) == 0:
        return calendar, range(len(calendar))
    borrow = [
        number
        for number, one in enumerate(traded.instruments)
        if funded(rules.policy, traded.name, one)
    ]
    funding = funding_rows(
        rules.policy, borrow, int(bars["open_ns"].min()), int(bars["close_ns"].max())
    )
    together = np.concatenate([calendar, funding])
    order = np.argsort(together["ts_ns"], kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return together[order], place[: len(calendar)].tolist()


class _Loop:
    """The backtest's loop, run part by part: what was asked comes in at its own place."""

    def __init__(self, rules: Rules, policy: PolicyArray, traded: Traded, tier: Tier) -> None:
        self._policy = policy
        self._world = world_of(rules.policy, policy, traded, tier)
        self._tier = tier
        self._cursor = np.zeros(1, dtype=CURSOR)
        self._work = np.zeros(1, dtype=WORK)
        self._log = np.empty(1, dtype=LOG)
        self._logs: list[Rows] = []

    def run(
        self,
        session: Session,
        bars: Bars,
        facts: Rows,
        places: Sequence[int],
        signals: tuple[Rows, NDArray[np.int64]],
        cash_units: int,
    ) -> Rows:
        """Return the log of the whole session.

        A row that was asked for comes after the bars, the facts and the signals that it came
        after: the tape is played up to there, and the row put on it. The bar that comes next is
        moved out of sight meanwhile, so that the row comes before it whatever its time is.
        """
        state, venue = new_state(cash_units, self._tier), new_venue(cash_units, self._tier)
        equity_units = np.zeros(len(bars), dtype=np.int64)
        tape = np.concatenate([bars, np.zeros(1, dtype=BAR)])
        tape["close_ns"][-1] = _NEVER_NS
        told = facts[:0]
        done = 0

        def play(until_bar: int, until_signal: int, *, ends: bool = False) -> None:
            close_ns = tape["close_ns"][until_bar]
            tape["close_ns"][until_bar] = _NEVER_NS
            status = LOG_FULL
            while status == LOG_FULL:
                status = run_tape(
                    self._policy,
                    state,
                    self._world,
                    venue,
                    self._cursor,
                    self._work,
                    tape[:until_bar] if ends else tape,
                    told,
                    signals[0][:until_signal],
                    signals[1][:until_signal],
                    self._log,
                    equity_units,
                    until_bar,
                )
                if status == LOG_FULL:
                    self._put_aside()
            tape["close_ns"][until_bar] = close_ns

        for one in session.asked:
            count = max(done, _facts_before(facts, places, tape, one))
            told = np.concatenate([told, facts[done:count]])
            done = count
            until_signal = _signals_before(signals[1], one)
            play(one.bars, until_signal)
            if one.policy is not None:
                self._policy[:] = one.policy
            told = np.concatenate([told, one.row])
            play(one.bars, until_signal)
        told = np.concatenate([told, facts[done:]])
        play(len(bars), len(signals[1]), ends=session.ended)
        self._put_aside()
        return np.concatenate(self._logs)

    def _put_aside(self) -> None:
        self._logs.append(self._log["rows"][0, : int(self._cursor["held"][0])].copy())
        self._cursor["held"] = 0


def _facts_before(facts: Rows, places: Sequence[int], tape: Bars, one: Asked) -> int:
    """Return how many facts come before something that was asked.

    Those of the calendar that did, and whatever comes before the last bar that did.
    """
    told = places[one.facts - 1] + 1 if one.facts else 0
    if one.bars == 0:
        return told
    before_ns = tape["close_ns"][one.bars - 1]
    return max(told, int(np.searchsorted(facts["ts_ns"], before_ns, side="left")))


def _signals_before(places: NDArray[np.int64], one: Asked) -> int:
    """Return how many signals come before something that was asked.

    All of those on earlier bars; of those on the bar just before it, those that were said by then.
    """
    earlier = int(np.searchsorted(places, one.bars - 1, side="left"))
    upto = int(np.searchsorted(places, one.bars, side="left"))
    return min(earlier + one.signals, upto)


def rerun(session: Session, where: str, *, cash_units: int, tier: Tier) -> Rerun:
    """Return the backtest of what a journal says that came from outside.

    Args:
        session: From a ``Reader``.
        where: The journal, for messages.
        cash_units: What the account began with.
        tier: Capacities.

    Raises:
        JournalError: The journal does not say what was traded, or by which rules.
        StrategyError: The strategy is not there, or fails.
    """
    traded, rules = session.traded, session.rules
    first = next((one.policy for one in session.asked if one.policy is not None), None)
    if traded is None or rules is None or first is None:
        raise JournalError(
            f"journal {where} must have a start with what was traded and a policy, and had none. "
            "Next: interlock run writes them."
        )
    bars = np.concatenate([*session.bars, np.zeros(0, dtype=BAR)])
    signals = _signals(traded, bars)
    facts, places = _facts(session, bars, rules, traded)
    loop = _Loop(rules, first.copy(), traded, tier)
    log = loop.run(session, bars, facts, places, signals, cash_units)
    last_close_ns = int(bars["close_ns"][-1]) if len(bars) else 0
    return Rerun(log=log, bars=len(bars), last_close_ns=last_close_ns)
