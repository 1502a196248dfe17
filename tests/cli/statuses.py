"""What an engine answers, for the tests of what people see."""

import copy
from typing import Any, Final

Said = dict[str, Any]

STATUS: Final[Said] = {
    "account": "paper",
    "mode": "paper",
    "currency": "USD",
    "epoch": 1,
    "phase": "ready",
    "ended": False,
    "now_ns": 1_700_000_000_000_000_000,
    "speed": "10bars/s",
    "bars_total": 2_148,
    "level": "NONE",
    "seq": 1_234,
    "durable_seq": 1_234,
    "money": {
        "equity": "100123.45000000",
        "cash": "90000.00000000",
        "day": "-12.50000000",
        "realised": "150.00000000",
        "unrealised": "0.00000000",
        "fees": "3.21000000",
        "funding": "0.00000000",
        "exposure": "10123.45000000",
    },
    "positions": [],
    "orders": [],
    "latches": [],
    "limits": [
        {"limit": "daily_loss", "trips_at": "98650.00000000", "used": 0.0},
        {"limit": "max_drawdown", "trips_at": "95000.00000000", "used": 0.8},
    ],
    "counts": {
        "bars": 537,
        "trades": 1,
        "submitted": 4,
        "refusals": 2,
        "open_orders": 0,
        "open_positions": 0,
    },
    "traffic": {"connects": 1, "sent": 4, "stopped_at_gate": {}},
    "inbox": {"waiting": 0, "waiting_max": 3},
    "health": {"status": "PASS", "reasons": []},
    "proofs": {"breakers": [{"breaker": "DISK", "proved": True}]},
    "killed": {"set": False, "reason": ""},
    "strategy_failure": None,
}
POSITION: Final[Said] = {
    "symbol": "GOOG",
    "quantity": "12",
    "entry": "418.47",
    "mark": "420.00",
    "unrealised": "18.36000000",
    "stop": "410.00",
    "protected": True,
    "adopted": False,
}
ORDER: Final[Said] = {
    "id": "o-1C7-2",
    "symbol": "GOOG",
    "role": "STOP",
    "kind": "STOP",
    "side": "SELL",
    "state": "WORKING",
    "quantity": "12",
    "filled": "0",
    "price": None,
    "trigger": "410.00",
}
LATCH: Final[Said] = {
    "cause": "SPREAD",
    "scope": "INSTRUMENT",
    "of": "GOOG",
    "level": "PAUSED",
    "since_ns": 1_700_000_000_000_000_000,
    "value": 60,
    "limit": 50,
}


def status(**changes: Any) -> Said:
    """Return an answer in which some things are different."""
    return {**copy.deepcopy(STATUS), **changes}
