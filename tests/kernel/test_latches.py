"""Latches: who may stop what, how hard, for how long, and who opens it again."""

import pytest

from interlock.kernel.codes import Alarm, Cause, Level, Release
from tests.kernel.helpers import Bench
from tests.kernel.recount import check_all
from tests.kernel.story import check as tell
from tests.kernel.test_breakers import breaker

QUIET = "exits.target_method=TargetMethod.NONE "
SPREAD = breaker("SPREAD", "CONDITION", 5_000, "PAUSED") + " instrument.feed=Feed.QUOTE"
SPREAD += " instrument.limits.spread_ppm=5_000"
SPIKE = breaker("ATR_SPIKE", "CONDITION", 2_500_000, "PAUSED")
SPIKE += " instrument.atr_periods=1 instrument.atr_baseline_periods=1000000000000"
MOVE = breaker("PRICE_MOVE", "PERSON", 100_000)
LAG = breaker("FEED_LAG", "CONDITION", 5_000, "PAUSED")


def check(story: str, settings: str = "", bench: Bench | None = None) -> Bench:
    """Tell a story and count again after each event."""
    return tell(story, QUIET + settings, bench=bench, every=check_all)


def test_a_latch_says_what_was_measured_against_what() -> None:
    """And since when, and by whom: here by an operator's order number 5."""
    bench = check("halt DATA_QUALITY PAUSED instrument=1 value=93 limit=95 payload_id=5 | ...")
    row = bench.commands[0]

    assert (row["value"], row["limit"], row["payload_id"]) == (93, 95, 5)
    assert row["src_ts_ns"] == row["ts_ns"]
    bench = check("resume DATA_QUALITY instrument=1 payload_id=6 | ...", bench=bench)
    assert (bench.commands[0]["payload_id"], bench.commands[0]["value"]) == (6, 93)


@pytest.mark.parametrize(
    ("scope", "here", "there"),
    [
        ("", "ACCOUNT_LATCHED", "ACCOUNT_LATCHED"),
        ("strategy=0", "STRATEGY_LATCHED", ""),
        ("instrument=0", "INSTRUMENT_LATCHED", ""),
    ],
)
def test_a_latch_stops_what_it_is_over(scope: str, here: str, there: str) -> None:
    refused = f"REFUSED entry {there}" if there else "SUBMIT entry buy 100"
    check(f"""
        bar 10000              |
        bar 10000 instrument=1 |
        halt KILL_PAUSE PAUSED {scope} | ...
        buy                    | REFUSED entry {here}
        buy instrument=1 strategy=1 | {refused}
        resume KILL_PAUSE {scope} | ...
        buy                    | SUBMIT entry buy 100
    """)


def test_warned_and_reduced_keep_nothing_out() -> None:
    check("""
        bar 10000               |
        halt DISK WARNED        | LATCHED DISK WARNED
        halt MEMORY REDUCED     | LATCHED MEMORY REDUCED | account.latch_level=2
        buy                     | SUBMIT entry buy 100
    """)


def test_the_strictest_latch_counts() -> None:
    check("""
        halt DISK PAUSED    | LATCHED DISK PAUSED   | account.latch_level=3
        halt MEMORY HALTED  | LATCHED MEMORY HALTED | account.latch_level=4
        halt MEMORY PAUSED  |                       | account.latch_level=4
        halt DISK HALTED    | LATCHED DISK HALTED   | account.latches=2
        resume MEMORY       | RELEASED MEMORY       | account.latch_level=4
        resume DISK         | RELEASED DISK         | account.latch_level=0
        resume DISK         |
    """)


def test_halted_takes_entries_down_and_paused_does_not() -> None:
    for level, answer in (("PAUSED", ""), ("HALTED", "; CANCEL entry")):
        for scope, about in (("", ""), ("strategy=0", " on strategy 0")):
            check(
                f"""
                bar 10000                 |
                buy                       | SUBMIT entry buy 100
                halt DISK {level} {scope} | LATCHED DISK {level}{about}{answer}
                """
            )


def test_killed_closes_what_it_is_over() -> None:
    """The whole account, one strategy, or one instrument; the rest is kept."""
    opened = ""
    for index in (0, 1):
        about = f"instrument={index}"
        opened += f"""
            bar 10000 {about}              |
            buy {about} strategy={index}   | ...
            fill entry 100 @ 10000 {about} | ...
            accepted stop {about}          |
        """
    for scope, answer in (
        ("", "; CANCEL stop; CANCEL stop"),
        ("strategy=1", " on strategy 1; CANCEL stop"),
        ("instrument=1", " on instrument 1; CANCEL stop"),
    ):
        check(
            f"{opened}\nhalt KILL_IMMEDIATE KILLED {scope} | LATCHED KILL_IMMEDIATE KILLED{answer}"
        )


def test_a_position_of_nobody_is_under_the_latches_of_account_and_instrument() -> None:
    """No strategy's kill closes it."""
    opened = "fill stray buy 10 @ 10000 | ...\naccepted stop |\n"
    check(
        opened
        + "halt KILL_IMMEDIATE KILLED strategy=0 | LATCHED KILL_IMMEDIATE KILLED on strategy 0"
    )
    check(opened + "halt KILL_IMMEDIATE KILLED | LATCHED KILL_IMMEDIATE KILLED; CANCEL stop")


