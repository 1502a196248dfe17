"""Records for the kernel's tests, and a bench that feeds it events and reads what it says.

Numbers are written as text, ``path=value``, so that a table reads like the case it works out.
One account unit is one tick times one lot, and nothing costs anything unless a test says so: a
fill of 100 lots at 10000 ticks is 1,000,000 units.
"""

import re
from typing import Any, Final

from interlock.kernel import codes
from interlock.kernel.codes import (
    Alarm,
    Cause,
    Exit,
    Feed,
    Kind,
    Level,
    OrderKind,
    Release,
    Role,
    Settle,
    SizingMethod,
    StopMethod,
    TargetMethod,
)
from interlock.kernel.policy import PolicyArray, empty_policy
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Rows, new_out, rows
from interlock.kernel.state import new_state
from interlock.kernel.step import step
from interlock.kernel.units import LIMIT_NONE, NS_PER_MINUTE, NS_PER_SECOND, PPM

CASH: Final = 100_000_000
INSTRUMENTS: Final = 3
STRATEGIES: Final = 2
OUT: Final = new_out()

_SHORT: Final = ("sizing", "exits", "costs", "losses", "breakers")
_STATE: Final = {"inst": "instruments", "strategy": "strategies", "ask": "proposal"}
# Breakers that the kernel sets by itself, as config fixes them.
_FIXED: Final = {
    Cause.OVERFILL: (Level.HALTED, Release.PERSON),
    Cause.UNPROTECTED: (Level.PAUSED, Release.CONDITION),
    Cause.EQUITY_MISMATCH: (Level.PAUSED, Release.CONDITION),
}


def number(text: str) -> Any:
    """Return what a word of a table means: 1_000, 2.5, NONE, Level.HALTED, or names joined by |."""
    if text == "NONE":
        return LIMIT_NONE
    if re.fullmatch(r"-?[\d_]+", text):
        return int(text)
    if re.fullmatch(r"-?[\d_]*\.[\d_]+", text):
        return float(text)
    total = 0
    for name in text.split("+"):
        owner, _, member = name.partition(".")
        total |= int(getattr(codes, owner)[member])
    return total


def place(policy: PolicyArray, path: str) -> tuple[Any, str]:
    """Return the record and the field that a path like ``instrument.limits.tick`` names."""
    head, *rest = path.split(".")
    if head in _SHORT:
        head, rest = "account", [head, *rest]
    found = re.fullmatch(r"(account|strategy|instrument)(\d*)", head)
    assert found, path
    record: Any = policy["account"]
    if found[1] != "account":
        record = policy["strategies" if found[1] == "strategy" else "instruments"]
        if found[2]:
            record = record[:, int(found[2])]
    for name in rest[:-1]:
        record = record[:, Cause[name]] if name in Cause.__members__ else record[name]
    return record, rest[-1]


def change(policy: PolicyArray, settings: str) -> None:
    """Write every ``path=value`` of ``settings`` into the policy."""
    for setting in settings.split():
        path, _, value = setting.partition("=")
        record, field = place(policy, path)
        record[field] = number(value)


def open_policy(settings: str = "") -> PolicyArray:
    """Return a policy that allows everything and costs nothing, then changed by ``settings``.

    Entries are 100 lots, the stop rests 2 % away and the target at twice that.
    """
    policy = empty_policy()
    account = policy["account"]
    for table in ("account", "strategies", "instruments"):
        limits = policy[table]["limits"]
        for name in limits.dtype.names or ():
            limits[name] = LIMIT_NONE
    policy["instruments"]["limits"]["order_notional_min_units"] = 0
    policy["instruments"]["limits"]["repeat_window_ns"] = NS_PER_MINUTE
    policy["strategies"]["limits"]["order_rate_window_ns"] = NS_PER_MINUTE
    for cause, (level, release) in _FIXED.items():
        account["breakers"][:, cause]["enabled"] = 1
        account["breakers"][:, cause]["level"] = level
        account["breakers"][:, cause]["release"] = release
    change(
        policy,
        f"""
        sizing.method={int(SizingMethod.FIXED)} sizing.fixed_lots=100
        sizing.risk_ppm={PPM} sizing.position_ppm={PPM} sizing.exposure_ppm=NONE
        exits.stop_method={int(StopMethod.PERCENT)} exits.stop_ppm=20_000
        exits.stop_max_ppm=500_000 exits.opposite_signal_exits=1
        exits.target_method={int(TargetMethod.RISK_MULTIPLE)} exits.target_multiple=2.0
        account.shorting_allowed=1 account.margin_allowed=1
        account.venue_equity_tolerance_ppm=1_000
        account.instruments={INSTRUMENTS} account.strategies={STRATEGIES}
        strategy.enabled=1 strategy.leverage_ppm={PPM}
        instrument.unit_num=1 instrument.unit_den=1 instrument.tick=1
        instrument.lot=1 instrument.lot_min=1
        instrument.settle={int(Settle.CASH)} instrument.feed={int(Feed.BAR)}
        instrument.period_ns={NS_PER_MINUTE} instrument.allowed=1 instrument.shortable=1
        instrument.margin_allowed=1 instrument.native_oco=1 instrument.always_open=1
        instrument.atr_periods=3 instrument.atr_baseline_periods=5
        """,
    )
    change(policy, settings)
    return policy


