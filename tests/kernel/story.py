"""The kernel's tests as stories: one event a line, what it answers, and what is true after it.

``event | commands; in order | path=value``. A line that begins with ``|`` goes on with the commands
of the one before; ``...`` says that the answer does not matter here.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from interlock.kernel.codes import ACCOUNT, Cause, Flag, Kind, Level, Metric, OrderKind
from interlock.kernel.records import Rows
from interlock.kernel.units import NS_PER_SECOND
from tests.kernel.helpers import CASH, Bench, number

_SIDES: Final = {"buy": 1, "sell": -1, "flat": 0}
_REPORTS: Final = (
    "accepted",
    "rejected",
    "cancelled",
    "expired",
    "unknown",
    "absent",
    "cancel_rejected",
    "amended",
    "amend_rejected",
)
_ABOUT_ALL: Final = {
    Kind.HALT,
    Kind.RESUME,
    Kind.HEALTH,
    Kind.TIMER,
    Kind.CASH,
    Kind.VENUE_EQUITY,
    Kind.DAY,
    Kind.POLICY_SET,
}


def _market(event: Rows, words: list[str]) -> None:
    numbers = [int(x) for x in words[1:]]
    if words[0] == "quote":
        event["open"], event["high"] = numbers
    elif words[0] == "trade":
        (event["close"],) = numbers
    else:
        event["close"] = event["open"] = numbers[-1]
        event["high"] = numbers[0]
        event["low"] = numbers[1] if len(numbers) > 1 else numbers[0]


def _trade(event: Rows, side: str, qty: str, price: str) -> None:
    event["side"] = _SIDES[side]
    event["qty"] = int(qty)
    event["price"] = int(price)
    event["ext_lo"] = event["seq"]
    event["ext_hi"] = 1


def _fill(bench: Bench, event: Rows, words: list[str]) -> None:
    """Fill an order of ours, ``fill entry 100 @ 10000``, or nobody's: ``fill stray buy 5 @ 9``."""
    if words[1] == "stray":
        _trade(event, words[2], words[3], words[5])
        event["order_id"] = 999
        return
    order = bench.order(int(event["instrument"][0]), words[1])
    _trade(event, "buy" if order["side"] > 0 else "sell", words[2], words[4])
    event["order_id"] = order["order_id"]
    event["flags"] = order["flags"]


def _report(bench: Bench, event: Rows, words: list[str]) -> None:
    if words[1] == "stray":
        event["order_id"] = 999
        return
    order = bench.order(int(event["instrument"][0]), words[1])
    event["order_id"] = order["order_id"]
    if words[0] == "amended":
        event["qty"] = int(words[2])
        event["trigger" if order["order_kind"] == OrderKind.STOP else "price"] = int(words[4])


def _control(event: Rows, words: list[str]) -> None:
    if words[0] == "health":
        event["code"] = Metric[words[1]]
        event["value"] = int(words[2])
    elif words[0] in {"halt", "resume"} or (words[0] == "timer" and len(words) > 1):
        event["code"] = Cause[words[1]]
        if words[0] == "halt":
            event["level"] = Level[words[2]]
    elif len(words) > 1:
        event["value"] = int(words[1])


def _kind(word: str) -> Kind:
    names = {"flat": "signal", "buy": "signal", "sell": "signal", "unknown": "outcome_unknown"}
    return Kind[names.get(word, word).upper()]


def event_of(bench: Bench, line: str) -> Rows:
    """Return the row that a line of a story means, for the bench as it stands."""
    words = [x for x in line.split() if "=" not in x]
    extras = dict(x.split("=") for x in line.split() if "=" in x)
    kind = _kind(words[0])
    after_ns = int(float(extras.pop("after", "1")) * NS_PER_SECOND)
    event = bench.blank(kind, after_ns)
    event["src_ts_ns"] -= int(float(extras.pop("late", "0")) * NS_PER_SECOND)
    event["instrument"] = ACCOUNT if kind in _ABOUT_ALL else 0
    if "instrument" in extras:
        event["instrument"] = int(extras.pop("instrument"))
    if kind == Kind.SIGNAL:
        event["strategy"] = 0
        event["side"] = _SIDES[words[0]]
        event["flags"] = Flag.EXIT_ONLY if "only_exit" in words else 0
    elif kind in {Kind.BAR, Kind.QUOTE, Kind.TRADE}:
        _market(event, words)
    elif kind == Kind.FILL:
        _fill(bench, event, words)
    elif kind in {Kind.ADOPTED, Kind.BUST}:
        _trade(event, words[1], words[2], words[4])
    elif words[0] in _REPORTS:
        _report(bench, event, words)
    else:
        _control(event, words)
    for name, value in extras.items():
        event[name] = number(value)
    return event


def _lines(script: str) -> Iterator[tuple[str, list[str], str]]:
    """Yield (event, commands, facts) of each line, continuations joined."""
    told: list[list[str]] = []
    for line in script.strip().splitlines():
        event, commands, facts = (part.strip() for part in (line + "||").split("|")[:3])
        if event:
            told.append([event, commands, facts])
        else:
            told[-1][1] += "; " + commands
            told[-1][2] += " " + facts
    for event, commands, facts in told:
        yield event, [x.strip() for x in commands.split(";") if x.strip()], facts


def check(
    script: str,
    settings: str = "",
    *,
    cash: int = CASH,
    bench: Bench | None = None,
    every: Callable[[Bench], None] | None = None,
) -> Bench:
    """Tell a story to a bench, compare each answer and each fact, and return the bench."""
    bench = bench or Bench(settings, cash)
    for event, expected, facts in _lines(script):
        said = bench.give(event_of(bench, event))
        if expected != ["..."]:
            assert said == expected, f"{event}: must say {expected}, said {said}"
        for fact in facts.split():
            path, _, value = fact.partition("=")
            found: Any = bench.read(path)
            assert found == number(value), f"{event}: {path} must be {value}, was {found}"
        if every is not None:
            every(bench)
    return bench
