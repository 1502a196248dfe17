"""The breakers of ``circuit_breakers.toml`` that watch the machine, and the file as a whole."""

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from interlock.config.amounts import count, duration, percent
from interlock.config.circuit_breakers import (
    Act,
    ConsecutiveLosses,
    Cooldown,
    Drawdown,
    Enabled,
    Latency,
    Manual,
    OrderRate,
    Volatility,
)
from interlock.config.trading import STRICT


class Clock(BaseModel):
    """This machine's clock against the venue's."""

    model_config = STRICT

    enabled: Enabled
    max_offset_seconds: Annotated[Decimal, duration("seconds", low="0.001", high="3600")] = Field(
        description="Offset, either way, beyond which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class Disk(BaseModel):
    """Room for the journal."""

    model_config = STRICT

    enabled: Enabled
    min_free_pct: Annotated[Decimal, percent(low="0.1", high="90")] = Field(
        description="Free share of the journal's volume below which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class Memory(BaseModel):
    """Room to work in."""

    model_config = STRICT

    enabled: Enabled
    max_used_pct: Annotated[Decimal, percent(low="10", high="100")] = Field(
        description="Used share of memory beyond which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class RejectRate(BaseModel):
    """A venue that keeps saying no: what we believe is wrong."""

    model_config = STRICT

    enabled: Enabled
    max_rejects_per_hour: Annotated[int, count(low=1, unit="orders")] = Field(
        description="Orders rejected by the venue within an hour beyond which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class VenueDown(BaseModel):
    """A venue that cannot be reached."""

    model_config = STRICT

    enabled: Enabled
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class DataQuality(BaseModel):
    """The day's data score of a symbol: completeness, gaps, duplicates, stale and odd numbers."""

    model_config = STRICT

    enabled: Enabled
    min_score_pct: Annotated[Decimal, percent(low="1", high="100")] = Field(
        description="Score below which it trips."
    )
    action: Act
    cooldown_minutes: Cooldown
    require_manual_resume: Manual


class System(BaseModel):
    """Breakers of the machine and its surroundings."""

    model_config = STRICT

    clock: Clock
    disk: Disk
    memory: Memory
    reject_rate: RejectRate
    venue: VenueDown
    data_quality: DataQuality


class CircuitBreakers(BaseModel):
    """Every breaker. Defaults are in the shipped file, not in code."""

    model_config = STRICT

    drawdown: Drawdown
    consecutive_losses: ConsecutiveLosses
    volatility: Volatility
    latency: Latency
    order_rate: OrderRate
    system: System


class BreakersFile(BaseModel):
    """``circuit_breakers.toml``: one table that holds the rest."""

    model_config = STRICT

    circuit_breakers: CircuitBreakers
