"""The audit's tables."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003_audit"
down_revision: Final = "0002_webhook"


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer),
        sa.Column("ts_ns", sa.Integer, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("ip_address", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("success", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("correlation_id", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
        sa.CheckConstraint("success IN (0, 1)", name="ck_audit_success"),
        sqlite_strict=True,
    )
    op.create_index("ix_audit_event_type", "audit", ["event_type"])
    op.create_index("ix_audit_correlation_id", "audit", ["correlation_id"])
    op.create_table(
        "audit_pruned",
        sa.Column("id", sa.Integer),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("ts_ns", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_pruned"),
        sa.CheckConstraint("id = 1", name="ck_audit_pruned_one"),
        sqlite_strict=True,
    )