def test_paused_goes_on_managing() -> None:
    """The stop trails, time runs out: nothing of that needs to be allowed."""
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | ...
        accepted stop          |
        halt KILL_PAUSE PAUSED | LATCHED KILL_PAUSE PAUSED
        bar 10000              | CANCEL stop
        cancelled stop         | SUBMIT exit sell 100
        """,
        "exits.time_periods=1",
    )


def test_what_fills_under_a_kill_is_closed_at_once() -> None:
    """The entry was filled before its cancel came: it gets a stop, and then the way out."""
    check("""
        bar 10000                  |
        buy                        | SUBMIT entry buy 100
        halt KILL_IMMEDIATE KILLED | LATCHED KILL_IMMEDIATE KILLED; CANCEL entry
        fill entry 100 @ 10000     | SUBMIT stop sell 100 at 9800; CANCEL stop
        cancelled stop             | SUBMIT exit sell 100
        fill exit 100 @ 10000      | CLOSED FLATTENED 0
        buy                        | REFUSED entry ACCOUNT_LATCHED
    """)


def test_a_wide_spread_pauses_until_it_is_narrow() -> None:
    """50 bps on 10,000 are 50 ticks, and 50 is not too wide; a crossed book is."""
    check(
        """
        quote 9975 10025   |
        quote 9974 10026   | LATCHED SPREAD PAUSED on instrument 0
        buy                | REFUSED entry INSTRUMENT_LATCHED
        quote 9975 10025   | RELEASED SPREAD on instrument 0
        quote 10000 10000  | LATCHED SPREAD PAUSED on instrument 0
        quote 9975 10025   | RELEASED SPREAD on instrument 0
        buy                | SUBMIT entry buy 100
        """,
        SPREAD,
    )


def test_an_instrument_that_may_trade_wider_is_not_stopped_at_the_narrower_spread() -> None:
    """An option: 10 % is its own limit, whatever the breaker says for the others."""
    check(
        """
        quote 9500 10500 |
        quote 9499 10500 | LATCHED SPREAD PAUSED on instrument 0
        """,
        SPREAD + " instrument0.limits.spread_ppm=100_000",
    )


def test_a_range_far_above_its_baseline_pauses_until_it_is_back() -> None:
    """A range of 1,000 after two of 100: the baseline is 400, and 2.5 times that is not too far."""
    check(
        """
        bar 10050 9950 10000   |                    | inst.atr_baseline=100.0
        bar 10050 9950 10000   |                    | inst.atr_baseline=100.0
        bar 10500 9500 10000   | LATCHED ATR_SPIKE PAUSED on instrument 0 | inst.atr_baseline=400.0
        bar 10050 9950 10000   | RELEASED ATR_SPIKE on instrument 0
        """,
        SPIKE.replace("2500000", "2499999"),
    )
    story = "bar 10050 9950 10000 |\nbar 10050 9950 10000 |\nbar 10500 9500 10000 |"
    check(story, SPIKE)


def test_a_spike_says_how_many_times_the_baseline_it_is() -> None:
    bench = check(
        "bar 10050 9950 10000 |\nbar 10050 9950 10000 |\nbar 10500 9500 10000 | ...",
        SPIKE.replace("2500000", "2499999"),
    )

    assert (bench.commands[0]["value"], bench.commands[0]["limit"]) == (2_500_000, 2_499_999)


def test_a_move_within_one_period_halts_until_a_person_looks() -> None:
    """10 % of 10,000 is 1,000; back inside is not enough."""
    check(
        """
        bar 10000         |
        bar 11000         |
        bar 9900          |
        bar 8909          | LATCHED PRICE_MOVE HALTED on instrument 0
        bar 8909          |
        buy               | REFUSED entry INSTRUMENT_LATCHED
        resume PRICE_MOVE instrument=0 | RELEASED PRICE_MOVE on instrument 0
        """,
        MOVE,
    )


def test_a_late_feed_pauses_until_it_is_in_time() -> None:
    """5 s is the limit; bars, quotes and trades alike."""
    check(
        """
        bar 10000 late=5.000         |
        bar 10000 after=60 late=5.001 | LATCHED FEED_LAG PAUSED on instrument 0
        bar 10000 late=5             | RELEASED FEED_LAG on instrument 0
        trade 10000 after=60 late=6  | LATCHED FEED_LAG PAUSED on instrument 0
        trade 10000                  | RELEASED FEED_LAG on instrument 0
        trade 10000                  |
        """,
        LAG,
    )


def test_what_a_condition_waits_for_starts_again_while_it_lasts() -> None:
    """Narrow for a moment, wide again, narrow: a minute from the last wide quote on."""
    settings = SPREAD.replace("Release.CONDITION", "Release.CONDITION+Release.COOLDOWN")
    check(
        """
        quote 9900 10100          | LATCHED SPREAD PAUSED on instrument 0
        quote 9990 10010 after=50 |
        quote 9900 10100 after=5  |
        quote 9990 10010 after=59 |
        quote 9990 10010 after=1  | RELEASED SPREAD on instrument 0
        """,
        settings + " breakers.SPREAD.cooldown_ns=60_000_000_000",
    )


def test_a_condition_that_a_person_must_see_too() -> None:
    """A word of his while the spread is still wide does not count."""
    settings = SPREAD.replace("Release.CONDITION", "Release.CONDITION+Release.PERSON")
    check(
        """
        quote 9900 10100           | LATCHED SPREAD PAUSED on instrument 0
        resume SPREAD instrument=0 |
        quote 9900 10100           |
        quote 9990 10010           |
        resume SPREAD instrument=0 | RELEASED SPREAD on instrument 0
        """,
        settings,
    )


def test_a_person_cannot_open_what_waits_for_evidence() -> None:
    check("""
        halt RECONCILIATION PAUSED instrument=0   | LATCHED RECONCILIATION PAUSED on instrument 0
        resume RECONCILIATION instrument=0        |
        bar 10000                                 |
        buy                                       | REFUSED entry INSTRUMENT_LATCHED
        | | verdicts.NOT_RECONCILED.failed=1
        timer RECONCILIATION instrument=0         | RELEASED RECONCILIATION on instrument 0
        buy                                       | SUBMIT entry buy 100
        halt VENUE_UNAVAILABLE PAUSED             | LATCHED VENUE_UNAVAILABLE PAUSED
        timer VENUE_UNAVAILABLE                   | RELEASED VENUE_UNAVAILABLE
    """)


@pytest.mark.parametrize(("scope", "where"), [("", ""), (" instrument=0", " on instrument 0")])
def test_a_start_holds_entries_until_the_books_agree(scope: str, where: str) -> None:
    """POLICY_SET, HALT, and the TIMER that says so: also when the first start was cut short."""
    reason = "INSTRUMENT_LATCHED" if where else "ACCOUNT_LATCHED"
    check(f"""
        halt RECONCILIATION PAUSED{scope} | LATCHED RECONCILIATION PAUSED{where}
        bar 10000                         |
        buy                               | REFUSED entry {reason}
        policy_set                        |
        halt RECONCILIATION PAUSED{scope} |
        timer                             |
        resume RECONCILIATION{scope}      |
        buy                               | REFUSED entry {reason}
        timer RECONCILIATION{scope}       | RELEASED RECONCILIATION{where}
        | | account.latches=0
        buy                               | SUBMIT entry buy 100
        timer RECONCILIATION{scope}       |
    """)


def test_agreement_about_the_account_says_nothing_of_an_instrument() -> None:
    check("""
        halt RECONCILIATION PAUSED               | LATCHED RECONCILIATION PAUSED
        halt RECONCILIATION HALTED instrument=0  | LATCHED RECONCILIATION HALTED on instrument 0
        timer RECONCILIATION                     | RELEASED RECONCILIATION
        bar 10000                                |
        buy                                      | REFUSED entry INSTRUMENT_LATCHED
        timer RECONCILIATION instrument=0        | RELEASED RECONCILIATION on instrument 0
        buy                                      | SUBMIT entry buy 100
    """)


def test_a_table_without_room_halts_the_account_until_a_person_looks() -> None:
    """The last row is kept for that, and a kill that finds no other place is a kill."""
    bench = Bench(QUIET)
    bench.policy["account"]["instruments"] = 64
    causes = [x for x in Cause if x > Cause.KILL_PAUSE][:2]
    story = "".join(
        f"halt {cause.name} PAUSED instrument={index} | ...\n"
        for cause in causes
        for index in range(64)
    )
    tell(story.removesuffix(f"halt {causes[1].name} PAUSED instrument=63 | ...\n"), bench=bench)
    assert bench.read("account.latches") == 127
    tell(
        """
        halt DISK PAUSED       | ALARM LATCH_TABLE_FULL; LATCHED IMPOSSIBLE_STATE HALTED
        | | account.latches=128 account.latch_level=4
        halt DISK HALTED       | ALARM LATCH_TABLE_FULL
        halt KILL_IMMEDIATE KILLED | ALARM LATCH_TABLE_FULL; LATCHED IMPOSSIBLE_STATE KILLED
        resume DAILY_LOSS instrument=5 | RELEASED DAILY_LOSS on instrument 5
        | | account.latch_level=5
        resume IMPOSSIBLE_STATE | RELEASED IMPOSSIBLE_STATE | account.latch_level=0
        """,
        bench=bench,
    )
    assert bench.commands[0]["code"] != Alarm.NONE


def test_the_levels_and_the_releases_are_what_the_journal_says() -> None:
    """Never renumbered: a stored latch means the same for ever."""
    assert [x.name for x in Level] == ["NONE", "WARNED", "REDUCED", "PAUSED", "HALTED", "KILLED"]
    assert {x.name: int(x) for x in Release} == {
        "CONDITION": 1,
        "COOLDOWN": 2,
        "SESSION": 4,
        "PERSON": 8,
    }
