"""What a breach of a breaker is: what comes as near as can be, what goes too far, what is calm."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from interlock.kernel.codes import ACCOUNT, Cause, Scope
from interlock.kernel.records import Row, Rows
from interlock.kernel.units import LIMIT_NONE
from interlock.monitors.shadow import FREE, HELD, Lane

Story = Callable[[Lane], Iterator[Rows]]
Where = tuple[tuple[int, int], ...]  # scope and number of each latch
Numbers = tuple[int | None, int | None]  # value and limit; None: not worked out beforehand

OVER_ACCOUNT: Final = ((int(Scope.ACCOUNT), ACCOUNT),)
OVER_STRATEGY: Final = ((int(Scope.STRATEGY), 0),)


def nothing(_lane: Lane) -> Iterator[Rows]:
    """Tell nothing."""
    return iter(())


def _unknown(_lane: Lane) -> Numbers:
    return None, None


def untouched(_account: Row) -> None:
    """Leave the policy as it is."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Breach:
    """One way in which one breaker trips.

    Attributes:
        cause: Of its latch.
        part: Which of its limits; nothing where it has one.
        near: What comes up to the limit and must not trip it.
        at: What trips it.
        calm: What brings the measured value back inside.
        where: Scope and number of every latch that it sets.
        level: Of the latch, as configured.
        release: What the latch waits for, as configured; None: as the kernel says.
        expects: The value and the limit that the latch has to name, before ``near``.
        alone: Switches off the other limits of the same breaker, in an account's policy.
        rests: Whether an entry rests meanwhile.
        entry_on: The instrument whose entries it stops.
        way_out_of: The instrument whose position has to get out all the same.
        calm_is_out: Whether being flat is what it waits for.
    """

    cause: Cause
    part: str = ""
    near: Story = nothing
    at: Story
    calm: Story = nothing
    where: Where = OVER_ACCOUNT
    level: int
    release: int | None
    expects: Callable[[Lane], Numbers] = _unknown
    alone: Callable[[Row], None] = untouched
    rests: bool = True
    entry_on: int = FREE
    way_out_of: int = HELD
    calm_is_out: bool = False

    @property
    def name(self) -> str:
        """What people read."""
        return f"{self.cause.name} {self.part}".rstrip()


def is_limit(value: int) -> bool:
    """Return whether a limit is set, and not switched off."""
    return 0 < value < LIMIT_NONE


def story(*events: Callable[[], Rows]) -> Story:
    """Return a story that does not depend on what was answered."""

    def tell(_lane: Lane) -> Iterator[Rows]:
        for one in events:
            yield one()

    return tell


def over_instrument(instrument: int) -> Where:
    """Return where a latch over an instrument is."""
    return ((int(Scope.INSTRUMENT), instrument),)
