"""Circuit breakers: at the limit, one unit beyond, what they set, and what opens them again."""

from tests.kernel.helpers import Bench
from tests.kernel.recount import check_all
from tests.kernel.story import check as tell

QUIET = "exits.target_method=TargetMethod.NONE exits.stop_ppm=400_000 "
HOUR_NS = 3_600_000_000_000


def breaker(cause: str, release: str, limit: int = 0, level: str = "HALTED") -> str:
    """Return the settings of one breaker."""
    return (
        f" breakers.{cause}.enabled=1 breakers.{cause}.limit={limit}"
        f" breakers.{cause}.level=Level.{level}"
        f" breakers.{cause}.release=" + "+".join(f"Release.{x}" for x in release.split())
    )


def check(story: str, settings: str, bench: Bench | None = None) -> Bench:
    """Tell a story and count again after each event."""
    return tell(story, QUIET + settings, bench=bench, every=check_all)


# 5,000 lots at 10,000: one tick is 5,000 units, 0.005 % of the account.
HELD = """
    bar 10000               |
    buy                     | SUBMIT entry buy 5000
    fill entry 5000 @ 10000 | SUBMIT stop sell 5000 at 6000
    accepted stop           |
"""
SIZE = "sizing.fixed_lots=5_000 "
DRAWDOWN = (
    SIZE
    + breaker("DRAWDOWN", "COOLDOWN PERSON", 30_000)
    + f" breakers.DRAWDOWN.cooldown_ns={HOUR_NS}"
    + " account.drawdown_warn_ppm=20_000 account.drawdown_emergency_ppm=50_000"
)
DAILY = SIZE + breaker("DAILY_LOSS", "SESSION PERSON")
DEEPEST = SIZE + breaker("MAX_DRAWDOWN", "SESSION PERSON") + " account.limits.drawdown_ppm=50_000"
LOSSES = (
    breaker("CONSECUTIVE_LOSSES", "PERSON")
    + " losses.reduce_at=3 losses.reduce_ppm=500_000 losses.reduce_more_at=4"
    + " losses.reduce_more_ppm=250_000 losses.halt_at=5"
)


def test_an_intraday_drawdown_warns_halts_and_flattens() -> None:
    """2 % of 100,000,000 is a fall of 400 ticks, 3 % of 600, 5 % of 1,000; each at its limit."""
    check(
        HELD
        + """
        trade 9601 |                                  | account.equity_units=98_005_000
        trade 9600 | LATCHED DRAWDOWN WARNED          | account.latch_level=1
        trade 9500 |
        trade 9401 |
        trade 9400 | LATCHED DRAWDOWN HALTED          | account.latch_level=4
        trade 9500 |                                  | account.latch_level=4
        trade 9001 |
        trade 9000 | LATCHED DRAWDOWN KILLED; CANCEL stop
        """,
        DRAWDOWN,
    )


def test_the_drawdown_is_measured_from_the_peak_of_the_day() -> None:
    """A rise of 1,000 ticks to 105,000,000: 3 % below is 101,850,000, still a profit."""
    check(
        HELD
        + """
        trade 11000 |                         | account.day_peak_units=105_000_000
        trade 10371 | LATCHED DRAWDOWN WARNED
        trade 10370 | LATCHED DRAWDOWN HALTED | account.equity_units=101_850_000
        """,
        DRAWDOWN,
    )


def test_a_warning_is_over_with_its_day() -> None:
    """And it keeps nothing out."""
    check(
        HELD
        + """
        trade 9600 | LATCHED DRAWDOWN WARNED
        bar 10000 instrument=1 |
        buy instrument=1 | SUBMIT entry buy 5000
        day        | RELEASED DRAWDOWN       | account.latch_level=0
        trade 9500 |
        """,
        DRAWDOWN,
    )


def test_a_halt_needs_its_cooldown_and_a_person() -> None:
    """The loss stays where it is, and does not set the latch again: 2 % of 97,000,000 would."""
    story = HELD + "trade 9400 | LATCHED DRAWDOWN HALTED\n"
    check(
        story
        + """
        trade 9400 after=3599   |
        resume DRAWDOWN after=0 |                   | account.day_peak_units=97_000_000
        trade 9400 after=0      |
        timer after=1           | RELEASED DRAWDOWN
        trade 9013              |
        trade 9012              | LATCHED DRAWDOWN WARNED
        """,
        DRAWDOWN,
    )
    check(
        story
        + """
        trade 9400 after=3599   |
        trade 9400 after=1      |
        resume DRAWDOWN after=0 | RELEASED DRAWDOWN
        trade 9400              |
        """,
        DRAWDOWN,
    )


def test_the_cooldown_ends_at_its_time_and_not_before() -> None:
    story = HELD + "trade 9400 | LATCHED DRAWDOWN HALTED\nresume DRAWDOWN after=0 |\n"
    check(story + "timer after=3599.999999999 |", DRAWDOWN)
    check(story + "bar 9400 after=3600 | RELEASED DRAWDOWN", DRAWDOWN)
    check(story + "trade 9400 after=3600 | RELEASED DRAWDOWN", DRAWDOWN)


