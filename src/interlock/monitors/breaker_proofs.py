"""Whether each breaker still does what the policy says, seen in the shadow lane.

A breaker that never tripped may be one that never will. So each is breached on purpose, where
nothing can be lost: up to its limit, where nothing may happen; one beyond, where its latch has to
be set, at its level, with the value and the limit. Then an entry has to be refused because of it, a
position has to get out all the same, and what releases it has to release it, and nothing less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from interlock.kernel.codes import Cause, Flag, Kind, Level, OrderState, Release, Role, Scope
from interlock.kernel.policy import PolicyArray
from interlock.kernel.reasons import MASK_BITS, Reason
from interlock.kernel.records import OutArray, Row, Rows, new_out
from interlock.kernel.replay import advance
from interlock.monitors.breach import Breach
from interlock.monitors.breaches import breaches
from interlock.monitors.shadow import (
    FREE,
    HELD,
    PRICE,
    RESTING,
    STEP_NS,
    Advance,
    Lane,
    Tier,
    bars,
    event,
    fill,
    holding,
    report,
    shadow_policy,
    signal,
    waits_for,
)

_REASONS: Final = {
    Scope.ACCOUNT: Reason.ACCOUNT_LATCHED,
    Scope.STRATEGY: Reason.STRATEGY_LATCHED,
    Scope.INSTRUMENT: Reason.INSTRUMENT_LATCHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of one breach.

    Attributes:
        name: The breaker, and which of its limits.
        why: What it did not do; nothing when it is proved.
        level: Of the latch, as configured.
        value: That tripped it.
        limit: That it was held against.
        events: How many it took.
    """

    name: str
    why: str
    level: str
    value: int
    limit: int
    events: int

    @property
    def is_proved(self) -> bool:
        """Whether the breaker does what the policy says."""
        return not self.why


class _Unproved(Exception):  # noqa: N818 - what was seen, not what went wrong
    """A breaker did not do what it has to; never seen outside this module."""


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise _Unproved(otherwise)


