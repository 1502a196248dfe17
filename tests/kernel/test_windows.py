"""Sliding windows: never fewer than there were, and not many more."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interlock.kernel.propose import count_repeats, order_key
from interlock.kernel.rates import rate_add, rate_count
from interlock.kernel.state import RATE, REPEATS
from tests.kernel.helpers import plain
from tests.kernel.story import check

WINDOW_NS = 8_000
PER_SECOND = "account.limits.orders_per_second=2"


def rate_of(times: list[int]) -> Any:
    """Return a window into which something was counted at each of ``times``, ascending."""
    rate: Any = np.zeros(1, dtype=RATE)
    for ts_ns in times:
        plain(rate_add)(rate[0], ts_ns, WINDOW_NS)
    return rate[0]


@given(st.lists(st.integers(0, 40_000), max_size=30), st.integers(0, 20_000))
def test_a_window_never_counts_too_few_and_never_far_back(times: list[int], later: int) -> None:
    """All of the last window, and at the most an eighth of it more."""
    times.sort()
    now = (times[-1] if times else 0) + later
    found = plain(rate_count)(rate_of(times), now, WINDOW_NS)

    assert found >= sum(now - WINDOW_NS < x for x in times)
    assert found <= sum(now - WINDOW_NS * 9 // 8 < x for x in times)


def test_looking_does_not_count() -> None:
    rate = rate_of([10, 20, 30])
    before = rate.tobytes()

    assert [plain(rate_count)(rate, 40, WINDOW_NS) for _ in range(3)] == [3, 3, 3]
    assert rate.tobytes() == before


def test_orders_of_the_last_second_are_counted_for_account_strategy_and_instrument() -> None:
    """Two go within a second, the third does not; after a second and an eighth it does."""
    for limit in ("account", "strategy", "instrument"):
        name = f"{limit.upper()}_ORDERS_PER_SECOND"
        check(
            f"""
            bar 10000             |
            buy                   | SUBMIT entry buy 100
            rejected entry after=0 |
            buy after=0.5         | SUBMIT entry buy 100
            rejected entry after=0 |
            buy after=0.4         | REFUSED entry {name}
            buy after=0.225       | SUBMIT entry buy 100
            """,
            f"{limit}.limits.orders_per_second=2",
        )


def test_stops_and_targets_count_as_orders_and_are_never_held_back() -> None:
    check(
        """
        bar 10000                       |
        buy                             | SUBMIT entry buy 100 | account.per_day=1
        fill entry 100 @ 10000 after=0  | SUBMIT stop sell 100 at 9800
        | SUBMIT target sell 100 at 10400 | account.per_day=3
        bar 10000 instrument=1 after=0  |
        buy instrument=1 after=0        | REFUSED entry ACCOUNT_ORDERS_PER_SECOND
        """,
        PER_SECOND,
    )


def test_identical_orders_repeat_within_a_window() -> None:
    """The same side, size and price; anything else is another order, and a minute frees it."""
    settings = "instrument.limits.repeat_count=1"
    story = """
        bar 10000            |
        buy                  | SUBMIT entry buy 100
        rejected entry       |
        buy                  | REFUSED entry REPEATED_ORDER
    """
    check(story + "sell | SUBMIT entry sell 100", settings)
    check(story + "bar 10001 |\nbuy | SUBMIT entry buy 100", settings)
    check(story + "bar 10000 after=57 |\nbuy after=0.999 | REFUSED entry REPEATED_ORDER", settings)
    check(story + "bar 10000 after=57 |\nbuy after=1 | SUBMIT entry buy 100", settings)


def test_the_last_eight_orders_are_remembered() -> None:
    inst: Any = np.zeros(1, dtype=[("repeat_key", "i8", REPEATS), ("repeat_ns", "i8", REPEATS)])
    inst["repeat_key"] = 7
    assert plain(count_repeats)(inst[0], 7, 100, 50) == 0  # nothing was sent yet
    inst["repeat_ns"] = 60
    assert plain(count_repeats)(inst[0], 7, 100, 50) == REPEATS
    assert plain(count_repeats)(inst[0], 7, 110, 50) == 0
    assert plain(count_repeats)(inst[0], 8, 100, 50) == 0


def test_orders_that_differ_have_different_keys() -> None:
    """As they occur; two orders may share a key, but not these."""
    keys = {
        plain(order_key)(side, kind, role, qty, price)
        for side in (1, -1)
        for kind in (1, 2, 3, 4)
        for role in (1, 2, 3, 4)
        for qty in (1, 2, 100)
        for price in (9_999, 10_000, 10_001)
    }

    assert len(keys) == 2 * 4 * 4 * 3 * 3
