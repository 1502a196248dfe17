"""The notifications' tables."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004_notifications"
down_revision: Final = "0003_audit"


def upgrade() -> None:
    """Make them."""
    _make_alerts()
    _make_deliveries()
    _make_telegram()
    op.create_table(
        "notified",
        sa.Column("journal", sa.Text),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("noted_ns", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("journal", name="pk_notified"),
        sqlite_strict=True,
    )


def _make_alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("happened_ns", sa.Integer, nullable=False),
        sa.Column("made_ns", sa.Integer, nullable=False),
        sa.Column("last_ns", sa.Integer, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("escalations", sa.Integer, nullable=False),
        sa.Column("escalates_ns", sa.Integer),
        sa.Column("acknowledged_ns", sa.Integer),
        sa.Column("acknowledged_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.CheckConstraint(
            "severity IN ('info', 'warning', 'critical')", name="ck_alerts_severity"
        ),
        sa.CheckConstraint(
            "(acknowledged_ns IS NULL) = (acknowledged_by IS NULL)", name="ck_alerts_acknowledged"
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_alerts_key_last_ns", "alerts", ["key", "last_ns"])
    op.create_index("ix_alerts_escalates_ns", "alerts", ["escalates_ns"])


def _make_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer),
        sa.Column("alert_id", sa.Integer, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("done_ns", sa.Integer),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name="fk_deliveries_alert_id_alerts"),
        sa.CheckConstraint("state IN ('WAITS', 'SENT', 'GONE')", name="ck_deliveries_state"),
        sa.CheckConstraint("(done_ns IS NULL) = (state = 'WAITS')", name="ck_deliveries_done"),
        sqlite_strict=True,
    )
    op.create_index("ix_deliveries_state_channel", "deliveries", ["state", "channel"])
    op.create_index("ix_deliveries_alert_id", "deliveries", ["alert_id"])


def _make_telegram() -> None:
    op.create_table(
        "telegram_updates",
        sa.Column("update_id", sa.Integer),
        sa.Column("taken_ns", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("update_id", name="pk_telegram_updates"),
        sqlite_strict=True,
    )
    op.create_table(
        "telegram_buttons",
        sa.Column("id", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("expires_ns", sa.Integer, nullable=False),
        sa.Column("used_ns", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_telegram_buttons"),
        sqlite_strict=True,
    )
    op.create_index("ix_telegram_buttons_expires_ns", "telegram_buttons", ["expires_ns"])
