"""What watches a simulated world, and what it says when something that must hold does not."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from interlock.config.latch import Latch
from interlock.journal.rows import Row
from interlock.kernel.records import Rows
from interlock.runtime.decide import Decided
from interlock.runtime.last_gate import Outgoing
from interlock.venues.port import Report, Request
from interlock.venues.stopper import Verdict

if TYPE_CHECKING:
    from interlock.research.simulator.machine import Machine
    from interlock.research.simulator.world import World

BUG: Final = 0  # the number of what is no invariant: an error that nobody expected


class Violation(Exception):  # noqa: N818 - what happened, not what went wrong
    """Something that must hold does not.

    Args:
        invariant: Its number; BUG for an error that came out of the product.
        sentence: What is so and must not be.
        facts: What it was seen by.
    """

    def __init__(self, invariant: int, sentence: str, facts: Mapping[str, object]) -> None:
        super().__init__(f"invariant {invariant}: {sentence}")
        self.invariant = invariant
        self.sentence = sentence
        self.facts = dict(facts)

    def __reduce__(self) -> tuple[type["Violation"], tuple[int, str, dict[str, str]]]:
        """Let a worker send it: its facts as people read them."""
        facts = {name: str(value) for name, value in self.facts.items()}
        return Violation, (self.invariant, self.sentence, facts)


class Checks(Protocol):
    """What may be watched. A watcher defines the hooks that it needs, and no others."""

    def started(self, machine: "Machine") -> None:
        """An engine was begun; it has sent nothing."""

    def crashed(self, machine: "Machine", point: str) -> None:
        """Its process ended at a named point."""

    def committed(self, rows: Sequence[Row]) -> None:
        """Rows are durable now."""

    def decided(self, decided: Decided) -> None:
        """The kernel decided; nothing of it is durable."""

    def first_byte(self, outgoing: Outgoing, wire: bytes) -> None:
        """The last gate lets an order's bytes leave: now."""

    def venue_took(self, request: Request, reports: Sequence[Report]) -> None:
        """The exchange did what a command asks."""

    def venue_fact(self, reports: Sequence[Report]) -> None:
        """Something happened at the venue that no command asked for."""

    def said(self, wire: bytes) -> None:
        """The engine reads bytes."""

    def market(self, rows: Rows) -> None:
        """The venue tells market data; the network has not touched it."""

    def kill(self, latch: Latch, confirmed: bool) -> None:
        """A kill of the latch file returned."""

    def stopped(self, verdict: Verdict) -> None:
        """Whoever stops the account from outside the engine has come to an end."""

    def cleared(self) -> None:
        """A person cleared the latch, and the journal says so."""

    def stepped(self) -> None:
        """A step of the world is over."""

    def quiesced(self) -> None:
        """The faults are over and the world has settled."""

    def seen(self) -> Mapping[str, int]:
        """Return the points that were passed, and how often."""


Watchers = Callable[["World"], Sequence[object]]
HOOKS: Final = tuple(name for name in vars(Checks) if not name.startswith("_"))


def nobody(_world: "World") -> Sequence[object]:
    """Watch nothing."""
    return ()


class Watched:
    """The hooks of all watchers, by name; a hook that nobody has costs one look."""

    def __init__(self, watchers: Sequence[object]) -> None:
        self._hooks: dict[str, list[Callable[..., Any]]] = {
            name: [hook for one in watchers if (hook := getattr(one, name, None)) is not None]
            for name in HOOKS
        }

    def tell(self, hook: str, *facts: object) -> None:
        """Tell every watcher that wants to know."""
        for told in self._hooks[hook]:
            told(*facts)

    def wants(self, hook: str) -> bool:
        """Return whether anybody wants to know."""
        return bool(self._hooks[hook])

    def seen(self) -> dict[str, int]:
        """Return the points that were passed."""
        found: dict[str, int] = {}
        for asked in self._hooks["seen"]:
            for name, count in asked().items():
                found[name] = found.get(name, 0) + count
        return found
