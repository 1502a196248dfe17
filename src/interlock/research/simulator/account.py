"""The account that a simulated world trades with: its policy, its venue's rules, its setup."""

import random
from typing import Final

from interlock.kernel.codes import (
    Cause,
    Level,
    Release,
    SizingMethod,
    StopMethod,
    TargetMethod,
)
from interlock.kernel.policy import SMALL, PolicyArray, empty_policy
from interlock.kernel.units import LIMIT_NONE, PPM
from interlock.research.simulator.chance import Chance
from interlock.research.simulator.plan import Plan
from interlock.runtime.clock import NS_PER_S
from interlock.runtime.session import Setup
from interlock.runtime.turns import Scale
from interlock.sim.world import WorldArray, new_world

STRATEGIES: Final = 2
ACCOUNT_NAME: Final = "paper"
PERIOD_NS: Final = 2 * NS_PER_S  # of bars
MINUTE_NS: Final = 60 * NS_PER_S

# Breakers that are never off: the kernel sets them by itself, as config fixes them.
_FIXED: Final = {
    Cause.OVERFILL: (Level.HALTED, Release.PERSON),
    Cause.UNPROTECTED: (Level.PAUSED, Release.CONDITION),
    Cause.EQUITY_MISMATCH: (Level.PAUSED, Release.CONDITION),
}
_OPTIONAL: Final = {
    Cause.DAILY_LOSS: (Level.HALTED, Release.PERSON, 0),
    Cause.MAX_DRAWDOWN: (Level.KILLED, Release.PERSON, 0),
    Cause.DRAWDOWN: (Level.PAUSED, Release.COOLDOWN, 0),  # drawn
    Cause.CONSECUTIVE_LOSSES: (Level.PAUSED, Release.COOLDOWN, 0),
    Cause.SPREAD: (Level.PAUSED, Release.CONDITION, 20_000),
    Cause.PRICE_MOVE: (Level.PAUSED, Release.COOLDOWN, 3_000),
    Cause.REJECT_RATE: (Level.PAUSED, Release.COOLDOWN, 3),
    Cause.ORDER_RATE: (Level.PAUSED, Release.COOLDOWN, 0),
    Cause.FEED_LAG: (Level.PAUSED, Release.CONDITION, 2_000),
}
_UNITS: Final = ((1, 1), (3, 7), (25, 1), (1, 3))  # account units of one lot at one tick
_SPENDS_ALL: Final = 0.3


def policy_of(plan: Plan) -> PolicyArray:
    """Return the policy that a seed begins with, shape (1,)."""
    chance = Chance(plan.seed).of("policy")
    policy = empty_policy(SMALL)
    for table in ("account", "strategies", "instruments"):
        limits = policy[table]["limits"]
        for name in limits.dtype.names or ():
            limits[name] = LIMIT_NONE
    account = policy["account"]
    for cause, (level, release) in _FIXED.items():
        _breaker(policy, cause, level, release, 0)
    sizing = account["sizing"]
    sizing["method"] = chance.choice((SizingMethod.FIXED, SizingMethod.FIXED_FRACTIONAL))
    sizing["fixed_lots"] = chance.choice((10, 40, 100))
    sizing["fraction_ppm"] = 5_000
    sizing["risk_ppm"] = 20_000
    sizing["position_ppm"] = chance.choice((200_000, 500_000))
    sizing["exposure_ppm"] = 900_000
    exits = account["exits"]
    exits["stop_method"] = StopMethod.PERCENT
    exits["stop_ppm"] = chance.choice((4_000, 10_000, 20_000))
    exits["stop_max_ppm"] = 500_000
    exits["target_method"] = chance.choice((TargetMethod.NONE, TargetMethod.RISK_MULTIPLE))
    exits["target_multiple"] = chance.choice((0.5, 1.0, 2.0))
    exits["opposite_signal_exits"] = 1
    exits["time_periods"] = chance.choice((0, 5))
    exits["trailing_enabled"] = chance.choice((0, 1))
    exits["trailing_atr"] = 2.0
    exits["break_even_enabled"] = chance.choice((0, 1))
    exits["break_even_multiple"] = 1.0
    account["costs"]["maker_ppm"] = 100
    account["costs"]["taker_ppm"] = 400
    account["costs"]["assumed_ppm"] = 400
    account["costs"]["slippage_base_ppm"] = chance.choice((0, 200))
    account["costs"]["impact_from_units"] = LIMIT_NONE
    account["shorting_allowed"] = 1
    account["margin_allowed"] = 1
    account["venue_equity_tolerance_ppm"] = 1_000
    account["instruments"] = len(plan.instruments)
    account["strategies"] = STRATEGIES
    _strategies(policy)
    _instruments(policy, plan, chance)
    _limits(policy)
    if plan.tight:
        _tighten(policy, plan, chance)
    if plan.breakers:
        _break(policy, chance)
    if chance.random() < _SPENDS_ALL:
        _spend_all(policy)
    return policy


def _breaker(policy: PolicyArray, cause: Cause, level: Level, release: Release, limit: int) -> None:
    breaker = policy["account"]["breakers"][:, cause]
    breaker["enabled"] = 1
    breaker["level"] = level
    breaker["release"] = release
    breaker["limit"] = limit
    breaker["cooldown_ns"] = 2 * NS_PER_S if release is Release.COOLDOWN else 0


