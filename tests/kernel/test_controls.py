"""Operators, clocks, calendars, monitors and the venue's own word: what each may ask."""

import pytest

from interlock.kernel.codes import Cause, Metric
from interlock.kernel.controls import cause_of_metric
from tests.kernel.helpers import Bench, plain
from tests.kernel.recount import check_all
from tests.kernel.story import check as tell
from tests.kernel.test_breakers import breaker

QUIET = "exits.target_method=TargetMethod.NONE "
OPENED = """
    bar 10000              |
    buy                    | SUBMIT entry buy 100
    fill entry 100 @ 10000 | SUBMIT stop sell 100 at 9800
    accepted stop          |
"""


def check(story: str, settings: str = "", bench: Bench | None = None) -> Bench:
    """Tell a story and count again after each event."""
    return tell(story, QUIET + settings, bench=bench, every=check_all)


# --- calendar ---------------------------------------------------------------------------------


def test_entries_wait_for_the_session() -> None:
    check(
        """
        bar 10000      |
        buy            | REFUSED entry SESSION_CLOSED
        session_open   |
        buy            | SUBMIT entry buy 100
        rejected entry |
        session_close  |
        buy            | REFUSED entry SESSION_CLOSED
        """,
        "instrument.always_open=0",
    )


def test_blackouts_overlap() -> None:
    """Two begin, and the second end is the one that counts; an end too many does nothing."""
    check("""
        bar 10000      |
        blackout_start |
        blackout_start |
        blackout_end   |
        buy            | REFUSED entry BLACKOUT
        blackout_end   |
        blackout_end   |
        buy            | SUBMIT entry buy 100
    """)


def test_a_halt_by_the_venue_is_over_when_the_venue_says_so() -> None:
    check("""
        bar 10000    |
        venue_halt   |
        buy          | REFUSED entry VENUE_HALTED
        venue_resume |
        buy          | SUBMIT entry buy 100
    """)


def test_calendars_never_keep_anyone_in() -> None:
    """Reducing is allowed in a blackout, outside the session and under every latch."""
    check(
        OPENED.replace("bar 10000   ", "session_open |\nbar 10000   ")
        + """
        blackout_start          |
        session_close           |
        halt KILL_PAUSE PAUSED  | LATCHED KILL_PAUSE PAUSED
        flat                    | CANCEL stop
        cancelled stop          | SUBMIT exit sell 100
        """,
        "instrument.always_open=0",
    )


def test_a_day_begins_everything_that_is_counted_by_the_day() -> None:
    limits = "account.limits.orders_per_day=1 strategy.limits.orders_per_day=1 "
    limits += "instrument.limits.orders_per_day=1"
    check(
        """
        bar 10000      |
        buy            | SUBMIT entry buy 100
        rejected entry |
        buy            | REFUSED entry ACCOUNT_ORDERS_PER_DAY
        | | verdicts.STRATEGY_ORDERS_PER_DAY.failed=1 verdicts.INSTRUMENT_ORDERS_PER_DAY.failed=1
        day            |                                         | account.days=1
        buy            | SUBMIT entry buy 100
        """,
        limits,
    )


def test_a_day_begins_with_the_equity_it_finds() -> None:
    check(
        OPENED
        + """
        trade 10500 |  | account.day_peak_units=100_050_000
        trade 10100 |
        day         |  | account.day_start_units=100_010_000 account.day_peak_units=100_010_000
        |              | account.peak_units=100_050_000
        """
    )


# --- monitors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "cause", "limit", "good", "bad"),
    [
        ("FEED_LAG_MS", "FEED_LAG", 5_000, 5_000, 5_001),
        ("INFERENCE_P95_MS", "INFERENCE_LATENCY", 500, 500, 501),
        ("INFERENCE_P99_MS", "INFERENCE_LATENCY", 500, 1_000, 1_001),
        ("PLACEMENT_MS", "PLACEMENT_LATENCY", 2_000, 2_000, 2_001),
        ("FILL_MS", "FILL_LATENCY", 5_000, 5_000, 5_001),
        ("CLOCK_OFFSET_MS", "CLOCK_OFFSET", 1_000, 1_000, 1_001),
        ("CLOCK_OFFSET_MS", "CLOCK_OFFSET", 1_000, -1_000, -1_001),
        ("DISK_FREE_PPM", "DISK", 50_000, 50_000, 49_999),
        ("MEMORY_USED_PPM", "MEMORY", 900_000, 900_000, 900_001),
        ("VENUE_UNAVAILABLE", "VENUE_UNAVAILABLE", 0, 0, 1),
        ("DATA_QUALITY_PPM", "DATA_QUALITY", 950_000, 950_000, 949_999),
        ("DRIFT", "DRIFT", 0, 0, 1),
    ],
)
def test_what_a_monitor_measures(metric: str, cause: str, limit: int, good: int, bad: int) -> None:
    """At the limit it is good, one unit beyond it pauses until it is good again."""
    check(
        f"""
        health {metric} {good} |
        health {metric} {bad}  | LATCHED {cause} PAUSED
        health {metric} {bad}  |
        health {metric} {good} | RELEASED {cause}
        """,
        breaker(cause, "CONDITION", limit, "PAUSED"),
    )
    check(f"health {metric} {bad} |")


