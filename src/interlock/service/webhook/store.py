"""Alerts in ``gateway.db``: found again, numbered and counted, in somebody's transaction."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from interlock.service.tables_webhook import webhook_sequences, webhooks
from interlock.service.webhook.arrivals import RECEIVED, Arrival, Kept, Stored, signal_text

_COLUMNS: Final = (webhooks.c.number, webhooks.c.id, webhooks.c.signal, webhooks.c.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the engine said of an alert.

    Attributes:
        number: Of the alert.
        state: What became of it.
        content: The answer, for people and programs.
        answered_ns: When it came.
    """

    number: int
    state: str
    content: dict[str, Any]
    answered_ns: int


def last_number(connection: Connection) -> int:
    """Return the highest number that was given; 0 when none was."""
    return connection.execute(select(func.max(webhooks.c.number))).scalar_one() or 0


def keep(
    connection: Connection, arrivals: Sequence[Arrival], *, number: int, same_ns: int
) -> list[Kept]:
    """Keep alerts in the order in which they came, each once.

    Args:
        connection: Of a transaction that the caller commits.
        arrivals: Some hundreds at most.
        number: The last that was given.
        same_ns: How close together nameless equal ones are one.

    Returns:
        What became of each.
    """
    numbered = list(enumerate(arrivals, start=number + 1))
    known = _by_id(connection, {one.name(at) for at, one in numbered})
    nameless = [one for one in arrivals if one.is_nameless]
    recent = _by_content(connection, nameless, same_ns)
    counting = {one.strategy for one in arrivals if one.alert.sequence is not None}
    last = _sequences(connection, counting)
    counted = dict(last)
    rows: list[dict[str, Any]] = []
    kept: list[Kept] = []
    for at, one in numbered:
        before = known.get(one.name(at))
        if before is None and one.is_nameless:
            then_ns, before = recent.get(one.content_digest, (0, None))
            if before is not None and one.received_ns - then_ns > same_ns:
                before = None
        if before is None:
            stored = _new(one, at, counted)
            known[stored.id] = stored
            if one.is_nameless:
                recent[one.content_digest] = one.received_ns, stored
            rows.append(_row(one, stored))
            kept.append(Kept(stored=stored, is_new=True))
        else:
            other = one.alert.id is not None and before.gist != _gist(one)
            kept.append(Kept(stored=before, is_new=False, is_other=other))
    if rows:
        connection.execute(insert(webhooks), rows)
    _count(connection, {name: at for name, at in counted.items() if last.get(name) != at})
    return kept


def _gist(one: Arrival) -> tuple[Any, ...]:
    return Stored(number=0, id="", signal=one.signal(0, None)).gist


def _new(one: Arrival, number: int, counted: dict[str, int]) -> Stored:
    """Return an alert that came for the first time; ``counted`` goes on with its number."""
    missed = None
    sequence = one.alert.sequence
    if sequence is not None:
        missed = _missed(one.strategy, counted.get(one.strategy), sequence)
        counted[one.strategy] = sequence
    signal = one.signal(number, missed)
    return Stored(number=number, id=signal["id"], signal=signal)


def _missed(strategy: str, last: int | None, sequence: int) -> str | None:
    """Return why alerts of a strategy seem to be missing; None when none does."""
    if last is None or sequence == last + 1:
        return None
    if sequence > last + 1:
        gap = f"{last + 1}" if sequence == last + 2 else f"{last + 1} to {sequence - 1}"
        return f"alerts of strategy {strategy} must come in sequence: {gap} never came."
    return (
        f"alerts of strategy {strategy} must come in sequence: after {last} came {sequence}, which "
        "is late or another counting."
    )


def _row(one: Arrival, stored: Stored) -> dict[str, Any]:
    return {
        "number": stored.number,
        "id": stored.id,
        "content_digest": one.content_digest,
        "named": one.alert.id or "",
        "said_ns": one.alert.time_ns,
        "received_ns": one.received_ns,
        "signal": signal_text(stored.signal),
        "state": stored.state,
    }


def _stored(row: Row[*tuple[Any, ...]]) -> Stored:
    return Stored(number=row.number, id=row.id, signal=json.loads(row.signal), state=row.state)


def _by_id(connection: Connection, ids: set[str]) -> dict[str, Stored]:
    if not ids:
        return {}
    rows = connection.execute(select(*_COLUMNS).where(webhooks.c.id.in_(ids)))
    return {row.id: _stored(row) for row in rows}


def _by_content(
    connection: Connection, arrivals: Sequence[Arrival], same_ns: int
) -> dict[str, tuple[int, Stored]]:
    """Return the newest nameless alert of each content that may still be the same."""
    if not arrivals:
        return {}
    since_ns = min(one.received_ns for one in arrivals) - same_ns
    digests = {one.content_digest for one in arrivals}
    rows = connection.execute(
        select(*_COLUMNS, webhooks.c.content_digest, webhooks.c.received_ns)
        .where(
            webhooks.c.content_digest.in_(digests),
            webhooks.c.received_ns >= since_ns,
            webhooks.c.named == "",
            webhooks.c.said_ns.is_(None),
        )
        .order_by(webhooks.c.number)
    )
    return {row.content_digest: (row.received_ns, _stored(row)) for row in rows}


def _sequences(connection: Connection, strategies: set[str]) -> dict[str, int]:
    if not strategies:
        return {}
    table = webhook_sequences
    rows = connection.execute(select(table).where(table.c.strategy.in_(strategies)))
    return {row.strategy: row.sequence for row in rows}


def _count(connection: Connection, sequences: dict[str, int]) -> None:
    if sequences:
        statement = insert_or(webhook_sequences)
        statement = statement.on_conflict_do_update(
            index_elements=["strategy"], set_={"sequence": statement.excluded.sequence}
        )
        rows = [{"strategy": name, "sequence": at} for name, at in sequences.items()]
        connection.execute(statement, rows)


def note_verdicts(connection: Connection, verdicts: Iterable[Verdict]) -> None:
    """Keep what the engine said."""
    rows = [
        {
            "its_number": one.number,
            "state": one.state,
            "verdict": json.dumps(one.content, sort_keys=True, separators=(",", ":")),
            "answered_ns": one.answered_ns,
        }
        for one in verdicts
    ]
    if rows:
        statement = update(webhooks).where(webhooks.c.number == bindparam("its_number"))
        connection.execute(statement, rows)


def unanswered(connection: Connection, *, after: int, limit: int) -> list[Stored]:
    """Return the first alerts behind a number of which the engine has said nothing."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(webhooks.c.state == RECEIVED, webhooks.c.number > after)
        .order_by(webhooks.c.number)
        .limit(limit)
    )
    return [_stored(row) for row in rows]


def count_unanswered(connection: Connection) -> int:
    """Return of how many alerts the engine has said nothing."""
    statement = select(func.count()).where(webhooks.c.state == RECEIVED)
    return connection.execute(statement).scalar_one()


def prune(connection: Connection, *, before_ns: int) -> None:
    """Forget answered alerts that nobody will send again."""
    connection.execute(
        delete(webhooks).where(webhooks.c.received_ns < before_ns, webhooks.c.state != RECEIVED)
    )
