"""``circuit_breakers.toml``: what stops trading by itself, how hard, and what lets it go on."""

from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field, model_validator

from interlock.config.amounts import bps, count, duration, fraction, percent, plain, ratio
from interlock.config.errors import disagree
from interlock.config.trading import STRICT

Action: TypeAlias = Literal[
    "warn", "pause_new_entries", "pause_trading", "halt_trading", "halt_and_flatten"
]
Act = Annotated[
    Action,
    Field(
        description="warn: said only; pause_new_entries, pause_trading: no entries, exits are "
        "managed; halt_trading: resting entries are cancelled too; halt_and_flatten: everything "
        "is cancelled and every position closed."
    ),
]
Enabled = Annotated[bool, Field(description="Whether the breaker may trip.")]
Cooldown = Annotated[
    int,
    count(high=10_080, unit="minutes"),
    Field(description="Shortest time that it stays tripped."),
]
Manual = Annotated[
    bool, Field(description="Whether a person has to resume, after everything else.")
]


def _needs_release(cooldown_minutes: int, require_manual_resume: bool) -> list[str]:
    """Return the problem of a breaker that nothing would ever hold."""
    if cooldown_minutes > 0 or require_manual_resume:
        return []
    problem = (
        f"cooldown_minutes ({cooldown_minutes}) must be above 0 while require_manual_resume "
        "(false) asks for nobody: otherwise the breaker releases at once"
    )
    return [problem]


class Drawdown(BaseModel):
    """Loss from the day's highest equity."""

    model_config = STRICT

    enabled: Enabled
    warn_pct: Annotated[Decimal, percent(low="0.1", high="100")] = Field(
        description="Said from here on. Not in the file: two thirds of threshold_pct."
    )
    threshold_pct: Annotated[Decimal, percent(low="0.1", high="100")] = Field(
        description="The critical level: action."
    )
    emergency_pct: Annotated[Decimal, percent(low="0.1", high="100")] = Field(
        description="Everything is cancelled and closed. Not in the file: five thirds of "
        "threshold_pct, at most 100."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual

    @model_validator(mode="after")
    def _agree(self) -> "Drawdown":
        problems = _needs_release(self.cooldown_minutes, self.require_manual_resume)
        if self.warn_pct >= self.threshold_pct:
            problems.append(
                f"warn_pct ({plain(self.warn_pct)}) must be below "
                f"threshold_pct ({plain(self.threshold_pct)})"
            )
        if self.threshold_pct >= self.emergency_pct:
            problems.append(
                f"threshold_pct ({plain(self.threshold_pct)}) must be below "
                f"emergency_pct ({plain(self.emergency_pct)})"
            )
        disagree(*problems)
        return self


class ConsecutiveLosses(BaseModel):
    """Losing trades in a row, of a strategy and of the account. A win starts the count again."""

    model_config = STRICT

    enabled: Enabled
    reduce_after: Annotated[int, count(low=1, unit="losses")] = Field(
        description="Losses after which entries are smaller."
    )
    reduce_to_fraction: Annotated[Decimal, fraction(high="1")] = Field(
        description="Size of an entry then, of its usual size."
    )
    reduce_more_after: Annotated[int, count(low=1, unit="losses")] = Field(
        description="Losses after which entries are smaller still."
    )
    reduce_more_to_fraction: Annotated[Decimal, fraction(high="1")] = Field(
        description="Size of an entry then, of its usual size."
    )
    max_consecutive_losses: Annotated[int, count(low=1, unit="losses")] = Field(
        description="Losses after which action is taken. It may come before the steps."
    )
    action: Literal[
        "warn",
        "reduce_size",
        "pause_new_entries",
        "pause_trading",
        "halt_trading",
        "halt_and_flatten",
    ] = Field(description="As for drawdown; reduce_size: go on at the smaller size.")
    cooldown_minutes: Cooldown
    require_manual_resume: Manual

    @model_validator(mode="after")
    def _agree(self) -> "ConsecutiveLosses":
        problems = _needs_release(self.cooldown_minutes, self.require_manual_resume)
        if self.reduce_after >= self.reduce_more_after:
            problems.append(
                f"reduce_after ({self.reduce_after}) must be below "
                f"reduce_more_after ({self.reduce_more_after})"
            )
        if self.reduce_more_to_fraction > self.reduce_to_fraction:
            problems.append(
                f"reduce_more_to_fraction ({plain(self.reduce_more_to_fraction)}) must be at most "
                f"reduce_to_fraction ({plain(self.reduce_to_fraction)})"
            )
        disagree(*problems)
        return self


class Spread(BaseModel):
    """A market that has become too dear to leave."""

    model_config = STRICT

    enabled: Enabled
    max_spread_bps: Annotated[Decimal, bps(low="0.1", high="10000")] = Field(
        description="Spread of the mid beyond which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class AtrSpike(BaseModel):
    """A range far above the usual one."""

    model_config = STRICT

    enabled: Enabled
    spike_threshold: Annotated[Decimal, ratio(low="1.01", high="1000000")] = Field(
        description="ATR over its baseline beyond which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class PriceMove(BaseModel):
    """A price that ran away within one period."""

    model_config = STRICT

    enabled: Enabled
    threshold_pct: Annotated[Decimal, percent(low="0.1", high="1000")] = Field(
        description="Move against the previous close beyond which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class Volatility(BaseModel):
    """Breakers of one instrument's market."""

    model_config = STRICT

    spread: Spread
    atr: AtrSpike
    price_move: PriceMove


class Websocket(BaseModel):
    """How far the feed is behind."""

    model_config = STRICT

    enabled: Enabled
    max_lag_seconds: Annotated[Decimal, duration("seconds", low="0.1", high="86400")] = Field(
        description="Lag beyond which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class Inference(BaseModel):
    """How long a model takes. Its 99th percentile may be twice as long as the 95th."""

    model_config = STRICT

    enabled: Enabled
    max_p95_ms: Annotated[int, count(low=1, unit="milliseconds")] = Field(
        description="95th percentile beyond which it trips; the 99th trips at twice this."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class Delay(BaseModel):
    """How long the venue takes."""

    model_config = STRICT

    enabled: Enabled
    max_ms: Annotated[int, count(low=1, unit="milliseconds")] = Field(
        description="Time beyond which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class Latency(BaseModel):
    """Breakers of time."""

    model_config = STRICT

    websocket: Websocket
    inference: Inference
    placement: Delay = Field(description="From sending an order to the venue's answer.")
    fill: Delay = Field(description="From sending an order at market to its first fill.")


class OrderRate(BaseModel):
    """A strategy that runs away. Only a person re-arms it."""

    model_config = STRICT

    enabled: Enabled
    max_entries: Annotated[int, count(low=1, unit="entries")] = Field(
        description="Automated entries of one strategy within window_seconds."
    )
    window_seconds: Annotated[Decimal, duration("seconds", low="1", high="86400")] = Field(
        description="How far back entries are counted."
    )
    action: Act
