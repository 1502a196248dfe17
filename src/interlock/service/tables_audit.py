"""The tables of the audit: rows in a hash chain, and where the chain begins after retention."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text

from interlock.service.tables import metadata

audit: Final = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("ts_ns", Integer, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("ip_address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("success", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("details", Text, nullable=False),  # canonical JSON, an object
    Column("hash", Text, nullable=False),  # SHA-256 over all of the above and the row before
    CheckConstraint("success IN (0, 1)", name="success"),
    Index(None, "event_type"),
    Index(None, "correlation_id"),
    sqlite_strict=True,
)

audit_pruned: Final = Table(
    "audit_pruned",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", Integer, nullable=False),  # the last row that was dropped
    Column("hash", Text, nullable=False),  # its own: what the first row that is left follows
    Column("ts_ns", Integer, nullable=False),
    CheckConstraint("id = 1", name="one"),
    sqlite_strict=True,
)
