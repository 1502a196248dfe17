"""Bad numbers stop at the door: counted, quarantined by symbol, and never fatal."""

import pytest

from tests.kernel.recount import check_all
from tests.kernel.story import check as tell

MINUTE = 60
COLLAR = "instrument.limits.collar_ppm=50_000"  # 5 %
COLLAR_VALUE = "verdicts.PRICE_COLLAR.value"


def check(story: str, settings: str = "") -> None:
    """Tell a story and count again after each event."""
    tell(story, settings, every=check_all)


@pytest.mark.parametrize(
    "bad",
    [
        "bar 0",
        "bar -5",
        "bar 9900 10100 10000",  # high below low
        "bar 10000 9900 10001",  # close above the high
        "bar 10000 9900 9899",  # close below the low
        "bar 10000 open=10001",
        "bar 10000 open=9999",
        "bar 10000 volume=-1",
        "bar 10000 volume=1099511627777",
        "bar 1099511627777",  # above 2^40
        "bar 10000 late=1.1",  # older than the last good one
        "bar 10000 late=-2.1",  # from the future
        "bar 100000",  # ten times the mark
        "bar 1000",
        "trade 0",
        "trade -1",
        "trade 1099511627777",
        "trade 10000 late=1.1",
        "trade 10000 late=-2.1",
        "trade 100000",
        "quote 0 0",
        "quote -1 10000",
        "quote 10000 -1",
        "quote 10000 1099511627777",
        "quote 10000 10001 late=1.1",
        "quote 10000 10001 late=-2.1",
        "quote 100000 100001",
    ],
)
def test_a_bad_number_is_quarantined_and_the_next_good_one_releases_it(bad: str) -> None:
    """It moves nothing else, and other symbols do not notice."""
    check(f"""
        bar 10000              |
        bar 10000 instrument=1 |
        bar 10000 after={MINUTE} |
        {bad}   |  | inst.quarantined=1 inst.garbage=1 account.garbage=1 inst.mark=10_000
        buy                    | REFUSED entry DATA_QUARANTINED
        buy instrument=1       | SUBMIT entry buy 100
        bar 10000              |  | inst.quarantined=0 inst.garbage=1
        buy                    | SUBMIT entry buy 100
    """)


@pytest.mark.parametrize(
    "good",
    [
        "bar 1099511627776",
        "bar 10000 volume=1099511627776",
        "bar 10000 late=1",
        "bar 10000 late=-2",
        "trade 1099511627776",
        "trade 10000 late=1",
        "quote 10000 10001 late=-2",
    ],
)
def test_a_number_at_the_limit_is_good(good: str) -> None:
    first = "bar 549755813888 |" if "1099511627776" in good.split()[1] else "bar 10000 |"
    check(f"{first}\n{first.removesuffix('|')} after=60 |\n{good} |  | account.garbage=0")


def test_a_price_that_a_multiplier_makes_too_large_is_bad() -> None:
    check("bar 1048575 |  | account.garbage=0", "instrument.unit_num=1099511627776")
    check("bar 1048576 |  | account.garbage=1", "instrument.unit_num=1099511627776")


def test_a_jump_is_believed_when_it_comes_three_times() -> None:
    """A split, or a new listing: two more prices near the first."""
    check("""
        bar 10000  |
        bar 100000 |  | inst.mark=10_000 inst.quarantined=1
        bar 110000 |  | inst.mark=10_000 inst.quarantined=2
        bar 90000  |  | inst.mark=90_000 inst.quarantined=0
    """)


def test_a_jump_is_not_believed_because_of_other_rubbish() -> None:
    """Two bad bars before it say nothing about its price."""
    check("""
        bar 10000  |
        bar 0      |
        bar 0      |  | inst.quarantined=2
        bar 100000 |  | inst.mark=10_000 inst.quarantined=3
    """)


def test_jumps_to_different_places_are_not_believed() -> None:
    check("""
        trade 10000   |
        trade 100000  |
        trade 1000000 |
        trade 500     |  | inst.mark=10_000 inst.quarantined=3
        trade 510     |
        trade 520     |  | inst.mark=520 inst.quarantined=0
    """)


def test_a_jump_that_is_taken_back_is_forgotten() -> None:
    check("""
        trade 10000  |
        trade 100000 |
        trade 100000 |
        trade 10000  |  | inst.quarantined=0
        trade 100000 |  | inst.mark=10_000 inst.quarantined=1
    """)


def test_just_below_ten_times_is_no_jump() -> None:
    check("trade 10000 |\ntrade 99999 |  | inst.mark=99_999")
    check("trade 10000 |\ntrade 1001 |  | inst.mark=1_001")


def test_a_quote_moves_the_mark_to_its_middle_rounded_down() -> None:
    check("quote 9990 10001 |  | inst.mark=9_995 inst.bid=9_990 inst.ask=10_001 inst.book_sound=1")