def test_a_monitor_may_speak_of_one_strategy_or_one_instrument() -> None:
    settings = breaker("DRIFT", "PERSON", 0, "PAUSED")
    check("health DRIFT 1 strategy=1 | LATCHED DRIFT PAUSED on strategy 1", settings)
    check("health DRIFT 1 instrument=1 | LATCHED DRIFT PAUSED on instrument 1", settings)


def test_every_metric_has_a_cause_of_its_own() -> None:
    causes = {Cause(plain(cause_of_metric)(int(x))) for x in Metric}

    assert len(causes) == len(Metric) - 1  # p95 and p99 of the inference share one
    assert Cause.SAFE_MODE not in causes


def test_the_venues_own_equity_is_within_a_tolerance() -> None:
    """0.1 % of what the venue says; a venue that says nothing is left is never believed."""
    check("""
        venue_equity 100000000 |
        venue_equity 99900100  |
        venue_equity 99900099  | LATCHED EQUITY_MISMATCH PAUSED
        venue_equity 100100100 | RELEASED EQUITY_MISMATCH
        venue_equity 100100101 | LATCHED EQUITY_MISMATCH PAUSED
        venue_equity 100000000 | RELEASED EQUITY_MISMATCH
        venue_equity -5        | LATCHED EQUITY_MISMATCH PAUSED
    """)


# --- operators --------------------------------------------------------------------------------


def test_what_nobody_set_cannot_be_cleared() -> None:
    check("resume DAILY_LOSS |\ntimer DAILY_LOSS |\ntimer |")


def test_a_timer_ends_cooldowns() -> None:
    settings = breaker("MEMORY", "COOLDOWN", 1, "PAUSED")
    check(
        """
        health MEMORY_USED_PPM 2 | LATCHED MEMORY PAUSED
        timer after=59           |
        timer after=1            | RELEASED MEMORY
        """,
        settings + " breakers.MEMORY.cooldown_ns=60_000_000_000",
    )


def test_two_cooldowns_end_at_once() -> None:
    settings = breaker("MEMORY", "COOLDOWN", 1, "PAUSED") + breaker("DISK", "COOLDOWN", 1, "PAUSED")
    check(
        """
        health MEMORY_USED_PPM 2           | LATCHED MEMORY PAUSED
        health DISK_FREE_PPM 0             | LATCHED DISK PAUSED
        health MEMORY_USED_PPM 2 strategy=0 | LATCHED MEMORY PAUSED on strategy 0
        timer after=60                     | RELEASED MEMORY on strategy 0; RELEASED DISK
        | RELEASED MEMORY
        """,
        settings + " breakers.MEMORY.cooldown_ns=1_000_000_000 breakers.DISK.cooldown_ns=1",
    )


# --- what is found at the venue ---------------------------------------------------------------


def test_an_adopted_position_is_no_profit_and_gets_a_stop() -> None:
    """It was paid for before we looked, so what it cost comes in as capital."""
    check("""
        adopted buy 100 @ 10000 strategy=1 | SUBMIT stop sell 100 at 9800
        | | account.cash_units=100_000_000 account.capital_units=101_000_000
        | | account.equity_units=101_000_000 account.peak_units=101_000_000
        | | inst.owner=1 inst.adopted=1 inst.mark=10_000 account.open_positions=0
        | | account.exposure_units=1_000_000
        fill stop 100 @ 9800 | CLOSED STOP -20000 | account.open_positions=0 account.trades=1
        | | strategy1.open_positions=0 strategy1.trades=1
    """)