class _Trial:
    """One breach in a lane of its own."""

    def __init__(self, breach: Breach, lane: Lane) -> None:
        self._breach = breach
        self._lane = lane
        self.value = 0
        self.limit = 0
        self._release = breach.release or 0

    def _give(self, events: Rows) -> Iterator[None]:
        """Hand something over; whoever drives this may rest after it."""
        self._lane.give(events)
        yield

    def steps(self) -> Iterator[None]:
        """Prove it, an event at a time.

        Raises:
            _Unproved: What it did not do.
        """
        breach, lane = self._breach, self._lane
        yield from self._furnish()
        expected = breach.expects(lane)
        for events in breach.near(lane):
            yield from self._give(events)
        for scope, number in breach.where:
            _demand(
                lane.latch(breach.cause, scope, number) is None,
                "it tripped before its limit was passed",
            )
        for events in breach.at(lane):
            yield from self._give(events)
        self._check_latches(expected)
        self._check_what_rests()
        yield from self._check_entry()
        yield from self._check_way_out()
        yield from self._check_release()
        yield from self._give(signal(breach.entry_on))
        _demand(not self._is_refused(), "an entry was still refused after its release")

    def _furnish(self) -> Iterator[None]:
        """Set the lane up: a policy that holds, a position with its stop, an entry that rests."""
        lane = self._lane
        yield from self._give(event(Kind.POLICY_SET))
        for instrument in (HELD, RESTING, FREE):
            yield from self._give(bars(instrument, 1, PRICE))
        yield from self._give(holding(HELD))
        stop = lane.order(HELD, Role.STOP)
        _demand(stop is not None, "the position in the shadow lane got no stop")
        assert stop is not None
        yield from self._give(report(Kind.ACCEPTED, stop))
        yield from self._give(event(Kind.DAY))
        if self._breach.rests:
            yield from self._give(signal(RESTING))
            entry = lane.order(RESTING, Role.ENTRY)
            _demand(entry is not None, "an entry was refused before anything happened")
            assert entry is not None
            yield from self._give(report(Kind.ACCEPTED, entry))

    def _latches(self) -> Iterator[Row]:
        """Yield every latch that the breach has to set, while it is set."""
        for scope, number in self._breach.where:
            latch = self._lane.latch(self._breach.cause, scope, number)
            if latch is not None:
                yield latch

    def _check_latches(self, expected: tuple[int | None, int | None]) -> None:
        """See that each latch is set, as configured, and says why."""
        breach = self._breach
        found = list(self._latches())
        _demand(len(found) == len(breach.where), "its limit was passed and it did not trip")
        for latch in found:
            level, release = int(latch["level"]), int(latch["release"])
            self.value, self.limit = int(latch["value"]), int(latch["limit"])
            _demand(
                level == breach.level,
                f"its latch must be {_level(breach.level)}, was {_level(level)}",
            )
            _demand(
                breach.release in {None, release},
                f"its latch must wait for {_release(breach.release or 0)}, "
                f"was set to wait for {_release(release)}",
            )
            for name, wanted, was in (
                ("value", expected[0], self.value),
                ("limit", expected[1], self.limit),
            ):
                _demand(
                    wanted in {None, was}, f"its latch must name the {name} {wanted}, was {was}"
                )
            self._release = release

    def _check_what_rests(self) -> None:
        """See that a halt cancels the entry that rests, and that nothing milder does."""
        breach, lane = self._breach, self._lane
        wide = {scope for scope, _ in breach.where} != {int(Scope.INSTRUMENT)}
        entry = lane.order(RESTING, Role.ENTRY)
        if not breach.rests or entry is None or breach.entry_on == RESTING:
            return
        orders = lane.state["orders"][0]
        states = orders["state"][orders["order_id"] == entry["order_id"]]
        state = int(states[0]) if len(states) else int(OrderState.CANCELLED)
        wanted = wide and breach.level >= Level.HALTED
        _demand(
            (state == OrderState.PENDING_CANCEL) == wanted,
            f"an entry that rests must{'' if wanted else ' not'} be cancelled, "
            f"was {OrderState(state).name}",
        )

    def _is_refused(self) -> bool:
        """Return whether the last event was an entry that one of its latches stopped."""
        row = self._lane.said(Kind.REFUSED, self._breach.entry_on, Role.ENTRY)
        if row is None:
            return False
        return any(_has(row, _REASONS[Scope(scope)]) for scope, _ in self._breach.where)

    def _check_entry(self) -> Iterator[None]:
        """See that an entry is refused because of the latch, and only where the level says so."""
        breach = self._breach
        yield from self._give(signal(breach.entry_on))
        wanted = breach.level >= Level.PAUSED
        _demand(
            self._is_refused() == wanted,
            f"an entry must{'' if wanted else ' not'} be refused while its latch is "
            f"{_level(breach.level)}, was {'let through' if wanted else 'refused'}",
        )
        entry = self._lane.said(Kind.SUBMIT, breach.entry_on, Role.ENTRY)
        if entry is not None:
            yield from self._give(report(Kind.CANCELLED, entry))

    def _check_way_out(self) -> Iterator[None]:
        """See that a position leaves all the same, and by itself where everything is closed."""
        breach, lane = self._breach, self._lane
        instrument = breach.way_out_of
        stop = lane.order(instrument, Role.STOP)
        if lane.order(instrument, Role.EXIT) is None and breach.level < Level.KILLED:
            yield from self._give(signal(instrument, leave=True))
        if lane.order(instrument, Role.EXIT) is None and stop is not None:
            yield from self._give(report(Kind.CANCELLED, stop))
        out = lane.order(instrument, Role.EXIT)
        _demand(
            out is not None and bool(out["flags"] & Flag.REDUCE_ONLY),
            "an order that only reduces must be let through, was not sent",
        )
        assert out is not None
        if not breach.calm_is_out:
            yield from self._give(fill(out, PRICE + 1))
            _demand(lane.position(instrument) == 0, "a position that was closed is still there")

    def _check_release(self) -> Iterator[None]:
        """See that the latches open when everything happened that they wait for, not before."""
        parts = waits_for(self._release)
        for part in parts:
            if part is Release.COOLDOWN:
                yield from self._cool_down()
            else:
                for events in self._happens(part):
                    yield from self._give(events)
            is_last = part is parts[-1]
            left = list(self._latches())
            _demand(
                bool(left) != is_last,
                f"its latch must open after {_release(self._release)}, was "
                f"{'still set' if is_last else 'open'} after {part.name.lower()}",
            )

    def _happens(self, part: Release) -> Iterator[Rows]:
        """Yield what makes a part of the release happen."""
        breach = self._breach
        if part is Release.CONDITION:
            yield from breach.calm(self._lane)
        elif part is Release.SESSION:
            yield event(Kind.DAY)
        else:
            for latch in list(self._latches()):
                row = event(Kind.RESUME)
                row["code"] = breach.cause
                if latch["scope"] == Scope.INSTRUMENT:
                    row["instrument"] = latch["scope_id"]
                elif latch["scope"] == Scope.STRATEGY:
                    row["strategy"] = latch["scope_id"]
                yield row

    def _cool_down(self) -> Iterator[None]:
        """Wait until the cooldown's last moment, and then until its end."""
        lane = self._lane
        cooldown_ns = int(lane.policy[0]["account"]["breakers"][self._breach.cause]["cooldown_ns"])
        until_ns = 0
        for latch in self._latches():
            until_ns = max(until_ns, int(latch["cooldown_until_ns"]))
            _demand(
                int(latch["cooldown_until_ns"]) - int(latch["set_ns"]) >= cooldown_ns,
                f"its cooldown must be at least {cooldown_ns} ns, was less",
            )
        if until_ns - 1 > lane.now_ns + STEP_NS:
            lane.now_ns = until_ns - 1 - STEP_NS
            yield from self._give(event(Kind.TIMER))
            _demand(
                len(list(self._latches())) == len(self._breach.where),
                "its latch must stay until its cooldown is over, was open before",
            )
        lane.now_ns = max(lane.now_ns, until_ns - STEP_NS)
        yield from self._give(event(Kind.TIMER))


