"""``risk_policy.yaml`` as a whole, with the sections that are not about one trade or one limit."""

import re
import zoneinfo
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, model_validator

from interlock.config.amounts import Limit, bps, count, duration, fraction, money, plain, ratio
from interlock.config.errors import bad_value, closest, disagree, shown
from interlock.config.limits import LEVERAGE_MAX, Limits
from interlock.config.trading import STRICT, ExecutionCosts, Exits, PositionSizing

_CURRENCY: Final = re.compile(r"[A-Z0-9]{2,10}")
_CLOCK: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _currency(value: str) -> str:
    if _CURRENCY.fullmatch(value) is None:
        raise bad_value(f"must be a currency like USD, was {shown(value)}")
    return value


def _time_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (ValueError, KeyError, OSError):
        likely = closest(value, sorted(zoneinfo.available_timezones()))
        hint = f"; did you mean {likely}?" if likely is not None else ""
        raise bad_value(
            f"must be a time zone like America/Denver, was {shown(value)}{hint}"
        ) from None
    return value


def _clock(value: str) -> str:
    if _CLOCK.fullmatch(value) is None:
        raise bad_value(f'must be a time of day like "00:00", was {shown(value)}')
    return value


class Account(BaseModel):
    """The account that the policy is for."""

    model_config = STRICT

    currency: Annotated[str, AfterValidator(_currency)] = Field(
        description="What money in this file is counted in."
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] = Field(
        description="Where the account's day begins."
    )
    day_start: Annotated[str, AfterValidator(_clock)] = Field(
        description="Time of day at which the account's day begins: the daily loss counts from it."
    )


class Risk(BaseModel):
    """What may be lost before trading stops, and what may be done at all."""

    model_config = STRICT

    max_daily_loss: Annotated[Limit, fraction(high="0.5", off=True)] = Field(
        description="Loss since the day began, of the day's first equity: halted until the next "
        "session and a person."
    )
    max_daily_loss_money: Annotated[Limit, money(above=True)] = Field(
        description="The same in money; whichever comes first."
    )
    max_drawdown: Annotated[Limit, fraction(high="0.5", off=True)] = Field(
        description="Loss from the highest equity ever: halted until the next session and a person."
    )
    venue_equity_tolerance: Annotated[Decimal, fraction(high="0.1")] = Field(
        description="Difference to the venue's own equity beyond which entries pause."
    )
    allow_shorting: bool = Field(description="Whether anything may be sold short.")
    allow_margin: bool = Field(
        description="Whether any entry may borrow. It also has to ask for it."
    )


class Market(BaseModel):
    """When a market is sane enough to enter."""

    model_config = STRICT

    max_spread_bps: Annotated[Decimal, bps(low="0.1", high="10000")] = Field(
        description="Widest spread, of the mid."
    )
    max_option_spread_bps: Annotated[Decimal, bps(low="0.1", high="20000")] = Field(
        description="Widest spread of an option, of the mid."
    )
    collar_fraction: Annotated[Decimal, fraction(high="0.5")] = Field(
        description="Farthest an order's price may be from the reference price."
    )
    stream_age_seconds: Annotated[Decimal, duration("seconds", low="0.1", high="86400")] = Field(
        description="Oldest quote or trade that may be acted on."
    )
    bar_age_extra_seconds: Annotated[Decimal, duration("seconds", high="86400")] = Field(
        description="Added to one period: the oldest bar that may be acted on."
    )
    atr_periods: Annotated[int, count(low=2, high=10_000, unit="bars")] = Field(
        description="Bars of the average true range (Wilder)."
    )
    atr_baseline_periods: Annotated[int, count(low=2, high=100_000, unit="bars")] = Field(
        description="Bars of the baseline that an unusual range is measured against."
    )
    sessions_enforced: bool = Field(
        description="Whether entries wait for the exchange's session. Off: every instrument "
        "trades around the clock."
    )


class Drift(BaseModel):
    """What a drift detector's alarm does."""

    model_config = STRICT

    enabled: bool = Field(description="Whether alarms of drift detectors are acted on.")
    safe_mode_on_drift: bool = Field(
        description="Exits only, until a person re-arms it. Off: it is only said."
    )


class Simulation(BaseModel):
    """How the simulated venue behaves; nothing here reaches a real one."""

    model_config = STRICT

    max_participation_fraction: Annotated[Limit, fraction(high="1", off=True)] = Field(
        description="Largest share of a bar's volume that our fills may be."
    )
    latency_in_ms: Annotated[int, count(high=600_000, unit="milliseconds")] = Field(
        description="From our decision to the venue's book."
    )
    latency_out_ms: Annotated[int, count(high=600_000, unit="milliseconds")] = Field(
        description="From the venue's report to us."
    )
    funding_fraction: Annotated[Decimal, fraction(low="-0.01", high="0.01", above=False)] = Field(
        description="What a long margin position pays, and a short one earns, of its notional at "
        "each funding."
    )
    funding_interval_hours: Annotated[int, count(low=1, high=168, unit="hours")] = Field(
        description="Time between two fundings."
    )


_Asked = Annotated[
    Decimal, ratio(low="1", high=str(LEVERAGE_MAX), unit="gross notional over equity")
]


class StrategyRules(BaseModel):
    """What one strategy may do; what is not set is as in ``default``."""

    model_config = STRICT

    enabled: bool | None = Field(default=None, description="Whether it may enter.")
    edge_required: bool | None = Field(
        default=None,
        description="Whether an entry needs a stated or measured edge of "
        "execution_costs.min_edge_bps. Strategies that state none may say so themselves.",
    )
    margin: bool | None = Field(default=None, description="Whether its entries ask for margin.")
    leverage: _Asked | None = Field(
        default=None, description="Leverage that its margin entries ask for."
    )


class StrategyRulesTable(BaseModel):
    """What strategies may do."""

    model_config = STRICT

    default: StrategyRules = Field(description="Of every strategy.")
    by_name: dict[str, StrategyRules] = Field(
        description="Of one strategy; what is not set here is as in default."
    )


class RiskPolicy(BaseModel):
    """Everything ``risk_policy.yaml`` may say. Defaults are in the shipped file, not in code."""

    model_config = STRICT

    account: Account
    position_sizing: PositionSizing
    exits: Exits
    execution_costs: ExecutionCosts
    risk: Risk
    limits: Limits
    market: Market
    drift: Drift
    simulation: Simulation
    strategies: StrategyRulesTable

    @model_validator(mode="after")
    def _agree(self) -> "RiskPolicy":
        problems = []
        rows = {"default": self.strategies.default}
        rows |= {f"by_name.{name}": rules for name, rules in self.strategies.by_name.items()}
        leverage_max = self.limits.account.leverage
        base = self.strategies.default
        for name, rules in rows.items():
            margin = rules.margin if rules.margin is not None else base.margin
            asked = rules.leverage if rules.leverage is not None else base.leverage
            place = f"strategies.{name}"
            if rules.margin and not self.risk.allow_margin:
                problems.append(
                    f"{place}.margin (true) must be false while risk.allow_margin is false"
                )
            if rules.leverage is not None and rules.leverage > leverage_max:
                problems.append(
                    f"{place}.leverage ({plain(rules.leverage)}) must be at most "
                    f"limits.account.leverage ({plain(leverage_max)})"
                )
            if asked is not None and asked > 1 and not margin:
                problems.append(
                    f"{place}.leverage ({plain(asked)}) must be 1 while {place}.margin is false"
                )
        disagree(*problems)
        return self
