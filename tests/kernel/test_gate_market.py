"""The instrument's rules about position and market: at the limit, one unit beyond, and not set."""

import re
from pathlib import Path

from interlock.kernel.reasons import Reason
from tests.kernel.judging import check, judged

INSTRUMENT = "instrument0.limits."
QUOTES = "instrument0.feed=Feed.QUOTE view.bid=9_975 view.ask=10_025"
DAILY_NS = 20 * 3_600 * 1_000_000_000


def test_the_position_in_lots_if_everything_in_flight_fills() -> None:
    """Only what is in flight on the order's own side adds to it."""
    held = "view.position=5 view.owner=0 view.entry_buy=5 view.entry_sell=90"
    short = "view.position=-5 view.owner=0 view.entry_sell=5 view.entry_buy=90 ask.side=-1"
    check(
        Reason.INSTRUMENT_POSITION_QTY,
        f"""
        limit=10        | NONE                                        | 10 10
        limit=9         | INSTRUMENT_POSITION_QTY                     | 10 9
        limit=20 {held} | ALREADY_IN_POSITION                         | 20 20
        limit=19 {held} | ALREADY_IN_POSITION INSTRUMENT_POSITION_QTY | 20 19
        limit=20 {short} | ALREADY_IN_POSITION                        | 20 20
        limit=19 {short} | ALREADY_IN_POSITION INSTRUMENT_POSITION_QTY | 20 19
        limit=0         | INSTRUMENT_POSITION_QTY                     | 10 0
        """,
        limit=INSTRUMENT + "position_lots",
    )


def test_the_positions_notional_if_everything_in_flight_fills() -> None:
    check(
        Reason.INSTRUMENT_POSITION_NOTIONAL,
        """
        limit=100_000 | NONE                         | 100_000 100_000
        limit=99_999  | INSTRUMENT_POSITION_NOTIONAL | 100_000 99_999
        limit=150_000 view.position_value_units=-30_000 view.instrument_pending_units=20_000 \
        | NONE | 150_000 150_000
        limit=150_000 view.position_value_units=-30_000 view.instrument_pending_units=20_001 \
        | INSTRUMENT_POSITION_NOTIONAL | 150_001 150_000
        limit=0       | INSTRUMENT_POSITION_NOTIONAL | 100_000 0
        """,
        limit=INSTRUMENT + "position_notional_units",
    )


def test_the_position_is_a_share_of_equity() -> None:
    """20 % of 1,000,000 is 200,000."""
    check(
        Reason.INSTRUMENT_POSITION_FRACTION,
        """
        limit=200_000 view.position_value_units=100_000 | NONE | 200_000 200_000
        limit=200_000 view.position_value_units=100_001 | INSTRUMENT_POSITION_FRACTION \
        | 200_001 200_000
        limit=0                                         | INSTRUMENT_POSITION_FRACTION | 100_000 0
        """,
        limit=INSTRUMENT + "position_ppm",
    )


def test_the_leverage_of_one_position_and_the_leverage_asked_for() -> None:
    check(
        Reason.INSTRUMENT_LEVERAGE,
        """
        limit=1_000_000 | NONE | 1_000_000 1_000_000
        limit=999_999                                     | INSTRUMENT_LEVERAGE | 1_000_000 999_999
        limit=2_000_000 view.position_value_units=1_900_000 | NONE | 2_000_000 2_000_000
        limit=2_000_000 view.position_value_units=1_900_001 | INSTRUMENT_LEVERAGE \
        | 2_000_001 2_000_000
        limit=2_000_000 ask.leverage_ppm=2_000_001 | INSTRUMENT_LEVERAGE | 2_000_001 2_000_000
        limit=0                                           | INSTRUMENT_LEVERAGE | 1_000_000 0
        """,
        limit=INSTRUMENT + "leverage_ppm",
    )


