"""The JSON API: what is, what happened, and what people may change."""

from fastapi import FastAPI

from interlock.service.api.acts import Acts, add_act_routes
from interlock.service.api.audited import add_audit_routes
from interlock.service.api.backtests import add_backtest_routes
from interlock.service.api.events import Hub, add_event_routes, make_hub
from interlock.service.api.explaining import add_explain_routes
from interlock.service.api.killing import Killing, add_kill_routes
from interlock.service.api.parts import Parts
from interlock.service.api.past import add_past_routes
from interlock.service.api.present import Present, add_present_routes
from interlock.service.api.status import Statuses
from interlock.service.doors import Door, Guard

__all__ = ["Hub", "Parts", "add_api"]


def add_api(app: FastAPI, guard: Guard, parts: Parts, *, public_url: str = "") -> Hub:
    """Add every route of the API; return what has to be closed when the gateway ends."""
    statuses = Statuses(parts.engine, parts.clock, parts.on_status)
    present = Present(parts, statuses)
    hub = make_hub(parts, present)

    def door(tag: str) -> Door:
        return Door(app, guard, tag=tag, public_url=public_url)

    add_present_routes(door("present"), present)
    add_past_routes(door("past"), parts)
    add_kill_routes(door("acts"), parts, Killing(parts.roads, parts.engine, statuses))
    add_act_routes(door("acts"), Acts(parts, statuses))
    add_audit_routes(door("audit"), parts)
    add_explain_routes(door("research"), parts)
    add_backtest_routes(door("research"), parts)
    add_event_routes(door("present"), parts, hub)
    return hub
