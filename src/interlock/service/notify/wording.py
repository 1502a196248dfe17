"""Alerts as messages: one by one while there are few, in short while there are many."""

from collections.abc import Sequence
from typing import Final

from interlock.runtime.moments import rfc3339
from interlock.service.notify.alert import SEVERITIES, Message, cut
from interlock.service.notify.spool import Waiting

ALONE_MAX: Final = 3  # more than so many at once are told in short
CRITICAL_ALONE_MAX: Final = 8  # of critical ones
LINES_MAX: Final = 30  # of what is told in short
LINE_MAX: Final = 110  # characters
TEXT_MAX: Final = 3_900  # characters; Telegram takes 4096
_SECONDS: Final = 19


def messages_of(waiting: Sequence[Waiting], dropped: int = 0) -> list[tuple[list[int], Message]]:
    """Return what is sent, each with the deliveries that it is.

    What somebody is waited for comes alone, unless there is a flood of it.

    Args:
        waiting: What matters most first.
        dropped: How many others made room for these.
    """
    alone = [one for one in waiting if one.severity == "critical"][:CRITICAL_ALONE_MAX]
    alone += [one for one in waiting if "approval" in one.details and one not in alone]
    chosen = {one.delivery for one in alone}
    others = [one for one in waiting if one.delivery not in chosen]
    if len(others) <= ALONE_MAX and not dropped:
        alone, others = [*alone, *others], []
    found = [([one.delivery], _alone(one)) for one in alone]
    if others or dropped:
        found.append(([one.delivery for one in others], _in_short(others, dropped)))
    return found


def _alone(one: Waiting) -> Message:
    subject = f"[{one.severity.upper()}] {one.title}"
    lines = [subject, one.text]
    if one.escalations:
        since = _moment(one.made_ns)
        lines.insert(0, f"Nobody acknowledged this since {since} ({one.escalations}):")
    if one.count > 1:
        lines.append(f"It came {one.count} times.")
    lines.append(f"{_moment(one.happened_ns)} - alert {one.alert_id}")
    return Message(
        ids=(one.alert_id,),
        severity=one.severity,
        subject=subject,
        text=cut("\n".join(line for line in lines if line), TEXT_MAX),
        details=one.details,
        may_acknowledge=one.is_open,
    )


def _in_short(others: Sequence[Waiting], dropped: int) -> Message:
    severities = [one.severity for one in others] or ["info"]
    severity = max(severities, key=SEVERITIES.index)
    subject = f"[{severity.upper()}] {len(others)} alerts"
    lines = [subject]
    lines += [
        cut(f"{one.alert_id}: {one.title}{_times(one.count)}", LINE_MAX)
        for one in others[:LINES_MAX]
    ]
    if len(others) > LINES_MAX:
        last = others[-1].alert_id
        lines.append(f"and {len(others) - LINES_MAX} more, up to alert {last}")
    if dropped:
        lines.append(f"{dropped} others were left out: too much waited.")
    return Message(
        ids=tuple(one.alert_id for one in others),
        severity=severity,
        subject=subject,
        text=cut("\n".join(lines), TEXT_MAX),
    )


def _times(count: int) -> str:
    return f" ({count} times)" if count > 1 else ""


def _moment(ts_ns: int) -> str:
    return f"{rfc3339(ts_ns)[:_SECONDS]}Z"