def test_a_second_loss_after_a_person_took_note_starts_the_wait_again() -> None:
    """97,000,000 is where it starts again; 3 % below that is 94,090,000, at 8,818 ticks."""
    check(
        HELD
        + """
        trade 9400              | LATCHED DRAWDOWN HALTED
        resume DRAWDOWN after=0 |
        trade 8818              |
        timer after=3600        |
        resume DRAWDOWN         | RELEASED DRAWDOWN
        """,
        DRAWDOWN,
    )


def test_a_daily_loss_in_money() -> None:
    """1,350,000: 270 ticks. It waits for the next day and for a person, in either order."""
    settings = DAILY + " account.limits.daily_loss_units=1_350_000"
    check(
        HELD
        + """
        trade 9731        |
        trade 9730        | LATCHED DAILY_LOSS HALTED | account.equity_units=98_650_000
        bar 10000 instrument=1 |
        buy instrument=1  | REFUSED entry ACCOUNT_LATCHED
        | | verdicts.DAILY_LOSS_MONEY.failed=1
        day               |
        trade 9729        |
        resume DAILY_LOSS | RELEASED DAILY_LOSS
        buy instrument=1  | SUBMIT entry buy 5000
        """,
        settings,
    )
    check(
        HELD
        + """
        trade 9730        | LATCHED DAILY_LOSS HALTED
        resume DAILY_LOSS |
        trade 9730        |
        day               | RELEASED DAILY_LOSS
        """,
        settings,
    )


def test_a_daily_loss_as_a_fraction_whichever_comes_first() -> None:
    """1 % is 200 ticks, 1,350,000 are 270; and the other way round 0.5 % would be 100."""
    both = DAILY + " account.limits.daily_loss_units=1_350_000 account.limits.daily_loss_ppm="
    check(HELD + "trade 9801 |\ntrade 9800 | LATCHED DAILY_LOSS HALTED", both + "10_000")
    check(HELD + "trade 9731 |\ntrade 9730 | LATCHED DAILY_LOSS HALTED", both + "50_000")


def test_a_drawdown_from_the_highest_equity_ever() -> None:
    """5 % is 1,000 ticks, over as many days as it takes; a person re-bases it."""
    check(
        HELD
        + """
        trade 9500           |
        day                  |
        trade 9001           |
        trade 9000           | LATCHED MAX_DRAWDOWN HALTED
        trade 9000           |
        day                  |
        trade 8999           |
        resume MAX_DRAWDOWN  | RELEASED MAX_DRAWDOWN | account.peak_units=94_995_000
        trade 8999           |
        """,
        DEEPEST,
    )


def test_a_breaker_that_is_off_trips_nothing() -> None:
    off = (
        " breakers.DRAWDOWN.enabled=0 breakers.DAILY_LOSS.enabled=0 breakers.MAX_DRAWDOWN.enabled=0"
    )
    settings = f"{DRAWDOWN} {DAILY} {DEEPEST} {off}"
    check(HELD + "trade 6001 |", settings)


def test_a_fall_without_a_limit_trips_nothing() -> None:
    """Switched off by name, or no level at all."""
    check(HELD + "trade 6001 |", DAILY)
    settings = DRAWDOWN + " breakers.DRAWDOWN.limit=NONE account.drawdown_warn_ppm=0"
    check(HELD + "trade 9001 |", settings)


def test_each_limit_on_losses_trips_by_itself() -> None:
    """1 % of the day at 200 ticks, 2 % of its peak at 400, 2.5 % of the highest at 500."""
    check(
        HELD
        + """
        trade 9800 | LATCHED DAILY_LOSS HALTED
        trade 9600 | LATCHED DRAWDOWN WARNED
        trade 9500 | LATCHED MAX_DRAWDOWN HALTED
        """,
        f"{DRAWDOWN} {DAILY} {DEEPEST}"
        " account.limits.daily_loss_ppm=10_000 account.limits.drawdown_ppm=25_000",
    )
    check(
        HELD + "trade 9500 | LATCHED MAX_DRAWDOWN HALTED",
        f"{DAILY} {DEEPEST}" + " account.limits.drawdown_ppm=25_000",
    )


def test_too_many_rejects_within_an_hour() -> None:
    """The third; what a person clears starts with an hour that is still full."""
    check(
        """
        bar 10000            |
        buy                  | SUBMIT entry buy 100
        rejected entry       |
        buy                  | SUBMIT entry buy 100
        rejected entry       |
        buy after=3500       | SUBMIT entry buy 100
        rejected entry       | LATCHED REJECT_RATE PAUSED
        buy                  | REFUSED entry ACCOUNT_LATCHED
        """,
        breaker("REJECT_RATE", "PERSON", 3, "PAUSED"),
    )


def losing(count: int, strategy: int = 0, instrument: int = 0) -> str:
    """Return the story of ``count`` trades that lose a tick each."""
    about = f"instrument={instrument}"
    return (
        f"""
        bar 10000 {about}                   | ...
        buy {about} strategy={strategy}     | ...
        fill entry 1 @ 10000 {about}        | ...
        fill stop 1 @ 9999 {about}          | ...
    """
        * count
    )