def test_open_orders() -> None:
    check(
        Reason.INSTRUMENT_OPEN_ORDERS,
        """
        limit=3 view.instrument_open_orders=2 | NONE                   | 3 3
        limit=3 view.instrument_open_orders=3 | INSTRUMENT_OPEN_ORDERS | 4 3
        limit=0                               | INSTRUMENT_OPEN_ORDERS | 1 0
        """,
        limit=INSTRUMENT + "open_orders",
    )


def test_orders_per_second() -> None:
    check(
        Reason.INSTRUMENT_ORDERS_PER_SECOND,
        """
        limit=3 view.instrument_second=2 | NONE                         | 3 3
        limit=3 view.instrument_second=3 | INSTRUMENT_ORDERS_PER_SECOND | 4 3
        limit=0                          | INSTRUMENT_ORDERS_PER_SECOND | 1 0
        """,
        limit=INSTRUMENT + "orders_per_second",
    )


def test_orders_per_minute() -> None:
    check(
        Reason.INSTRUMENT_ORDERS_PER_MINUTE,
        """
        limit=3 view.instrument_minute=2 | NONE                         | 3 3
        limit=3 view.instrument_minute=3 | INSTRUMENT_ORDERS_PER_MINUTE | 4 3
        limit=0                          | INSTRUMENT_ORDERS_PER_MINUTE | 1 0
        """,
        limit=INSTRUMENT + "orders_per_minute",
    )


def test_orders_per_day() -> None:
    check(
        Reason.INSTRUMENT_ORDERS_PER_DAY,
        """
        limit=3 view.instrument_day=2 | NONE                      | 3 3
        limit=3 view.instrument_day=3 | INSTRUMENT_ORDERS_PER_DAY | 4 3
        limit=0                       | INSTRUMENT_ORDERS_PER_DAY | 1 0
        """,
        limit=INSTRUMENT + "orders_per_day",
    )


def test_nothing_opens_while_an_orders_fate_is_unknown() -> None:
    check(
        Reason.ORDER_OUTCOME_UNKNOWN,
        """
        view.unknown_orders=0 | NONE                  | 0 0
        view.unknown_orders=1 | ORDER_OUTCOME_UNKNOWN | 1 0
        """,
    )


def test_nothing_opens_while_a_position_has_no_stop() -> None:
    check(
        Reason.POSITION_UNPROTECTED,
        """
        view.unprotected=0 | NONE                 | 0 0
        view.unprotected=1 | POSITION_UNPROTECTED | 1 0
        view.unprotected=2 | POSITION_UNPROTECTED | 2 0
        """,
    )


def test_nothing_is_judged_without_a_price() -> None:
    check(
        Reason.MARK_MISSING,
        """
        view.mark=1 ask.price=1 | NONE         | 1 1
        view.mark=0             | MARK_MISSING | 0 1
        """,
    )


def test_data_grows_stale() -> None:
    """Numbers from the future are as bad as old ones."""
    check(
        Reason.DATA_STALE,
        """
        limit=5 view.data_age_ns=5  | NONE       | 5 5
        limit=5 view.data_age_ns=6  | DATA_STALE | 6 5
        limit=5 view.data_age_ns=-1 | DATA_STALE | -1 5
        limit=0                     | DATA_STALE | 0 0
        """,
        limit=INSTRUMENT + "data_age_ns",
    )


def test_bad_numbers_since_the_last_good_one() -> None:
    check(
        Reason.DATA_QUARANTINED,
        """
        view.quarantined=0 | NONE             | 0 0
        view.quarantined=1 | DATA_QUARANTINED | 1 0
        """,
    )


