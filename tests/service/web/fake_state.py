"""A made-up account in the shapes of the API: enough of everything for each page to show."""

import math
from collections.abc import Sequence
from typing import Any, Final

Said = dict[str, Any]

NOW_NS: Final = 1_795_226_400_000_000_000  # 2026-11-21 02:00:00 UTC
SECOND_NS: Final = 10**9
HOSTILE: Final = '<img src=x onerror="document.title=1">'


def at(seconds_ago: float) -> Said:
    """Return both spellings of a moment before now."""
    ts_ns = NOW_NS - int(seconds_ago * SECOND_NS)
    return {"ts": stamp(ts_ns), "ts_ns": ts_ns}


def stamp(ts_ns: int) -> str:
    """Return RFC 3339 of a moment of 21 November 2026, or of the day before."""
    seconds, rest = divmod(ts_ns - (NOW_NS - 7_200 * SECOND_NS), SECOND_NS)
    day, second = divmod(seconds, 86_400)
    clock = f"{second // 3_600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"2026-11-{21 + day:02d}T{clock}.{rest // 10**6:03d}Z"


def bars_of(count: int, start: float = 450.0) -> list[Said]:
    """Return bars that wander a little, one a minute, the oldest first."""
    found, price = [], start
    for i in range(count):
        close = start * (1 + 0.012 * math.sin(i / 9.0) + 0.004 * math.sin(i * 1.7))
        high = max(price, close) * (1 + 0.0008 * (1 + i % 3))
        low = min(price, close) * (1 - 0.0008 * (1 + i % 4))
        found.append(
            {
                **at((count - i) * 60),
                "open": f"{price:.2f}",
                "high": f"{high:.2f}",
                "low": f"{low:.2f}",
                "close": f"{close:.2f}",
                "volume": str(1_000 + 37 * i),
            }
        )
        price = close
    return found


def fills_of(bars: Sequence[Said]) -> list[Said]:
    """Return two entries and an exit on some bars, the newest first."""
    found = []
    for seq, (place, side, role) in enumerate(
        ((20, "BUY", "ENTRY"), (70, "SELL", "TARGET"), (-12, "BUY", "ENTRY")), start=100
    ):
        bar = bars[place]
        found.append(
            {
                **{name: bar[name] for name in ("ts", "ts_ns")},
                "seq": seq,
                "order": f"o-{seq}-0",
                "symbol": "SPY",
                "side": side,
                "role": role,
                "price": bar["close"],
                "quantity": "22",
                "fee": "0.99000000",
                "fee_asset": "account",
                "maker": False,
                "last": True,
            }
        )
    return found[::-1]


def equity_of(points: int) -> list[Said]:
    """Return an equity curve, the oldest first."""
    return [
        {
            **at((points - i) * 120),
            "equity": f"{100_000 + 240 * math.sin(i / 30) + 1.4 * i:.8f}",
        }
        for i in range(points)
    ]


STOPS: Final = [
    {
        "id": "o-1-1",
        "from_ns": NOW_NS - 7_000 * SECOND_NS,
        "to_ns": NOW_NS - 4_000 * SECOND_NS,
        "price": "447.10",
    },
    {"id": "o-2-1", "from_ns": NOW_NS - 700 * SECOND_NS, "to_ns": None, "price": "446.20"},
]
VERDICTS: Final = [
    {"rule": "ACCOUNT_LATCHED", "value": "NONE", "limit": "PAUSED", "failed": False},
    {"rule": "ACCOUNT_GROSS_NOTIONAL", "value": "9,900.00", "limit": "50,000.00", "failed": False},
    {"rule": "EDGE_TOO_SMALL", "value": "-3.1 bps", "limit": "2.0 bps", "failed": True},
    {"rule": "SPREAD_TOO_WIDE", "value": "1.4 bps", "limit": "10.0 bps", "failed": False},
]


def signal(seq: int, state: str, *, source: str = "strategy", **more: Any) -> Said:
    """Return a signal and its verdict."""
    refused = state == "REFUSED"
    return {
        **at(max(0, 2_000 - seq)),
        "id": f"s-{seq}",
        "seq": seq,
        "source": source,
        "strategy": "ema_cross" if source == "strategy" else "webhook",
        "symbol": ("SPY", "QQQ", "BTC_USDT")[seq % 3],
        "side": "BUY" if seq % 2 else "SELL",
        "exit_only": False,
        "state": state,
        "reason": "EDGE_TOO_SMALL" if refused else "",
        "reasons": ["EDGE_TOO_SMALL", "SPREAD_TOO_WIDE"] if refused else [],
        "orders": [] if refused else [f"o-{seq}-0"],
        "webhook_id": "",
        "correlation": f"c-{seq}",
        "who": "webhook:127.0.0.1" if source == "webhook" else "",
        "verdicts": VERDICTS if refused else [],
        **more,
    }


def order(seq: int, state: str, **more: Any) -> Said:
    """Return an order."""
    return {
        **at(max(0, 2_000 - seq)),
        "id": f"o-{seq}-0",
        "seq": seq,
        "client_id": f"il-{seq}",
        "symbol": ("SPY", "QQQ", "BTC_USDT")[seq % 3],
        "strategy": "ema_cross",
        "role": ("ENTRY", "STOP", "TARGET", "EXIT")[seq % 4],
        "kind": ("MARKET", "STOP", "LIMIT", "MARKET")[seq % 4],
        "side": "BUY" if seq % 2 else "SELL",
        "quantity": "22",
        "filled": "22" if state == "FILLED" else "0",
        "price": "455.10" if seq % 4 == 2 else None,
        "trigger": "441.25" if seq % 4 == 1 else None,
        "state": state,
        "reduce_only": False,
        "signal": f"s-{seq}",
        **more,
    }


def position(symbol: str = "SPY", *, protected: bool = True, **more: Any) -> Said:
    """Return a position."""
    return {
        "symbol": symbol,
        "quantity": "22",
        "entry": "450.10",
        "mark": "452.35",
        "unrealised": "49.50000000",
        "stop": "446.20" if protected else None,
        "protected": protected,
        "adopted": False,
        **more,
    }


def latch(cause: str = "DAILY_LOSS", level: str = "HALTED", **more: Any) -> Said:
    """Return a latch over the account."""
    return {
        "cause": cause,
        "scope": "ACCOUNT",
        "of": "account",
        "level": level,
        "since_ns": NOW_NS - 900 * SECOND_NS,
        "value": 213_400_000_000,
        "limit": 200_000_000_000,
        "value_text": "2,134.00 USD",
        "limit_text": "2,000.00 USD",
        "waits_for": ["SESSION", "PERSON"],
        **more,
    }


def approval(**more: Any) -> Said:
    """Return an entry that waits for a person."""
    return {
        "id": "a-1",
        "hash": "5b1f" * 16,
        "symbol": "BTC_USDT",
        "side": "BUY",
        "quantity": "0.15",
        "price_low": "49750.00",
        "price_high": "50250.00",
        "stop": "48900.00",
        "worst_loss": "187.42000000",
        "why": "webhook: breakout above 49,600",
        "strategy": "webhook",
        "asked_ns": NOW_NS,
        "expires_ns": NOW_NS + 120 * SECOND_NS,
        "signal": "s-900",
        **more,
    }


def limits() -> list[Said]:
    """Return limits of every level, some of them nearly used."""
    found = []
    for level, of, limit, value, most, used in (
        ("account", "account", "DAILY_LOSS_MONEY", "312.40 USD", "2,000.00 USD", 0.1562),
        ("account", "account", "MAX_DRAWDOWN", "0.41%", "10.00%", 0.041),
        ("account", "account", "ACCOUNT_GROSS_NOTIONAL", "9,951.70 USD", "50,000.00 USD", 0.199),
        ("account", "account", "ACCOUNT_OPEN_ORDERS", "17", "20", 0.85),
        ("account", "account", "ACCOUNT_LEVERAGE", "0.10", "1.00", 0.1),
        ("account", "account", "ACCOUNT_NET_NOTIONAL", "9,951.70 USD", "none", None),
        ("strategy", "ema_cross", "STRATEGY_OPEN_POSITIONS", "3", "3", 1.0),
        ("strategy", "webhook", "STRATEGY_ORDER_NOTIONAL", "0.00 USD", "not set", None),
        ("instrument", "SPY", "INSTRUMENT_POSITION", "22", "200", 0.11),
        ("instrument", "QQQ", "INSTRUMENT_POSITION", "0", "200", 0.0),
    ):
        found.append(
            {"level": level, "of": of, "limit": limit, "value": value, "max": most, "used": used}
        )
    return found


def rule(reason: str, value: str, limit: str, *, passed: bool, applied: bool = True) -> Said:
    """Return one check of an explanation."""
    return {
        "reason": reason,
        "level": "account" if reason.startswith("ACCOUNT") else "instrument",
        "value_text": value,
        "limit_text": limit,
        "relation": "at most",
        "passed": passed,
        "applied": applied,
        "assumed": False,
    }


def explanation(name: str) -> Said:
    """Return why an order or a signal became what it became."""
    refused = name.startswith("s-")
    return {
        "id": name,
        "outcome": "Refused: the edge that is left after costs is too small."
        if refused
        else "Filled: 22 SPY at 450.10.",
        "symbol": "SPY",
        "signal": {"id": "s-700", **at(300), "strategy": "ema_cross", "side": "BUY"},
        "rules": [
            rule("ACCOUNT_ORDER_NOTIONAL", "9,902.20 USD", "25,000.00 USD", passed=True),
            rule("ACCOUNT_EXPOSURE", "9.9%", "60.0%", passed=True),
            rule("EDGE_TOO_SMALL", "-3.1 bps", "2.0 bps", passed=not refused),
            rule("SESSION_CLOSED", "open", "open", passed=True, applied=False),
        ],
        "sizing": [
            {"name": "risk per trade allows", "raw": 224, "text": "22.4 SPY"},
            {"name": "quantity", "raw": 22, "text": "22 SPY, cut to whole lots"},
        ],
        "order": {} if refused else {"id": name, "side": "BUY", "kind": "MARKET", "quantity": "22"},
        "events": []
        if refused
        else [
            {"ts": at(300)["ts"], "what": "SUBMIT", "seq": 700},
            {"ts": at(299.6)["ts"], "what": "ACCEPTED", "seq": 702},
            {"ts": at(299.2)["ts"], "what": "FILL 22 at 450.10, fee 0.99", "seq": 705},
        ],
        "protection": [],
        "trade": {},
        "notes": [],
    }


def health(status: str = "PASS") -> Said:
    """Return the health answer."""
    return {
        "global_status": status,
        "timestamp": stamp(NOW_NS),
        "db_status": "up",
        "market_data": {
            "status": status,
            "fresh_symbols": 7,
            "stale_symbols": 0,
            "max_age_minutes": 0.2,
        },
        "market_updater": {
            "status": "PASS",
            "is_running": True,
            "last_heartbeat_age_minutes": 0.01,
        },
        "signal_monitor": {"status": "PASS", "is_running": True, "last_cycle_age_minutes": 0.01},
        "telegram": {
            "status": "OFF",
            "enabled": False,
            "chat_id_set": False,
            "bot_token_set": False,
        },
        "trade_system": {"status": "PASS", "open_orders": 2, "max_open_orders": 20},
        "risk_guard": {"daily_loss_triggered": False, "global_trading_enabled": status == "PASS"},
        "reasons": [],
    }
