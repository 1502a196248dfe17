"""Books kept from a recording's fills and fundings alone, at average cost, in plain Python."""

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from interlock.kernel.codes import Flag, Kind
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import Row
from interlock.sim.host import Recording


@dataclass
class FillLedger:
    """Cash, positions, fees, funding and realised profit.

    A short's value is money only once it is bought back; a long's is paid and received.
    """

    policy: PolicyArray
    cash: int
    fees: int = 0
    funding: int = 0
    realised: int = 0
    lots: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    cost: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def book(self, row: Row) -> None:
        """Book one row of the log, if it is about money."""
        if row["kind"] == Kind.FUNDING:
            self.cash += int(row["value"])
            self.funding += int(row["value"])
        elif row["kind"] == Kind.FILL:
            self.cash -= int(row["fee"])
            self.fees += int(row["fee"])
            self._trade(row)

    def _trade(self, row: Row) -> None:
        name, side, qty = int(row["instrument"]), int(row["side"]), int(row["qty"])
        spec = self.policy["instruments"][0, name]
        exact = Fraction(int(row["price"]) * qty * int(spec["unit_num"]), int(spec["unit_den"]))
        value = side * (ceil(exact) if side > 0 else floor(exact))
        pays = not row["flags"] & Flag.MARGIN
        held = self.lots[name]
        self.lots[name] += side * qty
        if held * side >= 0:
            self.cost[name] += value
            self.cash -= value if pays else 0
            return
        assert qty <= abs(held)  # nothing here flips
        share = Fraction(self.cost[name] * qty, abs(held))
        given = floor(share) if share > 0 else ceil(share)
        self.cost[name] -= given
        self.realised += -value - given
        self.cash -= value if pays else value + given


def check_books(policy: PolicyArray, recording: Recording, cash: int) -> FillLedger:
    """Keep the books of a recording again, and compare them with the kernel's and the venue's."""
    ledger = FillLedger(policy, cash)
    for row in recording.log:
        ledger.book(row)
    account, venue = recording.state["account"][0], recording.venue[0]
    assert int(account["cash_units"]) == ledger.cash
    assert int(account["fees_units"]) == int(venue["fees_units"]) == ledger.fees
    assert int(account["funding_units"]) == int(venue["funding_units"]) == ledger.funding
    assert int(account["realised_units"]) == ledger.realised
    shorts = sum(-cost for name, cost in ledger.cost.items() if ledger.lots[name] < 0)
    assert int(venue["cash_units"]) + int(venue["margin_flow_units"]) == ledger.cash + shorts
    for name, lots in ledger.lots.items():
        assert int(recording.state["instruments"]["position"][0, name]) == lots
        assert int(venue["instruments"]["position"][name]) == lots
        assert int(recording.state["instruments"]["cost_units"][0, name]) == ledger.cost[name]
    return ledger
