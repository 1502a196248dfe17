"""Routes about the audit: looked at, and taken along as a file."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

from fastapi import Request
from fastapi.responses import StreamingResponse

from interlock.service.api.pages import AuditPage, AuditState
from interlock.service.api.parts import AuditBook, Parts, Said
from interlock.service.api.past import CSV, attached
from interlock.service.api.queries import (
    ACTOR,
    BEFORE,
    CORRELATION,
    LIMIT,
    NOTHING,
    WORD,
    Query,
    Text,
    described,
)
from interlock.service.api.sheets import csv_text
from interlock.service.audit_rows import Row, canonical
from interlock.service.doors import Access, Door, actor_of
from interlock.service.front import ids_of
from interlock.service.peers import peer_of
from interlock.service.permissions import Permission

JSON_LINES: Final = "application/x-ndjson"
COLUMNS: Final = (
    *("seq", "timestamp", "event_type", "actor", "ip_address", "action", "success", "reason"),
    *("correlation_id", "details", "hash"),
)
SEES: Final = Access(needs=Permission.SEE_AUDIT)

_WHICH: Final = (
    Text(name="event_type", pattern=WORD, says="Only events of this type."),
    Text(name="actor", pattern=ACTOR, says="Only what this one did."),
    Text(name="correlation", pattern=CORRELATION, says="Only what belongs together by this id."),
)
_PAGE: Final = Query(LIMIT, BEFORE, *_WHICH)
_EXPORT: Final = Query(
    Text(name="format", pattern="csv|jsonl", default="jsonl", says="Which kind of file."),
)
_FILES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "All rows, the oldest first.",
        "content": {kind: {"schema": {"type": "string"}} for kind in (JSON_LINES, CSV)},
    }
}


def add_audit_routes(door: Door, parts: Parts) -> None:
    """Add them."""
    audit = parts.audit

    @door.route(
        "GET", "/api/audit", SEES, response_model=AuditPage, openapi_extra=described(query=_PAGE)
    )
    async def page(request: Request) -> Said:
        """Who did what, the newest first."""
        asked = _PAGE.read(request)
        limit = asked["limit"]
        rows = await asyncio.to_thread(
            audit.rows,
            before=asked["before"] or None,
            limit=limit + 1,
            event_type=asked["event_type"],
            actor=asked["actor"],
            correlation=asked["correlation"],
        )
        shown = rows[:limit]
        more = shown[-1].seq if len(rows) > limit else None
        return {"items": [row.said() for row in shown], "next": more}

    @door.route("GET", "/api/audit/state", SEES, response_model=AuditState)
    async def state(request: Request) -> Said:
        """How long it is. Whether it is what was written says `interlock audit verify`."""
        NOTHING.read(request)
        return await asyncio.to_thread(audit.state)

    @door.route(
        "GET",
        "/api/audit/export",
        SEES,
        response_class=StreamingResponse,
        responses=_FILES,
        openapi_extra=described(query=_EXPORT),
    )
    async def export(request: Request) -> StreamingResponse:
        """All of it as a file; that it was taken is written down first."""
        kind = _EXPORT.read(request)["format"]
        await audit.arecord(
            "export",
            actor=actor_of(request).name,
            ip=peer_of(request).address,
            action=f"export the audit as {kind}",
            success=True,
            correlation=ids_of(request).correlation,
        )
        is_csv = kind == "csv"
        lines = _as_csv(audit) if is_csv else _as_json(audit)
        return attached(lines, CSV if is_csv else JSON_LINES, f"interlock-audit.{kind}")


async def _pages(audit: AuditBook) -> AsyncIterator[list[Row]]:
    seq = 0
    while rows := await asyncio.to_thread(audit.after, seq):
        yield rows
        seq = rows[-1].seq


async def _as_csv(audit: AuditBook) -> AsyncIterator[str]:
    heading = csv_text(COLUMNS, ())
    yield heading
    async for rows in _pages(audit):
        said = [row.said() | {"details": row.details} for row in rows]
        yield csv_text(COLUMNS, said)[len(heading) :]


async def _as_json(audit: AuditBook) -> AsyncIterator[str]:
    async for rows in _pages(audit):
        yield "".join(f"{canonical(row.said())}\n" for row in rows)
