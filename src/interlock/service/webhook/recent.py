"""What people may see of alerts that came in."""

import json
from typing import Any, Final

from sqlalchemy import Row, select

from interlock.service.database import Database
from interlock.service.tables_webhook import webhooks

LIMIT_MAX: Final = 1_000
_SHOWN: Final = (
    "strategy",
    "symbol",
    "side",
    "exit_only",
    "quantity",
    "price",
    "missed",
    "who",
    "correlation",
)


def recent_webhooks(
    database: Database, *, limit: int = 100, before: int | None = None
) -> list[dict[str, Any]]:
    """Return the newest alerts, newest first.

    Args:
        database: The gateway's.
        limit: At most so many.
        before: Only those of a lower number.
    """
    statement = select(webhooks).order_by(webhooks.c.number.desc()).limit(min(limit, LIMIT_MAX))
    if before is not None:
        statement = statement.where(webhooks.c.number < before)
    with database.read() as connection:
        return [_shown(row) for row in connection.execute(statement)]


def webhook_by_id(database: Database, identity: str) -> dict[str, Any] | None:
    """Return one alert; None when there is none of that id."""
    with database.read() as connection:
        row = connection.execute(select(webhooks).where(webhooks.c.id == identity)).first()
    return None if row is None else _shown(row)


def _shown(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    signal = json.loads(row.signal)
    return {
        "number": row.number,
        "id": row.id,
        "named": row.named,
        "received_ns": row.received_ns,
        "answered_ns": row.answered_ns,
        "state": row.state,
        "verdict": None if row.verdict is None else json.loads(row.verdict),
        **{key: signal[key] for key in _SHOWN},
    }
