"""The numbers that journals and policies are written in. Never renumber, never reuse."""

from enum import IntEnum
from typing import Final

BUY: Final = 1
SELL: Final = -1

ACCOUNT: Final = -1  # the instrument or strategy number of a row that concerns the whole account


class Kind(IntEnum):
    """What a row is. Below 64 a fact that came in, from 64 on something the kernel decided."""

    NONE = 0
    BAR = 1
    QUOTE = 2
    TRADE = 3
    SIGNAL = 4
    ACCEPTED = 5
    REJECTED = 6
    FILL = 7
    CANCELLED = 8
    EXPIRED = 9
    AMENDED = 10
    CANCEL_REJECTED = 11
    AMEND_REJECTED = 12
    OUTCOME_UNKNOWN = 13
    ABSENT = 14  # the venue proved that the order never arrived
    FUNDING = 15
    CASH = 16  # deposit, withdrawal or correction, signed
    VENUE_EQUITY = 17
    ADOPTED = 18  # a position found at the venue that we did not open
    BUST = 19  # a trade was taken back by the venue
    DAY = 20
    SESSION_OPEN = 21
    SESSION_CLOSE = 22
    BLACKOUT_START = 23
    BLACKOUT_END = 24
    TIMER = 25
    POLICY_SET = 26
    HALT = 27  # an operator or a monitor asks to stop; code = Cause, value = Level
    RESUME = 28  # an operator clears a latch; code = Cause
    HEALTH = 29  # code = Metric, value = measured
    VENUE_HALT = 30
    VENUE_RESUME = 31
    BAR_OPEN = 32  # venue only: the first price of a bar
    BAR_PATH = 33  # venue only: what happened between a bar's open and its close

    SUBMIT = 64
    CANCEL = 65
    AMEND = 66
    REFUSED = 67
    LATCHED = 68
    RELEASED = 69
    CLOSED = 70  # a position became flat: one row per closed trade
    ALARM = 71  # code = Alarm


class OrderKind(IntEnum):
    """How an order meets the market."""

    NONE = 0
    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4


class Role(IntEnum):
    """Why an order exists."""

    NONE = 0
    ENTRY = 1
    STOP = 2
    TARGET = 3
    EXIT = 4


class Flag(IntEnum):
    """Bits of a row's and an order's ``flags``."""

    REDUCE_ONLY = 1
    MARGIN = 2
    EXTERNAL = 4
    OVERFILL = 8
    MAKER = 16
    EXIT_ONLY = 32  # a signal that may close a position and never open one
    TRAILED = 64  # the stop was moved by the trailing rule
    BREAK_EVEN = 128  # the stop was moved to the entry price
    LAST = 256  # the last report of an order
    FUTURE = 512  # the row belongs to a later clock tick than the one in hand
    APPROVED = 1024


class Exit(IntEnum):
    """What closed a position."""

    NONE = 0
    STOP = 1
    TARGET = 2
    TIME = 3
    VOLATILITY_HIGH = 4
    VOLATILITY_LOW = 5
    TRAILING = 6
    BREAK_EVEN = 7
    SIGNAL = 8
    FLATTENED = 9
    EXTERNAL = 10


class Feed(IntEnum):
    """Where an instrument's marks come from."""

    BAR = 1
    QUOTE = 2
    TRADE = 3


class Settle(IntEnum):
    """Whether a fill pays its whole notional or posts margin."""

    CASH = 1
    MARGIN = 2


class SizingMethod(IntEnum):
    """How many lots an entry asks for, before the limits."""

    FIXED = 1
    FIXED_FRACTIONAL = 2
    VOLATILITY_SCALED = 3
    FRACTIONAL_KELLY = 4


class StopMethod(IntEnum):
    """Where the protective stop goes."""

    ATR = 1
    PERCENT = 2
    STRUCTURE = 3  # the price the signal names


class TargetMethod(IntEnum):
    """Where profit is taken."""

    NONE = 0
    RISK_MULTIPLE = 1
    MODEL = 2  # the price the signal names


class Level(IntEnum):
    """How hard a latch stops trading; the strictest one in force is the trading state."""

    NONE = 0
    WARNED = 1
    REDUCED = 2  # entries at a smaller size
    PAUSED = 3  # no entries; exits are managed
    HALTED = 4  # no entries; resting entries are cancelled; exits are managed
    KILLED = 5  # everything is cancelled and every position closed


class Scope(IntEnum):
    """What a latch stops."""

    ACCOUNT = 1
    STRATEGY = 2
    INSTRUMENT = 3


class Release(IntEnum):
    """Bits: what has to happen before a latch opens again. All of them have to."""

    CONDITION = 1  # the measured value is back inside its limit
    COOLDOWN = 2
    SESSION = 4  # the next session has begun
    PERSON = 8


class Cause(IntEnum):
    """What set a latch."""

    NONE = 0
    KILL_IMMEDIATE = 1
    KILL_GRACEFUL = 2
    KILL_PAUSE = 3
    DAILY_LOSS = 4
    MAX_DRAWDOWN = 5
    DRAWDOWN = 6  # intraday
    CONSECUTIVE_LOSSES = 7
    SPREAD = 8
    ATR_SPIKE = 9
    PRICE_MOVE = 10
    FEED_LAG = 11
    INFERENCE_LATENCY = 12
    PLACEMENT_LATENCY = 13
    FILL_LATENCY = 14
    CLOCK_OFFSET = 15
    DISK = 16
    MEMORY = 17
    REJECT_RATE = 18
    VENUE_UNAVAILABLE = 19
    DATA_QUALITY = 20
    ORDER_RATE = 21
    SAFE_MODE = 22
    RECONCILIATION = 23
    LEASE_LOST = 24
    KILL_FILE = 25
    WATCHDOG = 26
    EQUITY_MISMATCH = 27
    MISSED_ALERT = 28
    BAD_DATA = 29  # one symbol's numbers are quarantined
    ORDER_UNKNOWN = 30
    UNPROTECTED = 31
    VENUE_HALT = 32
    OVERFILL = 33
    IMPOSSIBLE_STATE = 34
    DRIFT = 35


class Metric(IntEnum):
    """What a HEALTH row measured; the unit of ``value`` is named."""

    FEED_LAG_MS = 1
    INFERENCE_P95_MS = 2
    INFERENCE_P99_MS = 3
    PLACEMENT_MS = 4
    FILL_MS = 5
    CLOCK_OFFSET_MS = 6
    DISK_FREE_PPM = 7
    MEMORY_USED_PPM = 8
    VENUE_UNAVAILABLE = 9  # 1 while it cannot be reached
    DATA_QUALITY_PPM = 10
    DRIFT = 11  # 1 when a detector fired


class Alarm(IntEnum):
    """What a person has to be told at once."""

    NONE = 0
    UNPROTECTED = 1
    OVERFILL = 2
    ILLEGAL_TRANSITION = 3
    UNKNOWN_ORDER = 4  # a report names an order that is not in the table
    GARBAGE = 5
    EXTERNAL_FILL = 6
    LATCH_TABLE_FULL = 7
    OUTCOME_UNKNOWN = 8
    BUST = 9
    POSITION_MISMATCH = 10  # the venue names a position where we hold another


class OrderState(IntEnum):
    """Where an order is in its life (docs/order-life.md is drawn from the table)."""

    NONE = 0
    PROPOSED = 1
    INTENT = 2
    WORKING = 3
    PARTIAL = 4
    UNKNOWN = 5
    PENDING_CANCEL = 6
    FILLED = 7
    CANCELLED = 8
    REJECTED = 9
    EXPIRED = 10
    ABANDONED = 11
