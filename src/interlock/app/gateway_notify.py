"""Notifications in the gateway, joined: the journal's end, the roads of a kill, the channels."""

from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

from interlock.app.gateway_around import Surroundings
from interlock.app.journal_place import place_of
from interlock.app.kill_roads import LatchRoad
from interlock.config.system import SystemConfig
from interlock.journal.errors import JournalError
from interlock.journal.opening import open_store
from interlock.journal.rows import RowKind
from interlock.runtime.entries import said_by
from interlock.service.api.killing import Killing
from interlock.service.api.status import Statuses
from interlock.service.audit import Audit
from interlock.service.database import Database
from interlock.service.doors import Door
from interlock.service.engine_client import EngineClient
from interlock.service.notify.joined import Engine, Notifications, NotifyParts
from interlock.service.notify.outfit import NotifyRules, read_outfit
from interlock.service.notify.routes import add_alert_routes

FIRST_ROWS: Final = 50  # of a journal, in which its first start is


def join_notices(
    around: Surroundings, *, database: Database, audit: Audit, door: Door
) -> Notifications:
    """Return what tells people; it runs until everything before it has ended.

    Raises:
        PolicyError: A file of secrets or an address in it may not be used.
    """
    home, clock = around.home, around.clock
    outfit = read_outfit(home.secrets, rules_of(around.configuration.system), clock)
    road = LatchRoad(home, clock)

    def kill_over(engine: Engine) -> Killing:
        return Killing(road, engine, Statuses(engine, clock))

    notices = Notifications(
        NotifyParts(
            outfit=outfit,
            database=database,
            audit=audit,
            clock=clock,
            engine=lambda: EngineClient(home.engine_socket, clock),
            kill=kill_over,
            latch=road.look,
            incidents=home.incidents,
            ends=ends_of(place_of(around), around.configuration.system.account.name),
            metrics=around.metrics,
            on_trouble=around.trouble("notifier"),
        )
    )
    add_alert_routes(door, notices.acknowledging)
    notices.start()
    around.stack.callback(notices.stop)
    return notices


def rules_of(system: SystemConfig) -> NotifyRules:
    """Return what people wrote about being told."""
    return NotifyRules(notify=system.notify, telegram=system.telegram, mail=system.mail)


def ends_of(place: str | Path, account: str) -> Callable[[], tuple[int, int]]:
    """Return what returns a journal's last record, and when its first engine started."""

    def ends() -> tuple[int, int]:
        with closing(open_store(place, account=account, read_only=True)) as store:
            head = store.head().seq
            with closing(store.read()) as rows:
                for row in islice(rows, FIRST_ROWS):
                    if row.entry.kind is not RowKind.NOTE:
                        continue
                    said: dict[str, Any] = said_by(row.entry)
                    if said.get("what") == "start":
                        return head, int(said.get("wall_ns") or 0)
        if not head:
            raise JournalError(f"journal {store.name} is empty: its engine has not begun.")
        return head, 0

    return ends
