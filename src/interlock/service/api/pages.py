"""The shapes of what happened: pages, the newest first, and a cursor to the page before."""

from pydantic import BaseModel, ConfigDict

from interlock.service.api.looks import Signal

_IGNORES = ConfigDict(extra="ignore")


class Order(BaseModel):
    """An order that was sent, and what became of it."""

    model_config = _IGNORES

    id: str
    seq: int
    ts: str
    ts_ns: int
    updated_ns: int = 0
    client_id: str = ""
    symbol: str
    strategy: str = ""
    role: str
    kind: str
    side: str
    quantity: str
    filled: str = "0"
    price: str | None = None
    trigger: str | None = None
    average_price: str | None = None
    reference: str | None = None
    state: str
    outcome: str = ""
    reduce_only: bool = False
    margin: bool = False
    signal: str = ""
    peer: str = ""


class Fill(BaseModel):
    """A part of an order that traded."""

    model_config = _IGNORES

    seq: int
    ts: str
    ts_ns: int
    order: str
    symbol: str
    side: str
    role: str = ""
    price: str
    quantity: str
    fee: str
    fee_asset: str = ""
    maker: bool = False
    last: bool = False
    external: bool = False


class Trade(BaseModel):
    """A position that is over."""

    model_config = _IGNORES

    id: str
    seq: int
    ts: str
    ts_ns: int
    symbol: str
    strategy: str = ""
    side: str
    quantity: str
    entry_ts: str
    entry_ns: int
    entry_price: str
    exit_price: str
    pnl: str
    fees: str
    funding: str = "0"
    slippage: str = "0"
    r: str | None = None
    reason: str = ""
    bars: int = 0
    stop: str | None = None
    target: str | None = None
    exit_order: str = ""


class OrderEvent(BaseModel):
    """One thing that happened to an order."""

    model_config = _IGNORES

    what: str
    seq: int
    ts: str
    ts_ns: int
    state: str | None = None
    price: str | None = None
    quantity: str | None = None
    trigger: str | None = None
    fee: str | None = None


class OneOrder(BaseModel):
    """An order with everything that happened to it."""

    model_config = _IGNORES

    id: str
    seq: int
    ts: str
    ts_ns: int
    updated_ns: int = 0
    client_id: str = ""
    symbol: str
    strategy: str = ""
    role: str
    kind: str
    side: str
    quantity: str
    filled: str = "0"
    price: str | None = None
    trigger: str | None = None
    average_price: str | None = None
    reference: str | None = None
    state: str
    outcome: str = ""
    reduce_only: bool = False
    margin: bool = False
    signal: str = ""
    peer: str = ""
    events: list[OrderEvent] = []
    fills: list[Fill] = []


class LatchEvent(BaseModel):
    """A latch that was set or released."""

    model_config = _IGNORES

    seq: int
    ts: str
    ts_ns: int
    set: bool
    cause: str
    scope: str
    of: str
    level: str
    value: str | None = None
    limit: str | None = None
    since_ns: int | None = None
    who: str = ""
    reason: str = ""


class LatchPage(BaseModel):
    """Latches that were set and released."""

    items: list[LatchEvent]
    next: int | None = None


class Stop(BaseModel):
    """Where a stop rested, and from when to when."""

    model_config = _IGNORES

    id: str
    from_ns: int
    to_ns: int | None = None
    price: str


class OrderPage(BaseModel):
    """Orders."""

    items: list[Order]
    next: int | None = None


class FillPage(BaseModel):
    """Fills."""

    items: list[Fill]
    next: int | None = None


class TradePage(BaseModel):
    """Trades."""

    items: list[Trade]
    next: int | None = None


class SignalPage(BaseModel):
    """Signals."""

    items: list[Signal]
    next: int | None = None


class Point(BaseModel):
    """What the account was worth at a moment."""

    model_config = _IGNORES

    ts: str
    ts_ns: int
    equity: str
    source: str = ""


class Equity(BaseModel):
    """What the account was worth, the oldest first."""

    points: list[Point]


class Bar(BaseModel):
    """A bar of an instrument."""

    model_config = _IGNORES

    ts: str
    ts_ns: int
    open_ns: int | None = None
    open: str
    high: str
    low: str
    close: str
    volume: str | None = None


class Bars(BaseModel):
    """The newest bars of an instrument, the oldest first, and what was traded in them."""

    symbol: str
    bars: list[Bar]
    fills: list[Fill]
    stops: list[Stop] = []


class AuditRow(BaseModel):
    """A row of the audit."""

    model_config = _IGNORES

    seq: int
    timestamp: str
    ts_ns: int
    event_type: str
    actor: str
    ip_address: str
    action: str
    success: bool
    reason: str
    correlation_id: str
    details: dict[str, object]
    hash: str


class AuditPage(BaseModel):
    """Rows of the audit."""

    items: list[AuditRow]
    next: int | None = None


class AuditState(BaseModel):
    """How long the audit is, and up to where the engine's journal holds its hashes."""

    rows: int
    head_seq: int
    head: str
    anchored_seq: int
    anchored_ns: int


class Backtest(BaseModel):
    """A backtest that was written."""

    model_config = _IGNORES

    name: str
    modified: str
    has_report: bool
    summary: dict[str, object]


class BacktestPage(BaseModel):
    """Backtests, the newest first."""

    items: list[Backtest]
