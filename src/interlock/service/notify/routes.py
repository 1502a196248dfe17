"""Routes about alerts: what people were told, and who looks after it."""

from typing import Any, Final

from fastapi import Request
from pydantic import BaseModel

from interlock.service.api.queries import BEFORE, LIMIT, NOTHING, Query, Text, described
from interlock.service.doors import Access, Door, actor_of
from interlock.service.front import ids_of
from interlock.service.notify.acknowledging import Acknowledging
from interlock.service.peers import peer_of
from interlock.service.permissions import Permission
from interlock.service.problems import Problem
from interlock.service.reading import CLOSED, read_json

ID_MAX: Final = 10**15

_PAGE: Final = Query(
    LIMIT,
    BEFORE,
    Text(name="open", pattern="true|false", says="true: only what waits for somebody."),
)


class AcknowledgeAsked(BaseModel):
    """Nothing has to be said."""

    model_config = CLOSED


class AlertDelivery(BaseModel):
    """How far an alert is on its way to one channel."""

    channel: str
    state: str
    attempts: int
    problem: str


class AlertSaid(BaseModel):
    """What people were told."""

    id: int
    severity: str
    title: str
    text: str
    ts: str
    ts_ns: int
    last_ns: int
    count: int
    escalations: int
    acknowledged: bool
    acknowledged_by: str | None
    acknowledged_ns: int | None
    deliveries: list[AlertDelivery]


class AlertPage(BaseModel):
    """Alerts, the newest first."""

    items: list[AlertSaid]
    next: int | None
    open: int


def add_alert_routes(door: Door, acknowledging: Acknowledging) -> None:
    """Add them."""

    @door.route(
        "GET",
        "/api/alerts",
        Access(needs=Permission.SEE_DASHBOARD),
        response_model=AlertPage,
        openapi_extra=described(query=_PAGE),
    )
    async def look(request: Request) -> dict[str, Any]:
        """What people were told, the newest first, and how far it is on its way."""
        asked = _PAGE.read(request)
        is_open = asked["open"] == "true"
        return await acknowledging.page(asked["limit"], asked["before"], is_open=is_open)

    @door.route(
        "POST",
        "/api/alerts/{alert_id}/acknowledge",
        Access(needs=Permission.ACKNOWLEDGE),
        response_model=AlertSaid,
        openapi_extra=described(body=AcknowledgeAsked),
    )
    async def acknowledge(request: Request, alert_id: str) -> dict[str, Any]:
        """Say that somebody looks after an alert: nobody is told of it again."""
        NOTHING.read(request)
        await read_json(request, AcknowledgeAsked)
        found = None
        if alert_id.isascii() and alert_id.isdigit() and int(alert_id[:20]) < ID_MAX:
            found = await acknowledging.acknowledge(
                int(alert_id),
                actor_of(request).name,
                peer_of(request).address,
                ids_of(request).correlation,
            )
        if found is None:
            raise Problem(status=404, code="NO_ALERT", message="there is no alert of this id.")
        return found
