"""The tables of alerts that came in: what was accepted, what became of it, and who counts how."""

from typing import Final

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text

from interlock.service.tables import metadata

webhooks: Final = Table(
    "webhooks",
    metadata,
    Column("number", Integer, primary_key=True),  # in the order in which they came
    Column("id", Text, nullable=False, unique=True),  # the same alert has the same
    Column("content_digest", Text, nullable=False),  # of what it says, without name and time
    Column("named", Text, nullable=False),  # the sender's own id; "" without one
    Column("said_ns", Integer),  # the sender's own time
    Column("received_ns", Integer, nullable=False),
    Column("signal", Text, nullable=False),  # JSON, as the engine is asked
    Column("state", Text, nullable=False),
    Column("verdict", Text),  # JSON, as the engine answered
    Column("answered_ns", Integer),
    CheckConstraint("(answered_ns IS NULL) = (state = 'RECEIVED')", name="answered"),
    Index(None, "content_digest", "received_ns"),
    Index(None, "state", "number"),
    Index(None, "received_ns"),
    sqlite_strict=True,
)

webhook_sequences: Final = Table(
    "webhook_sequences",
    metadata,
    Column("strategy", Text, primary_key=True),
    Column("sequence", Integer, nullable=False),  # of its last alert
    sqlite_strict=True,
)