def test_a_wide_spread_keeps_entries_out() -> None:
    """50 on a mid of 10,000 is 50 bps. Where no quotes come the declared spread counts as one."""
    check(
        Reason.SPREAD_TOO_WIDE,
        f"""
        {QUOTES} limit=5_000                                   | NONE            | 5_000 5_000
        {QUOTES} limit=4_999                                   | SPREAD_TOO_WIDE | 5_000 4_999
        {QUOTES} limit=0                                       | SPREAD_TOO_WIDE | 5_000 0
        {QUOTES} limit=90 view.bid=0 instrument0.spread_assumed_ppm=90 | NONE    | 90 90
        {QUOTES} limit=90 view.ask=0 instrument0.spread_assumed_ppm=90 | NONE    | 90 90
        limit=90 instrument0.spread_assumed_ppm=90             | NONE            | 90 90 ASSUMED
        limit=90 instrument0.spread_assumed_ppm=91             | SPREAD_TOO_WIDE | 91 90 ASSUMED
        """,
        limit=INSTRUMENT + "spread_ppm",
    )


def test_a_crossed_or_one_sided_book_keeps_entries_out() -> None:
    """Only quotes can show one; where none come the book is assumed to be sound."""
    check(
        Reason.BOOK_NOT_SOUND,
        f"""
        {QUOTES} view.book_sound=1 | NONE           | 0 0
        {QUOTES} view.book_sound=0 | BOOK_NOT_SOUND | 1 0
        view.book_sound=0          | NONE           | 0 0 ASSUMED
        """,
    )


def test_the_exchange_is_open() -> None:
    """An order decided on a daily bar waits for the next open, and the verdict says so."""
    closed = "instrument0.always_open=0 view.session_open=0"
    check(
        Reason.SESSION_CLOSED,
        f"""
        instrument0.always_open=0                               | NONE           | 1 1
        {closed}                                                | SESSION_CLOSED | 0 1
        view.session_open=0                                     | NONE           | 1 1
        {closed} instrument0.period_ns={DAILY_NS}               | NONE           | 1 1 ASSUMED
        {closed} instrument0.period_ns={DAILY_NS - 1}           | SESSION_CLOSED | 0 1
        {closed} instrument0.period_ns={DAILY_NS} instrument0.feed=Feed.TRADE | SESSION_CLOSED | 0 1
        """,
    )


def test_blackouts_keep_entries_out() -> None:
    """Two may run at once, and both have to end."""
    check(
        Reason.BLACKOUT,
        """
        view.blackouts=0 | NONE     | 0 0
        view.blackouts=1 | BLACKOUT | 1 0
        view.blackouts=2 | BLACKOUT | 2 0
        """,
    )


def test_a_halt_by_the_venue_keeps_entries_out() -> None:
    check(
        Reason.VENUE_HALTED,
        """
        view.venue_halted=0 | NONE         | 0 0
        view.venue_halted=1 | VENUE_HALTED | 1 0
        """,
    )


def test_nothing_opens_before_the_venue_agrees_on_the_position() -> None:
    check(
        Reason.NOT_RECONCILED,
        """
        view.not_reconciled=0 | NONE           | 0 0
        view.not_reconciled=1 | NOT_RECONCILED | 1 0
        """,
    )


def test_everything_that_fails_is_named_and_the_lowest_comes_first() -> None:
    """One order, wrong at every level: both mask words have something to say."""
    failed, lowest, _ = judged(
        "view.account_level=Level.HALTED strategy0.enabled=0 instrument0.allowed=0 "
        "instrument0.tick=0 view.venue_halted=1"
    )

    assert lowest == Reason.ACCOUNT_LATCHED
    assert failed == {
        Reason.ACCOUNT_LATCHED,
        Reason.STRATEGY_NOT_ENABLED,
        Reason.SYMBOL_NOT_ALLOWED,
        Reason.PRICE_OFF_TICK,
        Reason.VENUE_HALTED,
    }


def test_every_reason_has_a_case_where_it_alone_is_judged() -> None:
    """A rule that is added later must come with its table."""
    tests = "".join(x.read_text() for x in Path(__file__).parent.glob("test_gate_*.py"))

    assert set(re.findall(r"(?m)^        Reason\.(\w+),$", tests)) >= {
        x.name for x in Reason if x > Reason.NONE
    }
