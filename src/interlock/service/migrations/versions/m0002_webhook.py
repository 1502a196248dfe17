"""The webhook's tables."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002_webhook"
down_revision: Final = "0001_people"


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "webhooks",
        sa.Column("number", sa.Integer),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("content_digest", sa.Text, nullable=False),
        sa.Column("named", sa.Text, nullable=False),
        sa.Column("said_ns", sa.Integer),
        sa.Column("received_ns", sa.Integer, nullable=False),
        sa.Column("signal", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("answered_ns", sa.Integer),
        sa.PrimaryKeyConstraint("number", name="pk_webhooks"),
        sa.UniqueConstraint("id", name="uq_webhooks_id"),
        sa.CheckConstraint(
            "(answered_ns IS NULL) = (state = 'RECEIVED')", name="ck_webhooks_answered"
        ),
        sqlite_strict=True,
    )
    op.create_index(
        "ix_webhooks_content_digest_received_ns", "webhooks", ["content_digest", "received_ns"]
    )
    op.create_index("ix_webhooks_state_number", "webhooks", ["state", "number"])
    op.create_index("ix_webhooks_received_ns", "webhooks", ["received_ns"])
    op.create_table(
        "webhook_sequences",
        sa.Column("strategy", sa.Text),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("strategy", name="pk_webhook_sequences"),
        sqlite_strict=True,
    )
