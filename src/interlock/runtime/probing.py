"""The probe: what the gate would say of an order that nobody sends.

It is the kernel's own gate, over a copy of what the engine believes, with the numbers that were
asked for in place of a signal's. Nothing of the engine is changed by it.

``allowed`` is the verdict of the rules about risk. Rules about the market and about what a signal
says of itself are listed beside them and decide only ``would_trade_now``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from interlock.data.instruments import Instrument
from interlock.kernel.codes import BUY, Cause, Flag, Level, OrderKind, Role, Scope
from interlock.kernel.costs import fee_units, round_trip_ppm, slippage_ppm
from interlock.kernel.exits import stop_distance
from interlock.kernel.gate import gate
from interlock.kernel.ledger import is_margined, notional_units_up, posted_margin_units
from interlock.kernel.policy import PolicyArray
from interlock.kernel.propose import look_at_account, look_at_instrument
from interlock.kernel.reasons import Reason
from interlock.kernel.records import Row
from interlock.kernel.state import StateArray
from interlock.kernel.units import LIMIT_NONE, PPM, UNITS_MAX, mul_div, mul_div_up
from interlock.runtime.asking import AskError
from interlock.runtime.control import Answer
from interlock.runtime.engine import Engine
from interlock.runtime.entries import Said
from interlock.runtime.link import Phase
from interlock.runtime.probe_account import account_said, suppose
from interlock.runtime.probe_request import (
    Wanted,
    price_ticks,
    quantity_lots,
    read_wanted,
)
from interlock.runtime.probe_said import (
    LATCHED,
    NOT_NOW,
    is_about_risk,
    kind_of,
    not_now,
    rule_said,
    sentence,
    with_causes,
)
from interlock.runtime.readable import Rule, rules_of, scale_of
from interlock.runtime.session import Setup
from interlock.runtime.status import latch_said
from interlock.runtime.stopping import latches_in

BLOCKED: Final = "RISK_GUARD_BLOCKED"
UNAVAILABLE: Final = (
    "Provide account_equity, total_margin_exposure, daily_loss_pct for probe when exchange "
    "unavailable"
)
STRATEGY: Final = 0  # whose rules a probe is judged by: the one that runs
_ANSWERED_NS: Final = 30 * 10**9  # a venue that has not answered for so long is not there


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Described:
    """What there is to know of a symbol.

    Attributes:
        instrument: Its digits and names.
        row: Its row of a policy, for one that the account does not trade; None for the others.
    """

    instrument: Instrument
    row: Row | None


Describe = Callable[[str], Described | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Case:
    """An order in its place: a copy of everything that the gate looks at."""

    policy: PolicyArray
    state: StateArray
    number: int
    instrument: Instrument
    price: int
    qty: int

    @property
    def ask(self) -> Row:
        """The proposal in the copy."""
        found: Row = self.state[0]["proposal"]
        return found


class Probing:
    """Answers what the gate would say.

    Args:
        engine: Whose state is copied.
        setup: What it trades with.
        describe: Finds what is known of a symbol, whether the account trades it or not.
        answered_ns: How long ago the venue last answered a question; None when it never did.
    """

    def __init__(
        self,
        engine: Engine,
        setup: Setup,
        describe: Describe,
        *,
        answered_ns: Callable[[], int | None],
    ) -> None:
        self._engine = engine
        self._setup = setup
        self._describe = describe
        self._answered_ns = answered_ns

    def table(self) -> dict[str, Answer]:
        """Return everything that can be asked, by name."""
        return {"probe": self._ask_probe}

    async def _ask_probe(self, asked: Said) -> Said:
        return self.probe(read_wanted(asked))

    def probe(self, wanted: Wanted) -> Said:
        """Return what the gate would say.

        Raises:
            AskError: The symbol is not known, or a number is finer than it is written.
        """
        notes: list[str] = []
        case = self._case(wanted, notes)
        self._fill(case, wanted, notes)
        state, policy = case.state[0], case.policy[0]
        look_at_account(state, STRATEGY)
        look_at_instrument(policy, state, case.number)
        suppose(state["view"], wanted.supplied, wanted.side, notes)
        gate(policy, state["view"], case.ask, state["verdicts"])
        self._note_assumed(case, notes)
        there = self._is_venue_there()
        return self._said(case, wanted, notes, there=there)

    # --- before the gate ----------------------------------------------------------------------

    def _case(self, wanted: Wanted, notes: list[str]) -> _Case:
        found = self._describe(wanted.symbol)
        if found is None:
            raise AskError(
                "symbol must be one of the instruments file, and is not. Next: describe it there, "
                "or see docs/data.md."
            )
        decider = self._engine.decider
        policy, state = decider.policy.copy(), decider.state.copy()
        state["account"]["ts_ns"] = max(int(state["account"]["ts_ns"][0]), self._engine.now_ns())
        symbols = [one.symbol for one in self._setup.scales]
        instrument = found.instrument
        if instrument.symbol in symbols:
            number = symbols.index(instrument.symbol)
        else:
            number = len(symbols)
            if found.row is None or number >= policy["instruments"].shape[1]:
                raise AskError(f"{instrument.symbol} must be traded here, or have room beside.")
            policy["instruments"][0, number] = found.row
            policy["account"]["instruments"] = number + 1
            notes.append(f"{instrument.symbol} is not traded by this account.")
        if instrument.quote != self._setup.currency:
            notes.append(
                f"One {instrument.quote} is taken as one {self._setup.currency}: no rate is known."
            )
        return _Case(
            policy=policy,
            state=state,
            number=number,
            instrument=instrument,
            price=price_ticks(wanted.price, instrument.price_digits, instrument.symbol),
            qty=quantity_lots(wanted.quantity, instrument.qty_digits, instrument.symbol),
        )

    def _fill(self, case: _Case, wanted: Wanted, notes: list[str]) -> None:
        """Write the order into the copy's proposal, with what it would cost and hold."""
        ask, policy = case.ask, case.policy[0]
        spec = policy["instruments"][case.number]
        inst = case.state[0]["instruments"][case.number]
        for name in ask.dtype.names or ():
            ask[name] = 0
        held = -wanted.side * int(inst["position"])
        reducing = 0 < case.qty <= held
        if reducing:
            notes.append("It only shrinks what is held: limits on adding let it through.")
        short = wanted.side != BUY and not reducing
        margined = not reducing and bool(is_margined(spec, wanted.on_margin or short))
        ask["instrument"] = case.number
        ask["strategy"] = STRATEGY
        ask["side"] = wanted.side
        ask["order_kind"] = OrderKind.LIMIT
        ask["role"] = Role.EXIT if reducing else Role.ENTRY
        ask["flags"] = Flag.MARGIN if margined else 0
        ask["qty"] = case.qty
        ask["price"] = case.price
        ask["reducing"] = int(reducing)
        ask["leverage_ppm"] = self._leverage_ppm(policy, wanted, notes, margined=margined)
        if not _price(case.policy[0], case.state[0], case.number) and not reducing:
            notes.append(
                "No stop is known for it yet, so the farthest that the policy allows is taken."
            )

    def _leverage_ppm(
        self, policy: Row, wanted: Wanted, notes: list[str], *, margined: bool
    ) -> int:
        if wanted.is_margin and wanted.forces_spot:
            notes.append("trade_on_margin_from_watchlist is false: it is judged as spot.")
        if not margined:
            if wanted.leverage is not None and wanted.leverage > 1:
                notes.append("Leverage is of margin alone, and this is spot: it is left out.")
            return PPM
        if wanted.leverage is not None:
            return int(wanted.leverage * PPM)
        return int(max(policy["strategies"][STRATEGY]["leverage_ppm"], PPM))

    def _note_assumed(self, case: _Case, notes: list[str]) -> None:
        verdicts = case.state[0]["verdicts"]
        if case.ask["stop_distance"] == 0 and case.ask["reducing"] == 0:
            verdicts[Reason.RISK_PER_TRADE]["assumed"] = 1
        spread = verdicts[Reason.SPREAD_TOO_WIDE]
        if spread["assumed"]:
            notes.append("The feed carries no quotes: spread and book are ASSUMED.")

    # --- after the gate -----------------------------------------------------------------------

    def _is_venue_there(self) -> bool:
        since_ns = self._answered_ns()
        ready = self._engine.link.phase is Phase.READY
        return ready and since_ns is not None and since_ns <= _ANSWERED_NS

    def _said(self, case: _Case, wanted: Wanted, notes: list[str], *, there: bool) -> Said:
        scale = replace(scale_of(case.instrument), currency=self._setup.currency)
        latches = self._latches(case)
        rules = [
            with_causes(_never(case, one), [x["cause"] for x in latches if x["rule"] == one.reason])
            for one in rules_of(case.state[0]["verdicts"], scale)
        ]
        denied = {Reason[one["rule"]] for one in latches if one["denies"] == "allowed"}
        failed = [one for one in rules if not one.passed]
        risky = [one for one in failed if kind_of(one) == "risk" and is_about_risk(one, denied)]
        unknown = not there and not wanted.supplied.is_whole
        reason = UNAVAILABLE if unknown else sentence(risky)
        ask, view = case.ask, case.state[0]["view"]
        return {
            "allowed": not reason,
            "would_trade_now": not failed and there,
            "reason_code": BLOCKED if reason else "",
            "reason": reason,
            "why_not_now": not_now(failed, there=there),
            "symbol": case.instrument.symbol,
            "side": "BUY" if wanted.side == BUY else "SELL",
            "price": f"{wanted.price:f}",
            "quantity": f"{wanted.quantity:f}",
            "margin": bool(ask["flags"] & Flag.MARGIN),
            "leverage": f"{int(ask['leverage_ppm']) / PPM:g}",
            "notional": scale.money(int(ask["notional_units"])),
            "strategy": self._setup.strategies[STRATEGY],
            "venue_available": there,
            "rules": [rule_said(one) for one in rules],
            "latches": [{k: v for k, v in one.items() if k != "rule"} for one in latches],
            "assumptions": notes,
            "account": account_said(view),
            "ts_ns": int(case.state["account"]["ts_ns"][0]),
        }

    def _latches(self, case: _Case) -> list[Said]:
        """Return the latches that refuse this order, and what each of them denies."""
        if case.ask["reducing"]:
            return []
        mine = {Scope.ACCOUNT: None, Scope.STRATEGY: STRATEGY, Scope.INSTRUMENT: case.number}
        rules = {scope: reason for reason, scope in LATCHED.items()}
        found = []
        for latch in latches_in(case.state):
            scope, level = Scope(latch["scope"]), Level(latch["level"])
            of = mine[scope]
            if level < Level.PAUSED or (of is not None and of != latch["scope_id"]):
                continue
            only_now = Cause(latch["cause"]) in NOT_NOW and level < Level.HALTED
            found.append(
                {
                    **latch_said(latch, self._setup.scales, self._setup.strategies),
                    "denies": "would_trade_now" if only_now else "allowed",
                    "rule": rules[scope].name,
                }
            )
        return found