@pytest.mark.parametrize("book", ["10010 10000", "10000 10000", "0 10000", "10000 0"])
def test_a_crossed_locked_or_one_sided_book_moves_nothing(book: str) -> None:
    """It is known to be so, and keeps entries out until it is sound again."""
    check(
        f"""
        quote 9990 10010 |  | inst.mark=10_000
        quote {book}     |  | inst.mark=10_000 inst.book_sound=0 account.garbage=0
        buy              | REFUSED entry BOOK_NOT_SOUND
        quote 9990 10010 |
        buy              | SUBMIT entry buy 100
        """,
        "instrument.feed=Feed.QUOTE",
    )


def test_numbers_grow_stale() -> None:
    """The age is that of the last good number, by its own time."""
    settings = "instrument.limits.data_age_ns=5_000_000_000"
    check("bar 10000 late=1 |\nbuy after=4 | SUBMIT entry buy 100", settings)
    check("bar 10000 late=1 |\nbuy after=4.1 | REFUSED entry DATA_STALE", settings)
    check("bar 10000 late=-2 |\nbuy after=1 | REFUSED entry DATA_STALE", settings)


def test_the_range_is_wilders() -> None:
    """True ranges 100, 150 (the gap counts), 40: their mean, then a third of each new one."""
    check("""
        bar 10050 9950 10000   |  | inst.atr=100.0
        bar 10150 10100 10100  |  | inst.atr=125.0
        bar 10120 10080 10100  |  | inst.atr=96.66666666666667 inst.atr_count=3
        |                         | inst.atr_baseline=96.66666666666667
        bar 10100 10100 10100  |  | inst.atr=64.44444444444446
    """)


def test_a_gap_down_counts_as_range_too() -> None:
    check("bar 10050 9950 10000 |\nbar 9900 9890 9900 |  | inst.atr=105.0")


def test_the_baseline_is_the_mean_range_of_a_longer_time() -> None:
    """One ATR of 100 and one of 200: 150; from the third on it is smoothed like the range."""
    check(
        """
        bar 10050 9950 10000   |  | inst.atr_baseline=100.0
        bar 10100 9900 10000   |  | inst.atr_baseline=150.0
        bar 10050 9950 10000   |  | inst.atr_baseline=125.0
        """,
        "instrument.atr_periods=1 instrument.atr_baseline_periods=2",
    )


def test_the_best_and_the_worst_price_of_a_trade() -> None:
    """Of a long position the highest is best, of a short one the lowest."""
    opened = "bar 10000 |\n{} | ...\nfill entry 100 @ 10000 | ...\nbar 10100 9900 10000 | ... "
    check(opened.format("buy") + "| inst.best=10_100 inst.worst=9_900")
    check(opened.format("sell") + "| inst.best=9_900 inst.worst=10_100")


def test_a_mark_from_a_trade_values_a_position() -> None:
    check("""
        bar 10000              |
        buy                    | SUBMIT entry buy 100
        fill entry 100 @ 10000 | ...
        trade 10050            |  | account.equity_units=100_005_000
        quote 10060 10062      |  | account.equity_units=100_006_100
    """)


@pytest.mark.parametrize(
    ("seen", "answer", "value"),
    [
        (0, "SUBMIT entry buy 100", 500),  # it saw none: the order's own price is judged
        (10_003, "SUBMIT entry buy 100", 500),  # the order's own is farther
        (10_005, "SUBMIT entry buy 100", 500),
        (10_500, "SUBMIT entry buy 100", 50_000),
        (10_501, "REFUSED entry PRICE_COLLAR", 50_100),
        (9_500, "SUBMIT entry buy 100", 50_000),
        (9_499, "REFUSED entry PRICE_COLLAR", 50_100),
        (1, "REFUSED entry PRICE_COLLAR", 999_900),
        (2**40, "REFUSED entry PRICE_COLLAR", 109_951_161_777_600),
    ],
)
def test_a_signal_that_saw_another_market_is_refused(seen: int, answer: str, value: int) -> None:
    """What it saw is held against the mark like what the order would pay."""
    told = f"bar 10000 |\nbuy price={seen} | {answer} | {COLLAR_VALUE}={value} ask.price=10_005"
    tell(told, f"{COLLAR} costs.slippage_base_ppm=500")


def test_without_a_mark_a_signal_saw_nothing_that_could_be_compared() -> None:
    tell("buy price=10000 | REFUSED entry STOP_MISSING | verdicts.PRICE_COLLAR.failed=0", COLLAR)


def test_a_signal_that_closes_is_not_asked_what_it_saw() -> None:
    """The way out is never shut."""
    tell(
        """
        bar 10000                       |
        buy                             | SUBMIT entry buy 100
        fill entry 100 @ 10000          | ...
        accepted stop                   |
        accepted target                 |
        flat price=1                    | ... | inst.exit_code=8
        """,
        COLLAR,
    )


def test_what_else_fails_stays_in_the_verdict_of_a_signal_that_saw_another_market() -> None:
    bench = tell(
        f"bar 10000 |\nbuy price=1 | REFUSED entry SYMBOL_NOT_ALLOWED | {COLLAR_VALUE}=999_900",
        f"{COLLAR} instrument.allowed=0",
    )
    assert bench.read("verdicts.PRICE_COLLAR.failed") == 1
    assert bench.commands[0]["mask_lo"] > 0
    assert bench.commands[0]["mask_hi"] > 0
