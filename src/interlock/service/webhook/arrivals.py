"""What an accepted alert is called, so that the same one is known again, and what is kept of it."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

from interlock.runtime.clock import NS_PER_S
from interlock.signals.alert import Alert

AHEAD_NS: Final = 300 * NS_PER_S  # a sender's clock may be ahead by so much
RECEIVED: Final = "RECEIVED"  # durable; the engine has not answered yet
STRATEGY: Final = "webhook"  # whose an alert is that names none

_ID_LETTERS: Final = 32  # of 64 hexadecimal ones: 128 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One alert that somebody who may send it has sent.

    Attributes:
        alert: What it says.
        received_ns: When it came, UTC.
        who: Where from, as the journal names people.
        correlation: Ties it to the request that brought it.
        signed_ns: The time in its signature; None without one.
        content_digest: Of what it says, without its name and its time.
    """

    alert: Alert
    received_ns: int
    who: str
    correlation: str
    signed_ns: int | None = None
    content_digest: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "content_digest", _digest("content", self.alert.content()))

    @property
    def is_nameless(self) -> bool:
        """Whether it says neither an id nor a time: then equal ones close together are one."""
        return self.alert.id is None and self.alert.time_ns is None

    @property
    def strategy(self) -> str:
        """Whose it is."""
        return self.alert.strategy or STRATEGY

    def name(self, number: int) -> str:
        """Return its id, which is the same however often it is sent.

        The sender's own id counts before its time, and both before the time of a signature. One
        with nothing of these is itself alone; ``number`` tells it from all others.
        """
        alert = self.alert
        if alert.id is not None:
            return _id("named", self.strategy, alert.id)
        moment_ns = alert.time_ns if alert.time_ns is not None else self.signed_ns
        if moment_ns is not None:
            return _id("timed", self.content_digest, str(moment_ns))
        return _id("nameless", self.content_digest, str(self.received_ns), str(number))

    def signal(self, number: int, missed: str | None) -> dict[str, Any]:
        """Return it as the engine is asked.

        Args:
            number: Its own, among all that came.
            missed: Why some alert before it seems to be missing.
        """
        alert = self.alert
        return {
            "id": self.name(number),
            "received_ns": self.received_ns,
            "strategy": alert.strategy,
            "symbol": alert.symbol,
            "side": alert.action.value,
            "exit_only": alert.exit_only,
            "quantity": alert.quantity,
            "price": alert.price,
            "edge_bps": alert.edge_bps,
            "stop": alert.stop,
            "target": alert.target,
            "previous_position": alert.previous_position,
            "missed": missed,
            "who": self.who,
            "correlation": self.correlation,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An alert as it is kept.

    Attributes:
        number: Its own, in the order in which they came.
        id: Its name.
        signal: As the engine is asked.
        state: What became of it.
    """

    number: int
    id: str
    signal: dict[str, Any]
    state: str = RECEIVED

    @property
    def gist(self) -> tuple[Any, ...]:
        """What an order would be made of: two alerts of one id must agree in it."""
        return tuple(self.signal[key] for key in ("symbol", "side", "exit_only", "quantity"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What became of an arrival.

    Attributes:
        stored: The alert as it is kept; of an alert that came before, that one.
        is_new: Whether it came for the first time.
        is_other: Whether its id is another alert's: this one is not kept.
    """

    stored: Stored
    is_new: bool
    is_other: bool = False


def _id(*parts: str) -> str:
    return _digest(*(part.encode() for part in parts))[:_ID_LETTERS]


def _digest(*parts: str | bytes) -> str:
    """Return a digest of parts; where one ends and the next begins is part of it."""
    found = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        found.update(len(raw).to_bytes(8, "big") + raw)
    return found.hexdigest()


def signal_text(signal: dict[str, Any]) -> str:
    """Return a signal as it is kept."""
    return json.dumps(signal, sort_keys=True, separators=(",", ":"))
