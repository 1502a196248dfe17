"""A proof finds a kernel that does not do what the policy says, and names the breaker."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pytest

from interlock.kernel.codes import Cause, Kind, Metric, Release
from interlock.kernel.policy import PolicyArray
from interlock.kernel.records import OutArray, Rows
from interlock.kernel.replay import advance
from interlock.kernel.state import StateArray
from interlock.kernel.units import LIMIT_NONE
from interlock.monitors.shadow import Advance
from tests.monitors.proving import shipped, whys

EVERYTHING: Final = 37
Fault = Callable[[Any], None]

# --- kernels that obey another policy than the one that is configured ------------------------


def row(account: Any, cause: Cause) -> Any:
    """Return one breaker's row of a policy."""
    return account["breakers"][:, cause]


def other(cause: Cause, **changed: int) -> Fault:
    """Return the fault of reading one breaker's row wrongly: ``limit=1`` reads one more."""

    def plant(policy: Any) -> None:
        one = row(policy["account"], cause)
        for name, more in changed.items():
            one[name] += more

    return plant


def other_limit(name: str, more: int) -> Fault:
    def plant(policy: Any) -> None:
        if policy["account"]["limits"][name] < LIMIT_NONE:
            policy["account"]["limits"][name] += more

    return plant


def other_number(name: str, more: int) -> Fault:
    def plant(policy: Any) -> None:
        policy["account"][name] += more

    return plant


def other_losses(more: int) -> Fault:
    def plant(policy: Any) -> None:
        policy["account"]["losses"]["halt_at"] += more

    return plant


def other_count(more: int) -> Fault:
    def plant(policy: Any) -> None:
        limits = policy["strategies"]["limits"]
        limits["order_rate_count"] += more * (limits["order_rate_count"] < LIMIT_NONE)

    return plant


def waits_for_less(cause: Cause) -> Fault:
    """Return the fault of forgetting the last thing that a latch waits for."""

    def plant(policy: Any) -> None:
        one = row(policy["account"], cause)
        one["release"] &= ~(1 << (int(one["release"][0]).bit_length() - 1))
        if one["release"] == 0:
            one["release"] = int(Release.COOLDOWN)

    return plant


def planted(fault: Fault) -> Advance:
    """Return a kernel with a fault."""

    def forward(
        shadow: PolicyArray, mine: StateArray, events: Rows, start: int, out: OutArray
    ) -> int:
        wrong = shadow.copy()
        fault(wrong)
        return advance(wrong, mine, events, start, out)

    return forward


BY_ROW: Final = (
    *(Cause.DRAWDOWN, Cause.SPREAD, Cause.ATR_SPIKE, Cause.PRICE_MOVE, Cause.FEED_LAG),
    *(Cause.INFERENCE_LATENCY, Cause.PLACEMENT_LATENCY, Cause.FILL_LATENCY, Cause.CLOCK_OFFSET),
    *(Cause.DISK, Cause.MEMORY, Cause.REJECT_RATE, Cause.VENUE_UNAVAILABLE, Cause.DATA_QUALITY),
    *(Cause.DRIFT,),
)
LEVELLED: Final = (
    *BY_ROW,
    *(Cause.DAILY_LOSS, Cause.MAX_DRAWDOWN, Cause.CONSECUTIVE_LOSSES, Cause.ORDER_RATE),
    *(Cause.EQUITY_MISMATCH, Cause.OVERFILL, Cause.UNPROTECTED),
)
FAULTS: Final[list[tuple[str, Fault]]] = [
    *((f"{one.name} limit +1", other(one, limit=1)) for one in BY_ROW),
    *((f"{one.name} limit -1", other(one, limit=-1)) for one in BY_ROW),
    *((f"{one.name} milder", other(one, level=-1)) for one in LEVELLED),
    *((f"{one.name} off", other(one, enabled=-1)) for one in LEVELLED[:19]),
    *((f"{one.name} waits for less", waits_for_less(one)) for one in LEVELLED),
    *(
        (f"{one.name} cools down too soon", other(one, cooldown_ns=-1))
        for one in LEVELLED
        if one in {Cause.DRAWDOWN, Cause.SPREAD, Cause.PRICE_MOVE, Cause.REJECT_RATE}
    ),
    ("DAILY_LOSS fraction +1", other_limit("daily_loss_ppm", 1)),
    ("DAILY_LOSS fraction -1", other_limit("daily_loss_ppm", -1)),
    ("DAILY_LOSS money +1", other_limit("daily_loss_units", 1)),
    ("DAILY_LOSS money -1", other_limit("daily_loss_units", -1)),
    ("MAX_DRAWDOWN +1", other_limit("drawdown_ppm", 1)),
    ("MAX_DRAWDOWN -1", other_limit("drawdown_ppm", -1)),
    ("DRAWDOWN warning +1", other_number("drawdown_warn_ppm", 1)),
    ("DRAWDOWN emergency +1", other_number("drawdown_emergency_ppm", 1)),
    ("EQUITY_MISMATCH +1", other_number("venue_equity_tolerance_ppm", 10)),
    ("CONSECUTIVE_LOSSES +1", other_losses(1)),
    ("CONSECUTIVE_LOSSES -1", other_losses(-1)),
    ("ORDER_RATE +1", other_count(1)),
    ("ORDER_RATE -1", other_count(-1)),
]


