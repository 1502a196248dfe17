"""``interlock.toml``: which account, on which data, with which strategy, journaled where.

What may be traded and what stops it is not here: that is the policy and the breakers.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from interlock.config.addresses import COLLECTOR_URL, JOURNAL_URL
from interlock.config.amounts import count, money
from interlock.config.approvals import ApprovalSettings
from interlock.config.errors import bad_value, disagree, shown
from interlock.config.gateway import GatewaySettings
from interlock.config.notifications import MailSettings, NotifySettings, TelegramSettings
from interlock.config.people import PeopleSettings
from interlock.config.speed import SPEED, Speed, read_speed
from interlock.config.trading import STRICT
from interlock.config.watchdog import WatchdogSettings
from interlock.config.webhook import WebhookSettings
from interlock.config.words import (
    BARS,
    PATH_OR_NOTHING,
    PATHS,
    SLUG,
    STRATEGY,
    SYMBOLS,
    TIME_ZONE,
    Named,
)

CASH_MAX: Final = "1000000000"
TIMEFRAMES_MINUTES: Final = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "1d": 1_440,
}
Timeframe = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "1d"]

_NOT_YET: Final = frozenset({"live", "testnet"})
_NS_PER_MINUTE: Final = 60_000_000_000
_BYTES_PER_MIB: Final = 1 << 20


def _mode(value: object) -> object:
    """Say of a mode that money could be lost in why it cannot be had."""
    if isinstance(value, str) and value in _NOT_YET:
        raise bad_value(
            f"must be paper, was {shown(value)}: this version sends orders to the simulated venue "
            "and to no other. It never trades paper instead of what was asked for, so nothing was "
            "started"
        )
    return value


class AccountSettings(BaseModel):
    """The account that is traded."""

    model_config = STRICT

    name: Annotated[str, SLUG] = Field(description="What the journal and people call it.")
    mode: Annotated[Literal["paper"], BeforeValidator(_mode)] = Field(
        description="Where orders go. paper: to the simulated venue."
    )
    dry_run: bool = Field(
        description="Whether every venue that could move money is out of reach. Only `true` may be "
        "while the mode is paper."
    )
    cash: Annotated[Decimal, money(above=True, off=False, high=CASH_MAX)] = Field(
        description="What a new account holds, in the currency of its instruments. One that has a "
        "journal goes on with what it has."
    )

    @model_validator(mode="after")
    def _agree(self) -> "AccountSettings":
        if not self.dry_run:
            disagree(
                f"dry_run (false) must be true while mode is {self.mode}: it reaches no venue that "
                "could move money"
            )
        return self


class LiveData(BaseModel):
    """Public market data of an exchange, for source live. It needs no key and sends no order."""

    model_config = STRICT

    exchange: Annotated[str, SLUG] = Field(description="The exchange, by its name in ccxt.")
    symbols: Annotated[tuple[str, ...], SYMBOLS] = Field(description="What to watch.")
    timeframe: Timeframe = Field(description="Length of the bars.")

    @property
    def period_ns(self) -> int:
        """Length of the bars."""
        return TIMEFRAMES_MINUTES[self.timeframe] * _NS_PER_MINUTE


class DataSettings(BaseModel):
    """What prices the account sees."""

    model_config = STRICT

    source: Literal["replay", "live"] = Field(
        description="replay: stored bars, on a clock of their own; live: section data.live."
    )
    bars: Annotated[tuple[str, ...], BARS] = Field(
        description="Files to replay; several are several instruments that share the account."
    )
    symbols: Annotated[tuple[str, ...], SYMBOLS] = Field(
        description="Instead of those in the files' names: none, or one per file in their order."
    )
    speed: Annotated[str, SPEED] = Field(description="How fast a replay goes.")
    operator: Literal["simulated", "none"] = Field(
        description="Who releases latches that wait for a person while bars are replayed: a "
        "simulated one, when a day begins after the cooldown; or nobody but you. Live data has no "
        "simulated one, and what was killed stays killed."
    )
    repair: bool = Field(description="Whether to mend bad bars, counted, instead of refusing them.")
    time_zone: Annotated[str, TIME_ZONE] = Field(description="Of times that have none.")
    live: LiveData

    @property
    def pace(self) -> Speed:
        """How fast a replay goes."""
        return read_speed(self.speed)

    @model_validator(mode="after")
    def _agree(self) -> "DataSettings":
        problems = []
        if self.source == "replay" and not self.bars:
            problems.append("bars (0) must name at least 1 file while source is replay")
        if self.source == "live" and not self.live.symbols:
            problems.append("live.symbols (0) must name at least 1 symbol while source is live")
        if self.symbols and len(self.symbols) != len(self.bars):
            problems.append(
                f"symbols ({len(self.symbols)}) must be none, or one for each of bars "
                f"({len(self.bars)})"
            )
        disagree(*problems)
        return self


class StrategySettings(BaseModel):
    """Where entries come from."""

    model_config = STRICT

    name: Annotated[str, STRATEGY] = Field(description="The strategy.")
    parameters: Annotated[dict[str, str], Named()] = Field(
        description="Its parameters; what is not here is at its default."
    )


class JournalSettings(BaseModel):
    """Where everything that happens is written down before it acts."""

    model_config = STRICT

    url: Annotated[str, JOURNAL_URL] = Field(description="The database.")
    password_file: Annotated[str, PATH_OR_NOTHING] = Field(
        description="A file of mode 0600 with the database's password and nothing else."
    )
    anchors: Annotated[tuple[str, ...], PATHS] = Field(
        description="Files on other volumes that keep the journal's head besides the home's own: a "
        "journal that was cut or rewritten is found by them."
    )
    anchor_seconds: Annotated[int, count(low=1, high=60, unit="seconds")] = Field(
        description="Longest time between two heads."
    )
    anchor_events: Annotated[int, count(low=1, high=1_000, unit="events")] = Field(
        description="Most events between two heads."
    )
    ballast_mib: Annotated[int, count(low=1, high=4_096, unit="MiB")] = Field(
        description="Room kept on the disk for the journal of a way out."
    )
    snapshot_events: Annotated[int, count(low=1_000, high=10_000_000, unit="events")] = Field(
        description="Events between two snapshots: what a start reads again at most."
    )
    market_retention_days: Annotated[int, count(high=36_500, unit="days")] = Field(
        description="Days after which market data loses its content and keeps its hash; 0 keeps "
        "it for ever. Orders, fills and decisions always stay."
    )
    lease_seconds: Annotated[int, count(low=2, high=300, unit="seconds")] = Field(
        description="How long an engine that fell silent keeps a PostgreSQL journal."
    )

    @property
    def ballast_bytes(self) -> int:
        """Room kept on the disk."""
        return self.ballast_mib * _BYTES_PER_MIB

    @model_validator(mode="after")
    def _agree(self) -> "JournalSettings":
        if self.password_file and not self.url:
            disagree("password_file must be nothing while url is nothing: SQLite has no password")
        return self


class EngineSettings(BaseModel):
    """The process that decides."""

    model_config = STRICT

    answer_timeout_ms: Annotated[int, count(low=100, high=60_000, unit="milliseconds")] = Field(
        description="How long a venue may take to answer an order; after it nobody knows what "
        "became of the order, and the venue is asked."
    )
    inbox_reports: Annotated[int, count(low=64, high=1_000_000, unit="messages")] = Field(
        description="Order reports that may wait. None is ever dropped: a full inbox stops reading."
    )
    inbox_market: Annotated[int, count(low=64, high=1_000_000, unit="messages")] = Field(
        description="Market data that may wait; beyond it only the newest of each symbol is kept."
    )
    unwritten_events: Annotated[int, count(low=64, high=1_000_000, unit="events")] = Field(
        description="Decisions that may wait for the journal; beyond it nothing is decided."
    )
    reconcile_seconds: Annotated[int, count(low=1, high=10, unit="seconds")] = Field(
        description="Time between two comparisons with the venue."
    )
    progress_seconds: Annotated[int, count(low=1, high=3_600, unit="seconds")] = Field(
        description="Without a terminal: time between two lines of progress."
    )
    stop_seconds: Annotated[int, count(low=1, high=300, unit="seconds")] = Field(
        description="How long a stop waits for answers that are under way."
    )


class VenueSettings(BaseModel):
    """The simulated venue's process, and how it is reached."""

    model_config = STRICT

    connect_seconds: Annotated[int, count(low=1, high=300, unit="seconds")] = Field(
        description="How long one attempt to connect may take."
    )
    connect_attempts: Annotated[int, count(low=1, high=100, unit="attempts")] = Field(
        description="Attempts to connect before the engine gives up."
    )
    retry_seconds: Annotated[int, count(low=1, high=300, unit="seconds")] = Field(
        description="Time between two attempts to connect. Orders are never sent twice."
    )
    linger_seconds: Annotated[int, count(high=86_400, unit="seconds")] = Field(
        description="How long the venue goes on without an engine. Its book is on the disk."
    )
    dead_man_seconds: Annotated[int, count(high=3_600, unit="seconds")] = Field(
        description="When it hears nothing of the engine for so long, the venue cancels by itself "
        "what could open a position; 0 is never."
    )