def where(row: Any) -> str:
    """Return what a latch is over, or nothing for the account."""
    if row["instrument"] >= 0:
        return f" on instrument {row['instrument']}"
    return f" on strategy {row['strategy']}" if row["strategy"] >= 0 else ""


def says(row: Any) -> str:
    """Return a command as a short sentence."""
    kind = Kind(row["kind"])
    role = Role(row["role"]).name.lower()
    side = "buy" if row["side"] > 0 else "sell"
    at = row["trigger"] if row["order_kind"] == OrderKind.STOP else row["price"]
    if kind == Kind.SUBMIT:
        limited = row["order_kind"] != OrderKind.MARKET
        return f"SUBMIT {role} {side} {row['qty']}" + (f" at {at}" if limited else "")
    if kind == Kind.AMEND:
        return f"AMEND {role} {row['qty']} at {at}"
    if kind == Kind.REFUSED:
        return f"REFUSED {role} {Reason(row['code']).name}"
    if kind == Kind.CLOSED:
        return f"CLOSED {Exit(row['code']).name} {row['value']}"
    if kind == Kind.ALARM:
        return f"ALARM {Alarm(row['code']).name}"
    if kind in {Kind.LATCHED, Kind.RELEASED}:
        level = f" {Level(row['level']).name}" if kind == Kind.LATCHED else ""
        return f"{kind.name} {Cause(row['code']).name}{level}{where(row)}"
    assert kind == Kind.CANCEL, kind
    return f"CANCEL {role}"


class Bench:
    """One account: events go in one by one, and what the kernel answers is kept as text."""

    def __init__(self, settings: str = "", cash: int = CASH) -> None:
        self.policy = open_policy(settings)
        self.state = new_state(cash)
        self.now_ns = NS_PER_SECOND
        self.events: list[Rows] = []
        self.commands: list[Any] = []  # of the last event
        self.submitted: dict[tuple[int, str], list[Any]] = {}
        self.give(self.blank(Kind.POLICY_SET))

    def blank(self, kind: int, after_ns: int = NS_PER_SECOND) -> Rows:
        """Return one row for the next event, stamped, about nothing yet."""
        self.now_ns += after_ns
        event = rows(1)
        event["kind"] = kind
        event["seq"] = self.state["account"]["seq"] + 1
        event["ts_ns"] = self.now_ns
        event["src_ts_ns"] = self.now_ns
        return event

    def give(self, event: Rows) -> list[str]:
        """Step one event and return the commands it caused, as sentences."""
        self.events.append(event.copy())
        count = step(self.policy, self.state, event, 0, OUT)
        self.commands = [row.copy() for row in OUT["rows"][0, :count]]
        for row in self.commands:
            if row["kind"] == Kind.SUBMIT:
                key = (int(row["instrument"]), Role(row["role"]).name.lower())
                self.submitted.setdefault(key, []).append(row)
        return [says(row) for row in self.commands]

    def order(self, instrument: int, name: str) -> Any:
        """Return the SUBMIT of the last order of a role; ``stop-1`` is the one before it."""
        role, _, back = name.partition("-")
        return self.submitted[instrument, role][-1 - int(back or 0)]

    def read(self, path: str) -> Any:
        """Return a number of the state: account.x, inst.x, inst1.x, strategy.x, sizing.x, ..."""
        head, *rest = path.split(".")
        found = re.fullmatch(r"([a-z]+)(\d*)", head)
        assert found, path
        record: Any = self.state[0][_STATE.get(found[1], found[1])]
        if found[1] in {"inst", "strategy"}:
            record = record[int(found[2] or 0)]
        if found[1] == "verdicts":
            record = record[Reason[rest[0]]]
        return record[rest[-1]]

    def slot(self, order_id: int) -> Any:
        """Return an open order of the table by its id."""
        (found,) = (x for x in self.state[0]["orders"] if x["order_id"] == order_id)
        return found


def plain(function: Any) -> Any:
    """Return a kernel function as plain Python, so that a table of cases compiles nothing."""
    return getattr(function, "py_func", function)
