"""What the kill latch says, and how it is written down. A latch that says nothing sound is set."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from interlock.config.errors import shown

Mode = Literal["immediate", "graceful", "pause"]

MODES: Final = ("immediate", "graceful", "pause")  # the strictest first
WORDS_MAX: Final = 200  # characters of a reason or a name

_STATES: Final = {"clear", "killed"}
_WORDS: Final = {"state", "mode", "reason", "who", "cleared_by"}
_KEYS: Final = {*_WORDS, "ts_ns", "asked"}
_ASKED_MAX: Final = 2**31
_TS_NS_MAX: Final = 2**63


class LatchState(StrEnum):
    """What the latch says."""

    CLEAR = "clear"
    KILLED = "killed"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """What the latch file says.

    Attributes:
        state: Anything but CLEAR is set.
        mode: How a kill was asked for; empty unless somebody killed.
        reason: Why it is set; empty when it never was.
        who: Who asked for the kill.
        ts_ns: When it was written, UTC; 0 when that is not known.
        cleared_by: Who cleared it.
        asked: How many kills it stands for: one more of the same is another latch to whoever
            decided to clear the one before.
    """

    state: LatchState
    mode: str = ""
    reason: str = ""
    who: str = ""
    ts_ns: int = 0
    cleared_by: str = ""
    asked: int = field(default=0, compare=False)

    @property
    def strictness(self) -> int:
        """How much it stops; the higher, the more."""
        return len(MODES) - MODES.index(self.mode) if self.mode else 0

    @property
    def is_set(self) -> bool:
        """Whether nothing may be opened."""
        return self.state is not LatchState.CLEAR

    def content(self) -> bytes:
        """Return the file's bytes."""
        assert self.state is not LatchState.UNREADABLE
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True).encode() + b"\n"


CLEAR: Final = Latch(state=LatchState.CLEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The latch is written, and nobody who judged by the one before is still sending."""

    latch: Latch


@dataclass(frozen=True, slots=True, kw_only=True)
class Unconfirmed:
    """A kill of which that cannot be said.

    Attributes:
        latch: What the file says now.
        why: In one sentence.
    """

    latch: Latch
    why: str


def unreadable(reason: str) -> Latch:
    """Return the latch that holds while the file cannot be believed."""
    return Latch(state=LatchState.UNREADABLE, reason=reason)


def one_line(text: str) -> str:
    """Return what a person wrote as one line that can be printed, cut to what fits."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:WORDS_MAX]


def killed(*, mode: Mode, reason: str, who: str, ts_ns: int) -> Latch:
    """Return the latch of a kill; what people wrote is cut to what fits.

    Args:
        mode: What is to happen.
        reason: Why, in the words of whoever asked.
        who: Whoever asked.
        ts_ns: When, UTC.
    """
    assert mode in MODES
    assert 0 <= ts_ns < _TS_NS_MAX
    return Latch(
        state=LatchState.KILLED,
        mode=mode,
        reason=one_line(reason) or "no reason given",
        who=one_line(who) or "nobody named",
        ts_ns=ts_ns,
        asked=1,
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object, none of them twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _problem(content: object) -> str:
    """Return why ``content`` is no latch; nothing when it is one."""
    if not isinstance(content, dict) or set(content) != _KEYS:
        return f"must have {', '.join(sorted(_KEYS))} and nothing else"
    for key in _WORDS:
        if not isinstance(content[key], str) or len(content[key]) > WORDS_MAX:
            return f"{key} must be text of at most {WORDS_MAX} characters"
    when = content["ts_ns"]
    if isinstance(when, bool) or not isinstance(when, int) or not 0 <= when < _TS_NS_MAX:
        return f"ts_ns must be nanoseconds, was {shown(when)}"
    asked = content["asked"]
    if isinstance(asked, bool) or not isinstance(asked, int) or not 0 <= asked < _ASKED_MAX:
        return f"asked must be a count of kills, was {shown(asked)}"
    if content["state"] not in _STATES:
        return f"state must be clear or killed, was {shown(content['state'])}"
    if (content["mode"] in MODES) != (content["state"] == "killed") or (
        content["state"] == "clear" and content["mode"]
    ):
        return f"mode must be {', '.join(MODES)} of a kill, was {shown(content['mode'])}"
    return ""


def parse_latch(raw: bytes) -> Latch:
    """Return what the file's bytes say; bytes that say nothing are a latch that is set."""
    try:
        content = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return unreadable(f"it is not JSON: {error}")
    if isinstance(content, dict):
        content.setdefault("asked", 0)  # the first version did not count
    problem = _problem(content)
    if problem:
        return unreadable(problem)
    return Latch(**(content | {"state": LatchState(content["state"])}))