class KillSettings(BaseModel):
    """What a kill does by itself."""

    model_config = STRICT

    graceful_minutes: Annotated[int, count(low=1, high=30, unit="minutes")] = Field(
        description="How long a graceful kill waits for positions to leave at their targets and "
        "stops; then it is an immediate one. A restart does not begin it anew."
    )

    @property
    def graceful_ns(self) -> int:
        """How long a graceful kill waits."""
        return self.graceful_minutes * _NS_PER_MINUTE


class ProofSettings(BaseModel):
    """How often every breaker is seen to work, where nothing can be lost."""

    model_config = STRICT

    every_hours: Annotated[int, count(low=1, high=168, unit="hours")] = Field(
        description="Longest time between two proofs; each start and each change of the rules "
        "begins one as well. After twice that without one, health says so."
    )

    @property
    def every_ns(self) -> int:
        """Longest time between two proofs."""
        return self.every_hours * 60 * _NS_PER_MINUTE


class LogSettings(BaseModel):
    """What processes write for people and machines, beside the journal."""

    model_config = STRICT

    level: Literal["debug", "info", "warning", "error"] = Field(
        description="The least that is written."
    )
    max_mib: Annotated[int, count(low=1, high=4_096, unit="MiB")] = Field(
        description="Size at which a log file is put aside and another begun."
    )
    keep: Annotated[int, count(low=1, high=1_000, unit="files")] = Field(
        description="Files put aside that are kept, of each log."
    )

    @property
    def max_bytes(self) -> int:
        """Size at which a log file is put aside."""
        return self.max_mib * _BYTES_PER_MIB


