"""The tables of people, sessions, service tokens and what waits for a second person."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001_people"
down_revision: Final = None


def upgrade() -> None:
    """Make them."""
    _people()
    _sessions()
    _others()


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.Integer),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("totp_secret", sa.Text),
        sa.Column("totp_step", sa.Integer, nullable=False),
        sa.Column("disabled", sa.Integer, nullable=False),
        sa.Column("made_ns", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
        sa.CheckConstraint("disabled IN (0, 1)", name="ck_users_disabled"),
        sa.CheckConstraint(
            "(password_hash IS NULL) = (totp_secret IS NULL)", name="ck_users_enrolled"
        ),
        sqlite_strict=True,
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_digest", sa.Text),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("used_ns", sa.Integer),
        sa.PrimaryKeyConstraint("code_digest", name="pk_recovery_codes"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], "fk_recovery_codes_user_id_users"),
        sqlite_strict=True,
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.create_table(
        "enrolments",
        sa.Column("code_digest", sa.Text),
        sa.Column("user_id", sa.Integer),
        sa.Column("expires_ns", sa.Integer, nullable=False),
        sa.Column("used_ns", sa.Integer),
        sa.Column("handle_digest", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("password_hash", sa.Text),
        sa.Column("totp_secret", sa.Text),
        sa.PrimaryKeyConstraint("code_digest", name="pk_enrolments"),
        sa.UniqueConstraint("handle_digest", name="uq_enrolments_handle_digest"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], "fk_enrolments_user_id_users"),
        sqlite_strict=True,
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text),
        sa.Column("token_digest", sa.Text, nullable=False),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("made_ns", sa.Integer, nullable=False),
        sa.Column("seen_ns", sa.Integer, nullable=False),
        sa.Column("step_up_ns", sa.Integer),
        sa.Column("wrong_codes", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("token_digest", name="uq_sessions_token_digest"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], "fk_sessions_user_id_users"),
        sqlite_strict=True,
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "devices",
        sa.Column("token_digest", sa.Text),
        sa.Column("user_id", sa.Integer, nullable=False),
        sa.Column("made_ns", sa.Integer, nullable=False),
        sa.Column("expires_ns", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("token_digest", name="pk_devices"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], "fk_devices_user_id_users"),
        sqlite_strict=True,
    )
    op.create_index("ix_devices_user_id", "devices", ["user_id"])


def _others() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("token_digest", sa.Text, nullable=False),
        sa.Column("permissions", sa.Text, nullable=False),
        sa.Column("made_ns", sa.Integer, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("expires_ns", sa.Integer, nullable=False),
        sa.Column("revoked_ns", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("name", name="uq_tokens_name"),
        sa.UniqueConstraint("token_digest", name="uq_tokens_token_digest"),
        sqlite_strict=True,
    )
    op.create_table(
        "requests",
        sa.Column("id", sa.Text),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("permission", sa.Text, nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("requester", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_ns", sa.Integer, nullable=False),
        sa.Column("expires_ns", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("decided_ns", sa.Integer),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.CheckConstraint(
            "requester <> decided_by OR state = 'WITHDRAWN'", name="ck_requests_two_people"
        ),
        sqlite_strict=True,
    )
    op.create_index("ix_requests_state", "requests", ["state"])
