"""How far an engine is, and where a recording waits for it."""

from dataclasses import dataclass, field

from interlock.kernel.records import Row
from interlock.venues.port import Beat


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far the engine is.

    Attributes:
        durable_seq: Up to where the journal is durable.
        feed: The last feed number that was decided on.
        ended: Whether the recording has ended.
        beats: How many were answered.
    """

    durable_seq: int = 0
    feed: int = 0
    ended: bool = False
    beats: int = 0


@dataclass(slots=True, kw_only=True)
class Pause:
    """Where a recording waits for us, and what has come of the beat so far."""

    beat: Beat | None = None
    ordered: bool = False  # an order was asked for since the beat before
    spoke: bool = False
    bars: list[Row] = field(default_factory=list)  # that strategies have not seen
    bars_seq: int = 0  # they may when this is durable