def _level(level: int) -> str:
    return Level(level).name


def _release(release: int) -> str:
    return " and ".join(one.name.lower() for one in Release if release & one) or "nothing"


def _has(row: Row, reason: Reason) -> bool:
    """Return whether a refusal names a reason."""
    if reason <= MASK_BITS:
        return bool(int(row["mask_lo"]) >> (reason - 1) & 1)
    return bool(int(row["mask_hi"]) >> (reason - MASK_BITS - 1) & 1)


def proofs(
    policy: PolicyArray, tier: Tier, out: OutArray | None = None, forward: Advance = advance
) -> Iterator[Proof | None]:
    """Prove every breaker of a policy, one after the other.

    Args:
        policy: Shape (1,); read only when a breaker's turn comes, so a copy of what holds.
        tier: Its capacities.
        out: Shape (1,); scratch that nobody else uses meanwhile.
        forward: The kernel's ``advance``.

    Yields:
        None after every few events: a moment to do something else. A proof when one is done.
    """
    scratch = new_out() if out is None else out
    for breach in breaches(policy):
        shadow = shadow_policy(policy, Cause(breach.cause))
        breach.alone(shadow[0]["account"])
        lane = Lane(shadow, tier, scratch, forward)
        trial = _Trial(breach, lane)
        why = ""
        try:
            yield from trial.steps()
        except _Unproved as found:
            why = f"{found}."
        except AssertionError as error:
            why = f"the kernel stopped at one of its own checks: {error}."
        yield Proof(
            name=breach.name,
            why=why,
            level=_level(breach.level),
            value=trial.value,
            limit=trial.limit,
            events=lane.events,
        )
