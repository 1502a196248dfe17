"""Who did something, from where, in which matter: what every change here is audited with."""

from dataclasses import dataclass
from typing import Any, Protocol

from fastapi import Request
from sqlalchemy import Connection

from interlock.service.front import ids_of
from interlock.service.peers import peer_of
from interlock.service.permissions import Actor

NOBODY = Actor(name="nobody", permissions=frozenset())
UNKNOWN = "unknown"  # as audits name whoever is not known; what they typed is not repeated


class Auditor(Protocol):
    """Writes down what happened, in the caller's own transaction; or what was refused, soon."""

    def record_in(
        self,
        connection: Connection,
        event_type: str,
        *,
        actor: str,
        ip: str,
        action: str,
        success: bool,
        reason: str = "",
        correlation: str = "",
        **details: Any,
    ) -> int:
        """Write a row that is there if, and only if, the transaction is."""

    def deny(
        self,
        event_type: str,
        *,
        actor: str,
        ip: str,
        action: str,
        reason: str,
        correlation: str = "",
    ) -> None:
        """Note a refusal without waiting for a disk; many alike become one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Who does something.

    Attributes:
        actor: As audits name them.
        ip: Their address.
        correlation: Of the request.
    """

    actor: str
    ip: str
    correlation: str = ""


def who_of(request: Request, actor: Actor) -> Who:
    """Return who does something, of a request and whom the guard found."""
    return Who(
        actor=actor.name, ip=peer_of(request).address, correlation=ids_of(request).correlation
    )


def person_name(actor: str) -> str:
    """Return the name in gateway.db of an actor, "" when it is no person.

    A person is the same one whether they come through the browser or through Telegram.

    >>> person_name("user:alice"), person_name("telegram:alice"), person_name("token:alice")
    ('alice', 'alice', '')
    """
    kind, _, name = actor.partition(":")
    return name if kind in {"user", "telegram"} else ""
