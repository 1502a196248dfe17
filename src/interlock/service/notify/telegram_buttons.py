"""Buttons under messages: each has a random name, works once, and not for ever.

What a button stands for is here and not in Telegram, so that nobody can tap what was never shown.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, insert, select, update

from interlock.runtime.clock import NS_PER_S, Clock
from interlock.service.database import Database
from interlock.service.tables_notifications import telegram_buttons, telegram_updates

APPROVE: Final = "approve"
DENY: Final = "deny"
ACKNOWLEDGE: Final = "acknowledge"
NAME_BYTES: Final = 12  # 96 bits
ACKNOWLEDGE_NS: Final = 7 * 86_400 * NS_PER_S
KEPT_NS: Final = 30 * 86_400 * NS_PER_S  # what was taken is known for so long

_ANSWERS: Final = (APPROVE, DENY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """What a button stands for.

    Attributes:
        action: What it does.
        target: To which approval or alert.
        hash: What an approval is bound to.
    """

    action: str
    target: str
    hash: str


class Buttons:
    """Every button that was shown. It blocks.

    Args:
        database: Keeps them.
        clock: The time.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, action: str, target: str, *, bound_to: str = "", expires_ns: int = 0) -> str:
        """Make a button; return its name."""
        name = secrets.token_urlsafe(NAME_BYTES)
        now_ns = self._clock.now_ns()
        with self._database.begin() as connection:
            connection.execute(
                insert(telegram_buttons).values(
                    id=name,
                    action=action,
                    target=target,
                    hash=bound_to,
                    expires_ns=expires_ns or now_ns + ACKNOWLEDGE_NS,
                )
            )
            connection.execute(
                delete(telegram_buttons).where(telegram_buttons.c.expires_ns < now_ns - KEPT_NS)
            )
        return name

    def look(self, name: str) -> Pressed | str:
        """Return what a button stands for, or why it stands for nothing; it is not taken."""
        table = telegram_buttons
        with self._database.read() as connection:
            row = connection.execute(select(table).where(table.c.id == name)).one_or_none()
        return _pressed(row, self._clock.now_ns())

    def press(self, name: str) -> Pressed | str:
        """Take a button, so that nobody takes it again; or return why it cannot be taken.

        Whoever answers an approval takes every button of it, in whatever chat it was shown.
        """
        table, now_ns = telegram_buttons, self._clock.now_ns()
        with self._database.begin() as connection:
            row = connection.execute(select(table).where(table.c.id == name)).one_or_none()
            found = _pressed(row, now_ns)
            if isinstance(found, str):
                return found
            same = table.c.id == name
            if found.action in _ANSWERS:
                same = table.c.action.in_(_ANSWERS) & (table.c.target == found.target)
            connection.execute(
                update(table).where(same, table.c.used_ns.is_(None)).values(used_ns=now_ns)
            )
        return found

    def release(self, pressed: Pressed) -> None:
        """Give buttons back whose question certainly reached nobody."""
        table = telegram_buttons
        with self._database.begin() as connection:
            connection.execute(
                update(table)
                .where(table.c.target == pressed.target, table.c.hash == pressed.hash)
                .where(table.c.action.in_(_ANSWERS))
                .values(used_ns=None)
            )

    def is_new(self, update_id: int) -> bool:
        """Keep that an update was taken; return whether it never was before."""
        table, now_ns = telegram_updates, self._clock.now_ns()
        with self._database.begin() as connection:
            known = select(table.c.update_id).where(table.c.update_id == update_id)
            if connection.execute(known).one_or_none() is not None:
                return False
            connection.execute(insert(table).values(update_id=update_id, taken_ns=now_ns))
            connection.execute(delete(table).where(table.c.taken_ns < now_ns - KEPT_NS))
        return True


def _pressed(row: Any, now_ns: int) -> Pressed | str:
    if row is None:
        return "this button is not known"
    if row.used_ns is not None:
        return "this was answered already"
    if row.expires_ns <= now_ns:
        return "this has expired"
    return Pressed(action=row.action, target=row.target, hash=row.hash)
