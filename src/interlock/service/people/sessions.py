"""Sessions: who is signed in. A browser holds a secret, this side everything else."""

import threading
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from interlock.config.people import PeopleSettings
from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.people.codes import digest, new_id, new_token
from interlock.service.people.users import Person, person_of
from interlock.service.permissions import GRANTS, Actor
from interlock.service.tables_people import sessions, users

SESSIONS_MAX: Final = 10  # of one person; the oldest ends when another begins
WRONG_CODES_MAX: Final = 5  # wrong codes of the second factor, and the session ends
_NS_PER_MINUTE: Final = 60 * NS_PER_S
_STORED_NS: Final = 60 * NS_PER_S  # how far what is stored of the last use may lag behind
_SECRET: Final = "session"  # noqa: S105 - the word that digests of these are made with


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Somebody who is signed in.

    Attributes:
        id: A name of the session; no secret.
        person: Whose it is, as they are at this moment.
        made_ns: When they signed in.
        seen_ns: When they last did something.
        step_up_ns: When they last showed a second factor again; None since they signed in.
        source: The address that they signed in from.
        stored_ns: What is on the disk of ``seen_ns``.
    """

    id: str
    person: Person
    made_ns: int
    seen_ns: int
    step_up_ns: int | None
    source: str
    stored_ns: int


class Sessions:
    """All of them. May be used by many threads.

    Args:
        database: Has them.
        clock: Says when one has ended.
        settings: How long one holds.
    """

    def __init__(self, database: Database, clock: Clock, settings: PeopleSettings) -> None:
        self._database = database
        self._clock = clock
        self._idle_ns = settings.idle_minutes * _NS_PER_MINUTE
        self._whole_ns = settings.session_hours * 60 * _NS_PER_MINUTE
        self._step_up_ns = settings.step_up_minutes * _NS_PER_MINUTE
        self._lock = threading.Lock()
        self._seen: dict[str, int] = {}  # by id: later than what is stored, by up to a minute

    def open_in(self, connection: Connection, user_id: int, source: str) -> tuple[str, str]:
        """Begin a session; return its secret, for the cookie, and its id."""
        token, name, now_ns = new_token(), new_id(), self._clock.now_ns()
        connection.execute(delete(sessions).where(self._ended(now_ns)))
        with self._lock:
            first_ns = now_ns - self._idle_ns
            self._seen = {one: seen for one, seen in self._seen.items() if seen > first_ns}
        mine = select(sessions.c.id).where(sessions.c.user_id == user_id)
        # Negative: all rows but the newest, in SQLite's words.
        old = mine.order_by(sessions.c.made_ns.desc()).limit(-1).offset(SESSIONS_MAX - 1)
        connection.execute(delete(sessions).where(sessions.c.id.in_(old)))
        connection.execute(
            insert(sessions).values(
                id=name,
                token_digest=digest(_SECRET, token),
                user_id=user_id,
                made_ns=now_ns,
                seen_ns=now_ns,
                wrong_codes=0,
                source=source,
            )
        )
        return token, name

    def find(self, token: str, *, is_used: bool) -> Session | None:
        """Return the session that a cookie is the secret of; None when there is none (any more).

        Args:
            token: The cookie's value.
            is_used: Whether a person did something, which keeps the session from ending.
        """
        found = self._find(sessions.c.token_digest == digest(_SECRET, token))
        if found is not None and is_used:
            self._use(found)
        return found

    def by_id(self, name: str) -> Session | None:
        """Return a session that has not ended."""
        return self._find(sessions.c.id == name)

    def all(self) -> list[Session]:
        """Return every session that has not ended; the newest first."""
        with self._database.read() as connection:
            rows = connection.execute(_joined().order_by(sessions.c.made_ns.desc())).all()
        found = (self._living(row) for row in rows)
        return [one for one in found if one is not None]

    def actor(self, session: Session) -> Actor:
        """Return who somebody is, at this moment, to the routes."""
        return Actor(
            name=f"user:{session.person.name}",
            permissions=GRANTS[session.person.role],
            role=session.person.role,
            session=session.id,
            stepped_up=self.stepped_up_until_ns(session) is not None,
        )

    def stepped_up_until_ns(self, session: Session) -> int | None:
        """Return until when dangerous acts are open to somebody; None when they are not."""
        if session.step_up_ns is None:
            return None
        since_ns = self._clock.now_ns() - session.step_up_ns
        return session.step_up_ns + self._step_up_ns if 0 <= since_ns < self._step_up_ns else None

    def ends_ns(self, session: Session) -> tuple[int, int]:
        """Return when a session ends if nobody uses it, and when it ends anyway."""
        return session.seen_ns + self._idle_ns, session.made_ns + self._whole_ns

    def step_up_in(self, connection: Connection, name: str) -> str | None:
        """Note a fresh second factor; return the session's new secret, None when it has ended."""
        token = new_token()
        changed = connection.execute(
            update(sessions)
            .where(sessions.c.id == name)
            .values(
                token_digest=digest(_SECRET, token),
                step_up_ns=self._clock.now_ns(),
                wrong_codes=0,
            )
        )
        return token if changed.rowcount == 1 else None

    def wrong_code_in(self, connection: Connection, name: str) -> bool:
        """Count a wrong second factor; return whether it was the last and the session has ended."""
        counted = connection.execute(
            update(sessions)
            .where(sessions.c.id == name)
            .values(wrong_codes=sessions.c.wrong_codes + 1)
            .returning(sessions.c.wrong_codes)
        ).scalar_one_or_none()
        if counted is None or counted < WRONG_CODES_MAX:
            return False
        return end_in(connection, name)

    def _find(self, condition: ColumnElement[bool]) -> Session | None:
        with self._database.read() as connection:
            row = connection.execute(_joined().where(condition)).one_or_none()
        return None if row is None else self._living(row)

    def _living(self, row: Row[tuple[object, ...]]) -> Session | None:
        """Return the session of a row, unless it has ended."""
        person, now_ns = person_of(row), self._clock.now_ns()
        with self._lock:
            seen_ns = max(row.seen_ns, self._seen.get(row.session_id, 0))
        if not person.may_sign_in:
            return None
        if now_ns - seen_ns >= self._idle_ns or now_ns - row.session_made_ns >= self._whole_ns:
            return None
        return Session(
            id=row.session_id,
            person=person,
            made_ns=row.session_made_ns,
            seen_ns=seen_ns,
            step_up_ns=row.step_up_ns,
            source=row.source,
            stored_ns=row.seen_ns,
        )

    def _use(self, session: Session) -> None:
        """Note that a session is used: in memory at once, on the disk once a minute."""
        now_ns = self._clock.now_ns()
        with self._lock:
            self._seen[session.id] = max(now_ns, self._seen.get(session.id, 0))
        if now_ns - session.stored_ns < _STORED_NS:
            return
        with self._database.begin() as connection:
            connection.execute(
                update(sessions).where(sessions.c.id == session.id).values(seen_ns=now_ns)
            )

    def _ended(self, now_ns: int) -> ColumnElement[bool]:
        """Return what is true of sessions that ended by themselves, some a minute ago."""
        idle = sessions.c.seen_ns <= now_ns - self._idle_ns - _STORED_NS
        return idle | (sessions.c.made_ns <= now_ns - self._whole_ns)


def _joined() -> Any:
    return select(
        users,
        sessions.c.id.label("session_id"),
        sessions.c.made_ns.label("session_made_ns"),
        sessions.c.seen_ns,
        sessions.c.step_up_ns,
        sessions.c.source,
    ).join_from(sessions, users)


def end_in(connection: Connection, name: str) -> bool:
    """End a session; return whether there was one."""
    return connection.execute(delete(sessions).where(sessions.c.id == name)).rowcount == 1


def end_all_in(connection: Connection, user_id: int | None = None, besides: str = "") -> int:
    """End every session, or somebody's, but for one perhaps; return how many there were."""
    condition = sessions.c.id != besides
    if user_id is not None:
        condition &= sessions.c.user_id == user_id
    return connection.execute(delete(sessions).where(condition)).rowcount
