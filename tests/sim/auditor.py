"""A venue watched from outside: books kept from its reports alone, and every promise checked.

Instrument 0 is traded for cash only, so nothing may be sold that is not held; instrument 1 on
margin too. Values are worked out as fractions, apart from the venue's own arithmetic.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np

from interlock.kernel.codes import BUY, Flag, Kind
from interlock.kernel.policy import empty_policy
from interlock.kernel.records import ROW_VERSION, Row, Rows
from interlock.sim.book import is_untouched
from interlock.sim.venue import venue_equity_units, venue_step
from interlock.sim.world import REPORTS, VenueArray, WorldArray, new_venue, new_world

CASH: Final = 20_000
UNIT: Final = Fraction(3, 7)  # of money per lot and tick, so that values do not come out even
CASH_ONLY: Final = 0
ABOUT_AN_ORDER: Final = (
    Kind.ACCEPTED,
    Kind.REJECTED,
    Kind.FILL,
    Kind.CANCELLED,
    Kind.AMENDED,
    Kind.AMEND_REJECTED,
    Kind.CANCEL_REJECTED,
)


@dataclass
class Seen:
    """An order as its reports tell it."""

    qty: int
    filled: int = 0
    over: bool = False


@dataclass
class Auditor:
    """A venue, and what must be true of it."""

    participation_ppm: int = 0
    latency_ns: int = 0
    fee_ppm: int = 0
    in_base: bool = False
    world: WorldArray = field(init=False)
    venue: VenueArray = field(init=False)
    money: int = CASH  # cash and open margin flows together
    positions: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    orders: dict[tuple[int, int], Seen] = field(default_factory=dict)
    trades: int = 0

    def __post_init__(self) -> None:
        policy = empty_policy()
        for instrument in (0, 1):
            spec = policy["instruments"][0, instrument]
            spec["unit_num"], spec["unit_den"] = UNIT.numerator, UNIT.denominator
            spec["lot"] = 1 + 2 * instrument
            spec["maker_ppm"] = -self.fee_ppm // 2
            spec["taker_ppm"] = self.fee_ppm
            spec["atr_periods"] = spec["atr_baseline_periods"] = 3
        costs = policy["account"]["costs"]
        costs["slippage_base_ppm"] = 3_000
        costs["volatility_factor"] = 1.0
        costs["impact_from_units"] = 500
        costs["impact_ppm"] = 900.0
        self.world = new_world(
            policy,
            latency_in_ns=self.latency_ns,
            latency_out_ns=self.latency_ns // 2,
            participation_ppm=self.participation_ppm,
        )
        self.world["instruments"]["fee_in_base"] = int(self.in_base)
        self.venue = new_venue(CASH)

    def give(self, inputs: Rows) -> int:
        """Hand over one row, read every answer, and compare the books; return how many answers."""
        reports = np.zeros(1, dtype=REPORTS)
        count = venue_step(self.world, self.venue, inputs, 0, reports)
        for index in range(count):
            self._read(reports["rows"][0, index], inputs[0])
        self._compare()
        return count

    def bar(self, beats: Rows) -> None:
        """Hand over a bar; if the venue promised that it would touch nothing, it must not."""
        row = beats[0]
        instrument = int(row["instrument"])
        quiet = is_untouched(self.venue[0], instrument, int(row["low"]), int(row["high"]))
        before = self.venue["orders"].tobytes()
        answers = sum(self.give(beats[index : index + 1]) for index in range(len(beats)))
        if quiet:
            assert answers == 0
            assert self.venue["orders"].tobytes() == before

    def refuse(self, inputs: Rows) -> None:
        """Hand over a command for an instrument that is not listed: one refusal, nothing else."""
        reports = np.zeros(1, dtype=REPORTS)
        assert venue_step(self.world, self.venue, inputs, 0, reports) == 1
        refusals = {Kind.REJECTED, Kind.CANCEL_REJECTED, Kind.AMEND_REJECTED}
        assert reports["rows"][0, 0]["kind"] in refusals
        self._compare()

    def _read(self, report: Row, cause: Row) -> None:
        kind = Kind(int(report["kind"]))
        assert report["version"] == ROW_VERSION
        assert report["ts_ns"] == report["src_ts_ns"] + self.latency_ns // 2
        assert report["instrument"] in {0, 1}
        if kind == Kind.FUNDING:
            assert report["order_id"] == 0
            assert report["value"] != 0
            self.money += int(report["value"])
            return
        assert kind in ABOUT_AN_ORDER
        key = (int(report["instrument"]), int(report["order_id"]))
        if kind == Kind.ACCEPTED:
            assert cause["kind"] == Kind.SUBMIT
            assert key not in self.orders or self.orders[key].over
            self.orders[key] = Seen(int(report["qty"]))
        elif kind == Kind.FILL:
            self._fill(report, self.orders[key])
        elif kind == Kind.AMENDED:
            assert report["qty"] > self.orders[key].filled
            assert not self.orders[key].over
            self.orders[key].qty = int(report["qty"])
        elif report["flags"] & Flag.LAST:
            self._ended(kind, report, key)

    def _ended(self, kind: Kind, report: Row, key: tuple[int, int]) -> None:
        if key not in self.orders or self.orders[key].over:
            assert kind == Kind.REJECTED  # it never rested
            return
        order = self.orders[key]
        assert kind in {Kind.CANCELLED, Kind.REJECTED}
        assert kind == Kind.CANCELLED or order.filled == 0
        assert report["qty"] == order.qty - order.filled
        order.over = True

    def _fill(self, report: Row, order: Seen) -> None:
        qty, price, fee = (int(report[name]) for name in ("qty", "price", "fee"))
        side, flags = int(report["side"]), int(report["flags"])
        instrument = int(report["instrument"])
        assert qty > 0
        assert price > 0
        assert not order.over
        order.filled += qty
        assert order.filled <= order.qty
        assert bool(flags & Flag.LAST) == (order.filled == order.qty)
        order.over = bool(flags & Flag.LAST)
        self.trades += 1
        assert (int(report["ext_hi"]), int(report["ext_lo"])) == (1, self.trades)
        before = self.positions[instrument]
        after = before + side * qty
        if flags & Flag.REDUCE_ONLY:
            assert before * side < 0
            assert after * before >= 0
        exact = UNIT * price * qty
        value = math.ceil(exact) if side == BUY else math.floor(exact)
        self.money -= side * value
        if report["fee_asset"] == 1:
            assert side == BUY
            assert 0 <= fee <= qty
            after -= fee
        else:
            self.money -= fee
        self.positions[instrument] = after
        if instrument == CASH_ONLY and side == BUY:
            assert self.money >= min(self._margin_flow(), 0)

    def _margin_flow(self) -> int:
        return int(self.venue["margin_flow_units"][0])

    def _compare(self) -> None:
        books = self.venue["instruments"][0]
        for instrument in (0, 1):
            assert int(books[instrument]["position"]) == self.positions[instrument]
            assert books[instrument]["locked"] >= 0
        assert self.positions[CASH_ONLY] >= 0
        flow = self._margin_flow()
        assert int(self.venue["cash_units"][0]) + flow == self.money
        assert flow == int(books["flow_units"].sum())
        if self.positions[0] == self.positions[1] == 0:
            assert flow == 0
            assert venue_equity_units(self.world[0], self.venue[0], 2) == self.money
        self._compare_orders()

    def _compare_orders(self) -> None:
        """Every slot is free or rests in its instrument's list, and once."""
        slots = self.venue["orders"][0]
        seen: list[int] = []
        resting: dict[tuple[int, int], int] = {}
        for instrument in (0, 1):
            link = int(self.venue["instruments"][0, instrument]["first_order"])
            while link:
                seen.append(link)
                order = slots[link - 1]
                resting[instrument, int(order["order_id"])] = int(order["qty"] - order["filled"])
                link = int(order["next"])
        link = int(self.venue["free_order"][0])
        while link:
            seen.append(link)
            assert len(seen) <= len(slots)
            link = int(slots[link - 1]["next"])
        assert sorted(seen) == list(range(1, len(slots) + 1))
        told = {key: each.qty - each.filled for key, each in self.orders.items() if not each.over}
        assert resting == told
