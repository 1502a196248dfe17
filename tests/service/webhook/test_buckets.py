"""How often somebody may ask, in a bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from interlock.runtime.clock import NS_PER_S, ManualClock
from interlock.service.webhook import buckets
from interlock.service.webhook.buckets import Buckets


def taken(rate: Buckets, address: str, times: int) -> int:
    """Return how many of some requests at one moment are let through."""
    return sum(rate.wait_s(address) == 0 for _ in range(times))


def test_a_burst_is_twice_a_second_and_then_it_is_the_rate() -> None:
    clock = ManualClock()
    rate = Buckets(source_per_second=10, per_second=100, clock=clock)

    assert taken(rate, "10.0.0.1", 50) == 20
    clock.advance(NS_PER_S // 2)
    assert taken(rate, "10.0.0.1", 50) == 5
    clock.advance(3_600 * NS_PER_S)
    assert taken(rate, "10.0.0.1", 50) == 20


def test_what_one_source_is_refused_does_not_count_for_the_others() -> None:
    rate = Buckets(source_per_second=10, per_second=20, clock=ManualClock())

    assert taken(rate, "10.0.0.1", 10_000) == 20
    assert taken(rate, "10.0.0.2", 100) == 20
    assert taken(rate, "10.0.0.3", 100) == 0, "all together"


def test_strangers_take_nothing_from_who_was_let_in_before() -> None:
    rate = Buckets(source_per_second=10, per_second=20, clock=ManualClock())
    rate.prove("192.0.2.7")

    assert sum(taken(rate, f"10.0.0.{number}", 100) for number in range(200)) == 40
    assert taken(rate, "192.0.2.7", 100) == 20


def test_who_was_let_in_is_remembered_in_a_bounded_memory() -> None:
    rate = Buckets(source_per_second=10, per_second=20, clock=ManualClock())

    for number in range(2 * buckets.PROVEN_MAX):
        rate.prove(f"10.0.{number >> 8}.{number & 255}")
    assert len(rate._proven) == buckets.PROVEN_MAX


def test_a_sender_of_version_6_has_one_bucket_for_its_network() -> None:
    rate = Buckets(source_per_second=1, per_second=1_000, clock=ManualClock())

    assert sum(taken(rate, f"2001:db8::{host:x}", 1) for host in range(100)) == 2
    assert taken(rate, "2001:db8:0:1::1", 5) == 2
    assert taken(rate, "::ffff:10.0.0.1", 5) + taken(rate, "10.0.0.1", 5) == 2


def test_memory_is_bounded_however_many_come() -> None:
    rate = Buckets(source_per_second=1, per_second=100_000, clock=ManualClock())

    for number in range(3 * buckets.SOURCES_MAX):
        rate.wait_s(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(rate._sources) == buckets.SOURCES_MAX


@given(st.lists(st.tuples(st.integers(0, NS_PER_S), st.integers(1, 30)), max_size=30))
def test_never_more_than_the_rate_and_a_burst(steps: list[tuple[int, int]]) -> None:
    clock = ManualClock()
    rate = Buckets(source_per_second=7, per_second=100, clock=clock)
    total = 0
    for pause_ns, times in steps:
        clock.advance(pause_ns)
        total += taken(rate, "10.0.0.1", times)
    # One cost is cut to whole ns, so that a bucket is never slower than it says.
    assert total <= 14 + 7 * clock.elapsed_ns() / NS_PER_S + 1