def _price(policy: Row, state: Row, number: int) -> bool:
    """Put notional, costs, risk and what the order would hold into the proposal.

    Returns:
        Whether a stop is known. Where none is, the farthest that the policy allows is at risk.
    """
    ask = state["proposal"]
    spec, inst = policy["instruments"][number], state["instruments"][number]
    costs, exits = policy["account"]["costs"], policy["account"]["exits"]
    price, qty = int(ask["price"]), int(ask["qty"])
    atr = inst["atr"] if inst["atr_count"] >= spec["atr_periods"] else 0.0
    distance = stop_distance(exits, atr, int(inst["mark"]) or price, int(ask["side"]), 0)
    ask["stop_distance"] = distance
    if not _fits(spec, 2 * price, qty):
        for name in ("notional_units", "cash_needed_units", "risk_units"):
            ask[name] = LIMIT_NONE
        return distance > 0
    value = notional_units_up(spec, price, qty)
    slip_ppm = slippage_ppm(costs, inst["atr"], inst["atr_baseline"], value)
    cost_ppm = round_trip_ppm(costs, slip_ppm)
    fees = fee_units(value, max(int(costs["assumed_ppm"]), 0))
    ask["notional_units"] = value
    ask["cost_units"] = mul_div_up(value, cost_ppm, PPM)
    if ask["flags"] & Flag.MARGIN:
        posted = posted_margin_units(value, int(ask["leverage_ppm"]))
        ask["margin_needed_units"] = posted + fees
    else:
        ask["cash_needed_units"] = value + fees
    farthest = distance or mul_div(price, int(exits["stop_max_ppm"]), PPM)
    at_risk = farthest + mul_div_up(price, cost_ppm, PPM)
    # A stop is as far as the market says, and the price may be any.
    known = _fits(spec, at_risk, qty)
    ask["risk_units"] = notional_units_up(spec, at_risk, qty) if known else LIMIT_NONE
    return distance > 0


