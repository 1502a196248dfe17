"""What the gateway is made of, joined: people, the audit, webhooks, the API, the pages."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from fastapi import FastAPI

import interlock
from interlock.app.audit_lines import AuditLines
from interlock.app.following import Follower, Subscriber
from interlock.app.gateway_api import join_api
from interlock.app.gateway_around import Surroundings, Work
from interlock.app.gateway_notify import join_notices
from interlock.app.journal_place import place_of
from interlock.journal.opening import open_store
from interlock.runtime.asking import ask
from interlock.service.api.health import Health, add_health_routes
from interlock.service.api.probe import add_probe_routes
from interlock.service.app import add_description, make_app
from interlock.service.audit import Audit
from interlock.service.database import Database, open_database
from interlock.service.doors import Door, Guard
from interlock.service.front import FrontSettings
from interlock.service.openapi import describe
from interlock.service.people.invitations import offer_first_code
from interlock.service.people.people import People
from interlock.service.people.routes import add_people_routes
from interlock.service.projection import Projection
from interlock.service.web.pages import add_pages
from interlock.service.webhook.joined import Webhook, make_webhook

NOTE_S: Final = 2.0  # to anchor the audit's head in the journal


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joined:
    """The gateway, ready to answer.

    Attributes:
        app: With every route.
        works: What goes on beside it, until it is cancelled.
        hang_up: Ends answers that would never end.
    """

    app: FastAPI
    works: Sequence[Work]
    hang_up: Callable[[], None]


def join(around: Surroundings) -> Joined:
    """Return the application with every route, and what goes on beside it.

    Raises:
        REFUSALS: Something that a person has to look at.
    """
    system = around.configuration.system
    gateway, home = system.gateway, around.home
    front = FrontSettings(
        public_url=gateway.public_url, trusted_proxy=gateway.trusted_proxy, docs=gateway.docs
    )
    app = make_app(front, around.metrics, around.log, around.clock)
    database = open_database(home.gateway_db)
    around.stack.callback(database.close)
    audit = _audit(around, database)
    people = _people(around, database, audit)
    door = _doors(app, people.guard, gateway.public_url)
    add_people_routes(door("people"), people)
    webhook = _webhook(around, database, audit)
    webhook.start(door("webhook"))
    around.stack.callback(webhook.stop)
    notices = join_notices(around, database=database, audit=audit, door=door("alerts"))
    around.heard.append(notices.trouble)
    follower, projection = _follow(around, audit, notices.subscriber)

    def keep(status: Mapping[str, Any]) -> None:
        projection.sample(int(status["now_ns"]), str(status["money"]["equity"]))

    health = Health(
        around.engine,
        around.clock,
        database=database,
        follower=follower.said,
        telegram=notices.telegram,
        on_status=keep,
    )
    add_health_routes(door("health"), health, around.metrics)
    add_probe_routes(door("probe"), around.engine)

    hub = join_api(
        app,
        home=home,
        clock=around.clock,
        engine=around.engine,
        audit=audit,
        people=people,
        on_status=keep,
        alerts=notices.alerts,
        health=health.now,
        public_url=gateway.public_url,
    )
    add_pages(app, people.guard, mode=system.account.mode)
    describe(app)
    if gateway.docs:
        add_description(door("api"), app)
    return Joined(app=app, works=[webhook.run, health.run], hang_up=hub.close)


def _people(around: Surroundings, database: Database, audit: Audit) -> People:
    """Return who may come in; while nobody can, a code for the first person is in the home."""
    people = People(
        database=database,
        audit=audit,
        clock=around.clock,
        settings=around.configuration.system.people,
        first_code=around.home.admin_code,
    )
    around.stack.callback(people.close)
    code = offer_first_code(database, around.clock, around.home.admin_code)
    if code is not None:
        around.tell("first_code", {"path": str(code)})
    return people


def _webhook(around: Surroundings, database: Database, audit: Audit) -> Webhook:
    """Return what takes alerts."""
    system = around.configuration.system
    return make_webhook(
        database=database,
        ask=around.engine.ask,
        secrets=around.home.secrets,
        settings=system.webhook,
        audit=audit,
        clock=around.clock,
        registry=around.metrics.registry,
        is_paper=system.account.mode == "paper",
    )


def _doors(app: FastAPI, guard: Guard, public_url: str) -> Callable[[str], Door]:
    """Return what makes a door of a tag."""
    return lambda tag: Door(app, guard, tag=tag, public_url=public_url)


def _audit(around: Surroundings, database: Database) -> Audit:
    """Return the audit; it runs until everything before it has ended."""

    def note_head(seq: int, head: str) -> None:
        ask(around.home.engine_socket, {"ask": "note_audit", "seq": seq, "head": head}, NOTE_S)

    audit = Audit(
        database,
        around.home.audit_log,
        around.clock,
        note_head=note_head,
        on_trouble=around.trouble("audit"),
    )
    audit.start()
    around.stack.callback(audit.stop)
    _say_when(around, audit)
    return audit


def _say_when(around: Surroundings, audit: Audit) -> None:
    """Write into the audit that the gateway starts, and at its end that it ends."""

    def say(event: str, action: str) -> None:
        audit.record(
            event,
            actor="gateway",
            ip="",
            action=action,
            success=True,
            pid=os.getpid(),
            version=interlock.__version__,
        )

    say("start", "gateway starts")
    around.stack.callback(say, "stop", "gateway ends")


def _follow(around: Surroundings, audit: Audit, notices: Subscriber) -> tuple[Follower, Projection]:
    """Follow the journal: what it says is kept for reading, and what people did is audited."""
    account = around.configuration.system.account.name
    place = place_of(around)
    projection = Projection(around.home.projection_db, around.trouble("projection"))
    around.stack.callback(projection.close)
    follower = Follower(
        partial(open_store, place, account=account, read_only=True),
        [projection, AuditLines(audit), notices],
        around.clock,
        path=None if isinstance(place, str) else place,
        on_trouble=around.trouble("follower"),
    )
    follower.start()
    around.stack.callback(follower.stop)
    return follower, projection
