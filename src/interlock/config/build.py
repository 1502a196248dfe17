"""From validated models to the kernel's policy record: every field is written here, once."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from interlock.config.amounts import OFF
from interlock.config.build_breakers import fill_breakers
from interlock.config.build_instruments import InstrumentLike, fill_instrument, order_rates
from interlock.config.convert import (
    bps_ppm,
    counted,
    fill,
    first_flag,
    fraction_ppm,
    lots,
    money_units,
    seconds_ns,
)
from interlock.config.errors import PolicyError, closest
from interlock.config.limits import StrategyLimits
from interlock.config.risk_policy import RiskPolicy, StrategyRules
from interlock.config.system_breakers import CircuitBreakers
from interlock.kernel.codes import Feed, SizingMethod, StopMethod, TargetMethod
from interlock.kernel.policy import SMALL, PolicyArray, empty_policy

_SIZING: Final = {
    "fractional_kelly": SizingMethod.FRACTIONAL_KELLY,
    "fixed_fractional": SizingMethod.FIXED_FRACTIONAL,
    "volatility_scaled": SizingMethod.VOLATILITY_SCALED,
    "fixed": SizingMethod.FIXED,
}
_STOPS: Final = {
    "atr_based": StopMethod.ATR,
    "percentage": StopMethod.PERCENT,
    "structure": StopMethod.STRUCTURE,
}
_TARGETS: Final = {
    "risk_multiple": TargetMethod.RISK_MULTIPLE,
    "model": TargetMethod.MODEL,
    "none": TargetMethod.NONE,
}


def _fill_sizing(row: Any, policy: RiskPolicy, instruments: Sequence[InstrumentLike]) -> None:
    """Write ``SIZING``."""
    sizing = policy.position_sizing
    fixed_lots = 0
    if sizing.fixed_quantity != OFF:
        each = {
            i.symbol: lots(sizing.fixed_quantity, qty_digits=i.qty_digits, symbol=i.symbol)
            for i in instruments
        }
        if len(set(each.values())) > 1:
            some = ", ".join(f"{symbol} {count}" for symbol, count in sorted(each.items())[:4])
            raise PolicyError(
                "position_sizing.fixed_quantity must be the same number of units of every "
                f"instrument, was {some}: their precisions differ. Use fixed_notional."
            )
        fixed_lots = next(iter(each.values()), 0)
    fixed = sizing.fixed_notional
    fill(
        row,
        {
            "method": int(_SIZING[sizing.method]),
            "fixed_lots": fixed_lots,
            "fixed_units": money_units(fixed) if fixed != OFF else 0,
            "fraction_ppm": fraction_ppm(sizing.risk_per_trade),
            "kelly_fraction_ppm": fraction_ppm(sizing.kelly_fraction),
            "kelly_trades_min": counted(sizing.kelly_min_trades),
            "risk_ppm": fraction_ppm(sizing.risk_per_trade),
            "position_ppm": fraction_ppm(sizing.max_position_pct),
            "exposure_ppm": fraction_ppm(sizing.max_exposure_fraction),
            "volatility_factor": float(sizing.volatility_factor),
        },
    )


def _fill_exits(row: Any, policy: RiskPolicy) -> None:
    """Write ``EXITS``."""
    exits = policy.exits
    stop, time_exit = exits.stop_loss, exits.time_exit
    fill(
        row,
        {
            "stop_method": int(_STOPS[stop.method]),
            "stop_ppm": fraction_ppm(stop.distance_fraction),
            "stop_min_ppm": fraction_ppm(stop.min_fraction),
            "stop_max_ppm": fraction_ppm(stop.max_fraction),
            "target_method": int(_TARGETS[exits.take_profit.method]),
            "time_periods": counted(time_exit.max_hold_periods) if time_exit.enabled else 0,
            "volatility_enabled": int(exits.volatility_exit.enabled),
            "trailing_enabled": int(exits.trailing_stop.enabled),
            "break_even_enabled": int(exits.break_even.enabled),
            "opposite_signal_exits": int(exits.exit_on_opposite_signal),
            "stop_atr": float(stop.atr_multiplier),
            "target_multiple": float(exits.take_profit.risk_multiple),
            "volatility_high": float(exits.volatility_exit.high_ratio),
            "volatility_low": float(exits.volatility_exit.low_ratio),
            "trailing_atr": float(exits.trailing_stop.atr_multiplier),
            "break_even_multiple": float(exits.break_even.risk_multiple),
        },
    )


def _fill_costs(row: Any, policy: RiskPolicy) -> None:
    """Write ``COSTS``."""
    costs = policy.execution_costs
    slippage = costs.slippage
    impact = slippage.model == "market_impact"
    fill(
        row,
        {
            "maker_ppm": fraction_ppm(costs.maker_fee),
            "taker_ppm": fraction_ppm(costs.taker_fee),
            "assumed_ppm": fraction_ppm(costs.assumed_fee),
            "slippage_base_ppm": bps_ppm(slippage.base_slippage_bps),
            "impact_from_units": money_units(slippage.impact_above) if impact else 0,
            "edge_min_bps": int(costs.min_edge_bps),
            "volatility_factor": float(slippage.volatility_factor) if impact else 0.0,
            "impact_ppm": float(bps_ppm(slippage.impact_bps)) if impact else 0.0,
        },
    )


def _fill_account(
    account: Any,
    policy: RiskPolicy,
    breakers: CircuitBreakers,
    instruments: Sequence[InstrumentLike],
    strategies: Sequence[str],
) -> None:
    """Write ``ACCOUNT_POLICY``."""
    limits, risk = policy.limits.account, policy.risk
    fill(
        account["limits"],
        {
            "order_notional_units": money_units(limits.order_notional),
            "gross_notional_units": money_units(limits.gross_notional),
            "net_notional_units": money_units(limits.net_notional),
            "exposure_ppm": fraction_ppm(policy.position_sizing.max_exposure_fraction),
            "leverage_ppm": fraction_ppm(limits.leverage),
            "open_orders": counted(limits.open_orders),
            "open_positions": counted(limits.open_positions),
            **order_rates(limits.orders, limits.orders),
            "daily_loss_units": money_units(risk.max_daily_loss_money),
            "daily_loss_ppm": fraction_ppm(risk.max_daily_loss),
            "drawdown_ppm": fraction_ppm(risk.max_drawdown),
        },
    )
    _fill_sizing(account["sizing"], policy, instruments)
    _fill_exits(account["exits"], policy)
    _fill_costs(account["costs"], policy)
    fill_breakers(account, policy, breakers)
    fill(
        account,
        {
            "shorting_allowed": int(risk.allow_shorting),
            "margin_allowed": int(risk.allow_margin),
            "venue_equity_tolerance_ppm": fraction_ppm(risk.venue_equity_tolerance),
            "instruments": len(instruments),
            "strategies": len(strategies),
        },
    )


def _fill_strategy(
    row: Any,
    name: str,
    policy: RiskPolicy,
    breakers: CircuitBreakers,
    edge_required: bool | None,
) -> None:
    """Write ``STRATEGY_POLICY``; ``edge_required`` is what the strategy says of itself."""
    default = policy.limits.strategies.default
    own = policy.limits.strategies.by_name.get(name, StrategyLimits())
    fill(
        row["limits"],
        {
            "order_notional_units": money_units(own.order_notional, default.order_notional),
            "gross_notional_units": money_units(own.gross_notional, default.gross_notional),
            "open_orders": counted(own.open_orders, default.open_orders),
            "open_positions": counted(own.open_positions, default.open_positions),
            **order_rates(own.orders, default.orders),
            "order_rate_count": counted(breakers.order_rate.max_entries),
            "order_rate_window_ns": seconds_ns(breakers.order_rate.window_seconds),
        },
    )
    base = policy.strategies.default
    usual = base.edge_required is not False  # nobody said anything: then an edge is required
    rules = policy.strategies.by_name.get(name, StrategyRules())
    fill(
        row,
        {
            "enabled": int(first_flag(rules.enabled, base.enabled)),
            "edge_required": int(first_flag(rules.edge_required, edge_required, usual)),
            "margin": int(first_flag(rules.margin, base.margin)),
            "leverage_ppm": fraction_ppm(rules.leverage, base.leverage),
        },
    )


def _check_room(what: str, names: Sequence[str], room: int) -> None:
    """Refuse more names than the record has rows, and a name given twice."""
    problems = []
    if len(names) > room:
        problems.append(
            f"{what}: at most {room} fit the tier of this run, {len(names)} were given."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems.append(f"{what}: each may be given once, {', '.join(twice)} was given again.")
    if problems:
        raise PolicyError(*problems)


def build_policy(
    policy: RiskPolicy,
    breakers: CircuitBreakers,
    instruments: Sequence[InstrumentLike],
    strategies: Sequence[str],
    *,
    periods_ns: Sequence[int],
    feeds: Sequence[Feed],
    edge_required_overrides: Mapping[str, bool] | None = None,
    native_oco: bool = False,
    tier: tuple[int, int, int] = SMALL,
) -> PolicyArray:
    """Return the kernel's policy, shape (1,).

    Args:
        policy: The risk policy.
        breakers: The circuit breakers.
        instruments: In the order of their numbers in events.
        strategies: Names, in the order of their numbers in events.
        periods_ns: Length of each instrument's bars, shape (instruments,).
        feeds: Where each instrument's marks come from, shape (instruments,).
        edge_required_overrides: What strategies say of themselves; an entry under the strategy's
            own name in the policy comes first, the policy's default last.
        native_oco: The venue itself cancels one of stop and target when the other fills.
        tier: Capacities of the record (instruments, strategies, open orders).

    Raises:
        PolicyError: Too many instruments or strategies, one given twice, or a quantity limit
            that an instrument cannot express.
    """
    assert len(periods_ns) == len(instruments)
    assert len(feeds) == len(instruments)
    assert all(period_ns > 0 for period_ns in periods_ns)
    _check_room("instruments", [instrument.symbol for instrument in instruments], tier[0])
    _check_room("strategies", strategies, tier[1])
    record = empty_policy(tier)
    whole = record[0]
    said = edge_required_overrides or {}
    _fill_account(whole["account"], policy, breakers, instruments, strategies)
    for row, name in zip(whole["strategies"], strategies, strict=False):
        _fill_strategy(row, name, policy, breakers, said.get(name))
    for row, instrument, feed, period_ns in zip(
        whole["instruments"], instruments, feeds, periods_ns, strict=False
    ):
        fill_instrument(row, policy, instrument, feed, period_ns, native_oco)
    return record


def unused_names(
    policy: RiskPolicy, symbols: Sequence[str], strategies: Sequence[str]
) -> tuple[str, ...]:
    """Return a sentence for every name in the policy that nothing in the run has.

    A limit under a misspelt name holds for nobody. It may also be about an instrument that is
    only not in this run, so it is for the caller to say, and not refused.
    """
    limits = policy.limits
    listed = limits.instruments.allowed
    found = []
    for section, names, known in (
        ("limits.instruments.by_symbol", limits.instruments.by_symbol, symbols),
        ("limits.instruments.allowed", () if listed == "all" else listed, symbols),
        ("limits.strategies.by_name", limits.strategies.by_name, strategies),
        ("strategies.by_name", policy.strategies.by_name, strategies),
    ):
        for name in names:
            if name not in known:
                likely = closest(name, known)
                hint = f"; did you mean {likely}?" if likely is not None else "."
                found.append(f"{section}: {name} is not in this run{hint}")
    return tuple(found)
