"""The API's parts, joined: the roads of a kill, who explains, where the backtests are."""

from typing import Final

from fastapi import FastAPI

from interlock.app.explaining import JournalExplainer
from interlock.app.kill_roads import LatchRoad
from interlock.config.home import Home
from interlock.runtime.clock import Clock
from interlock.service.api import Hub, Parts, add_api
from interlock.service.api.parts import Alerts, Engine, OnStatus
from interlock.service.audit import Audit
from interlock.service.people.people import People
from interlock.service.projection_reads import ProjectionReads

BACKTESTS: Final = "backtests"  # as app.backtests, which takes the whole kernel with it


def join_api(
    app: FastAPI,
    *,
    home: Home,
    clock: Clock,
    engine: Engine,
    audit: Audit,
    people: People,
    on_status: OnStatus | None = None,
    alerts: Alerts | None = None,
    health: Alerts | None = None,
    public_url: str = "",
) -> Hub:
    """Add the routes of the API; return what has to be closed before the server can end.

    Args:
        app: They become its routes.
        home: Where everything is.
        clock: The time.
        engine: The way to the engine.
        audit: Where everything is written down.
        people: Who is who.
        on_status: Told what the engine says whenever it was asked; None is nobody.
        alerts: What people have to be told, for open dashboards; None when nobody tells.
        health: How everything is, likewise.
        public_url: Where pages of ours come from besides this machine; "" is nowhere.
    """
    parts = Parts(
        engine=engine,
        projection=ProjectionReads(home.projection_db),
        audit=audit,
        people=people,
        roads=LatchRoad(home, clock),
        explain=JournalExplainer(home.root),
        backtests=home.root / BACKTESTS,
        clock=clock,
        on_status=on_status,
        alerts=alerts,
        health=health,
    )
    return add_api(app, people.guard, parts, public_url=public_url)