def _never(case: _Case, rule: Rule) -> Rule:
    """Return a verdict on the age of a number; of one that never came there is none."""
    mark = case.state["instruments"][0, case.number]["mark"]
    is_age = rule.number == Reason.DATA_STALE and mark == 0
    return replace(rule, value_text="no number yet") if is_age else rule


def _fits(spec: Row, price: int, qty: int) -> bool:
    """Return whether price times quantity is money that the kernel can hold."""
    per_lot = int(price) * int(spec["unit_num"])
    return per_lot < 2 * UNITS_MAX and per_lot * qty < 2 * UNITS_MAX * int(spec["unit_den"])


def warm(policy: PolicyArray, state: StateArray) -> None:
    """Load the machine code that a probe runs: an engine that compiles is one that hangs.

    Args:
        policy: Shape (1,); scratch.
        state: Shape (1,); scratch.
    """
    spec, ask = policy[0]["instruments"][0], state[0]["proposal"]
    spec["unit_num"] = spec["unit_den"] = spec["tick"] = spec["lot"] = 1
    ask["qty"] = ask["price"] = ask["side"] = 1
    for flags in (0, Flag.MARGIN):
        ask["flags"] = flags
        ask["leverage_ppm"] = 2 * PPM
        _price(policy[0], state[0], 0)
    is_margined(spec, bool(flags))
    look_at_account(state[0], STRATEGY)
    look_at_instrument(policy[0], state[0], 0)
    gate(policy[0], state[0]["view"], ask, state[0]["verdicts"])