def test_an_adopted_short_position_posts_margin() -> None:
    check("""
        bar 10100                |
        adopted sell 100 @ 10000 | SUBMIT stop buy 100 at 10200
        | | account.capital_units=100_000_000 account.equity_units=99_990_000
        | | account.margin_units=1_010_000 inst.margined=1 inst.owner=0
    """)


def test_an_adopted_position_that_gained_moves_the_peak() -> None:
    check("""
        bar 10100               |
        adopted buy 100 @ 10000 | ... | account.equity_units=101_010_000
        | | account.peak_units=101_010_000 account.day_peak_units=101_010_000
    """)


def test_a_position_found_where_we_hold_one_halts_its_symbol() -> None:
    """Nobody can explain it, so nothing of it is booked, and only evidence opens the latch."""
    bench = check(
        OPENED
        + """
        bar 10000 instrument=1    |
        adopted sell 50 @ 9000    | ALARM POSITION_MISMATCH
        | LATCHED RECONCILIATION HALTED on instrument 0
        | | inst.position=100 account.capital_units=100_000_000
        """
    )
    alarm, latch = bench.commands
    assert (alarm["value"], latch["value"], latch["limit"]) == (-50, -50, 100)
    check(
        """
        buy instrument=1                    | SUBMIT entry buy 100
        adopted sell 50 @ 9000              | ALARM POSITION_MISMATCH
        resume RECONCILIATION instrument=0  |
        timer RECONCILIATION instrument=0   | RELEASED RECONCILIATION on instrument 0
        """,
        bench=bench,
    )


def test_an_entry_that_waits_where_the_position_is_not_ours_is_cancelled() -> None:
    check("""
        bar 10000               |
        buy                     | SUBMIT entry buy 100
        adopted buy 50 @ 10000  | SUBMIT stop sell 50 at 9800
        adopted buy 60 @ 10000  | ALARM POSITION_MISMATCH
        | LATCHED RECONCILIATION HALTED on instrument 0; CANCEL entry
    """)


def test_a_position_that_is_found_while_an_entry_waits() -> None:
    """The entry belongs to strategy 0, the position to strategy 1; nothing is counted twice."""
    check("""
        bar 10000                          |
        buy                                | SUBMIT entry buy 100 | strategy0.pending_positions=1
        adopted buy 50 @ 10000 strategy=1  | ... | strategy0.pending_positions=0
        fill stray sell 50 @ 10000         | ... | strategy0.pending_positions=0
        fill entry 100 @ 10000             | ... | strategy0.open_positions=1
    """)


def test_a_trade_that_the_venue_takes_back() -> None:
    """The other way round, at its price, once by its id; and a person hears of it."""
    check(
        OPENED
        + """
        bust buy 40 @ 10000 ext_lo=4  | ALARM BUST; AMEND stop 60 at 9800 | inst.position=60
        bust buy 40 @ 10000 ext_lo=4  | | inst.position=60 account.duplicate_fills=1
        bust buy 10 @ 10000 ext_hi=0 ext_lo=0 | ALARM BUST; AMEND stop 50 at 9800
        bust buy 10 @ 10000 ext_hi=0 ext_lo=0 | ALARM BUST; AMEND stop 40 at 9800
        bust buy 40 @ 10000 ext_hi=9  | ALARM BUST; CLOSED EXTERNAL 0; CANCEL stop
        """
    )


def test_a_trade_that_is_taken_back_opens_the_other_side() -> None:
    """Its sale never happened, so what was sold is held again, on margin where the fill was."""
    check("bust sell 10 @ 10000 | ALARM BUST; SUBMIT stop sell 10 at 9800 | inst.position=10")
    check("bust sell 10 @ 10000 flags=Flag.MARGIN | ... | inst.margined=1")


def test_a_policy_that_is_set_moves_the_levels_at_once() -> None:
    """A tighter drawdown counts from this event on."""
    bench = check(OPENED + "trade 9900 |", breaker("DRAWDOWN", "PERSON", 30_000))
    bench.policy["account"]["breakers"][:, Cause.DRAWDOWN]["limit"] = 100
    check(
        """
        policy_set  |                         | account.drawdown_at_units=99_990_000
        trade 9900  | LATCHED DRAWDOWN HALTED | account.policy_seq=7
        """,
        bench=bench,
    )
