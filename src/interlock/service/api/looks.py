"""The shapes of what the account is now. Money, prices and quantities are text with every digit."""

from typing import Any

from pydantic import BaseModel, ConfigDict

_IGNORES = ConfigDict(extra="ignore")


class Position(BaseModel):
    """Something that is held."""

    model_config = _IGNORES

    symbol: str
    strategy: str = ""
    quantity: str
    entry: str
    mark: str
    unrealised: str
    stop: str | None = None
    protected: bool
    adopted: bool


class OpenOrder(BaseModel):
    """An order that is open at the venue, as the engine knows it."""

    model_config = _IGNORES

    id: str
    client_id: str
    symbol: str
    role: str
    kind: str
    side: str
    state: str
    quantity: str
    filled: str
    price: str | None = None
    trigger: str | None = None


class LatchSet(BaseModel):
    """Something that holds trading back."""

    model_config = _IGNORES

    cause: str
    scope: str
    of: str
    level: str
    since_ns: int
    value: int
    limit: int
    value_text: str | None = None
    limit_text: str | None = None
    waits_for: list[str] = []


class Loss(BaseModel):
    """A limit on losing money, and how much of it is used."""

    model_config = _IGNORES

    limit: str
    trips_at: str
    used: float


class Limit(BaseModel):
    """A limit of the policy, and how much of it is used; of none, nothing is."""

    model_config = _IGNORES

    level: str
    of: str
    limit: str
    value: str | None = None
    max: str | None = None
    used: float | None = None


class Money(BaseModel):
    """The account's money, in its currency."""

    model_config = _IGNORES

    equity: str
    cash: str
    capital: str
    realised: str
    unrealised: str
    fees: str
    funding: str
    exposure: str
    peak: str
    day_start: str
    day: str


class KillSaid(BaseModel):
    """What the kill latch says."""

    model_config = _IGNORES

    set: bool
    state: str
    mode: str
    reason: str
    who: str
    ts_ns: int


class Verdict(BaseModel):
    """How one rule judged."""

    model_config = _IGNORES

    rule: str
    value: str | int | float | None = None
    limit: str | int | float | None = None
    failed: bool
    assumed: bool = False
    level: str = ""
    relation: str = ""


class Approval(BaseModel):
    """An entry that waits for a person."""

    model_config = _IGNORES

    id: str
    hash: str
    symbol: str
    side: str
    quantity: str
    price_low: str | None = None
    price_high: str | None = None
    stop: str | None = None
    worst_loss: str | None = None
    why: str = ""
    strategy: str = ""
    asked_ns: int
    expires_ns: int
    signal: str = ""


class HealthSaid(BaseModel):
    """How the engine is, in one word and its reasons."""

    model_config = _IGNORES

    status: str
    reasons: list[str]


class Proof(BaseModel):
    """Whether a breaker was seen to work."""

    model_config = _IGNORES

    breaker: str
    proved: bool
    at_ns: int
    level: int | str | None = None
    value: int | float | str | None = None
    limit: int | float | str | None = None
    why: str | None = None


class Market(BaseModel):
    """How old the newest number of an instrument is."""

    model_config = _IGNORES

    symbol: str
    age_ms: int | None = None
    fresh: bool
    max_age_ms: int | None = None


class Signal(BaseModel):
    """What a strategy or a webhook wanted, and what was decided."""

    model_config = _IGNORES

    id: str
    seq: int
    ts: str
    ts_ns: int
    source: str = ""
    strategy: str = ""
    symbol: str = ""
    side: str = ""
    exit_only: bool = False
    approved: bool = False
    quantity: str | None = None
    price: str | None = None
    stop: str | None = None
    target: str | None = None
    edge_bps: int | None = None
    state: str = ""
    reason: str = ""
    reasons: list[str] = []
    message: str = ""
    orders: list[str] = []
    webhook_id: str = ""
    received_ns: int | None = None
    correlation: str = ""
    who: str = ""
    verdicts: list[Verdict] = []


class Explanation(BaseModel):
    """Why an order was sent, or a signal refused: every rule, value and limit."""

    model_config = _IGNORES

    id: str
    outcome: str
    symbol: str
    signal: dict[str, Any] = {}
    belongs_to: str | None = None
    rules: list[dict[str, Any]] = []
    sizing: list[dict[str, Any]] = []
    order: dict[str, Any] = {}
    events: list[dict[str, Any]] = []
    protection: list[dict[str, Any]] = []
    trade: dict[str, Any] = {}
    notes: list[str] = []
