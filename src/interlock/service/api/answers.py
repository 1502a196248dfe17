"""The shapes of answers about the present: what the account is now, and how old that is.

Each says whether the engine answers (``connected``), if not why, and as of when what is shown was
so: ``as_of`` is None before the engine ever answered.
"""

from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from interlock.service.api.looks import (
    Approval,
    HealthSaid,
    KillSaid,
    LatchSet,
    Limit,
    Loss,
    Market,
    Money,
    OpenOrder,
    Position,
    Proof,
    Signal,
)

_IGNORES = ConfigDict(extra="ignore")
SEEN: Final = frozenset({"connected", "as_of", "as_of_ns", "why"})


class Overview(BaseModel):
    """Everything at a glance."""

    model_config = _IGNORES

    connected: bool
    as_of: str | None = None
    as_of_ns: int = 0
    why: str = ""
    account: str = ""
    mode: str = ""
    currency: str = ""
    phase: str = ""
    level: str = ""
    epoch: int = 0
    seq: int = 0
    durable_seq: int = 0
    version: str = ""
    strategy: str = ""
    configuration: str = ""
    replay: bool = False
    ended: bool = False
    money: Money | None = None
    positions: list[Position] = []
    orders: list[OpenOrder] = []
    latches: list[LatchSet] = []
    limits: list[Loss] = []
    approvals: list[Approval] = []
    signals: list[Signal] = []
    killed: KillSaid | None = None
    health: HealthSaid | None = None
    counts: dict[str, int] = {}
    market: list[Market] = []
    now_ns: int = 0


class Positions(BaseModel):
    """What is held."""

    model_config = _IGNORES

    connected: bool
    as_of: str | None = None
    as_of_ns: int = 0
    why: str = ""
    items: list[Position] = []
    next: int | None = None


class OpenOrders(BaseModel):
    """What is open at the venue."""

    model_config = _IGNORES

    connected: bool
    as_of: str | None = None
    as_of_ns: int = 0
    why: str = ""
    items: list[OpenOrder] = []
    next: int | None = None


class Latches(BaseModel):
    """What holds trading back, the strictest first."""

    model_config = _IGNORES

    connected: bool
    as_of: str | None = None
    as_of_ns: int = 0
    why: str = ""
    level: str = ""
    items: list[LatchSet] = []
    killed: KillSaid | None = None


class Limits(BaseModel):
    """Every limit, and how much of it is used."""

    model_config = _IGNORES

    connected: bool
    as_of: str | None = None
    as_of_ns: int = 0
    why: str = ""
    items: list[Limit] = []
    losses: list[Loss] = []


class Breakers(BaseModel):
    """The breakers: whether they were seen to work, and what they hold back now."""

    model_config = _IGNORES

    connected: bool
    as_of: str | None = None
    as_of_ns: int = 0
    why: str = ""
    items: list[Proof] = []
    latches: list[LatchSet] = []
    running: bool = False
    overdue: bool = False
    never: bool = True


class Approvals(BaseModel):
    """What waits for a person."""

    model_config = _IGNORES

    connected: bool
    as_of: str | None = None
    as_of_ns: int = 0
    why: str = ""
    items: list[Approval] = []


class System(BaseModel):
    """What the engine's process does, and how its machine is."""

    model_config = _IGNORES

    connected: bool
    as_of: str | None = None
    as_of_ns: int = 0
    why: str = ""
    pid: int = 0
    account: str = ""
    mode: str = ""
    version: str = ""
    build: str = ""
    home: str = ""
    journal: str = ""
    configuration: str = ""
    data: Any = None
    speed: str | int | float | None = None
    strategy: str = ""
    strategy_failure: str | None = None
    phase: str = ""
    epoch: int = 0
    seq: int = 0
    durable_seq: int = 0
    now_ns: int = 0
    counts: dict[str, int] = {}
    inbox: dict[str, Any] = {}
    traffic: dict[str, Any] = {}
    vitals: dict[str, Any] = {}
    dead_man: dict[str, Any] = {}
    watchdog: dict[str, Any] = {}
    proofs: dict[str, Any] = {}
    venue_round_trip_age_ms: int | float | None = None
    journal_writable: bool | None = None
    feed_age_s: float | None = None
    cycle_age_s: float | None = None
    market: list[Market] = []
    market_clock: str = ""
