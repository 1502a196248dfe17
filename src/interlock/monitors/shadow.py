"""The shadow lane: an account that does not exist, under the breaker that is to be proved.

Nothing of the live account is shared: the policy's numbers are copied, the state is new, and what
the kernel answers goes nowhere. One breaker stands alone in it, with the limits and the levels of
the live policy; every other rule lets through, so that what stops an entry is that breaker.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from interlock.kernel.codes import (
    BUY,
    Cause,
    Feed,
    Flag,
    Kind,
    Release,
    Role,
    Settle,
    SizingMethod,
    StopMethod,
    TargetMethod,
)
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import OutArray, Row, Rows, rows
from interlock.kernel.replay import advance
from interlock.kernel.state import StateArray, new_state
from interlock.kernel.units import LIMIT_NONE, NS_PER_MINUTE, PPM

Advance = Callable[[PolicyArray, StateArray, Rows, int, OutArray], int]
Tier = tuple[int, int, int]

HELD: Final = 0  # the instrument with a position
RESTING: Final = 1  # the one with an entry that rests
FREE: Final = 2  # the one with nothing
INSTRUMENTS: Final = 3
CASH_UNITS: Final = 10**14
PRICE: Final = 10_000_000  # ticks: a basis point is 1,000 of them
LOTS: Final = 1_000
STOP_PPM: Final = 400_000  # no event of a proof is a stop by accident
BEGIN_NS: Final = 86_400_000_000_000
STEP_NS: Final = 1_000  # between two events: ten thousand orders fit into a second

_ALONE: Final = {  # limits of the account that belong to a breaker
    Cause.DAILY_LOSS: ("daily_loss_units", "daily_loss_ppm"),
    Cause.MAX_DRAWDOWN: ("drawdown_ppm",),
}


def _open_limits(policy: PolicyArray) -> None:
    """Switch every limit off by name."""
    for table in ("account", "strategies", "instruments"):
        limits = policy[table]["limits"]
        for name in limits.dtype.names or ():
            limits[name] = LIMIT_NONE
    policy["instruments"]["limits"]["order_notional_min_units"] = 0
    policy["instruments"]["limits"]["repeat_window_ns"] = NS_PER_MINUTE
    policy["strategies"]["limits"]["order_rate_window_ns"] = NS_PER_MINUTE


def _open_account(account: Row) -> None:
    """Let an account of plain instruments enter with a fixed size and a stop far away."""
    account["sizing"]["method"] = SizingMethod.FIXED
    account["sizing"]["fixed_lots"] = LOTS
    account["sizing"]["risk_ppm"] = PPM
    account["sizing"]["position_ppm"] = PPM
    account["sizing"]["exposure_ppm"] = LIMIT_NONE
    account["exits"]["stop_method"] = StopMethod.PERCENT
    account["exits"]["stop_ppm"] = STOP_PPM
    account["exits"]["stop_max_ppm"] = PPM
    account["exits"]["target_method"] = TargetMethod.NONE
    account["exits"]["opposite_signal_exits"] = 1
    account["instruments"] = INSTRUMENTS
    account["strategies"] = 1


def _open_instruments(instruments: Row, live: Row) -> None:
    """Make every instrument a plain one: a unit is one tick times one lot."""
    for name in ("unit_num", "unit_den", "tick", "lot", "lot_min", "allowed", "always_open"):
        instruments[name] = 1
    instruments["settle"] = Settle.CASH
    instruments["feed"] = Feed.BAR
    instruments["period_ns"] = NS_PER_MINUTE
    for name in ("atr_periods", "atr_baseline_periods"):
        instruments[name] = live[name]


def shadow_policy(policy: PolicyArray, cause: Cause) -> PolicyArray:
    """Return a policy in which one breaker of ``policy`` stands alone.

    Args:
        policy: Shape (1,); read, and shared in no part.
        cause: Whose breaker it is.

    Returns:
        Shape (1,), of the same capacities, so that the kernel compiled for one runs the other.
    """
    live = policy[0]
    shadow = np.zeros(1, dtype=policy.dtype)
    _open_limits(shadow)
    account = shadow[0]["account"]
    _open_account(account)
    _open_instruments(shadow[0]["instruments"], live["instruments"][0])
    shadow["strategies"]["enabled"] = 1
    shadow["strategies"]["leverage_ppm"] = PPM
    account["venue_equity_tolerance_ppm"] = live["account"]["venue_equity_tolerance_ppm"]
    account["breakers"] = live["account"]["breakers"]
    account["breakers"]["enabled"] = 0
    account["breakers"][cause]["enabled"] = live["account"]["breakers"][cause]["enabled"]
    for name in _ALONE.get(cause, ()):
        account["limits"][name] = live["account"]["limits"][name]
    if cause is Cause.CONSECUTIVE_LOSSES:
        account["losses"] = live["account"]["losses"]
    if cause is Cause.DRAWDOWN:
        for name in ("drawdown_warn_ppm", "drawdown_emergency_ppm"):
            account[name] = live["account"][name]
    if cause is Cause.ORDER_RATE:
        for name in ("order_rate_count", "order_rate_window_ns"):
            shadow["strategies"]["limits"][name] = live["strategies"][0]["limits"][name]
    if cause is Cause.SPREAD:
        shadow["instruments"]["feed"] = Feed.QUOTE
        limits = shadow["instruments"]["limits"]
        limits["spread_ppm"] = live["instruments"][0]["limits"]["spread_ppm"]
    return shadow


class Lane:
    """One account in the shadow: events in, one after the other, and what the kernel answered.

    Args:
        policy: Shape (1,), as ``shadow_policy`` makes it.
        tier: Its capacities.
        out: Shape (1,); scratch.
        forward: The kernel's ``advance``.
    """

    def __init__(
        self, policy: PolicyArray, tier: Tier, out: OutArray, forward: Advance = advance
    ) -> None:
        self.policy = policy
        self.state = new_state(CASH_UNITS, tier)
        self.now_ns = BEGIN_NS
        self.events = 0
        self.caused: list[Row] = []  # by the last events given
        self._forward = forward
        self._out = out
        self._newest: dict[tuple[int, int], Row] = {}  # SUBMIT, by instrument and role

    def give(self, events: Rows) -> None:
        """Hand over what happened next; shape (n,), n >= 1. It is stamped here."""
        count = len(events)
        first = int(self.state["account"]["seq"][0]) + 1
        events["seq"] = np.arange(first, first + count)
        events["ts_ns"] = self.now_ns + STEP_NS * np.arange(1, count + 1)
        events["src_ts_ns"] = events["ts_ns"] - events["src_ts_ns"]
        self.now_ns += STEP_NS * count
        self.events += count
        self.caused = []
        start = 0
        while start < count:
            at = self._forward(self.policy, self.state, events, start, self._out)
            if at < count:
                self._keep()
            start = at + 1

    def _keep(self) -> None:
        caused = self._out["rows"][0, : int(self.state["account"]["sub"][0])]
        for row in caused.copy():
            self.caused.append(row)
            if row["kind"] == Kind.SUBMIT:
                self._newest[int(row["instrument"]), int(row["role"])] = row

    def wait(self, ns: int) -> None:
        """Let time pass."""
        self.now_ns += ns

    def order(self, instrument: int, role: Role) -> Row | None:
        """Return the newest SUBMIT of a role; None where there was none."""
        return self._newest.get((instrument, int(role)))

    def latch(self, cause: Cause, scope: int, scope_id: int) -> Row | None:
        """Return a latch that is set; None when it is not."""
        count = int(self.state["account"]["latches"][0])
        for latch in self.state["latches"][0, :count]:
            where = (latch["cause"], latch["scope"], latch["scope_id"])
            if where == (cause, scope, scope_id):
                found: Row = latch.copy()
                return found
        return None

    def said(self, kind: Kind, instrument: int, role: Role) -> Row | None:
        """Return what the last events caused of a kind, about an instrument's order of a role."""
        for row in self.caused:
            if (row["kind"], row["instrument"], row["role"]) == (kind, instrument, role):
                return row
        return None

    def position(self, instrument: int) -> int:
        """Return what is held, in lots."""
        return int(self.state["instruments"][0, instrument]["position"])

    def equity_units(self) -> int:
        """Return what the account is worth."""
        return int(self.state["account"]["equity_units"][0])