def _strategies(policy: PolicyArray) -> None:
    strategies = policy["strategies"]
    strategies["enabled"] = 1
    strategies["margin"] = 1
    strategies["margin"][0, 0] = 0  # one pays in full, as at a spot venue
    strategies["leverage_ppm"] = 2 * PPM
    strategies["limits"]["order_rate_window_ns"] = MINUTE_NS
    strategies["limits"]["order_rate_count"] = 200


def _instruments(policy: PolicyArray, plan: Plan, chance: random.Random) -> None:
    for number, listed in enumerate(plan.instruments):
        spec = policy["instruments"][:, number]
        spec["unit_num"], spec["unit_den"] = chance.choice(_UNITS)
        spec["tick"] = chance.choice((1, 1, 5))
        spec["lot"] = spec["lot_min"] = chance.choice((1, 1, 10))
        spec["settle"] = listed.settle
        spec["feed"] = listed.feed
        spec["period_ns"] = PERIOD_NS
        for name in ("allowed", "shortable", "margin_allowed", "always_open"):
            spec[name] = 1
        spec["native_oco"] = int(listed.native_oco)
        spec["spread_assumed_ppm"] = 500
        spec["maker_ppm"] = 100
        spec["taker_ppm"] = 400
        spec["atr_periods"] = 3
        spec["atr_baseline_periods"] = 5


def _limits(policy: PolicyArray) -> None:
    """Write the limits that every world checks orders against."""
    account, instruments = policy["account"]["limits"], policy["instruments"]["limits"]
    account["leverage_ppm"] = 5 * PPM
    account["exposure_ppm"] = 950_000
    account["drawdown_ppm"] = 400_000
    account["daily_loss_ppm"] = 300_000
    instruments["order_notional_min_units"] = 0
    instruments["repeat_window_ns"] = MINUTE_NS
    instruments["data_age_ns"] = 5 * NS_PER_S
    instruments["collar_ppm"] = 100_000
    instruments["position_lots"] = 100_000


def _tighten(policy: PolicyArray, plan: Plan, chance: random.Random) -> None:
    """Write limits that refuse much of what is tried, each of them sometimes."""
    account, instruments = policy["account"]["limits"], policy["instruments"]["limits"]
    few = chance.choice((True, False))  # positions; else orders
    positions = 2 if few else 100
    account["open_orders"] = 3 if few else 4
    account["open_positions"] = positions
    policy["strategies"]["limits"]["open_positions"] = positions
    account["orders_per_minute"] = 30
    account["gross_notional_units"] = plan.cash_units // 4
    account["net_notional_units"] = plan.cash_units // 6
    instruments["position_notional_units"] = plan.cash_units // 10
    instruments["position_lots"] = 60
    instruments["order_lots"] = 30
    instruments["open_orders"] = 3
    instruments["orders_per_second"] = 3
    if not plan.breakers:
        account["drawdown_ppm"] = 20_000
        account["daily_loss_ppm"] = 2_000


def _break(policy: PolicyArray, chance: random.Random) -> None:
    """Switch the breakers on, with limits that prices as calm as these come to."""
    account = policy["account"]
    for cause, (level, release, limit) in _OPTIONAL.items():
        _breaker(policy, cause, level, release, limit)
    account["breakers"]["limit"][0, Cause.DRAWDOWN] = chance.choice((300, 3_000))
    account["limits"]["daily_loss_ppm"] = chance.choice((500, 5_000))
    account["limits"]["drawdown_ppm"] = chance.choice((1_000, 20_000))
    account["losses"]["reduce_at"] = 1
    account["losses"]["reduce_ppm"] = 500_000
    account["losses"]["halt_at"] = 3


def _spend_all(policy: PolicyArray) -> None:
    """Let nothing but money itself limit the size of a position."""
    account = policy["account"]
    account["limits"]["exposure_ppm"] = 5 * PPM
    account["sizing"]["exposure_ppm"] = 5 * PPM
    account["sizing"]["position_ppm"] = 2 * PPM
    account["sizing"]["risk_ppm"] = PPM
    account["sizing"]["fixed_lots"] = 100_000


def changed(policy: PolicyArray, chance: random.Random) -> PolicyArray:
    """Return the policy as a person changes it: another size, and other limits."""
    found = policy.copy()
    found["account"]["sizing"]["fixed_lots"] = chance.choice((5, 20, 60, 120))
    found["instruments"]["limits"]["position_lots"] = chance.choice((40, 200, 100_000))
    found["account"]["exits"]["stop_ppm"] = chance.choice((4_000, 10_000, 20_000))
    return found


def world_of(plan: Plan, policy: PolicyArray) -> WorldArray:
    """Return the rules of the venue, shape (1,)."""
    world: WorldArray = new_world(policy, SMALL, participation_ppm=plan.participation_ppm)
    return world


def setup_of(plan: Plan, policy: PolicyArray) -> Setup:
    """Return what the account trades with."""
    return Setup(
        account=ACCOUNT_NAME,
        mode="paper",
        currency="USD",
        cash_units=plan.cash_units,
        tier=SMALL,
        policy=policy,
        canonical=f"seed {plan.seed}".encode(),
        scales=[Scale(symbol=one.symbol, price_digits=2, qty_digits=0) for one in plan.instruments],
        strategies=[f"trader{number}" for number in range(STRATEGIES)],
        begin_ns=None,
        said={"build": "simulated", "version": "simulated"},
    )
