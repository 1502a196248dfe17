"""A proof says yes of a kernel that does what the policy says, and no of every other one."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pytest

from interlock.kernel.codes import Cause, Feed, Level, Release
from interlock.kernel.policy import LARGE, SMALL, PolicyArray
from interlock.kernel.records import OutArray, Rows
from interlock.kernel.replay import advance
from interlock.kernel.state import StateArray, new_state
from interlock.kernel.units import LIMIT_NONE, NS_PER_SECOND
from interlock.monitors.breaker_proofs import proofs
from tests.config.samples import HOUR_NS, breakers_of
from tests.kernel.helpers import open_policy
from tests.monitors.proving import all_of, shipped, whys

# What no event of this version sets.
NEVER_SET: Final = {Cause.NONE, Cause.BAD_DATA, Cause.VENUE_HALT}
EVERYTHING: Final = 37


def test_every_breaker_of_the_shipped_policy_is_proved() -> None:
    found = all_of(shipped())
    assert {name: one.why for name, one in found.items() if one.why} == {}
    assert {Cause[name.split()[0]] for name in found} == set(Cause) - NEVER_SET
    assert len(found) == EVERYTHING


def test_a_proof_names_the_level_the_value_and_the_limit() -> None:
    """3 % of what the shadow account holds; five losses in a row; 10 % and one tick more."""
    found = all_of(shipped())
    critical = found["DRAWDOWN critical"]
    assert (critical.level, critical.value) == ("HALTED", critical.limit)
    losses = found["CONSECUTIVE_LOSSES"]
    assert (losses.level, losses.value, losses.limit) == ("HALTED", 5, 5)
    clock = found["CLOCK_OFFSET"]
    assert (clock.level, clock.value, clock.limit) == ("PAUSED", 1_001, 1_000)


def test_a_breaker_that_is_off_is_left_out() -> None:
    policy = shipped()
    policy["account"]["breakers"]["enabled"][0, Cause.SPREAD] = 0
    policy["account"]["limits"]["daily_loss_units"] = LIMIT_NONE
    assert set(all_of(shipped())) - set(all_of(policy)) == {"SPREAD", "DAILY_LOSS money"}


def test_nothing_of_the_live_account_is_touched() -> None:
    """Neither its policy, nor a state that lies beside it; and no memory is shared."""
    policy, state = shipped(), new_state(1_000_000)
    before = policy.tobytes(), state.tobytes()
    seen: list[bool] = []

    def forward(
        shadow: PolicyArray, mine: StateArray, events: Rows, start: int, out: OutArray
    ) -> int:
        seen.append(np.shares_memory(shadow, policy) or np.shares_memory(mine, state))
        return advance(shadow, mine, events, start, out)

    assert whys(policy, forward) == {}
    assert seen
    assert not any(seen)
    assert (policy.tobytes(), state.tobytes()) == before


def test_a_large_policy_is_proved_with_its_own_capacities() -> None:
    """Otherwise the kernel would be compiled again while the engine runs."""
    policy = shipped(tier=LARGE)
    shapes = set()

    def forward(
        shadow: PolicyArray, mine: StateArray, events: Rows, start: int, out: OutArray
    ) -> int:
        shapes.add((shadow.dtype == policy.dtype, mine.dtype == new_state(1, LARGE).dtype))
        return advance(shadow, mine, events, start, out)

    for one in proofs(policy, LARGE, forward=forward):
        assert one is None or one.is_proved
        if one is not None and one.name.startswith("DRAWDOWN"):
            break
    assert shapes == {(True, True)}


def test_no_step_is_more_than_a_few_events() -> None:
    """Whoever drives it may rest after each: nobody waits for a whole proof."""
    given: list[int] = []

    def forward(
        shadow: PolicyArray, mine: StateArray, events: Rows, start: int, out: OutArray
    ) -> int:
        given[-1] += len(events) - start
        return advance(shadow, mine, events, start, out)

    round_of_proofs = proofs(shipped(), SMALL, forward=forward)
    given.append(0)
    while next(round_of_proofs, False) is not False:
        given.append(0)
    assert max(given) <= 256


# --- policies of every kind -------------------------------------------------------------------


@pytest.mark.parametrize(
    "action", ["warn", "pause_new_entries", "halt_trading", "halt_and_flatten"]
)
def test_every_action_is_proved(action: str) -> None:
    """A warning keeps no entry out, and a flattening closes what is held by itself."""
    text = "".join(
        f'[circuit_breakers.{section}]\naction = "{action}"\n'
        for section in (
            *("drawdown", "consecutive_losses", "volatility.spread", "volatility.atr"),
            *("volatility.price_move", "latency.websocket", "latency.fill", "order_rate"),
            *("system.clock", "system.disk", "system.reject_rate", "system.venue"),
        )
    )
    assert whys(shipped(breakers=breakers_of(text))) == {}


@pytest.mark.parametrize(
    "text",
    [
        "[circuit_breakers.order_rate]\nmax_entries = 1\nwindow_seconds = 1",
        "[circuit_breakers.order_rate]\nmax_entries = 2",
        (
            "[circuit_breakers.consecutive_losses]\nreduce_after = 1\nreduce_more_after = 2\n"
            "max_consecutive_losses = 3\nreduce_more_to_fraction = 0.01"
        ),
        "[circuit_breakers.system.reject_rate]\nmax_rejects_per_hour = 1",
        "[circuit_breakers.volatility.spread]\nmax_spread_bps = 1",
        "[circuit_breakers.latency.websocket]\ncooldown_minutes = 0",
        "[circuit_breakers.system.disk]\ncooldown_minutes = 60\nrequire_manual_resume = true",
        "[circuit_breakers.volatility.atr]\nspike_threshold = 20",
    ],
)
def test_extreme_limits_are_proved(text: str) -> None:
    assert whys(shipped(breakers=breakers_of(text))) == {}


def test_a_breaker_that_can_never_trip_is_not_proved() -> None:
    """A baseline of one period is the range itself: no range is ever more than 1 of it."""
    policy = shipped()
    policy["instruments"]["atr_baseline_periods"] = 1
    assert whys(policy) == {"ATR_SPIKE": "its limit was passed and it did not trip."}


def test_a_row_that_the_kernel_does_not_take_is_not_proved() -> None:
    """A level of nothing stops nothing; the kernel asserts, and the proof says so."""
    policy = shipped()
    policy["account"]["breakers"]["level"][0, Cause.DISK] = 0
    (why,) = whys(policy).values()
    assert why.startswith("the kernel stopped at one of its own checks")


# --- any policy of the kernel's own tests -----------------------------------------------------


def levels(cause: Cause, level: Level, release: int, limit: int) -> Iterator[str]:
    yield f"breakers.{cause.name}.enabled=1 breakers.{cause.name}.limit={limit}"
    yield f"breakers.{cause.name}.level={int(level)} breakers.{cause.name}.release={release}"
    yield f"breakers.{cause.name}.cooldown_ns={HOUR_NS if release & Release.COOLDOWN else 0}"


@pytest.mark.parametrize("release", range(1, 16))
def test_every_combination_of_what_a_latch_waits_for(release: int) -> None:
    """Sixteen less none: condition, cooldown, session, person."""
    settings = " ".join(levels(Cause.MEMORY, Level.HALTED, release, 900_000))
    found = all_of(open_policy(settings))
    assert found["MEMORY"].why == ""
    assert {name for name, one in found.items() if one.why} <= {"ORDER_UNKNOWN"}


def test_a_cooldown_of_a_second_is_long_enough_to_see() -> None:
    settings = " ".join(levels(Cause.MEMORY, Level.PAUSED, Release.COOLDOWN, 900_000))
    policy = open_policy(settings + f" breakers.MEMORY.cooldown_ns={NS_PER_SECOND}")
    assert all_of(policy)["MEMORY"].why == ""


def test_the_feed_of_an_instrument_does_not_matter() -> None:
    """A spread is proved with quotes also where only bars come."""
    for feed in (Feed.BAR, Feed.QUOTE, Feed.TRADE):
        policy = shipped()
        policy["instruments"]["feed"] = feed
        assert all_of(policy)["SPREAD"].is_proved


def test_an_instrument_with_a_spread_of_its_own_is_held_to_the_wider_one() -> None:
    policy = shipped()
    policy["instruments"]["limits"]["spread_ppm"] = 100_000
    assert all_of(policy)["SPREAD"].value == 100_001