# --- what happens in a lane -------------------------------------------------------------------


def event(kind: Kind, instrument: int = -1, strategy: int = -1) -> Rows:
    """Return one event about nothing yet, shape (1,). ``src_ts_ns`` is how late it comes."""
    row = rows(1)
    row["kind"] = kind
    row["instrument"] = instrument
    row["strategy"] = strategy
    return row


def bars(instrument: int, count: int, close: int, above: int = 10) -> Rows:
    """Return bars that close at their low, ``above`` ticks below their high; shape (count,)."""
    found = rows(count)
    found["kind"] = Kind.BAR
    found["instrument"] = instrument
    for name in ("open", "low", "close"):
        found[name] = close
    found["high"] = close + above
    return found


def quote(instrument: int, half: int) -> Rows:
    """Return a quote around PRICE; shape (1,)."""
    row = event(Kind.QUOTE, instrument)
    row["open"] = PRICE - half
    row["high"] = PRICE + half
    return row


def signal(instrument: int, *, leave: bool = False) -> Rows:
    """Return a wish to buy, or to leave; shape (1,)."""
    row = event(Kind.SIGNAL, instrument, 0)
    row["side"] = 0 if leave else BUY
    row["flags"] = Flag.EXIT_ONLY if leave else 0
    row["has_edge"] = 1
    row["edge_bps"] = 10_000
    return row


def report(kind: Kind, order: Row) -> Rows:
    """Return what the venue says of an order; shape (1,)."""
    row = event(kind, int(order["instrument"]))
    row["order_id"] = order["order_id"]
    return row


def fill(order: Row, price: int, *, over: int = 0) -> Rows:
    """Return a whole fill of an order, and ``over`` lots more; shape (1,)."""
    row = report(Kind.FILL, order)
    row["side"] = order["side"]
    row["qty"] = order["qty"] + over
    row["price"] = price
    return row


def holding(instrument: int) -> Rows:
    """Return that LOTS are held there; shape (1,)."""
    row = event(Kind.ADOPTED, instrument, 0)
    row["side"] = BUY
    row["qty"] = LOTS
    row["price"] = PRICE
    return row


def valued(kind: Kind, value: int, *, code: int = 0, instrument: int = -1) -> Rows:
    """Return a measured or paid number; shape (1,)."""
    row = event(kind, instrument)
    row["code"] = code
    row["value"] = value
    return row


def waits_for(release: int) -> list[Release]:
    """Return the parts of a release, in the order in which a proof lets them happen."""
    order = (Release.CONDITION, Release.SESSION, Release.PERSON, Release.COOLDOWN)
    return [one for one in order if release & one]