@pytest.mark.parametrize(("name", "fault"), FAULTS, ids=[name for name, _ in FAULTS])
def test_a_kernel_that_obeys_another_number_is_found(name: str, fault: Fault) -> None:
    """One ppm, one count, one level, one thing waited for: of this breaker, and of no other."""
    failed = {one.partition(" ")[0] for one in whys(shipped(), planted(fault))}
    assert failed == {name.partition(" ")[0]}


# --- kernels that do something else -----------------------------------------------------------


def deaf_to(kind: Kind, code: int = 0) -> Advance:
    """Return a kernel that drops events of one kind."""

    def forward(
        shadow: PolicyArray, mine: StateArray, events: Rows, start: int, out: OutArray
    ) -> int:
        heard = (events["kind"] != kind) | ((events["code"] != code) & (code != 0))
        if heard.all():
            return advance(shadow, mine, events, start, out)
        mine["account"]["sub"] = 0
        return len(events)

    return forward


def test_a_kernel_that_does_not_look_at_the_disk_is_found() -> None:
    found = whys(shipped(), deaf_to(Kind.HEALTH, Metric.DISK_FREE_PPM))
    assert found == {"DISK": "its limit was passed and it did not trip."}


def test_a_kernel_that_ignores_a_person_is_found() -> None:
    """Everything that waits for one stays shut."""
    found = whys(shipped(), deaf_to(Kind.RESUME))
    assert set(found) >= {"DAILY_LOSS money", "ORDER_RATE", "KILL_IMMEDIATE", "SAFE_MODE"}
    for why in found.values():
        assert why.startswith("its latch must open after ")
        assert "person, was still set after" in why


def test_a_kernel_that_ignores_halts_is_found() -> None:
    found = whys(shipped(), deaf_to(Kind.HALT))
    assert len(found) == 10
    assert set(found.values()) == {"its limit was passed and it did not trip."}


def meddling(meddle: Callable[[StateArray, Rows], None]) -> Advance:
    """Return a kernel whose state is meddled with after every event."""

    def forward(
        shadow: PolicyArray, mine: StateArray, events: Rows, start: int, out: OutArray
    ) -> int:
        at = advance(shadow, mine, events, start, out)
        meddle(mine, events)
        return at

    return forward


def test_a_gate_that_lets_entries_through_a_latch_is_found() -> None:
    """The latch is set and nobody looks at its level."""

    def forget(state: StateArray, _events: Rows) -> None:
        state["account"]["latch_level"] = 0
        state["strategies"]["latch_level"] = 0
        state["instruments"]["latch_level"] = 0

    found = whys(shipped(), meddling(forget))
    assert "an entry must be refused while its latch is PAUSED, was let through." in found.values()
    assert len(found) > EVERYTHING - 6


def test_a_kill_that_leaves_a_resting_entry_is_found() -> None:
    def keep(state: StateArray, events: Rows) -> None:
        if events["kind"][0] == Kind.HALT and events["code"][0] == Cause.KILL_GRACEFUL:
            state["orders"]["state"][0] = np.where(
                state["orders"]["state"][0] == 6, 3, state["orders"]["state"][0]
            )

    assert whys(shipped(), meddling(keep)) == {
        "KILL_GRACEFUL": "an entry that rests must be cancelled, was WORKING."
    }


def test_a_way_out_that_is_shut_is_found() -> None:
    """A latch that keeps a position in is worse than none."""

    def swallow(state: StateArray, events: Rows) -> None:
        if events["kind"][0] == Kind.CANCELLED:
            state["account"]["sub"] = 0

    found = whys(shipped(), meddling(swallow))
    assert "an order that only reduces must be let through, was not sent." in found.values()
