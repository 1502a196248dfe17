"""The tables of people, sessions, service tokens and what waits for a second person."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text

from interlock.service.tables import metadata

users: Final = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text),  # nothing until they have enrolled
    Column("totp_secret", Text),  # as password_hash
    Column("totp_step", Integer, nullable=False),  # the last one that was used, or -1
    Column("disabled", Integer, nullable=False),
    Column("made_ns", Integer, nullable=False),
    CheckConstraint("disabled IN (0, 1)", name="disabled"),
    CheckConstraint("(password_hash IS NULL) = (totp_secret IS NULL)", name="enrolled"),
    sqlite_strict=True,
)

recovery_codes: Final = Table(
    "recovery_codes",
    metadata,
    Column("code_digest", Text, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False),
    Column("used_ns", Integer),
    Index(None, "user_id"),
    sqlite_strict=True,
)

enrolments: Final = Table(
    "enrolments",
    metadata,
    Column("code_digest", Text, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id")),  # nothing: of the first admin
    Column("expires_ns", Integer, nullable=False),
    Column("used_ns", Integer),
    Column("handle_digest", Text, unique=True),  # of whoever began with the code, the last to do so
    Column("name", Text),  # of the first admin, once they said it
    Column("password_hash", Text),
    Column("totp_secret", Text),
    sqlite_strict=True,
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_digest", Text, nullable=False, unique=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False),
    Column("made_ns", Integer, nullable=False),
    Column("seen_ns", Integer, nullable=False),
    Column("step_up_ns", Integer),
    Column("wrong_codes", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Index(None, "user_id"),
    sqlite_strict=True,
)

devices: Final = Table(
    "devices",
    metadata,
    Column("token_digest", Text, primary_key=True),
    Column("user_id", Integer, ForeignKey("users.id"), nullable=False),
    Column("made_ns", Integer, nullable=False),
    Column("expires_ns", Integer, nullable=False),
    Index(None, "user_id"),
    sqlite_strict=True,
)

tokens: Final = Table(
    "tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("token_digest", Text, nullable=False, unique=True),
    Column("permissions", Text, nullable=False),  # their words, with spaces between
    Column("made_ns", Integer, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("expires_ns", Integer, nullable=False),
    Column("revoked_ns", Integer),
    sqlite_strict=True,
)

requests: Final = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("action", Text, nullable=False),
    Column("permission", Text, nullable=False),
    Column("parameters", Text, nullable=False),  # JSON
    Column("requester", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_ns", Integer, nullable=False),
    Column("expires_ns", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_ns", Integer),
    Column("outcome", Text, nullable=False),
    CheckConstraint("requester <> decided_by OR state = 'WITHDRAWN'", name="two_people"),
    Index(None, "state"),
    sqlite_strict=True,
)
