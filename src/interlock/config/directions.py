"""Which way each key of the two policy files is tighter. A key without an entry counts as looser.

Tighter means that nothing gets through, grows or lasts that did not before. Where that cannot be
said of a change, it counts as looser whichever way it goes: a nearer stop loses less a unit and
makes the position larger; another time zone begins a new day, and with it a new daily loss.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Final

from pydantic import BaseModel

from interlock.config import circuit_breakers as circuit
from interlock.config import limits, risk_policy, system_breakers, trading


class Tells(Enum):
    """How the tighter of two values is told."""

    LOWER = "the lower number; none is no limit, and a limit that is not set denies"
    HIGHER = "the higher number; not set is no limit"
    YES = "true; not set is in between"
    NO = "false; not set is false"
    HARDER = "the harder action"
    FEWER = "the smaller set of symbols"
    NOBODY = "it cannot be told: every change counts as looser"
    NOTHING = "neither: it reaches the simulated venue alone"


Keys = Mapping[str, Tells]

_SWITCH: Final[Keys] = {"enabled": Tells.YES}
_HELD: Final[Keys] = {
    **_SWITCH,
    "action": Tells.HARDER,
    "cooldown_minutes": Tells.HIGHER,
    "require_manual_resume": Tells.YES,
}

# From mild to hard; those in one place stop the same.
ACTIONS: Final = (
    {"warn"},
    {"reduce_size"},
    {"pause_new_entries", "pause_trading"},
    {"halt_trading"},
    {"halt_and_flatten"},
)

_TRADING: Final[Mapping[type[BaseModel], Keys]] = {
    trading.PositionSizing: {
        "method": Tells.NOBODY,
        "risk_per_trade": Tells.LOWER,
        "kelly_fraction": Tells.LOWER,
        # More trades are a better measure, and until then risk_per_trade is risked, the most.
        "kelly_min_trades": Tells.NOBODY,
        "volatility_factor": Tells.HIGHER,
        "max_position_pct": Tells.LOWER,
        "max_exposure_fraction": Tells.LOWER,
        # none is not a limit that is off here but an amount that is not used.
        "fixed_notional": Tells.NOBODY,
        "fixed_quantity": Tells.NOBODY,
    },
    trading.StopLoss: {
        "method": Tells.NOBODY,
        "atr_multiplier": Tells.NOBODY,
        "distance_fraction": Tells.NOBODY,
        "min_fraction": Tells.NOBODY,
        "max_fraction": Tells.NOBODY,
    },
    trading.TakeProfit: {"method": Tells.NOBODY, "risk_multiple": Tells.LOWER},
    trading.TimeExit: {**_SWITCH, "max_hold_periods": Tells.LOWER},
    trading.VolatilityExit: {
        **_SWITCH,
        "high_ratio": Tells.LOWER,
        "low_ratio": Tells.HIGHER,
    },
    trading.TrailingStop: {**_SWITCH, "atr_multiplier": Tells.LOWER},
    trading.BreakEven: {**_SWITCH, "risk_multiple": Tells.LOWER},
    trading.Exits: {"exit_on_opposite_signal": Tells.YES},
    trading.Slippage: {
        "model": Tells.NOBODY,
        "base_slippage_bps": Tells.HIGHER,
        "volatility_factor": Tells.HIGHER,
        "impact_bps": Tells.HIGHER,
        "impact_above": Tells.LOWER,
    },
    trading.ExecutionCosts: {
        "maker_fee": Tells.HIGHER,
        "taker_fee": Tells.HIGHER,
        "assumed_fee": Tells.HIGHER,
        "min_edge_bps": Tells.HIGHER,
    },
}

_RISK: Final[Mapping[type[BaseModel], Keys]] = {
    risk_policy.Account: {
        "currency": Tells.NOBODY,
        "time_zone": Tells.NOBODY,
        "day_start": Tells.NOBODY,
    },
    risk_policy.Risk: {
        "max_daily_loss": Tells.LOWER,
        "max_daily_loss_money": Tells.LOWER,
        "max_drawdown": Tells.LOWER,
        "venue_equity_tolerance": Tells.LOWER,
        "allow_shorting": Tells.NO,
        "allow_margin": Tells.NO,
    },
    risk_policy.Market: {
        "max_spread_bps": Tells.LOWER,
        "max_option_spread_bps": Tells.LOWER,
        "collar_fraction": Tells.LOWER,
        "stream_age_seconds": Tells.LOWER,
        "bar_age_extra_seconds": Tells.LOWER,
        "atr_periods": Tells.NOBODY,
        "atr_baseline_periods": Tells.NOBODY,
        "sessions_enforced": Tells.YES,
    },
    risk_policy.Drift: {**_SWITCH, "safe_mode_on_drift": Tells.YES},
    risk_policy.Simulation: {
        "max_participation_fraction": Tells.NOTHING,
        "latency_in_ms": Tells.NOTHING,
        "latency_out_ms": Tells.NOTHING,
        "funding_fraction": Tells.NOTHING,
        "funding_interval_hours": Tells.NOTHING,
    },
    risk_policy.StrategyRules: {
        "enabled": Tells.NO,
        "edge_required": Tells.YES,
        "margin": Tells.NO,
        "leverage": Tells.LOWER,
    },
}

_LIMITS: Final[Mapping[type[BaseModel], Keys]] = {
    limits.Rates: {
        "per_second": Tells.LOWER,
        "per_minute": Tells.LOWER,
        "per_day": Tells.LOWER,
    },
    limits.Repeats: {"max_count": Tells.LOWER, "window_seconds": Tells.HIGHER},
    limits.AccountLimits: {
        "order_notional": Tells.LOWER,
        "gross_notional": Tells.LOWER,
        "net_notional": Tells.LOWER,
        "leverage": Tells.LOWER,
        "open_orders": Tells.LOWER,
        "open_positions": Tells.LOWER,
    },
    limits.StrategyLimits: {
        "order_notional": Tells.LOWER,
        "gross_notional": Tells.LOWER,
        "open_orders": Tells.LOWER,
        "open_positions": Tells.LOWER,
    },
    limits.MarketLimits: {
        "max_spread_bps": Tells.LOWER,
        "collar_fraction": Tells.LOWER,
        "data_age_seconds": Tells.LOWER,
    },
    limits.InstrumentLimits: {
        "order_quantity": Tells.LOWER,
        "order_notional": Tells.LOWER,
        "order_notional_min": Tells.HIGHER,
        "position_quantity": Tells.LOWER,
        "position_notional": Tells.LOWER,
        "position_fraction": Tells.LOWER,
        "leverage": Tells.LOWER,
        "open_orders": Tells.LOWER,
    },
    limits.InstrumentTable: {"allowed": Tells.FEWER},
}

_BREAKERS: Final[Mapping[type[BaseModel], Keys]] = {
    circuit.Drawdown: {
        **_HELD,
        "warn_pct": Tells.LOWER,
        "threshold_pct": Tells.LOWER,
        "emergency_pct": Tells.LOWER,
    },
    circuit.ConsecutiveLosses: {
        **_HELD,
        "reduce_after": Tells.LOWER,
        "reduce_to_fraction": Tells.LOWER,
        "reduce_more_after": Tells.LOWER,
        "reduce_more_to_fraction": Tells.LOWER,
        "max_consecutive_losses": Tells.LOWER,
    },
    circuit.Spread: {**_HELD, "max_spread_bps": Tells.LOWER},
    circuit.AtrSpike: {**_HELD, "spike_threshold": Tells.LOWER},
    circuit.PriceMove: {**_HELD, "threshold_pct": Tells.LOWER},
    circuit.Websocket: {**_HELD, "max_lag_seconds": Tells.LOWER},
    circuit.Inference: {**_HELD, "max_p95_ms": Tells.LOWER},
    circuit.Delay: {**_HELD, "max_ms": Tells.LOWER},
    circuit.OrderRate: {
        **_SWITCH,
        "action": Tells.HARDER,
        "max_entries": Tells.LOWER,
        "window_seconds": Tells.HIGHER,
    },
    system_breakers.Clock: {**_HELD, "max_offset_seconds": Tells.LOWER},
    system_breakers.Disk: {**_HELD, "min_free_pct": Tells.HIGHER},
    system_breakers.Memory: {**_HELD, "max_used_pct": Tells.LOWER},
    system_breakers.RejectRate: {**_HELD, "max_rejects_per_hour": Tells.LOWER},
    system_breakers.VenueDown: _HELD,
    system_breakers.DataQuality: {**_HELD, "min_score_pct": Tells.HIGHER},
}

DIRECTIONS: Final[Mapping[type[BaseModel], Keys]] = {**_TRADING, **_RISK, **_LIMITS, **_BREAKERS}
