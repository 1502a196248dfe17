"""The dead man's switch at the venue: renewed while the engine works, and else let lapse."""

from typing import Final

from interlock.runtime.clock import NS_PER_MS, Clock
from interlock.runtime.entries import Said
from interlock.runtime.last_gate import Outgoing
from interlock.runtime.link import Link, Phase
from interlock.venues.port import Codec, DeadMan

RENEWALS: Final = 3  # in the time after which it lapses
_SPOKEN_WITH: Final = (Phase.LOOKING, Phase.COMPARING, Phase.READY)


class DeadManSwitch:
    """Tells the venue again and again that somebody is there.

    Args:
        link: To the venue.
        codec: Of the venue.
        clock: For what waits.
        timeout_ms: After so long without a sign the venue cancels what could open; 0 is never.
    """

    def __init__(self, link: Link, codec: Codec, clock: Clock, *, timeout_ms: int) -> None:
        self._link = link
        self._codec = codec
        self._clock = clock
        self._kind = codec.capabilities.dead_man
        self._timeout_ms = timeout_ms if self._kind is DeadMan.NATIVE else 0
        self._said_ns: int | None = None

    def tick(self) -> None:
        """Renew it when that is due; over a connection that is new, at once."""
        if self._link.phase not in _SPOKEN_WITH:
            self._said_ns = None
            return
        now_ns = self._clock.elapsed_ns()
        pause_ns = self._timeout_ms * NS_PER_MS // RENEWALS
        if self._timeout_ms == 0 or (
            self._said_ns is not None and now_ns - self._said_ns < pause_ns
        ):
            return
        self._said_ns = now_ns
        self._say(self._timeout_ms)

    def disarm(self) -> None:
        """Take it off: this engine stops, and its orders are to rest until it comes back."""
        if self._said_ns is not None and self._link.phase in _SPOKEN_WITH:
            self._said_ns = None
            self._say(0)

    def said(self) -> Said:
        """Return what a status says of it."""
        return {
            "kind": str(self._kind),
            "armed": self._said_ns is not None,
            "seconds": self._timeout_ms / 1_000,
        }

    def _say(self, timeout_ms: int) -> None:
        """Queue it as a question: it follows from nothing that has to be durable."""
        wire = self._codec.dead_man(timeout_ms=timeout_ms)
        self._link.outbox.append(Outgoing(wire=wire, request=None, seq=0))
