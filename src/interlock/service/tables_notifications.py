"""The tables of alerts, of what became of each on its way to people, and of Telegram's buttons."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from interlock.service.tables import metadata

alerts: Final = Table(
    "alerts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False),  # the same again has the same
    Column("severity", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON
    Column("happened_ns", Integer, nullable=False),
    Column("made_ns", Integer, nullable=False),
    Column("last_ns", Integer, nullable=False),  # when the same was seen last
    Column("count", Integer, nullable=False),
    Column("escalations", Integer, nullable=False),
    Column("escalates_ns", Integer),  # when it is told again unless acknowledged; nothing: never
    Column("acknowledged_ns", Integer),
    Column("acknowledged_by", Text),
    CheckConstraint("severity IN ('info', 'warning', 'critical')", name="severity"),
    CheckConstraint("(acknowledged_ns IS NULL) = (acknowledged_by IS NULL)", name="acknowledged"),
    Index(None, "key", "last_ns"),
    Index(None, "escalates_ns"),
    sqlite_strict=True,
)

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("alert_id", Integer, ForeignKey("alerts.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("done_ns", Integer),
    Column("reference", Text, nullable=False),  # the message's, at the channel
    Column("problem", Text, nullable=False),  # of the last attempt
    CheckConstraint("state IN ('WAITS', 'SENT', 'GONE')", name="state"),
    CheckConstraint("(done_ns IS NULL) = (state = 'WAITS')", name="done"),
    Index(None, "state", "channel"),
    Index(None, "alert_id"),
    sqlite_strict=True,
)

telegram_updates: Final = Table(
    "telegram_updates",
    metadata,
    Column("update_id", Integer, primary_key=True),
    Column("taken_ns", Integer, nullable=False),
    sqlite_strict=True,
)

telegram_buttons: Final = Table(
    "telegram_buttons",
    metadata,
    Column("id", Text, primary_key=True),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),  # an approval's id, or an alert's
    Column("hash", Text, nullable=False),  # what an approval is bound to
    Column("expires_ns", Integer, nullable=False),
    Column("used_ns", Integer),
    Index(None, "expires_ns"),
    sqlite_strict=True,
)

notified: Final = Table(
    "notified",
    metadata,
    Column("journal", Text, primary_key=True),  # up to where this journal was looked through
    Column("seq", Integer, nullable=False),
    Column("noted_ns", Integer, nullable=False),  # when somebody last looked
    sqlite_strict=True,
)