def test_losses_in_a_row_shrink_the_size_and_then_halt() -> None:
    """Three halve it, four quarter it, five halt: for the account and for its strategy."""
    bench = check(losing(3), LOSSES + " sizing.fixed_lots=1")

    assert bench.read("account.size_scale_ppm") == 500_000
    assert bench.read("strategy0.size_scale_ppm") == 500_000
    assert bench.read("strategy1.size_scale_ppm") == 1_000_000
    bench.policy["account"]["sizing"]["fixed_lots"] = 4
    check("buy | SUBMIT entry buy 2", "", bench)
    check("fill entry 2 @ 10000 | ...\nfill stop 2 @ 9999 | CLOSED STOP -2", "", bench)
    check("buy | SUBMIT entry buy 1 | strategy0.size_scale_ppm=250_000", "", bench)
    check(
        """
        fill entry 1 @ 10000 | ...
        fill stop 1 @ 9999   | CLOSED STOP -1; LATCHED CONSECUTIVE_LOSSES HALTED
        | LATCHED CONSECUTIVE_LOSSES HALTED on strategy 0
        buy                  | REFUSED entry ACCOUNT_LATCHED
        | | verdicts.STRATEGY_LATCHED.failed=1
        """,
        "",
        bench,
    )


def test_a_win_resets() -> None:
    bench = check(losing(2), LOSSES + " sizing.fixed_lots=1")
    check("buy | ...\nfill entry 1 @ 10000 | ...\nfill stop 1 @ 10001 | ...", "", bench)

    assert bench.read("account.consecutive_losses") == 0
    assert bench.read("strategy0.wins") == 1
    assert bench.read("strategy0.trades") == 3


def test_a_trade_that_earned_nothing_is_no_win() -> None:
    bench = check(losing(1).replace("9999", "10000"), LOSSES + " sizing.fixed_lots=1")

    assert bench.read("account.consecutive_losses") == 1


def test_losses_of_two_strategies_add_up_for_the_account_alone() -> None:
    bench = check(losing(2) + losing(2, strategy=1), LOSSES + " sizing.fixed_lots=1")

    assert bench.read("account.consecutive_losses") == 4
    assert bench.read("strategy0.consecutive_losses") == 2
    assert bench.read("strategy1.size_scale_ppm") == 1_000_000


def test_a_person_resets_the_losses_of_what_he_clears() -> None:
    """The account's latch and the strategy's are two, and each is cleared by itself."""
    check(
        losing(5)
        + """
        resume CONSECUTIVE_LOSSES            | RELEASED CONSECUTIVE_LOSSES
        | | account.consecutive_losses=0 account.size_scale_ppm=1_000_000
        | | strategy0.consecutive_losses=5 strategy0.latch_level=4
        resume CONSECUTIVE_LOSSES strategy=0 | RELEASED CONSECUTIVE_LOSSES on strategy 0
        | | strategy0.consecutive_losses=0 strategy0.size_scale_ppm=1_000_000
        """,
        LOSSES + " sizing.fixed_lots=1",
    )


def test_losses_are_not_counted_where_the_breaker_is_off_or_nobody_owns_them() -> None:
    bench = check(losing(1), "sizing.fixed_lots=1 losses.halt_at=1")
    assert bench.read("account.consecutive_losses") == 0
    bench = check(
        "fill stray buy 1 @ 10000 | ...\nfill stray sell 1 @ 9999 | ...",
        LOSSES + " losses.halt_at=0",
    )
    assert bench.read("account.consecutive_losses") == 1
    assert bench.read("inst.owner") == -1


def test_too_many_entries_disable_the_strategy() -> None:
    """The third within a minute is sent and is the last; another strategy goes on."""
    settings = breaker("ORDER_RATE", "PERSON") + " strategy.limits.order_rate_count=3"
    check(
        """
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        rejected entry         |
        buy                    | SUBMIT entry buy 100
        rejected entry         |
        buy                    | SUBMIT entry buy 100; LATCHED ORDER_RATE HALTED on strategy 0
        | CANCEL entry
        cancelled entry        |
        buy                    | REFUSED entry STRATEGY_LATCHED
        buy strategy=1         | SUBMIT entry buy 100
        resume ORDER_RATE strategy=0 | RELEASED ORDER_RATE on strategy 0
        """,
        settings,
    )


def test_entries_that_are_spread_out_are_not_too_many() -> None:
    """After a minute and an eighth at the latest they are forgotten."""
    settings = breaker("ORDER_RATE", "PERSON") + " strategy.limits.order_rate_count=2"
    check(
        """
        bar 10000          |
        buy                | SUBMIT entry buy 100
        rejected entry     |
        buy after=70       | SUBMIT entry buy 100
        """,
        settings,
    )


def test_the_order_rate_without_a_window_or_a_breaker_counts_nothing() -> None:
    story = "bar 10000 |\nbuy | SUBMIT entry buy 100"
    check(story, " strategy.limits.order_rate_count=1")
    settings = breaker("ORDER_RATE", "PERSON") + " strategy.limits.order_rate_count=1"
    check(story, settings + " strategy.limits.order_rate_window_ns=0")