class TelemetrySettings(BaseModel):
    """Traces for those who collect them."""

    model_config = STRICT

    otlp_endpoint: Annotated[str, COLLECTOR_URL] = Field(
        description="Where traces go (OpenTelemetry, OTLP over HTTP)."
    )


class FileSettings(BaseModel):
    """The other files; nothing is the home's own file, else the shipped one."""

    model_config = STRICT

    policy: Annotated[str, PATH_OR_NOTHING] = Field(description="Risk policy (YAML).")
    breakers: Annotated[str, PATH_OR_NOTHING] = Field(description="Circuit breakers (TOML).")
    instruments: Annotated[str, PATH_OR_NOTHING] = Field(description="Instruments (YAML).")
    blackouts: Annotated[str, PATH_OR_NOTHING] = Field(
        description="Windows without entries (YAML or ICS); nothing is none."
    )


class SystemConfig(BaseModel):
    """Everything ``interlock.toml`` may say. Defaults are in the shipped file, not in code."""

    model_config = STRICT

    account: AccountSettings
    data: DataSettings
    strategy: StrategySettings
    files: FileSettings
    journal: JournalSettings
    engine: EngineSettings
    venue: VenueSettings
    watchdog: WatchdogSettings
    kill: KillSettings
    proofs: ProofSettings
    gateway: GatewaySettings
    people: PeopleSettings
    webhook: WebhookSettings
    approvals: ApprovalSettings
    notify: NotifySettings
    telegram: TelegramSettings
    mail: MailSettings
    logs: LogSettings
    telemetry: TelemetrySettings

    @model_validator(mode="after")
    def _agree(self) -> "SystemConfig":
        answer_ms, stop_ms = self.engine.answer_timeout_ms, self.engine.stop_seconds * 1_000
        problems = []
        if stop_ms < answer_ms:
            problems.append(
                f"engine.stop_seconds ({self.engine.stop_seconds}) must be at least "
                f"engine.answer_timeout_ms ({answer_ms}): a stop waits for every answer that may "
                "still come"
            )
        disagree(*problems)
        return self
