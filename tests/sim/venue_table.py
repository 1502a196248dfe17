"""A table of what goes into the simulated venue and what it answers; the one door of these tests.

A line is ``input | answers``. Inputs, in whole lots, ticks and seconds:

    buy 10 market #1            also: sell, limit P, stop T, stop_limit T P; then flags
    sell 10 stop 95 #2 reduce   flags: reduce, margin, peer=N
    cancel #1                   amend #1 qty [price [trigger]]
    bar 100 110 90 105 [vol]    sixty seconds from now: open, high, low, close
    quote 99 101 [vol]          trade 100 [vol]         funding RATE (parts per billion)
    wait 5                      five seconds pass
    books                       answers with position, locked, cash, margin flow

Answers are separated by ``;``: a fill is ``FILL #1 10@100``, then ``fee 3`` if there was one and
``maker`` if it rested; others carry their id, and a quantity where it says something.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from interlock.kernel.codes import BUY, SELL, Flag, Kind, OrderKind
from interlock.kernel.policy import empty_policy
from interlock.kernel.records import Row, Rows, rows
from interlock.sim.venue import venue_step
from interlock.sim.world import REPORTS, VenueArray, WorldArray, new_venue, new_world

SECOND_NS: Final = 1_000_000_000
BAR_S: Final = 60
FLAGS: Final = {"reduce": Flag.REDUCE_ONLY, "margin": Flag.MARGIN}
WITH_QTY: Final = (Kind.AMENDED, Kind.CANCELLED)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What differs from a free venue without slippage where one lot at one tick is one unit."""

    cash: int = 1_000_000
    position: int = 0
    lot: int = 1
    maker_ppm: int = 0
    taker_ppm: int = 0
    fee_in_base: bool = False
    slippage_ppm: int = 0
    volatility_factor: float = 0.0
    impact_from: int = 0
    impact_ppm: float = 0.0
    atr: float = 0.0
    baseline: float = 0.0
    atr_periods: int = 14
    baseline_periods: int = 100
    participation_ppm: int = 0
    latency_in: int = 0
    latency_out: int = 0
    unit_den: int = 1
    times: bool = False  # append [when it happened, when the engine hears of it]


@dataclass
class Market:
    """One venue with one instrument and a clock in seconds."""

    rules: Rules
    clock: int = 600
    world: WorldArray = field(init=False)
    venue: VenueArray = field(init=False)
    last: Row = field(init=False)  # the last answer

    def __post_init__(self) -> None:
        rules = self.rules
        policy = empty_policy()
        spec = policy["instruments"][0, 0]
        spec["unit_num"] = 1
        spec["unit_den"] = rules.unit_den
        spec["lot"] = rules.lot
        spec["maker_ppm"] = rules.maker_ppm
        spec["taker_ppm"] = rules.taker_ppm
        spec["atr_periods"] = rules.atr_periods
        spec["atr_baseline_periods"] = rules.baseline_periods
        costs = policy["account"]["costs"]
        costs["slippage_base_ppm"] = rules.slippage_ppm
        costs["volatility_factor"] = rules.volatility_factor
        costs["impact_from_units"] = rules.impact_from
        costs["impact_ppm"] = rules.impact_ppm
        self.world = new_world(
            policy,
            latency_in_ns=rules.latency_in * SECOND_NS,
            latency_out_ns=rules.latency_out * SECOND_NS,
            participation_ppm=rules.participation_ppm,
        )
        self.world["instruments"]["fee_in_base"] = int(rules.fee_in_base)
        self.venue = new_venue(rules.cash)
        book = self.venue["instruments"][0, 0]
        book["position"] = rules.position
        book["atr"] = rules.atr
        book["atr_baseline"] = rules.baseline

    def send(self, row: Rows) -> list[str]:
        """Hand the venue one row about its instrument, now, and return its answers as words."""
        row["instrument"] = 0
        return self.send_as_is(row)

    def send_as_is(self, row: Rows) -> list[str]:
        """Hand the venue one row, now, and return its answers as words."""
        row["ts_ns"] = np.where(row["ts_ns"] == 0, self.clock * SECOND_NS, row["ts_ns"])
        row["src_ts_ns"] = np.where(row["src_ts_ns"] == 0, self.clock * SECOND_NS, row["src_ts_ns"])
        reports = np.zeros(1, dtype=REPORTS)
        count = venue_step(self.world, self.venue, row, 0, reports)
        if count > 0:
            self.last = reports["rows"][0, count - 1]
        return [self.words(reports["rows"][0, index]) for index in range(count)]

    def words(self, report: Row) -> str:
        """Return a report as the table writes it."""
        kind = Kind(int(report["kind"]))
        text = kind.name
        if kind == Kind.FUNDING:
            text += f" {report['value']}"
        else:
            text += f" #{report['order_id']}"
        if kind == Kind.FILL:
            text += f" {report['qty']}@{report['price']}"
            if report["fee"] != 0:
                text += f" fee {report['fee']}"
            if report["fee_asset"] == 1:
                text += " base"
            if report["flags"] & Flag.MAKER:
                text += " maker"
        elif kind in WITH_QTY:
            text += f" {report['qty']}"
        if self.rules.times:
            happened, heard = (int(report[name]) / SECOND_NS for name in ("src_ts_ns", "ts_ns"))
            text += f" [{happened:g} {heard:g}]"
        return text

    def play(self, line: str) -> list[str]:
        """Do one input of the table and return the answers."""
        verb, *rest = line.split()
        if verb in {"buy", "sell"}:
            return self.send(order_row(verb, rest))
        if verb in {"cancel", "amend"}:
            return self.send(control_row(verb, rest))
        if verb == "bar":
            return self._bar([int(each) for each in rest])
        if verb == "wait":
            self.clock += int(rest[0])
            return []
        if verb == "books":
            return [self._books()]
        return self.send(point_row(verb, [int(each) for each in rest]))

    def _bar(self, numbers: list[int]) -> list[str]:
        row = rows(1)
        names = ("open", "high", "low", "close", "volume")
        for name, number in zip(names, numbers, strict=False):
            row[name] = number
        row["src_ts_ns"] = self.clock * SECOND_NS
        self.clock += BAR_S
        row["ts_ns"] = self.clock * SECOND_NS
        answers = []
        for kind in (Kind.BAR_OPEN, Kind.BAR_PATH):
            row["kind"] = kind
            answers += self.send(row)
        return answers

    def _books(self) -> str:
        book = self.venue["instruments"][0, 0]
        cash, flow = (int(self.venue[name][0]) for name in ("cash_units", "margin_flow_units"))
        return f"{book['position']} {book['locked']} {cash} {flow}"


