"""What people are told: an alert before it is spooled, and the message that it becomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from interlock.config.notifications import Severity

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
TITLE_MAX: Final = 200  # characters
TEXT_MAX: Final = 1_500
_CUT: Final = "..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that people have to know.

    Attributes:
        key: The same again has the same: it is counted then, and not told again at once.
        severity: How much it matters.
        title: One line.
        text: More of it; may be several lines.
        happened_ns: When it happened, UTC; 0 is when it was told.
        closes: Keys of what is over with it: nobody has to acknowledge that any more.
        details: For programs. No secret is one.
    """

    key: str
    severity: Severity
    title: str
    text: str = ""
    happened_ns: int = 0
    closes: Sequence[str] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one channel sends in one go: an alert, or many in short.

    Attributes:
        ids: Of the alerts, for whoever gets a message twice: it is about the same ones then.
        severity: The highest of them.
        subject: One line.
        text: All of it, with the ids; plain text.
        details: Of an alert that comes alone.
        may_acknowledge: Whether somebody is waited for.
    """

    ids: tuple[int, ...]
    severity: Severity
    subject: str
    text: str
    details: Mapping[str, Any] = field(default_factory=dict)
    may_acknowledge: bool = False


def at_least(severity: Severity, least: Severity) -> bool:
    """Return whether a severity is one or above.

    >>> at_least("critical", "warning"), at_least("info", "warning")
    (True, False)
    """
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)


def one_line(text: str, most: int = TITLE_MAX) -> str:
    r"""Return a text as one line that does nothing to a terminal, a subject or a header.

    >>> one_line("a\r\nBcc: b\x1b[2J")
    'a Bcc: b [2J'
    """
    return cut(" ".join("".join(x if x.isprintable() else " " for x in text).split()), most)


def plain(text: str, most: int = TEXT_MAX) -> str:
    """Return a text of several lines without anything that is no letter."""
    lines = (one_line(line, most) for line in text.splitlines())
    return cut("\n".join(line for line in lines if line), most)


def cut(text: str, most: int) -> str:
    """Return a text, cut to what fits.

    >>> cut("abcdefgh", 6)
    'abc...'
    """
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT
