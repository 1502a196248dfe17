"""Who may do what: roles, and the permissions that each holds. What is not granted is denied."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Permission(StrEnum):
    """One thing that somebody may do. Stored with service tokens; never reuse a word."""

    SEE_DASHBOARD = "see_dashboard"  # overview, positions, orders, signals, limits, latches
    SEE_HEALTH = "see_health"
    SEE_METRICS = "see_metrics"
    SEE_LOGS = "see_logs"
    SEE_AUDIT = "see_audit"
    SEE_RESEARCH = "see_research"  # backtests, models, explanations
    PROBE = "probe"
    APPROVE = "approve"
    KILL = "kill"
    CLEAR_KILL = "clear_kill"
    RESUME = "resume"
    CHANGE_LIMITS = "change_limits"
    RESTART = "restart"  # and read the configuration again
    ACKNOWLEDGE = "acknowledge"  # of alerts
    MANAGE_PEOPLE = "manage_people"


class Role(StrEnum):
    """What somebody is to the account. Stored in gateway.db; never reuse a word."""

    ADMIN = "admin"
    RISK_MANAGER = "risk_manager"
    TRADING_OPS = "trading_ops"
    QUANT = "quant"
    AUDITOR = "auditor"


_LOOK: Final = frozenset({Permission.SEE_DASHBOARD, Permission.SEE_HEALTH})

GRANTS: Final = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.RISK_MANAGER: _LOOK
        | {
            Permission.SEE_METRICS,
            Permission.PROBE,
            Permission.APPROVE,
            Permission.KILL,
            Permission.CLEAR_KILL,
            Permission.RESUME,
            Permission.CHANGE_LIMITS,
            Permission.ACKNOWLEDGE,
        },
        Role.TRADING_OPS: _LOOK
        | {
            Permission.SEE_METRICS,
            Permission.SEE_LOGS,
            Permission.RESTART,
            Permission.ACKNOWLEDGE,
        },
        Role.QUANT: _LOOK | {Permission.SEE_LOGS, Permission.SEE_RESEARCH, Permission.PROBE},
        Role.AUDITOR: frozenset({Permission.SEE_AUDIT}),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever asks, as far as the gateway knows them.

    Attributes:
        name: As audits and the journal name them: ``user:alice``, ``token:grafana``,
            ``loopback`` or ``telegram:alice``.
        permissions: What they may do.
        role: Of a person; None of a token or a loopback peer.
        session: Id of a person's session, for what has to be bound to it; "" without one.
        stepped_up: Whether a second factor was shown lately enough for dangerous acts.
    """

    name: str
    permissions: frozenset[Permission]
    role: Role | None = None
    session: str = ""
    stepped_up: bool = False