def order_row(verb: str, words: list[str]) -> Rows:
    """Return the SUBMIT row of ``buy 10 limit 99 #1 reduce peer=2``."""
    row = rows(1)
    row["kind"] = Kind.SUBMIT
    row["side"] = BUY if verb == "buy" else SELL
    row["qty"] = int(words[0])
    kind = OrderKind[words[1].upper()]
    row["order_kind"] = kind
    prices = [int(word) for word in words[2:] if word.lstrip("-").isdigit()]
    if kind == OrderKind.LIMIT:
        row["price"] = prices[0]
    elif kind == OrderKind.STOP:
        row["trigger"] = prices[0]
    elif kind == OrderKind.STOP_LIMIT:
        row["trigger"], row["price"] = prices
    for word in words[2:]:
        if word.startswith("#"):
            row["order_id"] = int(word[1:])
        elif word.startswith("peer="):
            row["peer_id"] = int(word.removeprefix("peer="))
        elif word in FLAGS:
            row["flags"] |= FLAGS[word]
    return row


def control_row(verb: str, words: list[str]) -> Rows:
    """Return the row of ``cancel #1`` or ``amend #1 qty [price [trigger]]``."""
    row = rows(1)
    row["kind"] = Kind.CANCEL if verb == "cancel" else Kind.AMEND
    row["order_id"] = int(words[0][1:])
    for name, word in zip(("qty", "price", "trigger"), words[1:], strict=False):
        row[name] = int(word)
    return row


def point_row(verb: str, numbers: list[int]) -> Rows:
    """Return the row of a quote, a trade or a funding."""
    row = rows(1)
    row["kind"] = Kind[verb.upper()]
    names = {"quote": ("open", "high", "volume"), "trade": ("close", "volume")}
    for name, number in zip(names.get(verb, ("value",)), numbers, strict=False):
        row[name] = number
    return row


def check(table: str, rules: Rules | None = None) -> Market:
    """Play a table and compare every answer; return the market for what a table cannot say."""
    market = Market(rules or Rules())
    for line in table.strip().splitlines():
        wanted = ""
        action = line
        if "|" in line:
            action, wanted = line.split("|")
        found = "; ".join(market.play(action.strip()))
        assert found == wanted.strip(), f"{action.strip()}: wanted {wanted.strip()}, was {found}"
    return market
