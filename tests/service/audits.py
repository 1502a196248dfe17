"""An audit that remembers what it was told, for tests of whatever writes to one."""

from typing import Any

from sqlalchemy import Connection


class AuditForTests:
    """Everything that ``service.audit.Audit`` takes, kept in two lists."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.denials: list[dict[str, Any]] = []

    def record(self, event_type: str, **fields: Any) -> int:
        self.records.append({"event_type": event_type, **fields})
        return len(self.records)

    async def arecord(self, event_type: str, **fields: Any) -> int:
        return self.record(event_type, **fields)

    def record_in(self, connection: Connection, event_type: str, **fields: Any) -> int:
        del connection
        return self.record(event_type, **fields)

    def deny(self, event_type: str, **fields: Any) -> None:
        self.denials.append({"event_type": event_type, **fields})
